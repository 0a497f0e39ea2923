//! The system calls of a system that has none of them: every answer is "not supported".
//!
//! Used where there is no Linux, and under Miri, which cannot make these calls.

use std::ptr::NonNull;

use super::area::Area;
use crate::{CpuSet, Error};

/// What a C library says about the areas it registers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LibcRseq {
    pub(crate) offset: isize,
    pub(crate) length: u32,
}

/// See `os.rs`.
pub(crate) fn affinity(_thread: i32) -> Result<CpuSet, Error> {
    Err(Error::unsupported("sched_getaffinity"))
}

/// See `os.rs`.
pub(crate) fn set_affinity(_words: &[u64]) -> Result<(), Error> {
    Err(Error::unsupported("sched_setaffinity"))
}

/// See `os.rs`.
pub(crate) fn current_cpu() -> Option<u32> {
    None
}

/// See `os.rs`.
pub(crate) fn current_node() -> Option<u32> {
    None
}

/// See `os.rs`.
pub(crate) fn libc_rseq() -> Option<LibcRseq> {
    None
}

/// See `os.rs`.
pub(crate) fn rseq_features() -> u32 {
    0
}

/// See `os.rs`.
pub(crate) fn rseq_register(_: NonNull<Area>, _: u32, _: u32) -> Result<(), Error> {
    Err(Error::unsupported("rseq"))
}

/// See `os.rs`.
pub(crate) fn rseq_unregister(_: NonNull<Area>, _: u32, _: u32) -> Result<(), Error> {
    Err(Error::unsupported("rseq"))
}

/// See `os.rs`.
pub(crate) fn fence_offered() -> bool {
    false
}

/// See `os.rs`.
pub(crate) fn fence(_cpu: Option<u32>) -> Result<(), Error> {
    Err(Error::unsupported("membarrier"))
}

/// See `os.rs`.
pub(crate) fn possible() -> u32 {
    std::thread::available_parallelism().map_or(1, |n| u32::try_from(n.get()).unwrap_or(u32::MAX))
}

/// See `os.rs`.
pub(crate) fn release() -> Option<(u32, u32)> {
    None
}

/// See `os.rs`.
pub(crate) fn map(_length: usize, _shared: bool) -> Option<NonNull<u8>> {
    None
}

/// See `os.rs`.
pub(crate) fn unmap(_start: NonNull<u8>, _length: usize) {}
