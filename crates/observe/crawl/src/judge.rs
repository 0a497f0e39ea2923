//! Listings, compared with what should be there.

use heliostat_observe_probe::Found;
use heliostat_observe_probe::wire::{Entry, Kind, Size};

use crate::clock::{Clock, Compared};
use crate::tree::{Expected, Tree, name_hash};
use crate::verdict::{Reason, Verdict};

/// What a directory has of the files that it should have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Own {
    /// Files that it should have.
    pub(crate) required: u32,
    /// Those of them that are as they should be.
    pub(crate) same: u32,
    /// Those that are older, or of another length.
    pub(crate) older: u32,
    /// Those that are newer than the last scan.
    pub(crate) newer: u32,
    /// Files whose length is shown too roughly to tell; the first of them.
    pub(crate) doubtful: Option<usize>,
    /// The index is listed, and counted.
    pub(crate) index_listed: bool,
}

/// What the index of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexLook {
    /// There should be none that anybody knows.
    None,
    /// The version of this rank; the current one has zero.
    Rank(u8),
    /// One that is older than all that are known.
    Older,
    /// One that is newer than the last scan.
    Ahead,
    /// It is not there.
    Absent,
    /// Nobody can tell.
    Unknown,
}

/// A directory as a page shows it.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) own: Own,
    /// The directories that should be in it: their positions, whether they are, and whether their
    /// time is as it should be.
    pub(crate) children: Vec<(usize, bool, Compared)>,
}

/// Compares a page with what should be on it, and learns from it what clock its server has.
pub(crate) fn page(
    tree: &Tree,
    at: usize,
    found: &Found,
    clock: &mut Clock,
    now_unix_s: i64,
) -> Page {
    let mut children: Vec<(&str, usize)> =
        tree.children(at).map(|child| (tree.name(child), child)).collect();
    children.sort_unstable();
    let child = |name: &str| {
        let place = children.binary_search_by_key(&name, |&(name, _)| name).ok()?;
        Some(children[place].1)
    };
    for entry in &found.entries {
        if let Some(child) = child(&entry.path) {
            clock.learn(entry.time, tree.dirs[child].timestamp_unix_s);
        } else if let Some(file) = tree.file(at, &entry.path) {
            let file = &tree.files[file];
            let exact = entry.size.and_then(|size| size.bytes());
            if exact.is_some() && exact == file.size_bytes() {
                clock.learn(entry.time, file.timestamp_unix_s());
            }
        }
    }
    let mut page = Page { own: Own::new(tree, at), ..Page::default() };
    let mut listed = vec![None; children.len()];
    for entry in &found.entries {
        if let Ok(place) = children.binary_search_by_key(&entry.path.as_str(), |&(name, _)| name) {
            let expected = tree.dirs[children[place].1].timestamp_unix_s;
            listed[place] = Some(clock.compare(entry.time, expected, now_unix_s));
        } else if let Some(file) = tree.file(at, &entry.path) {
            page.own.take(tree, at, file, entry, clock, now_unix_s);
        }
    }
    page.children = children
        .iter()
        .zip(listed)
        .map(|(&(_, child), listed)| (child, listed.is_some(), listed.unwrap_or(Compared::Unknown)))
        .collect();
    page
}

impl Own {
    pub(crate) fn new(tree: &Tree, at: usize) -> Own {
        let required = tree.files_of(at).iter().filter(|file| !file.link).count() as u32;
        Own { required, ..Own::default() }
    }

    /// Takes an entry that stands for an expected file. Each file must be taken once.
    pub(crate) fn take(
        &mut self,
        tree: &Tree,
        at: usize,
        file: usize,
        entry: &Entry,
        clock: &Clock,
        now_unix_s: i64,
    ) {
        let expected = &tree.files[file];
        if entry.kind == Kind::Directory {
            return;
        }
        let time = clock.compare(entry.time, expected.timestamp_unix_s(), now_unix_s);
        let is_index = tree.index(at).is_some_and(|(name, _)| name_hash(name) == expected.name);
        if is_index {
            self.index_listed = true;
        }
        if expected.link {
            return;
        }
        match likeness(expected, entry.size, time) {
            // The index is known by its content.
            _ if is_index => self.same += 1,
            Likeness::Same => self.same += 1,
            Likeness::Older => self.older += 1,
            Likeness::Newer => self.newer += 1,
            Likeness::Doubtful => {
                self.same += 1;
                self.doubtful = self.doubtful.or(Some(file));
            }
        }
    }

    /// The verdict of the directory.
    pub(crate) fn verdict(&self, tree: &Tree, at: usize, index: IndexLook) -> Verdict {
        let versions = tree.index(at).map_or(0, |(_, versions)| versions.len());
        let all = u8::try_from(versions).unwrap_or(u8::MAX);
        match index {
            IndexLook::Rank(0) | IndexLook::None | IndexLook::Absent => {}
            IndexLook::Rank(rank) => return Verdict::Behind(rank),
            IndexLook::Older => return Verdict::Behind(all),
            IndexLook::Ahead => return Verdict::Unknown(Reason::Ahead),
            IndexLook::Unknown => return Verdict::Unknown(Reason::NoAnswer),
        }
        if !tree.dirs[at].scanned {
            return match index {
                IndexLook::Rank(_) => Verdict::Current,
                IndexLook::Absent => Verdict::Missing,
                _ => Verdict::Unknown(Reason::Unjudged),
            };
        }
        if self.newer > 0 {
            return Verdict::Unknown(Reason::Ahead);
        }
        // An index that is listed and not given is not there.
        let same = self.same - u32::from(index == IndexLook::Absent && self.index_listed);
        match self.required.saturating_sub(same) {
            0 => Verdict::Current,
            lacking if lacking == self.required && self.older == 0 => Verdict::Missing,
            _ => Verdict::Behind(0),
        }
    }
}

/// How a file compares with the one that should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    Same,
    Older,
    Newer,
    Doubtful,
}

fn likeness(expected: &Expected, size: Option<Size>, time: Compared) -> Likeness {
    let sizes = size.zip(expected.size_bytes());
    if sizes.is_some_and(|(size, bytes)| !size.admits(bytes)) {
        // What never changes under its name cannot be newer.
        let newer = expected.volatile && time == Compared::Newer;
        return if newer { Likeness::Newer } else { Likeness::Older };
    }
    let exact = sizes.is_some_and(|(size, _)| size.bytes().is_some());
    match time {
        Compared::Older if expected.volatile => Likeness::Older,
        Compared::Older if !exact => Likeness::Doubtful,
        // Not every mirror keeps times.
        _ => Likeness::Same,
    }
}

#[cfg(test)]
mod tests {
    use heliostat_observe_probe::Found;
    use heliostat_observe_probe::wire::{Entry, Kind, Size, Time, Zone};

    use super::{Compared, IndexLook, page};
    use crate::clock::Clock;
    use crate::tree::tests::tree;
    use crate::verdict::{Reason, Verdict};

    const T: i64 = 1_700_000_040;

    fn entry(path: &str, size: Option<Size>, late_s: i64) -> Entry {
        let time = Time { unix_s: T - T % 60 + late_s, precision_s: 60, zone: Zone::Unknown };
        Entry { path: path.into(), size, time: Some(time), ..Entry::default() }
    }

    fn folder(path: &str, unix_s: i64) -> Entry {
        let time = Time { unix_s: unix_s - unix_s % 60, precision_s: 60, zone: Zone::Unknown };
        Entry { path: path.into(), kind: Kind::Directory, time: Some(time), ..Entry::default() }
    }

    #[test]
    fn files_are_compared_by_size_and_time() {
        let tree = tree(&[
            ("x", &[("a.rpm", 10, T), ("b.rpm", 20, T)]),
            ("x/repodata", &[("repomd.xml", 30, T), ("primary.xml", 40, T)]),
        ]);
        let (x, repodata) = (tree.position("x").unwrap(), tree.position("x/repodata").unwrap());
        let judge = |at, entries: Vec<Entry>, index| {
            let found = Found { entries, ..Found::default() };
            let page = page(&tree, at, &found, &mut Clock::default(), 2 * T);
            page.own.verdict(&tree, at, index)
        };
        let exact = |bytes| Some(Size::exact(bytes));
        let rough = Some(Size { bytes_min: 0, bytes_max: 2000 });
        let none = IndexLook::None;
        let x_of = |a, b| judge(x, vec![a, b], none);
        let b = || entry("b.rpm", exact(20), 0);
        assert_eq!(x_of(entry("a.rpm", exact(10), 0), b()), Verdict::Current);
        assert_eq!(x_of(entry("a.rpm", exact(10), 1 << 20), b()), Verdict::Current);
        assert_eq!(x_of(entry("a.rpm", rough, 0), b()), Verdict::Current);
        assert_eq!(x_of(entry("a.rpm", exact(11), 0), b()), Verdict::Behind(0));
        assert_eq!(judge(x, vec![b()], none), Verdict::Behind(0));
        assert_eq!(judge(x, vec![entry("c.rpm", exact(1), 0)], none), Verdict::Missing);
        let whole = || vec![entry("repomd.xml", exact(30), 0), entry("primary.xml", exact(40), 0)];
        for (index, verdict) in [
            (IndexLook::Rank(0), Verdict::Current),
            (IndexLook::Rank(1), Verdict::Behind(1)),
            (IndexLook::Older, Verdict::Behind(2)),
            (IndexLook::Ahead, Verdict::Unknown(Reason::Ahead)),
            (IndexLook::Unknown, Verdict::Unknown(Reason::NoAnswer)),
            (IndexLook::Absent, Verdict::Behind(0)),
        ] {
            assert_eq!(judge(repodata, whole(), index), verdict);
        }
    }

    #[test]
    fn directories_are_known_by_their_time() {
        let tree = tree(&[("x", &[]), ("x/a", &[]), ("x/b", &[]), ("x/c", &[])]);
        let x = tree.position("x").unwrap();
        let time = |path: &str| tree.dirs[tree.position(path).unwrap()].timestamp_unix_s.unwrap();
        let entries = vec![folder("a", time("x/a")), folder("b", time("x/b") - 86_400 * 30)];
        let found = Found { entries, ..Found::default() };
        let page = page(&tree, x, &found, &mut Clock::default(), 2 * T);
        let children: Vec<_> =
            page.children.iter().map(|&(at, is, time)| (tree.name(at), is, time)).collect();
        assert_eq!(
            children,
            [
                ("a", true, Compared::Same),
                ("b", true, Compared::Older),
                ("c", false, Compared::Unknown)
            ]
        );
    }
}
