//! Many numbers under dense ids: a row of them per slot.

use std::fmt;

use crate::Error;
use crate::baseline::Baseline;
use crate::index::{ByCid, ByCpu, Index};
use crate::rows::Rows;

/// Counters with dense ids, `0..len`, each as [`Counter`](crate::Counter).
///
/// All counters of a slot lie side by side, so that 80,000 of them take 640 kB per slot **in use**:
/// two slots for a process on two CPUs, however many threads it has. Give keys such as names an id
/// once, when they are loaded; looking up a key costs thirty times what counting does.
///
/// ```
/// use heliostat_percpu::CounterVec;
///
/// let answers = CounterVec::new(3);
/// answers.increment(0);
/// answers.add(2, 5);
/// let mut sums = [0; 3];
/// answers.sum_into(&mut sums);
/// assert_eq!(sums, [1, 0, 5]);
/// ```
pub struct CounterVec<I = ByCid> {
    rows: Rows<I>,
}

impl CounterVec {
    /// So many counters at zero. Takes no memory until one is added to.
    #[must_use]
    pub const fn new(len: usize) -> Self {
        Self::with_index(len)
    }
}

impl<I: Index> CounterVec<I> {
    /// Like [`CounterVec::new`], with slots of another kind.
    #[must_use]
    pub const fn with_index(len: usize) -> Self {
        Self { rows: Rows::new(len) }
    }

    /// How many counters there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.words()
    }

    /// Whether there is no counter.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds `n` to counter `id`.
    ///
    /// # Panics
    ///
    /// When `id` is not below [`CounterVec::len`], as indexing a slice does.
    #[inline]
    pub fn add(&self, id: usize, n: u64) {
        self.check(id);
        self.rows.add(id, n);
    }

    /// Adds one to counter `id`.
    ///
    /// # Panics
    ///
    /// As [`CounterVec::add`].
    #[inline]
    pub fn increment(&self, id: usize) {
        self.add(id, 1);
    }

    /// What was added to counter `id` since its last reset; see [`Counter::sum`](crate::Counter::sum).
    ///
    /// # Panics
    ///
    /// As [`CounterVec::add`].
    #[must_use]
    pub fn sum(&self, id: usize) -> u64 {
        self.check(id);
        if self.rows.is_untouched() {
            return 0;
        }
        Baseline::of(self.rows.baseline(id)).since(|| self.rows.sum(id))
    }

    /// Writes every counter's sum into `sums`, a row at a time; ids beyond its length are left out.
    pub fn sum_into(&self, sums: &mut [u64]) {
        let len = sums.len().min(self.len());
        let (sums, rest) = sums.split_at_mut(len);
        rest.fill(0);
        for (id, sum) in sums.iter_mut().enumerate() {
            *sum = self.sum(id);
        }
    }

    /// Like [`CounterVec::sum`], and starts counter `id` again from zero; see
    /// [`Counter::sum_then_reset`](crate::Counter::sum_then_reset).
    ///
    /// # Panics
    ///
    /// As [`CounterVec::add`].
    pub fn sum_then_reset(&self, id: usize) -> u64 {
        self.check(id);
        if self.rows.is_untouched() {
            return 0;
        }
        Baseline::of(self.rows.baseline(id)).reset(|| self.rows.sum(id))
    }

    /// How many slots have ever been added to.
    #[must_use]
    pub fn slots_in_use(&self) -> usize {
        self.rows.open() as usize
    }

    #[inline]
    fn check(&self, id: usize) {
        assert!(id < self.len(), "counter {id} of {}", self.len());
    }
}

impl CounterVec<ByCpu> {
    /// Counters that this process and the processes it forks later count together.
    ///
    /// Only by CPU: concurrency ids of two processes mean different things.
    ///
    /// # Errors
    ///
    /// When the memory cannot be mapped, also [`Error::is_unsupported`] where there is none to share.
    pub fn shared(len: usize) -> Result<Self, Error> {
        Ok(Self { rows: Rows::shared(len)? })
    }
}

impl<I: Index> fmt::Debug for CounterVec<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CounterVec")
            .field("len", &self.len())
            .field("slots_in_use", &self.slots_in_use())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/counter_vec.rs"]
mod tests;
