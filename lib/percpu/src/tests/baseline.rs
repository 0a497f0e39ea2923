//! Resets hand out every addition exactly once.

use super::*;

#[cfg(not(loom))]
#[test]
fn a_reset_starts_again_from_zero() {
    let baseline = Baseline::new();
    assert_eq!(baseline.since(|| 5), 5);
    assert_eq!(baseline.reset(|| 7), 7);
    assert_eq!(baseline.since(|| 7), 0);
    assert_eq!(baseline.reset(|| 6), u64::MAX, "one was taken away");
}

#[cfg(loom)]
#[test]
fn loom_two_resets_share_what_was_added() {
    use loom::sync::Arc;

    loom::model(|| {
        let shared = Arc::new((Baseline::new(), AtomicU64::new(0)));
        let reset = |shared: &(Baseline, AtomicU64)| {
            shared.1.fetch_add(1, Ordering::Relaxed);
            shared.0.reset(|| shared.1.load(Ordering::Acquire))
        };
        let theirs = Arc::clone(&shared);
        let other = loom::thread::spawn(move || reset(&theirs));
        let mine = reset(&shared);
        let theirs = other.join().unwrap();
        let rest = shared.0.since(|| shared.1.load(Ordering::Acquire));
        assert_eq!(mine + theirs + rest, 2);
        assert!(mine <= 2 && theirs <= 2);
    });
}
