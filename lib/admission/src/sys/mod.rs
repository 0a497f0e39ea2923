//! The only system calls.

/// Which CPUs this process may use.
pub(crate) mod affinity;
/// Sleeping until something happens.
#[cfg(all(target_os = "linux", not(loom)))]
pub(crate) mod wait;
