//! A whole tree in one listing, in whatever order it comes.
//!
//! Of each expected file one bit says whether it was listed, so a listing that names a file twice
//! gains nothing by it.

use std::sync::Arc;

use heliostat_observe_probe::wire::{Entry, Kind};

use crate::clock::{Clock, Compared};
use crate::judge::{IndexLook, Own};
use crate::tree::{Tree, Version, name_hash};
use crate::verdict::{Findings, Reason, Verdict};

/// What a listing has shown so far.
#[derive(Debug)]
pub(crate) struct Sight {
    tree: Arc<Tree>,
    dirs: Vec<Seen>,
    files: Vec<u64>,
    clock: Clock,
    now_unix_s: i64,
    /// Times are those of the files; otherwise of when they were put there.
    keeps_times: bool,
}

/// What was seen of a directory.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    same: u32,
    older: u16,
    newer: u16,
    /// It, or something in it.
    listed: bool,
    index: Option<IndexLook>,
}

/// How a listing has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It is all there is.
    Complete,
    /// Some folders could not be read, and nobody knows which.
    Partial,
    /// It broke off.
    Broken,
}

impl Sight {
    pub(crate) fn new(tree: Arc<Tree>, now_unix_s: i64, keeps_times: bool) -> Sight {
        let (dirs, files) = (tree.len(), tree.files().div_ceil(64));
        Sight {
            tree,
            dirs: vec![Seen::default(); dirs],
            files: vec![0; files],
            clock: Clock::default(),
            now_unix_s,
            keeps_times,
        }
    }

    /// Takes an entry by its path below the category's top.
    pub(crate) fn take(&mut self, path: &str, entry: &Entry) {
        let tree = self.tree.clone();
        if entry.kind == Kind::Directory {
            if let Some(at) = tree.position(path) {
                self.list(at);
            }
            return;
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(at) = tree.position(folder) else { return };
        self.list(at);
        let Some(file) = tree.file(at, name) else { return };
        let (word, bit) = (file / 64, 1 << (file % 64));
        if self.files[word] & bit != 0 {
            return;
        }
        self.files[word] |= bit;
        let expected = tree.files[file].timestamp_unix_s();
        let time = self.clock.compare(entry.time, expected, self.now_unix_s);
        let mut entry = entry.clone();
        if !self.keeps_times && time != Compared::Older {
            entry.time = None;
        }
        let entry = &entry;
        let mut own = Own::default();
        own.take(&tree, at, file, entry, &self.clock, self.now_unix_s);
        let index = tree.index(at).filter(|(name, _)| name_hash(name) == tree.files[file].name);
        let index = index.map(|(_, versions)| self.rank(versions, entry));
        let seen = &mut self.dirs[at];
        seen.index = seen.index.or(index);
        seen.same += own.same;
        seen.older = seen.older.saturating_add(own.older as u16);
        seen.newer = seen.newer.saturating_add(own.newer as u16);
    }

    /// A directory is there, and so is the way to it.
    fn list(&mut self, at: usize) {
        let mut at = at;
        while !self.dirs[at].listed {
            self.dirs[at].listed = true;
            at = self.tree.dirs[at].parent as usize;
        }
    }

    /// Which version of an index this is, by its size and second.
    fn rank(&self, versions: &[Version], entry: &Entry) -> IndexLook {
        let time = |version: &Version| {
            self.clock.compare(entry.time, version.timestamp_unix_s, self.now_unix_s)
        };
        let is = |version: &Version| {
            let sizes = entry.size.zip(version.size_bytes);
            sizes.is_none_or(|(size, bytes)| size.admits(bytes)) && time(version) == Compared::Same
        };
        if let Some(rank) = versions.iter().position(is) {
            return IndexLook::Rank(u8::try_from(rank).unwrap_or(u8::MAX));
        }
        match versions.first().map(time) {
            Some(Compared::Older) => IndexLook::Older,
            Some(Compared::Newer) => IndexLook::Ahead,
            // Of what was put there later only the content tells.
            _ => IndexLook::Unknown,
        }
    }

    /// Which directories have indexes of which nobody can tell the version.
    pub(crate) fn doubtful(&self) -> Vec<usize> {
        let unknown = |seen: &Seen| seen.index == Some(IndexLook::Unknown);
        (0..self.dirs.len()).filter(|&at| unknown(&self.dirs[at])).collect()
    }

    /// What the content of an index has shown.
    pub(crate) fn indexed(&mut self, at: usize, index: IndexLook) {
        self.dirs[at].index = Some(index);
    }

    /// The verdicts.
    pub(crate) fn findings(&self, end: End) -> Findings {
        let mut findings = Findings::new(&self.tree);
        for at in 0..self.dirs.len() {
            let verdict = self.verdict(at, end);
            findings.set(at, verdict);
        }
        findings.settle(&self.tree);
        findings
    }

    fn verdict(&self, at: usize, end: End) -> Verdict {
        let (tree, seen) = (&self.tree, self.dirs[at]);
        let own = Own {
            same: seen.same,
            older: u32::from(seen.older),
            newer: u32::from(seen.newer),
            ..Own::new(tree, at)
        };
        let index = match (tree.index(at), seen.index) {
            (None, _) => IndexLook::None,
            (Some(_), Some(index)) => index,
            (Some(_), None) => IndexLook::Absent,
        };
        let verdict = match seen.listed {
            true => own.verdict(tree, at, index),
            false => Verdict::Missing,
        };
        // What was seen was seen; what was not seen may be where nobody could look.
        let above = self.dirs[tree.dirs[at].parent as usize];
        let told = match end {
            End::Complete => true,
            End::Partial if seen.listed => seen.same > 0 || own.older > 0,
            End::Partial => above.listed && above.same > 0,
            End::Broken => false,
        };
        match verdict {
            Verdict::Behind(_) | Verdict::Missing if !told => Verdict::Unknown(Reason::NoAnswer),
            verdict => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use heliostat_observe_probe::wire::{Entry, Kind, Size, Time};

    use super::{End, Sight};
    use crate::tree::tests::tree;
    use crate::verdict::{Reason, Verdict};

    const T: i64 = 1_700_000_000;

    #[test]
    fn a_listing_in_any_order_is_compared() {
        let tree = Arc::new(tree(&[
            ("a", &[("1", 1, T), ("2", 2, T)]),
            ("b", &[("1", 1, T)]),
            ("os/repodata", &[("repomd.xml", 5, T)]),
        ]));
        let file = |path: &str, bytes, time| {
            let (size, time) = (Some(Size::exact(bytes)), Some(Time::exact(time)));
            (path.to_owned(), Entry { path: path.into(), size, time, ..Entry::default() })
        };
        let judge = |entries: &[(String, Entry)], end, path: &str| {
            let mut sight = Sight::new(tree.clone(), 2 * T, true);
            entries.iter().for_each(|(path, entry)| sight.take(path, entry));
            sight.findings(end).verdict(tree.position(path).unwrap())
        };
        let two = [file("a/2", 2, T), file("a/1", 1, T)];
        assert_eq!(judge(&two, End::Complete, "a"), Verdict::Current);
        assert_eq!(judge(&two, End::Broken, "a"), Verdict::Current);
        assert_eq!(judge(&two, End::Complete, "b"), Verdict::Missing);
        let no_answer = Verdict::Unknown(Reason::NoAnswer);
        assert_eq!(judge(&two, End::Broken, "b"), no_answer);
        let twice = [file("a/2", 2, T), file("a/2", 2, T)];
        assert_eq!(judge(&twice, End::Complete, "a"), Verdict::Behind(0));
        let folder = Entry { path: "b".into(), kind: Kind::Directory, ..Entry::default() };
        let listed = [("b".to_owned(), folder)];
        assert_eq!(judge(&listed, End::Complete, "b"), Verdict::Missing);
        assert_eq!(judge(&listed, End::Partial, "b"), no_answer, "nobody could look into it");
        let index = |time| judge(&[file("os/repodata/repomd.xml", 5, time)], End::Complete, "os");
        assert_eq!(index(T), Verdict::Current);
        assert_eq!(index(T - 86_400), Verdict::Behind(2));
        assert_eq!(index(T + 86_400), Verdict::Unknown(Reason::Ahead));
    }
}
