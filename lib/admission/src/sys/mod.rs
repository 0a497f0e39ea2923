//! The only system calls.

/// Which CPUs the calling thread may use.
pub(crate) mod affinity;
