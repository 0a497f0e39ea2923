//! What a file was: which of its versions are kept.
//!
//! Clients accept the current version of an index and those that are listed as alternates. Too few,
//! and every mirror that lags is refused; too many, and an attacker may hold clients back. The rule
//! is MirrorManager's.

use heliostat_catalog::directory::FileDetail;

/// The versions of a file after a new one was seen: the new one first, then those that a mirror may
/// still have.
///
/// The second newest stays until the newest is three days old, any other until it is itself four
/// days old. A version that is seen again moves to the front.
#[must_use]
pub fn aged(known: &[FileDetail], new: &FileDetail, now_unix_s: i64) -> Vec<FileDetail> {
    let is_same = |old: &FileDetail| {
        old.sha256.is_some() && old.sha256 == new.sha256 && old.size_bytes == new.size_bytes
    };
    let age_s = |detail: &FileDetail| now_unix_s - detail.timestamp_unix_s.unwrap_or(0);
    let newest_is_young = age_s(new) < KEEP_S - DAY_S;
    let others = known.iter().filter(|old| !is_same(old)).enumerate();
    let kept = others.filter(|(rank, old)| (*rank == 0 && newest_is_young) || age_s(old) < KEEP_S);
    let kept = kept.map(|(_, old)| old.clone()).take(VERSIONS_MAX - 1);
    [new.clone()].into_iter().chain(kept).collect()
}

/// The versions that are still kept when no new one was seen.
#[must_use]
pub(crate) fn kept(known: &[FileDetail], now_unix_s: i64) -> Vec<FileDetail> {
    match known {
        [newest, others @ ..] => aged(others, newest, now_unix_s),
        [] => Vec::new(),
    }
}

const DAY_S: i64 = 86_400;

/// How long a version is kept.
pub const KEEP_S: i64 = 4 * DAY_S;

/// A file that changes every minute for four days has had 5,760 versions; nobody reads so many.
const VERSIONS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use heliostat_catalog::directory::FileDetail;

    use super::{DAY_S, aged};

    #[test]
    fn versions_are_kept_for_as_long_as_mirrors_may_lag() {
        let now = 1_700_000_000;
        let version = |name: char, days: i64| FileDetail {
            sha256: Some(name.to_string().repeat(64)),
            timestamp_unix_s: Some(now - days * DAY_S),
            ..FileDetail::default()
        };
        let names = |details: Vec<FileDetail>| -> String {
            details.iter().filter_map(|detail| detail.sha256.as_ref()?.chars().next()).collect()
        };
        let new = version('n', 0);
        assert_eq!(names(aged(&[], &new, now)), "n");
        assert_eq!(names(aged(&[version('a', 1), version('b', 3)], &new, now)), "nab");
        assert_eq!(names(aged(&[version('a', 30), version('b', 31)], &new, now)), "na");
        let old = version('n', 10);
        assert_eq!(names(aged(&[version('a', 30), version('b', 3)], &old, now)), "nb");
        // A release that is taken back is current again.
        assert_eq!(names(aged(&[version('a', 1), version('n', 2)], &new, now)), "na");
        let many: Vec<_> = (0..100).map(|_| version('x', 0)).collect();
        assert_eq!(aged(&many, &new, now).len(), 32);
    }
}
