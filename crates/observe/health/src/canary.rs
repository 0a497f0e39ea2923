//! Canaries: small files that a mirror should have, and what it means when it has not.
//!
//! Each mirror has a few, from directories that the catalog says it holds: the oldest, which hardly
//! ever changes, up to the newest, which tells early that a mirror falls behind. A round asks for one
//! of them, and the others only if that one is not as it should be. So one file that is missing or
//! old is a [`Sign`] for those who look closer, and not the end of a mirror.

use std::collections::HashMap;
use std::sync::Arc;

use heliostat_catalog::probe::KnownFile;
use heliostat_catalog::states::{MirrorState, States};
use heliostat_observe_probe::{Looked, Part};

/// A file that a mirror should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Its directory.
    pub directory_id: i64,
    /// Where it is below a mirror's base URL, escaped; empty for the base itself, when no file is
    /// known.
    pub path: String,
    /// What it is and was, the current version first.
    versions: Vec<Version>,
    timestamp_unix_s: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    size_bytes: u64,
    sha256: Option<[u8; 32]>,
}

/// What an answer says of a canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is the current version.
    Current,
    /// It is an older version.
    Older,
    /// It is something else.
    Other,
    /// It is not there.
    Absent,
    /// The server does not want to say it now.
    Busy,
    /// The server is closed, as it says itself.
    Closed,
    /// The server says something else than it should.
    Refused(u16),
}

/// Something that those who look closer should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// The mirror.
    pub mirror_id: i64,
    /// The directory to look at.
    pub directory_id: i64,
    /// Where the file is below the base URL.
    pub path: String,
    /// [`Found::Older`], [`Found::Other`] or [`Found::Absent`].
    pub found: Found,
}

impl Found {
    /// What it is called.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Found::Current => "current",
            Found::Older => "older",
            Found::Other => "other",
            Found::Absent => "absent",
            Found::Busy => "busy",
            Found::Closed => "closed",
            Found::Refused(_) => "refused",
        }
    }
}

impl Canary {
    /// The base URL itself: for mirrors of which no file is known.
    pub(crate) fn base() -> Canary {
        Canary { directory_id: 0, path: String::new(), versions: Vec::new(), timestamp_unix_s: 0 }
    }

    /// How much of it to look at: all of a small file, the head of a large one.
    #[must_use]
    pub fn part(&self) -> Part {
        match self.versions.first() {
            Some(version) if version.size_bytes <= WHOLE_BYTES_MAX => Part::Whole,
            _ => Part::Head,
        }
    }

    /// What an answer says.
    #[must_use]
    pub fn judge(&self, looked: &Looked) -> Found {
        match looked.status {
            200..=299 => self.compare(looked),
            404 | 410 => Found::Absent,
            429 => Found::Busy,
            503 if looked.retry_after_s.is_some() => Found::Closed,
            // A page of what is there may be forbidden where the files are not.
            401 | 403 | 405 if self.versions.is_empty() => Found::Current,
            status => Found::Refused(status),
        }
    }

    fn compare(&self, looked: &Looked) -> Found {
        let same = |version: &Version| match (version.sha256, looked.sha256) {
            (Some(known), Some(seen)) => known == seen,
            _ => looked.size_bytes == Some(version.size_bytes),
        };
        match self.versions.iter().position(same) {
            Some(0) => Found::Current,
            Some(_) => Found::Older,
            None if self.versions.is_empty() => Found::Current,
            // A head without a length says no more than that it is there.
            None if looked.size_bytes.is_none() && looked.sha256.is_none() => Found::Current,
            None => Found::Other,
        }
    }
}

/// Canaries by category, each list by directory.
#[derive(Debug, Default)]
pub(crate) struct Canaries {
    of: HashMap<i64, Vec<Arc<Canary>>>,
    last: Option<(i64, String, Canary)>,
}

impl Canaries {
    /// Takes a version of a file; they come by directory, name and rank.
    pub(crate) fn push(&mut self, file: KnownFile) {
        let sha256 = file.sha256.as_deref().and_then(hash);
        let version = Version { size_bytes: file.size_bytes, sha256 };
        match &mut self.last {
            Some((_, name, last))
                if last.directory_id == file.directory_id && *name == file.name =>
            {
                last.versions.push(version);
            }
            _ => {
                self.flush();
                let canary = Canary {
                    directory_id: file.directory_id,
                    path: path(&file.subpath, &file.name),
                    versions: vec![version],
                    timestamp_unix_s: file.timestamp_unix_s.unwrap_or_default(),
                };
                self.last = Some((file.category_id, file.name, canary));
            }
        }
    }

    /// Of a directory the smallest file is enough.
    pub(crate) fn flush(&mut self) {
        let Some((category, _, canary)) = self.last.take() else { return };
        let known = self.of.entry(category).or_default();
        match known.last_mut() {
            Some(last) if last.directory_id == canary.directory_id => {
                if canary.weight() < last.weight() {
                    *last = Arc::new(canary);
                }
            }
            _ => known.push(Arc::new(canary)),
        }
    }

    /// The canaries of a mirror that carries a category: all of it, or what its states say.
    pub(crate) fn choose(&self, category_id: i64, states: Option<&States>) -> Vec<Arc<Canary>> {
        let known = self.of.get(&category_id).map(Vec::as_slice).unwrap_or_default();
        let mut held: Vec<&Arc<Canary>> = Vec::new();
        match states {
            None => held.extend(known),
            Some(states) => {
                let has = |state| matches!(state, MirrorState::Current | MirrorState::Reserved);
                for run in states.runs().filter(|run| has(run.state)) {
                    let at = |id| known.partition_point(|canary| canary.directory_id < id);
                    held.extend(&known[at(run.first)..at(run.end)]);
                }
            }
        }
        held.sort_by_key(|canary| (canary.weight() > WHOLE_BYTES_MAX, canary.timestamp_unix_s));
        let small = held.iter().filter(|canary| canary.weight() <= WHOLE_BYTES_MAX).count();
        held.truncate(if small > 0 { small } else { held.len() });
        if held.is_empty() {
            return vec![Arc::new(Canary::base())];
        }
        let last = held.len() - 1;
        let mut places: Vec<usize> =
            (0..CANARIES).map(|number| last * number / (CANARIES - 1)).collect();
        places.dedup();
        places.into_iter().map(|at| held[at].clone()).collect()
    }
}

impl Canary {
    fn weight(&self) -> u64 {
        self.versions.first().map_or(u64::MAX, |version| version.size_bytes)
    }
}

/// A path as it stands in a URL.
fn path(subpath: &str, name: &str) -> String {
    let mut path = String::new();
    for byte in subpath.trim_matches('/').bytes().chain([b'/']).chain(name.bytes()) {
        match byte {
            b'/' if path.is_empty() => {}
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' | b'+' => {
                path.push(char::from(byte));
            }
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

fn hash(text: &str) -> Option<[u8; 32]> {
    let mut hash = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(hash)
}

/// How many canaries a mirror has at most.
const CANARIES: usize = 4;

/// Of larger files only the head is asked for.
const WHOLE_BYTES_MAX: u64 = 16 << 10;

#[cfg(test)]
mod tests {
    use heliostat_catalog::probe::KnownFile;
    use heliostat_catalog::states::{MirrorState, StatesBuilder};
    use heliostat_observe_probe::{Looked, Part};

    use super::{Canaries, Canary, Found};

    fn file(directory_id: i64, name: &str, rank: i64, size_bytes: u64) -> KnownFile {
        KnownFile {
            directory_id,
            category_id: 1,
            subpath: format!("{directory_id}/re po"),
            name: name.to_owned(),
            rank,
            timestamp_unix_s: Some(1_000 - directory_id),
            size_bytes,
            sha256: Some(format!("{:064x}", size_bytes)),
        }
    }

    fn looked(status: u16, size_bytes: u64) -> Looked {
        let mut sha256 = [0; 32];
        sha256[24..].copy_from_slice(&size_bytes.to_be_bytes());
        let (size_bytes, sha256) = (Some(size_bytes), Some(sha256));
        Looked { status, size_bytes, sha256, retry_after_s: None }
    }

    #[test]
    fn the_oldest_to_the_newest_of_what_it_holds() {
        let mut canaries = Canaries::default();
        for directory in 0..100 {
            canaries.push(file(directory, "large", 0, 1 << 20));
            canaries.push(file(directory, "repomd.xml", 0, 4_000));
            canaries.push(file(directory, "repomd.xml", 1, 3_000));
        }
        canaries.flush();
        let directories = |states: Option<_>| {
            let found = canaries.choose(1, states);
            found.iter().map(|canary| canary.directory_id).collect::<Vec<_>>()
        };
        assert_eq!(directories(None), [99, 66, 33, 0]);
        let mut builder = StatesBuilder::default();
        (10..13).for_each(|directory| builder.push(directory, MirrorState::Current));
        builder.push(13, MirrorState::Behind);
        builder.push(20, MirrorState::Reserved);
        let states = builder.finish();
        assert_eq!(directories(Some(&states)), [20, 12, 11, 10]);
        let first = &canaries.choose(1, Some(&states))[0];
        assert_eq!((first.path.as_str(), first.part()), ("20/re%20po/repomd.xml", Part::Whole));
        // Where nothing is known, its page must do.
        let base = canaries.choose(2, None);
        assert_eq!((base.len(), base[0].path.as_str(), base[0].part()), (1, "", Part::Head));
        assert_eq!(base[0].judge(&looked(403, 0)), Found::Current);
        assert_eq!(base[0].judge(&looked(404, 0)), Found::Absent);
    }

    #[test]
    fn an_answer_is_compared_with_every_version() {
        let mut canaries = Canaries::default();
        canaries.push(file(1, "repomd.xml", 0, 4_000));
        canaries.push(file(1, "repomd.xml", 1, 3_000));
        canaries.flush();
        let canary: &Canary = &canaries.choose(1, None)[0];
        for (looked, found) in [
            (looked(200, 4_000), Found::Current),
            (looked(200, 3_000), Found::Older),
            (looked(200, 2_000), Found::Other),
            (Looked { sha256: Some([7; 32]), ..looked(200, 4_000) }, Found::Other),
            (Looked { sha256: None, ..looked(200, 4_000) }, Found::Current),
            (Looked { sha256: None, size_bytes: None, ..looked(200, 0) }, Found::Current),
            (looked(404, 4_000), Found::Absent),
            (looked(410, 4_000), Found::Absent),
            (looked(403, 4_000), Found::Refused(403)),
            (looked(302, 4_000), Found::Refused(302)),
            (looked(500, 4_000), Found::Refused(500)),
            (looked(503, 4_000), Found::Refused(503)),
            (Looked { retry_after_s: Some(9), ..looked(503, 0) }, Found::Closed),
            (Looked { retry_after_s: Some(9), ..looked(429, 0) }, Found::Busy),
        ] {
            assert_eq!(canary.judge(&looked), found, "{looked:?}");
        }
    }
}
