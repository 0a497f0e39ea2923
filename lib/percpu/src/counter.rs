//! One number that many threads add to and somebody reads now and then.

use std::fmt;

use crate::baseline::Baseline;
use crate::index::{ByCid, Index};
use crate::rows::Rows;

/// A counter with a word per slot: adding is as cheap as a thread-local, reading adds up the slots.
///
/// It can be a `static`, takes no memory until it is first used, and never blocks or fails: when a
/// thread cannot use its slot's word, an atomic word takes the addition. The vocabulary is that of
/// Java's `LongAdder`. Arithmetic wraps.
///
/// ```
/// use heliostat_percpu::Counter;
///
/// static REQUESTS: Counter = Counter::new();
///
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| (0..1000).for_each(|_| REQUESTS.increment()));
///     }
/// });
/// assert_eq!(REQUESTS.sum(), 4000);
/// assert_eq!(REQUESTS.sum_then_reset(), 4000);
/// assert_eq!(REQUESTS.sum(), 0);
/// ```
pub struct Counter<I = ByCid> {
    rows: Rows<I, 1>,
    baseline: Baseline,
}

impl<I: Index> Counter<I> {
    /// A counter at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self { rows: Rows::new(1), baseline: Baseline::new() }
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: u64) {
        self.rows.add(0, n);
    }

    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.add(1);
    }

    /// Takes `n` away.
    #[inline]
    pub fn sub(&self, n: u64) {
        self.add(n.wrapping_neg());
    }

    /// Takes one away.
    #[inline]
    pub fn decrement(&self) {
        self.sub(1);
    }

    /// What was added since the last reset. Not a snapshot: additions that happen during the sum may
    /// or may not be part of it; those that happened before are, and none is counted twice.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.baseline.since(|| self.rows.sum(0))
    }

    /// Like [`Counter::sum`], and starts again from zero. Every addition is part of exactly one
    /// answer, however many threads reset at once and whoever adds meanwhile.
    pub fn sum_then_reset(&self) -> u64 {
        self.baseline.reset(|| self.rows.sum(0))
    }

    /// Starts again from zero.
    pub fn reset(&self) {
        self.sum_then_reset();
    }

    /// How many slots have ever been added to.
    #[must_use]
    pub fn slots_in_use(&self) -> usize {
        self.rows.open() as usize
    }
}

impl<I: Index> Default for Counter<I> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Index> fmt::Debug for Counter<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("sum", &self.sum()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/counter.rs"]
mod tests;
