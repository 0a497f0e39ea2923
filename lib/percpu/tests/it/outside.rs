//! What somebody outside can do: set the mask of any thread.

use heliostat_percpu::CpuSet;

/// The number of the calling thread, for [`set_mask`].
pub(crate) fn thread_number() -> i32 {
    // SAFETY: no arguments, no preconditions.
    unsafe { libc::gettid() }
}

/// Sets the mask of a thread as an outsider does; `false` when the kernel refuses.
pub(crate) fn set_mask(thread: i32, cpus: &CpuSet) -> bool {
    let mut words = [0u64; 16];
    for cpu in cpus.iter() {
        words[cpu.index() / 64] |= 1 << (cpu.index() % 64);
    }
    // SAFETY: the kernel reads as many bytes as `words` has.
    unsafe { libc::syscall(libc::SYS_sched_setaffinity, thread, size_of_val(&words), &words) == 0 }
}

/// A set from the kernel's list format.
pub(crate) fn cpus(list: &str) -> CpuSet {
    list.parse().unwrap()
}

/// Says why a test does nothing here.
pub(crate) fn skip(test: &str, why: &str) {
    use std::io::Write;
    // Past the test harness, which would swallow it.
    let _unheard = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}
