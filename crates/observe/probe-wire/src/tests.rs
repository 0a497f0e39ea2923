//! Round trips of anything, and refusals of everything else.

use proptest::prelude::*;

use crate::{
    Entry, Fact, Format, Found, Hash, Kind, Limit, Limits, Refused, Size, Task, Time, Verdict,
    Zone, path_check,
};

const LIMITS: Limits = Limits { expanded_bytes_max: 1, entries_max: 100 };

fn entry() -> impl Strategy<Value = Entry> {
    let path = "[a-z][a-z.]{0,8}(/[a-zäß][a-z.]{0,8}){0,3}";
    let size = proptest::option::of((any::<u64>(), any::<u64>()));
    let time = proptest::option::of((any::<i64>(), 1..90_000_u32, any::<bool>()));
    (path, 0..4_u8, "[a-z]{0,5}", size, time, any::<[bool; 4]>()).prop_map(
        |(path, kind, label, size, time, hashes)| {
            let kind = [Kind::File, Kind::Directory, Kind::Link, Kind::Other][usize::from(kind)];
            let size = size.map(|(a, b)| Size { bytes_min: a.min(b), bytes_max: a.max(b) });
            let time = time.map(|(unix_s, precision_s, utc)| Time {
                unix_s,
                precision_s,
                zone: if utc { Zone::Utc } else { Zone::Unknown },
            });
            let all = [Hash::Md5([1; 16]), Hash::Sha1([2; 20]), Hash::Sha256([3; 32])];
            let all = all.into_iter().chain([Hash::Sha512([4; 64])]);
            let hashes = all.zip(hashes).filter(|(_, has)| *has).map(|(hash, _)| hash).collect();
            Entry { path, kind, label, size, time, hashes }
        },
    )
}

fn found() -> impl Strategy<Value = Found> {
    let facts = proptest::collection::vec("[ -~]{0,30}", 0..3);
    (proptest::collection::vec(entry(), 0..20), facts, 0..4_u64).prop_map(
        |(entries, facts, left_out)| {
            let mut found = Found { entries, ..Found::default() };
            for (fact, text) in [Fact::Suite, Fact::Revision, Fact::Date].into_iter().zip(facts) {
                found.facts.add(fact, &text).expect("a short text");
            }
            for at in 0..left_out {
                found.leave_out(Limit::ALL[at as usize % 3]);
            }
            found
        },
    )
}

proptest! {
    #[test]
    fn what_goes_out_comes_in(found in found()) {
        let verdict = Verdict::Found(found);
        prop_assert_eq!(Verdict::decode(&verdict.encode(), &LIMITS), Ok(verdict));
    }

    /// One value has one encoding, so whatever is let in goes out the same.
    #[test]
    fn nothing_changed_comes_in_as_it_was(
        found in found(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut bytes = Verdict::Found(found).encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(verdict) = Verdict::decode(&bytes, &LIMITS) {
            prop_assert_eq!(verdict.encode(), bytes);
        }
    }

    #[test]
    fn nothing_cut_comes_in(found in found(), at in any::<prop::sample::Index>()) {
        let bytes = Verdict::Found(found).encode();
        prop_assert!(Verdict::decode(&bytes[..at.index(bytes.len())], &LIMITS).is_err());
    }
}

#[test]
fn tasks_carry_the_document_behind_them() {
    for &format in Format::ALL {
        let task = Task { base: "/pub/".into(), ..Task::new(format) };
        let bytes = [task.encode(), b"document".to_vec()].concat();
        assert_eq!(Task::decode(&bytes), Ok((task, &b"document"[..])));
    }
    assert_eq!(Task::decode(&[1]).unwrap_err().rule, "it ends too early");
    assert_eq!(Task::decode(&[9]).unwrap_err().rule, "the task is of another version");
    assert_eq!(Task::decode(&[1, 200]).unwrap_err().rule, "the format is unknown");
}

#[test]
fn a_count_is_no_reason_to_reserve_memory() {
    let mut bytes = vec![1, 1, 0, 0];
    bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x0f]);
    let refused = Verdict::decode(&bytes, &LIMITS).unwrap_err();
    assert_eq!(refused.rule, "a count is beyond its limit");
    let roomy = Limits { entries_max: u32::MAX, ..LIMITS };
    let refused = Verdict::decode(&bytes, &roomy).unwrap_err();
    assert_eq!(refused.rule, "a count is larger than what is left");
}

#[test]
fn a_worker_cannot_send_paths_that_lead_away() {
    for path in ["/etc/passwd", "../x", "a/../b", "a//b", "", ".", "a\nb", "a\0b"] {
        let entry = Entry { path: path.into(), ..Entry::default() };
        let found = Found { entries: vec![entry], ..Found::default() };
        let refused = Verdict::decode(&Verdict::Found(found).encode(), &LIMITS);
        // An empty path makes the entry too short for what a count promises.
        let rules = ["a path goes where it must not", "a count is larger than what is left"];
        assert!(rules.contains(&refused.unwrap_err().rule), "{path:?}");
    }
    assert_eq!(path_check(&"a".repeat(256)), Err(Limit::NameBytes));
    assert_eq!(path_check(&"a/".repeat(3000)), Err(Limit::PathBytes));
    assert_eq!(path_check(&vec!["a"; 65].join("/")), Err(Limit::PathParts));
    assert_eq!(path_check(&vec!["a"; 64].join("/")), Ok(()));
}

#[test]
fn refusals_are_short_and_plain() {
    let refused = Refused::new(Limit::Depth, format!("a\n{}", "ä".repeat(500)), 7);
    assert_eq!((refused.what.len(), refused.at), (239, 7));
    let verdict = Verdict::Refused(refused);
    assert_eq!(Verdict::decode(&verdict.encode(), &LIMITS), Ok(verdict));
}

#[test]
fn times_without_a_zone_admit_every_zone() {
    let time = Time { unix_s: 1_000_000, precision_s: 60, zone: Zone::Unknown };
    assert!(time.admits(1_000_000) && time.admits(1_000_059) && time.admits(1_000_000 - 5 * 3600));
    assert!(time.admits(1_000_000 + 5 * 3600 + 45 * 60 + 59));
    assert!(!time.admits(1_000_060) && !time.admits(1_000_000 + 15 * 3600));
    assert!(!time.admits(i64::MIN));
    let time = Time { zone: Zone::Utc, ..time };
    assert!(time.admits(1_000_059) && !time.admits(1_003_600));
}

#[test]
fn names_of_limits_and_formats_are_their_own() {
    let names: std::collections::BTreeSet<_> =
        Limit::ALL.iter().map(|limit| limit.name()).collect();
    assert_eq!(names.len(), Limit::ALL.len());
    assert!(Limit::ALL.iter().all(|&limit| Limit::of(limit.number()) == Some(limit)));
    let names: std::collections::BTreeSet<_> = Format::ALL.iter().map(|f| f.name()).collect();
    assert_eq!(names.len(), Format::ALL.len());
}
