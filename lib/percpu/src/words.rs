//! Words per slot with compare-and-store: the door to structures this crate does not have.

use std::fmt;
use std::sync::atomic::Ordering;

use crate::index::{self, ByCid, Index, Slot};
use crate::rows::Rows;
use crate::rseq;
use crate::sys::section::{Expect, Native, Section, Step};
use crate::sys::twin::Twin;

/// Words of 64 bits, so many per slot, changed by compare-and-store on the slot a thread is on.
///
/// The pattern is that of an atomic compare-and-swap loop, with one more way to fail: **elsewhere**,
/// when the thread is not on that slot any more or was interrupted. An attempt never waits; a caller
/// that hears [`Outcome::Elsewhere`] too often takes another way, such as an atomic of its own.
///
/// ```
/// use heliostat_percpu::{Outcome, Words};
///
/// let words: Words = Words::new(2);
/// let add_one = || {
///     for _ in 0..100 {
///         let Some(slot) = words.here() else { break };
///         let old = words.load(slot, 0);
///         if words.compare_store(slot, (0, old), old + 1) == Outcome::Stored {
///             return true;
///         }
///     }
///     false
/// };
/// let stored = (0..10).filter(|_| add_one()).count() as u64;
/// assert_eq!(words.slots().map(|slot| words.load(slot, 0)).sum::<u64>(), stored);
/// ```
///
/// # Flip and fence
///
/// With [`Words::compare_two_store`] the second word can be a gate: sections act only while it has
/// the value they expect. Somebody who wants a slot's first word for himself stores another value in
/// the gate by [`Words::store`], calls [`fence`](crate::rseq::fence), and from then on no section
/// that expects the old value stores anything.
pub struct Words<I = ByCid> {
    rows: Rows<I>,
}

/// What an attempt to compare and store came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an attempt may have stored nothing"]
pub enum Outcome {
    /// Every word had its value, and the new one is stored.
    Stored,
    /// A word had another value. Nothing was stored.
    Differs,
    /// The thread was not on the slot, was interrupted, or cannot use sections. Nothing was stored.
    Elsewhere,
}

impl<I: Index> Words<I> {
    /// So many words per slot, all zero.
    #[must_use]
    pub const fn new(len: usize) -> Self {
        Self { rows: Rows::new(len) }
    }

    /// How many words a slot has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.rows.words()
    }

    /// Whether slots have no words.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot this thread is on at the moment; `None` when it has none.
    pub fn here(&self) -> Option<Slot> {
        self.rows.here()
    }

    /// The slots that were ever used.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<I> {
        (0..self.rows.open()).map(Slot::new)
    }

    /// A word of a slot.
    ///
    /// # Panics
    ///
    /// When there is no such word, or the slot is not one of [`Words::slots`].
    #[must_use]
    pub fn load(&self, slot: Slot, word: usize) -> u64 {
        self.rows.word(slot.row(), word).load(Ordering::Acquire)
    }

    /// Stores a word of any slot, from anywhere. Meant for gates: a section that compares the word
    /// may still act upon the old value until the next [`fence`](crate::rseq::fence), and a section
    /// that stores this very word may overwrite it.
    ///
    /// # Panics
    ///
    /// As [`Words::load`].
    pub fn store(&self, slot: Slot, word: usize, value: u64) {
        self.rows.word(slot.row(), word).store(value, Ordering::Release);
    }

    /// Stores `new` in a word that has the value `(word, value)`, if this thread is on `slot`.
    ///
    /// # Panics
    ///
    /// As [`Words::load`].
    #[inline]
    pub fn compare_store(&self, slot: Slot, first: (usize, u64), new: u64) -> Outcome {
        self.attempt(slot, self.expect(slot, first), None, new)
    }

    /// Stores `new` in the first word if both words have their values and this thread is on `slot`.
    ///
    /// # Panics
    ///
    /// As [`Words::load`].
    #[inline]
    pub fn compare_two_store(
        &self,
        slot: Slot,
        first: (usize, u64),
        second: (usize, u64),
        new: u64,
    ) -> Outcome {
        self.attempt(slot, self.expect(slot, first), Some(self.expect(slot, second)), new)
    }

    fn expect(&self, slot: Slot, (word, value): (usize, u64)) -> Expect {
        Expect { word: self.rows.word(slot.row(), word).as_ptr(), value }
    }

    #[inline]
    fn attempt(&self, slot: Slot, first: Expect, second: Option<Expect>, new: u64) -> Outcome {
        let (row, field) = (slot.row(), index::field::<I>());
        // SAFETY: `expect` compared the indexes; the rows live as long as `self`; the words are
        // written by compares, and by `store` under the condition its documentation states.
        let step = unsafe { Native::compare_store(row, field, first, second, new) };
        match step {
            Step::Done => Outcome::Stored,
            Step::Differs => Outcome::Differs,
            Step::Elsewhere if rseq::mode().is_restartable() => Outcome::Elsewhere,
            Step::Elsewhere => {
                // SAFETY: as above; this process runs no machine sections.
                match unsafe { Twin::compare_store(row, field, first, second, new) } {
                    Step::Done => Outcome::Stored,
                    Step::Differs => Outcome::Differs,
                    Step::Elsewhere => Outcome::Elsewhere,
                }
            }
        }
    }
}

impl<I: Index> fmt::Debug for Words<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words")
            .field("len", &self.len())
            .field("slots", &self.rows.open())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/words.rs"]
mod tests;
