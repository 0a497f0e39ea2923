//! What a counter had when it was last reset.
//!
//! Rows are never set to zero: a section that is between its load and its store would write the old
//! value back, and the reset would be counted twice. Instead the sum at the time of the reset is
//! remembered and subtracted, so that nothing is ever lost and nothing counted twice.

use crate::primitive::{AtomicU64, Ordering};

/// The sum at the last reset.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct Baseline(AtomicU64);

impl Baseline {
    /// The baseline of a counter that was never reset.
    #[cfg(not(loom))]
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// The baseline of a counter that was never reset.
    #[cfg(loom)]
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// A word that is used as a baseline.
    #[cfg(not(loom))]
    pub(crate) fn of(word: &AtomicU64) -> &Self {
        // SAFETY: `Baseline` is transparent over an atomic word, and shares it only as one.
        unsafe { &*std::ptr::from_ref(word).cast::<Self>() }
    }

    /// How much of `sum` came after the last reset.
    ///
    /// The baseline is read first, so that a reset in between makes the answer larger, not negative.
    pub(crate) fn since(&self, sum: impl FnOnce() -> u64) -> u64 {
        let before = self.0.load(Ordering::Acquire);
        sum().wrapping_sub(before)
    }

    /// Resets to the present sum and returns what came since the last reset. Each addition is part
    /// of exactly one answer, however many threads reset at once.
    pub(crate) fn reset(&self, mut sum: impl FnMut() -> u64) -> u64 {
        loop {
            let before = self.0.load(Ordering::Acquire);
            let now = sum();
            let exchange =
                self.0.compare_exchange(before, now, Ordering::AcqRel, Ordering::Relaxed);
            if exchange.is_ok() {
                return now.wrapping_sub(before);
            }
        }
    }
}

#[cfg(test)]
#[path = "tests/baseline.rs"]
mod tests;
