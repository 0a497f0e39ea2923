//! The only system calls.

/// Which CPUs this process may use.
pub(crate) mod affinity;
/// Sleeping until something happens.
#[cfg(target_os = "linux")]
pub(crate) mod wait;
