//! Which CPUs this process may use: one question to `percpu`, behind one function.
//!
//! It asks for the main thread. The calling thread may have been pinned by the program itself, and
//! then says nothing about what the others have.

use std::io;

use heliostat_percpu::CpuSet;
use heliostat_percpu::affinity::of_main_thread;

use crate::parse::Cpus;

/// The affinity mask of the main thread.
pub(crate) fn allowed() -> io::Result<Cpus> {
    let mask = of_main_thread().map_err(io::Error::other)?;
    Ok(Cpus::of(mask.iter().map(u32::from)))
}

/// The same as it came, to be compared.
pub(crate) fn mask() -> Option<CpuSet> {
    of_main_thread().ok()
}
