//! A doorbell: a counter that one side raises, and a note that the other side sleeps.
//!
//! A ring has two, one in each direction, and they work alike. The side that *publishes* raises
//! the counter and rings only if the note says so; the side that *sleeps* leaves the note, looks
//! once more, and only then goes to sleep. The note says from which count on a ring is wanted, so
//! that one ring can stand for several things published. Two sequentially consistent fences make
//! the pair safe: either the publisher sees the note, or the sleeper sees the new count. Loom
//! explores every interleaving (`tests/loom.rs`).
//!
//! | field | raised or set by | cleared by | order |
//! |---|---|---|---|
//! | `count` | the publisher | nobody | `Release`, read with `Acquire` |
//! | `wanted` | the sleeper, before the note | nobody | fences |
//! | `asleep` | the sleeper | whoever rings, by exchange; the sleeper when it wakes | fences |
//!
//! Nothing here trusts the other side: a hostile publisher can ring too often or never, a hostile
//! sleeper can ask to be rung each time, or too late. What the count means is checked by the ring.

use crate::primitive::{AtomicU32, Ordering, fence};

/// How a sleeper wants to be woken; zero means that it does not sleep.
pub(crate) type Bell = u32;

/// The sleeper is awake.
pub(crate) const AWAKE: Bell = 0;
/// The sleeper waits for an event descriptor.
pub(crate) const BY_EVENT: Bell = 1;
/// The sleeper waits on the note itself, as a futex.
pub(crate) const BY_FUTEX: Bell = 2;

/// See the module.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Door {
    pub(crate) count: AtomicU32,
    pub(crate) asleep: AtomicU32,
    pub(crate) wanted: AtomicU32,
}

impl Door {
    /// What has been published so far.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Acquire)
    }

    /// Publishes everything written before, up to `count`, and says how to ring, if at all.
    pub(crate) fn publish(&self, count: u32) -> Bell {
        self.count.store(count, Ordering::Release);
        fence(Ordering::SeqCst);
        let asleep = self.asleep.load(Ordering::Relaxed) != AWAKE;
        if !asleep || !reaches(count, self.wanted.load(Ordering::Relaxed)) {
            return AWAKE;
        }
        self.asleep.swap(AWAKE, Ordering::Relaxed)
    }

    /// Asks to be rung when the count reaches `wanted`; false if it has, and sleep would be wrong.
    pub(crate) fn arm(&self, wanted: u32, bell: Bell) -> bool {
        self.wanted.store(wanted, Ordering::Relaxed);
        // An exchange, so that each change of the note follows the one before for everybody.
        self.asleep.swap(bell, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !reaches(self.count.load(Ordering::Acquire), wanted) {
            return true;
        }
        self.asleep.swap(AWAKE, Ordering::Relaxed);
        false
    }

    /// Takes the note back: the sleeper is awake and will look by itself.
    pub(crate) fn disarm(&self) {
        self.asleep.store(AWAKE, Ordering::Relaxed);
    }

    /// The note as a futex word: who sleeps waits for as long as it says [`BY_FUTEX`]. A ring
    /// takes the note, so that one which comes before the sleeper is in the kernel is not lost;
    /// on the counter it would be, when it is late and belongs to what was seen already.
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.asleep
    }
}

/// Whether a count that wraps is there.
fn reaches(count: u32, wanted: u32) -> bool {
    count.wrapping_sub(wanted).cast_signed() >= 0
}
