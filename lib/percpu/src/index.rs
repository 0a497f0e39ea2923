//! By what number per-CPU data is laid out: a choice of type, made once where the data is declared.

use std::fmt;

use crate::sys::area::{self, Field};

/// How rows of per-CPU data are numbered: [`ByCid`] or [`ByCpu`].
pub trait Index: sealed::Sealed + Send + Sync + 'static {}

/// By concurrency id: small dense numbers, unique among the **running** threads of this process.
///
/// A process confined to two CPUs of a hundred uses rows 0 and 1, whichever two CPUs they are; so
/// does a process of two threads. On kernels before 6.3, which have no such ids, the CPU's own number
/// takes their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByCid {}

/// By the number of the CPU, for data that other processes share or that belongs to one CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByCpu {}

impl Index for ByCid {}
impl Index for ByCpu {}

/// The number of one row of per-CPU data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    pub(crate) fn new(row: u32) -> Self {
        Self(row)
    }

    pub(crate) fn row(self) -> u32 {
        self.0
    }

    /// The number as an index into something.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.0)
    }
}

/// The kernel's word that numbers the rows of an index where the kernel has all there is: a constant,
/// so that the hot path does not have to look it up.
#[inline]
pub(crate) const fn usual_field<I: Index>() -> Field {
    if I::BY_CPU { Field::CPU } else { Field::CID }
}

/// The kernel's word that numbers the rows of an index in this process.
pub(crate) fn field<I: Index>() -> Field {
    if I::BY_CPU { Field::CPU } else { area::cid_field() }
}

mod sealed {
    //! Keeps [`Index`](super::Index) closed: the sections know two numbers and no more.

    /// What an index means to the sections.
    pub trait Sealed {
        /// Whether rows are numbered by CPU.
        const BY_CPU: bool;
    }

    impl Sealed for super::ByCid {
        const BY_CPU: bool = false;
    }

    impl Sealed for super::ByCpu {
        const BY_CPU: bool = true;
    }
}
