//! The atomics of the shared structures: the standard library's, or loom's when loom is checking them.
//!
//! Only what the [software twin](crate::design) shares between threads goes through here. Words that a
//! critical section touches are always the machine's own: loom cannot see inside a section.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Lets somebody else run, for the one place that waits: the twin's fence.
pub(crate) fn relax() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    std::thread::yield_now();
}
