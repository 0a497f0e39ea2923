//! What loom replaces: the lock and the shared pointer, and with them the clock.
//!
//! Everything that two threads share goes through this module, so that under `--cfg loom` every
//! interleaving of a hand-over with a cancellation can be tried.

#[cfg(loom)]
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(loom))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard};

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
