//! Small questions to the kernel, each with an answer that is missing rather than wrong.

use std::fs;
use std::num::NonZero;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::thread;

use rustix::process::Pid;

/// CPU time that a process has used: exact where the kernel keeps schedstat, else by the clock
/// tick, else unknown.
pub(crate) fn cpu_ns(pid: Pid) -> Option<u64> {
    let pid = pid.as_raw_nonzero();
    if let Ok(text) = fs::read_to_string(format!("/proc/{pid}/schedstat"))
        && let Some(ns) = text.split(' ').next().and_then(|ns| ns.parse().ok())
        && ns > 0
    {
        return Some(ns);
    }
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold anything; utime and stime are the 12th and 13th after.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|ticks| ticks.parse::<u64>().ok());
    let total = ticks()? + ticks()?;
    Some(total * 1_000_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

/// Memory that a process holds in RAM.
pub(crate) fn resident_bytes(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{}/statm", pid.as_raw_nonzero())).ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// How many CPUs we really have: affinity and cgroup quota count.
pub(crate) fn cpus() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Closes every descriptor from `first` on. For a process that has just begun and holds none of
/// them as an owner.
pub(crate) fn close_from(first: u32) {
    // SAFETY: `serve` calls this before it owns any descriptor from `first` on, so that no owner
    // is left with a number that names something else.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) };
    if done == 0 {
        return;
    }
    // Kernels before 5.9.
    let Ok(names) = fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> = names
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| u32::try_from(*fd).is_ok_and(|fd| fd >= first))
        .collect();
    for fd in open {
        // SAFETY: as above. The descriptor of the listing itself is closed already, and closing
        // its number again fails harmlessly.
        unsafe { libc::close(fd) };
    }
}

/// Closes a descriptor with `close` and nothing else: the standard library looks at it first in
/// some builds, with a system call that a sandboxed worker does not have.
pub(crate) fn close(fd: OwnedFd) {
    // SAFETY: the number was owned, and `into_raw_fd` has given the ownership up.
    unsafe { libc::close(fd.into_raw_fd()) };
}

/// Gives SIGSEGV and SIGBUS back to the kernel: the standard library's handlers need system calls
/// that a sandboxed worker does not have, and would hide the true cause.
pub(crate) fn forget_handlers() {
    for signal in [libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the default action is no code of ours, and the worker has one thread.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Ends the process without the standard library's clean-up, for the same reason.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: nothing is left to be flushed or destroyed: replies are written without buffers.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    use super::{cpu_ns, cpus, resident_bytes};

    #[test]
    fn a_process_knows_itself() {
        let itself = rustix::process::getpid();
        assert!(cpu_ns(itself).is_some());
        assert!(resident_bytes(itself).is_some_and(|bytes| bytes > 100_000));
        assert!(cpus() >= 1);
    }
}
