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
