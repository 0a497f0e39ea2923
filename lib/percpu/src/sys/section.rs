//! The trait of critical sections: one attempt each, which commits with its last store or not at all.
//!
//! An attempt never waits and never repeats itself; who calls it counts the attempts and takes the
//! atomic lane when they run out. That is why no section needs a bound of its own.

use super::area::Field;
pub(crate) use super::native::Native;
use crate::lane::Link;

/// How often a section is tried before the atomic lane commits instead.
///
/// A section is a few nanoseconds long, so a second abort in a row is already a sign of somebody
/// stepping or storming this thread.
pub(crate) const ATTEMPTS: usize = 8;

/// Rows of per-CPU words, as a section sees them: row `i` starts at `base + i * stride`.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The first word of row 0, aligned to eight bytes.
    pub(crate) base: *mut u8,
    /// The distance between rows in bytes.
    pub(crate) stride: usize,
    /// Rows `0..open` may be touched; any other index ends the attempt.
    pub(crate) open: u32,
    /// The kernel's word that numbers the rows.
    pub(crate) field: Field,
}

/// A word and the value it must have for a compare to go on.
#[derive(Clone, Copy)]
pub(crate) struct Expect {
    pub(crate) word: *mut u64,
    pub(crate) value: u64,
}

/// What one attempt came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Committed.
    Done,
    /// A compared word had another value; nothing was written.
    Differs,
    /// Aborted, or not on a row that is open; nothing was written that anybody can see.
    Elsewhere,
}

/// What one attempt to take from a list came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Popped {
    /// The link is the caller's now.
    Link(*mut Link),
    /// The list of this row is empty.
    Empty,
    /// A drain has closed the list of this row.
    Closed,
    /// Aborted, or not on a row that is open.
    Elsewhere,
}

/// The head of a list that a drain has closed. Links are aligned, so it is never the address of one.
pub(crate) const CLOSED: u64 = 1;

/// Critical sections on the row of the CPU, or of the concurrency id, this thread runs on.
///
/// # Safety
///
/// An implementation writes nothing but what its method names, and only by one aligned eight-byte
/// store that is the last instruction of the section (`push` may write the caller's own link before).
/// Two attempts on one row never interleave: that is the kernel's promise for the machine's sections
/// and the twin's own care for software.
pub(crate) unsafe trait Section {
    /// Adds `n` to the first word of this row; `false` when nothing was done.
    ///
    /// # Safety
    ///
    /// Rows `0..at.open` are mapped, live, and their first words are only ever written by sections.
    unsafe fn add(at: Place, n: u64) -> bool;

    /// Stores `new` in the word of `first` if this thread is on `row` and every expectation holds.
    ///
    /// # Safety
    ///
    /// The words are mapped, aligned and live, and the word of `first` is written by sections on
    /// `row` only, but for stores the caller accepts to be overwritten.
    unsafe fn compare_store(
        row: u32,
        field: Field,
        first: Expect,
        second: Option<Expect>,
        new: u64,
    ) -> Step;

    /// Puts `link` on top of the list whose head is the first word of this row.
    ///
    /// # Safety
    ///
    /// As for [`Section::add`]; `link` is the caller's own and stays live while it is in the list.
    /// [`Step::Differs`] says that the list is closed.
    unsafe fn push(at: Place, link: *mut Link) -> Step;

    /// Takes the top link off the list whose head is the first word of this row.
    ///
    /// # Safety
    ///
    /// As for [`Section::add`]; every link of the list is live until it was popped or drained.
    unsafe fn pop(at: Place) -> Popped;
}

#[cfg(test)]
#[path = "tests/section.rs"]
mod tests;
