//! Which CPUs this process may use: one call, behind one function.
//!
//! It asks for the main thread. The calling thread may have been pinned by the program itself, and
//! then says nothing about what the others have.

use std::io;

use crate::parse::Cpus;

/// The affinity mask of the main thread.
#[cfg(target_os = "linux")]
pub(crate) fn allowed() -> io::Result<Cpus> {
    // A machine with more CPUs than the set can hold is an error here, and the caller reads a file.
    let set = rustix::thread::sched_getaffinity(Some(rustix::process::getpid()))?;
    let cpus = (0..rustix::thread::CpuSet::MAX_CPU).filter(|cpu| set.is_set(*cpu));
    Ok(Cpus::of(cpus.filter_map(|cpu| u32::try_from(cpu).ok())))
}

/// There is no such call.
#[cfg(not(target_os = "linux"))]
pub(crate) fn allowed() -> io::Result<Cpus> {
    Err(io::ErrorKind::Unsupported.into())
}
