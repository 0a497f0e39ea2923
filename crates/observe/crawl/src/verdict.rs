//! What a mirror has of each directory, as one look at it says.

use heliostat_catalog::states::{MirrorState, States, StatesBuilder};

use crate::tree::Tree;

/// What a mirror has of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// All of it, as it should be.
    Current,
    /// An older one, by so many versions; zero, when nobody can count them.
    Behind(u8),
    /// Nothing of it.
    Missing,
    /// Nobody can tell, and nothing changes.
    Unknown(Reason),
}

/// Why nobody can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Nobody has looked yet.
    NotLooked,
    /// There was no answer, or one of a server in trouble.
    NoAnswer,
    /// What it answered is beyond a limit, or leads where nobody may go.
    Refused,
    /// It is newer than what the last scan saw of the master tree.
    Ahead,
    /// Nothing is known that it could be compared with.
    Unjudged,
}

impl Verdict {
    /// Whether it would take the directory from the mirror.
    #[must_use]
    pub fn is_negative(self) -> bool {
        matches!(self, Verdict::Behind(_) | Verdict::Missing)
    }
}

/// How many directories there are of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Up to date.
    pub current: u64,
    /// Stale.
    pub behind: u64,
    /// Missing.
    pub missing: u64,
    /// Unknown.
    pub unknown: u64,
}

impl Counts {
    /// Counts all of both.
    pub fn add(&mut self, other: Counts) {
        self.current += other.current;
        self.behind += other.behind;
        self.missing += other.missing;
        self.unknown += other.unknown;
    }
}

/// The verdicts of one look at a mirror, by the position of the directory in its tree: two bytes
/// each.
#[derive(Clone, Debug)]
pub struct Findings {
    verdicts: Vec<Verdict>,
}

impl Findings {
    pub(crate) fn new(tree: &Tree) -> Findings {
        Findings { verdicts: vec![Verdict::Unknown(Reason::NotLooked); tree.len()] }
    }

    /// The verdict of a directory.
    #[must_use]
    pub fn verdict(&self, at: usize) -> Verdict {
        self.verdicts.get(at).copied().unwrap_or(Verdict::Unknown(Reason::NotLooked))
    }

    pub(crate) fn set(&mut self, at: usize, verdict: Verdict) {
        self.verdicts[at] = verdict;
    }

    /// Everything in a directory and below it.
    pub(crate) fn set_all(&mut self, tree: &Tree, at: usize, verdict: Verdict) {
        let end = tree.dirs[at].end as usize;
        self.verdicts[at..end].fill(verdict);
    }

    /// A repository is what its metadata is: clients are sent to it for that.
    pub(crate) fn settle(&mut self, tree: &Tree) {
        for at in 0..tree.len() {
            if tree.name(at) != "repodata" || tree.index(at).is_none() {
                continue;
            }
            let above = tree.dirs[at].parent as usize;
            if self.verdicts[above] == Verdict::Current && self.verdicts[at] != Verdict::Current {
                self.verdicts[above] = self.verdicts[at];
            }
        }
    }

    /// How many directories of the catalog there are of each.
    #[must_use]
    pub fn counts(&self, tree: &Tree) -> Counts {
        let mut counts = Counts::default();
        for &at in &tree.by_id {
            match self.verdicts[at as usize] {
                Verdict::Current => counts.current += 1,
                Verdict::Behind(_) => counts.behind += 1,
                Verdict::Missing => counts.missing += 1,
                Verdict::Unknown(_) => counts.unknown += 1,
            }
        }
        counts
    }

    /// The states that a mirror has after this look, if it had those before it.
    #[must_use]
    pub fn states(&self, tree: &Tree, before: &States) -> States {
        let mut reserved = Reserved::of(before);
        let mut builder = StatesBuilder::default();
        for &at in &tree.by_id {
            let id = tree.dirs[at as usize].id;
            let state = match self.verdicts[at as usize] {
                Verdict::Current if reserved.has(id) => MirrorState::Reserved,
                Verdict::Current => MirrorState::Current,
                Verdict::Behind(_) => MirrorState::Behind,
                Verdict::Missing => MirrorState::Missing,
                Verdict::Unknown(_) => continue,
            };
            builder.push(id, state);
        }
        before.renewed(&builder.finish())
    }
}

/// Directories that a mirror has for its own networks only; asked for in rising order.
struct Reserved {
    runs: Vec<(i64, i64)>,
}

impl Reserved {
    fn of(states: &States) -> Reserved {
        let runs = states.runs().filter(|run| run.state == MirrorState::Reserved);
        let mut runs: Vec<_> = runs.map(|run| (run.first, run.end)).collect();
        runs.reverse();
        Reserved { runs }
    }

    fn has(&mut self, id: i64) -> bool {
        while self.runs.last().is_some_and(|&(_, end)| end <= id) {
            self.runs.pop();
        }
        self.runs.last().is_some_and(|&(first, _)| first <= id)
    }
}

/// Which directories of a tree a mirror had, before it is looked at again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held(Vec<MirrorState>);

impl Held {
    pub(crate) fn new(tree: &Tree, before: &States) -> Held {
        let mut held = vec![MirrorState::Unknown; tree.len()];
        let mut dirs = tree.by_id.iter().peekable();
        for run in before.runs() {
            while let Some(&at) = dirs.next_if(|&&at| tree.dirs[at as usize].id < run.end) {
                held[at as usize] = run.state;
            }
        }
        Held(held)
    }

    /// Whether clients are sent there for it.
    pub(crate) fn has(&self, at: usize) -> bool {
        self.0.get(at).copied().is_some_and(is_held)
    }

    /// Whether it was seen not to have it.
    pub(crate) fn is_lost(&self, at: usize) -> bool {
        let state = self.0.get(at).copied();
        matches!(state, Some(MirrorState::Behind | MirrorState::Missing))
    }

    /// Whether clients are sent there for it or anything below it.
    pub(crate) fn has_any(&self, tree: &Tree, at: usize) -> bool {
        let end = tree.dirs[at].end as usize;
        self.0.get(at..end).is_some_and(|held| held.iter().copied().any(is_held))
    }
}

fn is_held(state: MirrorState) -> bool {
    matches!(state, MirrorState::Current | MirrorState::Reserved)
}

#[cfg(test)]
mod tests {
    use heliostat_catalog::states::{MirrorState, StatesBuilder};

    use super::{Findings, Held, Reason, Verdict};
    use crate::tree::tests::tree;

    #[test]
    fn what_nobody_can_tell_changes_nothing() {
        let tree = tree(&[("a", &[]), ("b", &[]), ("c", &[]), ("d", &[])]);
        let mut before = StatesBuilder::default();
        before.push(0, MirrorState::Current);
        before.push(1, MirrorState::Reserved);
        before.push(2, MirrorState::Behind);
        let before = before.finish();
        let at = |path: &str| tree.position(path).unwrap();
        let mut findings = Findings::new(&tree);
        assert_eq!(findings.states(&tree, &before), before);
        findings.set(at("a"), Verdict::Unknown(Reason::NoAnswer));
        findings.set(at("b"), Verdict::Current);
        findings.set(at("c"), Verdict::Current);
        findings.set(at("d"), Verdict::Missing);
        let states = findings.states(&tree, &before);
        let states: Vec<_> = (0..4).map(|id| states.state(id)).collect();
        use MirrorState::{Current, Missing, Reserved};
        assert_eq!(states, [Current, Reserved, Current, Missing]);
        let counts = findings.counts(&tree);
        assert_eq!((counts.current, counts.missing, counts.unknown), (2, 1, 1));
        let held = Held::new(&tree, &before);
        assert!(held.has(at("a")) && held.has(at("b")) && !held.has(at("c")));
        assert!(held.has_any(&tree, 0) && !held.has_any(&tree, at("d")));
    }

    #[test]
    fn a_repository_is_what_its_metadata_is() {
        let tree = tree(&[("os", &[]), ("os/repodata", &[("repomd.xml", 1, 2)])]);
        let at = |path: &str| tree.position(path).unwrap();
        let mut findings = Findings::new(&tree);
        findings.set(at("os"), Verdict::Current);
        findings.set(at("os/repodata"), Verdict::Behind(2));
        findings.settle(&tree);
        assert_eq!(findings.verdict(at("os")), Verdict::Behind(2));
    }
}
