//! The cores, and who may use which.

use std::fs;

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// One core for the server, one for the load.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Where the server runs.
    pub server_cpu: usize,
    /// Where the load comes from: another core if there is one.
    pub load_cpu: usize,
}

impl Machine {
    /// Takes the first two cores that this process may use.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell them.
    pub fn look() -> Result<Machine> {
        let allowed = sched_getaffinity(None).context("the allowed CPUs")?;
        let mut cpus = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
        let server_cpu = cpus.next().context("no CPU is allowed")?;
        Ok(Machine { server_cpu, load_cpu: cpus.next().unwrap_or(server_cpu) })
    }

    /// What stands above the tables: the processor, the kernel, the cores.
    pub fn about(&self) -> String {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_once(':').map_or("unknown", |(_, value)| value.trim()).to_owned()
        };
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let shared = if self.server_cpu == self.load_cpu {
            " **There is only one core: server and load share it, and no figure is worth much.**"
        } else {
            ""
        };
        format!(
            "{}, Linux {}; server on core {}, load on core {}.{shared}",
            field("/proc/cpuinfo", "model name"),
            kernel.trim(),
            self.server_cpu,
            self.load_cpu
        )
    }
}

/// Runs something with the calling thread, and the children that it starts, bound to one core.
///
/// # Errors
///
/// When the kernel refuses, or what was run failed.
pub fn pinned<T>(cpu: usize, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = sched_getaffinity(None).context("the allowed CPUs")?;
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).with_context(|| format!("binding to CPU {cpu}"))?;
    let done = run();
    sched_setaffinity(None, &before).context("unbinding")?;
    done
}
