//! What loom and shuttle replace: the lock, the flag of the turn and the shared pointer.
//!
//! Everything that two threads share goes through this module, so that under `--cfg loom` every
//! interleaving of a hand-over with a cancellation can be tried, and under `--cfg shuttle` random
//! ones of larger crowds.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, Ordering};
// All that the turn protects; with it, loom would not come to an end. shuttle looks at it.
#[cfg(loom)]
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(shuttle)]
pub(crate) use shuttle::sync::atomic::{
    AtomicBool, AtomicBool as Flag, AtomicU8, AtomicU32, AtomicU64, Ordering,
};
#[cfg(shuttle)]
pub(crate) use shuttle::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::atomic::{
    AtomicBool, AtomicBool as Flag, AtomicU8, AtomicU32, AtomicU64, Ordering,
};
#[cfg(loom)]
pub(crate) use std::sync::atomic::{AtomicBool as Flag, AtomicU8, AtomicU32, AtomicU64};
#[cfg(not(any(loom, shuttle)))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard};

#[cfg(not(any(loom, shuttle)))]
use std::time::Duration;

use std::sync::PoisonError;
use std::time::Instant;

/// Locks, also after a panic: no state behind this lock is ever left half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The monotonic clock.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Lets time pass for somebody who has the turn: by spinning, then by letting others run, then by
/// sleeping.
#[cfg(not(any(loom, shuttle)))]
pub(crate) fn pause(attempt: u32) {
    match attempt {
        0..SPINS => std::hint::spin_loop(),
        SPINS..YIELDS => std::thread::yield_now(),
        _ => std::thread::sleep(NAP),
    }
}

#[cfg(loom)]
pub(crate) fn pause(_: u32) {
    loom::thread::yield_now();
}

#[cfg(shuttle)]
pub(crate) fn pause(_: u32) {
    shuttle::thread::yield_now();
}

/// How often somebody without the mutex tries to get the turn.
#[cfg(not(any(loom, shuttle)))]
pub(crate) const RETRIES: u32 = 60;
#[cfg(any(loom, shuttle))]
pub(crate) const RETRIES: u32 = 1;

#[cfg(not(any(loom, shuttle)))]
const SPINS: u32 = 100;
#[cfg(not(any(loom, shuttle)))]
const YIELDS: u32 = 150;
#[cfg(not(any(loom, shuttle)))]
const NAP: Duration = Duration::from_micros(50);
