//! Mirrors that probes find bad, and what is left of a directory without them.
//!
//! They are left out of worlds. But probes can be wrong, and an answer without a single mirror helps
//! nobody: a directory that would lose its last one keeps those that are the least bad.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use heliostat_model::{MirrorIndex, Scheme, Url, World};

use crate::probe::Health;
use crate::{Error, host};

/// How bad a mirror is: its best score, and when it was last good. Larger is less bad.
pub(crate) type Standing = (u8, u64);

/// The URLs of a mirror, and how bad it is if clients are not given it.
pub(crate) type Given = (Vec<Url>, Option<Standing>);

/// The URLs that clients are not given.
pub(crate) struct Fallen {
    bad: HashMap<(i64, i64), Health>,
}

impl Fallen {
    pub(crate) fn new(health: Vec<Health>) -> Fallen {
        let bad = health.into_iter().filter(|health| !health.good);
        Fallen { bad: bad.map(|health| ((health.mirror_id, health.number), health)).collect() }
    }

    /// The URLs of a mirror that clients are given; all of them and how bad it is, when no good one
    /// is left of those that clients are given without asking for them.
    pub(crate) fn urls(&self, mirror: &host::Mirror) -> Result<Given, Error> {
        let (mut good, mut all) = (Vec::new(), Vec::new());
        let mut standing = None;
        for given in mirror.urls.iter().filter(|url| !url.private) {
            let url = Url::parse(given.number as u64, &given.url)
                .ok_or_else(|| Error::damaged(format!("{} is no URL", given.url)))?;
            match self.bad.get(&(mirror.id, given.number)) {
                Some(health) => standing = standing.max(Some((health.score, health.since_unix_s))),
                None => good.push(url.clone()),
            }
            all.push(url);
        }
        let usual = |urls: &[Url]| urls.iter().any(|url| url.scheme != Scheme::Rsync);
        let fell = good.is_empty() || (usual(&all) && !usual(&good));
        match standing.filter(|_| fell) {
            Some(standing) => Ok((all, Some(standing))),
            None => Ok((good, None)),
        }
    }
}

/// A bad mirror; the least bad ones come first.
type Spare = (Reverse<Standing>, MirrorIndex);

/// Bad mirrors of directories, in case that a directory has no other.
#[derive(Default)]
pub(crate) struct Spares {
    of: BTreeMap<(usize, bool), Vec<Spare>>,
}

impl Spares {
    /// Notes that a bad mirror carries a directory; for its own networks only, if it is private.
    pub(crate) fn push(&mut self, of: (usize, bool), standing: Standing, mirror: MirrorIndex) {
        let spares = self.of.entry(of).or_default();
        let at = spares.partition_point(|&known| known < (Reverse(standing), mirror));
        spares.insert(at, (Reverse(standing), mirror));
        spares.truncate(SPARES_MAX);
    }

    /// Gives the least bad mirrors to directories that have none, and says which these are.
    pub(crate) fn fill(self, sets: &mut [[Vec<MirrorIndex>; 2]]) -> HashSet<MirrorIndex> {
        let mut kept = HashSet::new();
        // Public ones come first, and are enough for everybody.
        for ((at, private), spares) in self.of {
            let [public, reserved] = &sets[at];
            if !public.is_empty() || (private && !reserved.is_empty()) {
                continue;
            }
            let mut spares: Vec<_> = spares.into_iter().map(|(_, mirror)| mirror).collect();
            spares.sort_unstable();
            kept.extend(&spares);
            sets[at][usize::from(private)] = spares;
        }
        kept
    }
}

/// Takes mirrors that are in no set out of a world, and numbers the others anew.
pub(crate) fn without(
    world: &mut World,
    sets: &mut [[Vec<MirrorIndex>; 2]],
    is_left_out: impl Fn(MirrorIndex) -> bool,
) {
    let mut next = 0..;
    let mut kept = Vec::with_capacity(world.mirrors.len());
    let (before, mut numbers) = (std::mem::take(&mut world.mirrors), Vec::new());
    for (at, mirror) in (0..).map(MirrorIndex).zip(before) {
        if is_left_out(at) {
            numbers.push(at);
        } else {
            numbers.push(MirrorIndex(next.next().unwrap_or_default()));
            kept.push(mirror);
        }
    }
    let moved = kept.len() < numbers.len();
    world.mirrors = kept;
    for index in sets.iter_mut().flatten().flatten().filter(|_| moved) {
        *index = numbers[index.0 as usize];
    }
}

/// So many bad mirrors a directory keeps at most, when it has no good one.
const SPARES_MAX: usize = 3;
