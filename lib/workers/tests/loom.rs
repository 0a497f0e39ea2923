//! Every interleaving of a door: no wake-up is lost, and what was written before is seen after.
//!
//! `src/door.rs` is compiled here a second time, over loom's atomics.

/// Loom's atomics under the names that the door knows.
mod primitive {
    pub(crate) use loom::sync::atomic::{AtomicU32, Ordering, fence};
}
/// The door itself.
#[path = "../src/door.rs"]
#[expect(dead_code, reason = "not every test uses all of it")]
mod door;

use door::{AWAKE, BY_FUTEX, Door};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use primitive::AtomicU32;

fn door() -> Door {
    Door { count: AtomicU32::new(0), wanted: AtomicU32::new(0), asleep: AtomicU32::new(AWAKE) }
}

#[test]
fn no_wake_up_is_lost() {
    loom::model(|| {
        let door = Arc::new(door());
        let publisher = {
            let door = door.clone();
            thread::spawn(move || door.publish(1) != AWAKE)
        };
        let sleeps = door.arm(1, BY_FUTEX);
        let rung = publisher.join().unwrap();
        assert!(!sleeps || rung, "a sleeper that nobody rings");
    });
}

#[test]
fn what_was_written_before_is_seen_after() {
    loom::model(|| {
        let door = Arc::new(door());
        let body = Arc::new(AtomicU64::new(0));
        let publisher = {
            let (door, body) = (door.clone(), body.clone());
            thread::spawn(move || {
                body.store(7, Ordering::Relaxed);
                door.publish(1);
                body.store(8, Ordering::Relaxed);
                door.publish(2);
            })
        };
        let count = door.count();
        let seen = body.load(Ordering::Relaxed);
        assert!(count < 1 || seen >= 7);
        assert!(count < 2 || seen == 8);
        publisher.join().unwrap();
    });
}

#[test]
fn one_ring_stands_for_two() {
    loom::model(|| {
        let door = Arc::new(door());
        let publisher = {
            let door = door.clone();
            thread::spawn(move || [door.publish(1) != AWAKE, door.publish(2) != AWAKE])
        };
        let sleeps = door.arm(2, BY_FUTEX);
        let rung = publisher.join().unwrap();
        // A ring for the first is early, and a ring all the same.
        assert!(!sleeps || rung[0] || rung[1], "a sleeper that nobody rings");
    });
}

#[test]
fn a_sleeper_that_arms_again_is_rung_again() {
    loom::model(|| {
        let door = Arc::new(door());
        let publisher = {
            let door = door.clone();
            thread::spawn(move || [door.publish(1) != AWAKE, door.publish(2) != AWAKE])
        };
        let first = door.arm(1, BY_FUTEX);
        let seen = door.count();
        let second = !first && seen < 2 && door.arm(seen + 1, BY_FUTEX);
        let rung = publisher.join().unwrap();
        assert!(!first || rung[0] || rung[1]);
        // The ring may be a late one for what was seen already. It takes the note all the same,
        // and that is what a sleeper waits for.
        let note = door.asleep.load(Ordering::Relaxed);
        assert!(!second || rung[0] || rung[1], "{seen} {rung:?} {note}");
        assert!(!(first || second) || note == AWAKE, "{first} {seen} {rung:?}");
    });
}
