//! CPU time and memory of a process, as the kernel counts them.

use std::fs;

use anyhow::{Context, Result};

/// The CPU time of all threads of a process, in nanoseconds.
///
/// # Errors
///
/// When there is no such process.
pub fn cpu_ns(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path().join("schedstat");
        // A thread may end between the listing and the reading.
        let text = fs::read_to_string(path).unwrap_or_default();
        sum += text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0);
    }
    Ok(sum)
}

/// The memory of a process in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Pages that are its own: not of a mapped file.
    pub private_kib: u64,
    /// Resident pages of mapped files; the page cache holds them once for everybody.
    pub file_kib: u64,
    /// The most that was resident at any time, files included.
    pub peak_kib: u64,
}

/// The memory of a process.
///
/// # Errors
///
/// When there is no such process.
pub fn memory(pid: u32) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("no such process")?;
    let field = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|value| value.trim().strip_suffix(" kB"));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    };
    Ok(Memory {
        private_kib: field("RssAnon:") + field("RssShmem:"),
        file_kib: field("RssFile:"),
        peak_kib: field("VmHWM:"),
    })
}

/// How long a core has been busy with anything since the machine started, in nanoseconds.
///
/// # Errors
///
/// When the kernel does not tell.
pub fn core_busy_ns(cpu: usize) -> Result<u64> {
    let text = fs::read_to_string("/proc/stat")?;
    let name = format!("cpu{cpu} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name)).context("no such core")?;
    let ticks = line.split(' ').map(|ticks| ticks.parse::<u64>().unwrap_or(0)).enumerate();
    // User, nice, system, (idle, waiting for a disk,) interrupts twice, stolen; the rest is in
    // the first two already.
    let busy = ticks.filter(|(i, _)| matches!(i, 0..=2 | 5..=7)).map(|(_, ticks)| ticks);
    Ok(busy.sum::<u64>() * NS_PER_TICK)
}

/// The kernel shows times in hundredths of a second, whatever it counts in.
const NS_PER_TICK: u64 = 10_000_000;
