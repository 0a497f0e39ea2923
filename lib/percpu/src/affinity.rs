//! Affinity masks: what this thread has, what the container allows, and setting them.
//!
//! A thread may run where **its own mask**, **the cpuset** of its control group and **the CPUs that
//! are switched on** agree. The kernel shows only the result. A thread that has been pinned therefore
//! cannot see from its own mask what the container allows; [`allowed`] can.

pub use crate::watch::Watch;

use crate::sys::os;
use crate::{CpuId, CpuSet, Error};

/// The CPUs this thread may run on now.
///
/// # Errors
///
/// [`Error::is_denied`] and [`Error::is_unsupported`] where the system call is.
pub fn current() -> Result<CpuSet, Error> {
    os::affinity(0)
}

/// The CPUs the main thread of this process may run on now.
///
/// It is the closest there is to a mask of the process: a restriction from outside, such as
/// `taskset`, shows in it, and the pins of other threads do not.
///
/// # Errors
///
/// As [`current`], and when the main thread has ended before the others.
///
/// ```
/// use heliostat_percpu::affinity;
///
/// match affinity::of_main_thread() {
///     Ok(mask) => println!("{} CPUs: {mask}", mask.len()),
///     Err(error) => eprintln!("cannot tell: {error}"),
/// }
/// ```
pub fn of_main_thread() -> Result<CpuSet, Error> {
    // The number of the main thread is that of the process, and such numbers are small.
    os::affinity(i32::try_from(std::process::id()).unwrap_or(0))
}

/// The CPUs that any thread of this process could be given: those of its cpuset that are on.
///
/// The answer does not depend on how this thread is pinned and needs no access to the control group
/// file system: a thread that lives for this question alone asks for all CPUs and looks at what it
/// was given. A restriction that somebody gave the whole process from outside, such as `taskset`, is
/// not part of the answer; [`current`], asked at the start of the program, shows it.
///
/// # Errors
///
/// [`Error::is_denied`] when a filter denies setting masks: then [`current`] is the best there is.
/// Also when no thread can be started.
///
/// ```
/// use heliostat_percpu::affinity;
///
/// match affinity::allowed() {
///     Ok(allowed) => println!("{} CPUs: {allowed}", allowed.len()),
///     Err(error) => eprintln!("cannot tell: {error}"),
/// }
/// ```
pub fn allowed() -> Result<CpuSet, Error> {
    let ask = || {
        reset()?;
        current()
    };
    let scratch =
        std::thread::Builder::new().name("percpu-allowed".into()).stack_size(SCRATCH_STACK);
    let scratch = scratch.spawn(ask).map_err(|error| Error::os("clone", error))?;
    // The closure cannot panic; if it did, that is the same as not knowing.
    scratch.join().unwrap_or_else(|_| Err(Error::unsupported("the question for allowed CPUs")))
}

/// Enough for two system calls and a vector.
pub(crate) const SCRATCH_STACK: usize = 64 * 1024;

/// Gives this thread a mask. CPUs that are not allowed are left out by the kernel.
///
/// # Errors
///
/// [`Error::is_empty_set`] for a set without a CPU, [`Error::is_not_allowed`] when none of its CPUs
/// is allowed, [`Error::is_denied`] when a filter denies the system call.
pub fn set(cpus: &CpuSet) -> Result<(), Error> {
    if cpus.is_empty() { Err(Error::empty_set()) } else { os::set_affinity(cpus.words()) }
}

/// Takes this thread's own mask away: it may run wherever the cpuset allows, also after that grows.
///
/// This is not the same as setting the CPUs that are allowed now, which would keep the thread from
/// ever using the ones that are allowed later.
///
/// # Errors
///
/// [`Error::is_denied`] when a filter denies the system call.
pub fn reset() -> Result<(), Error> {
    os::set_affinity(&[u64::MAX; CpuId::MAX as usize / 64 + 1])
}
