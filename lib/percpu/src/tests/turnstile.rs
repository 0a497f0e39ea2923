//! One inside at a time, and a wait that sees everybody out.

use super::*;

#[cfg(not(loom))]
#[test]
fn the_second_is_turned_away() {
    let turnstile = Turnstile::new();
    let inside = turnstile.enter();
    assert!(inside.is_some());
    assert!(turnstile.enter().is_none());
    drop(inside);
    assert!(turnstile.enter().is_some());
    turnstile.wait();
}

/// Flip and fence: after the wait nobody acts upon the old gate, whatever the order of things.
#[cfg(loom)]
#[test]
fn loom_after_the_wait_nobody_acts_upon_the_old_gate() {
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU32 as Word;

    loom::model(|| {
        let shared = Arc::new((Turnstile::new(), Word::new(0), Word::new(0)));
        let theirs = Arc::clone(&shared);
        let other = loom::thread::spawn(move || {
            let (turnstile, gate, data) = &*theirs;
            if let Some(_inside) = turnstile.enter()
                && gate.load(Ordering::Acquire) == 0
            {
                data.store(1, Ordering::Release);
            }
        });
        let (turnstile, gate, data) = &*shared;
        gate.store(1, Ordering::Release);
        turnstile.wait();
        let still = data.load(Ordering::Acquire);
        other.join().unwrap();
        assert_eq!(data.load(Ordering::Acquire), still);
    });
}
