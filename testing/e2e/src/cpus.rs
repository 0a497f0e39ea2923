//! What somebody outside can do to the CPUs of a process: set masks, change a cpuset.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// One thread of a process, as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// Its name.
    pub name: String,
    /// The CPUs that it may run on.
    pub cpus: Vec<usize>,
    id: i32,
}

/// All threads of a process, by name.
///
/// # Errors
///
/// When there is no such process.
pub fn tasks(process: i32) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for entry in fs::read_dir(format!("/proc/{process}/task"))? {
        let path = entry?.path();
        let id = path.file_name().and_then(|name| name.to_str()).and_then(|id| id.parse().ok());
        // A thread that has ended meanwhile is none.
        let (Some(id), Ok(name)) = (id, fs::read_to_string(path.join("comm"))) else { continue };
        let Ok(mask) = sched_getaffinity(Pid::from_raw(id)) else { continue };
        tasks.push(Task { name: name.trim_end().to_owned(), cpus: list(&mask), id });
    }
    tasks.sort();
    Ok(tasks)
}

/// Gives every thread of a process a mask, as `taskset --all-tasks` does.
///
/// # Errors
///
/// When the kernel refuses.
pub fn mask_set(process: i32, cpus: &[usize]) -> Result<()> {
    let mut mask = CpuSet::new();
    cpus.iter().for_each(|&cpu| mask.set(cpu));
    for task in tasks(process)? {
        match sched_setaffinity(Pid::from_raw(task.id), &mask) {
            // It has ended meanwhile.
            Err(rustix::io::Errno::SRCH) => {}
            done => done.with_context(|| format!("the mask of {}", task.name))?,
        }
    }
    Ok(())
}

/// The CPUs that this process may run on.
///
/// # Errors
///
/// When the kernel does not tell.
pub fn cpus_allowed() -> Result<Vec<usize>> {
    Ok(list(&sched_getaffinity(None)?))
}

fn list(mask: &CpuSet) -> Vec<usize> {
    (0..CpuSet::MAX_CPU).filter(|&cpu| mask.is_set(cpu)).collect()
}

/// A control group with a cpuset of its own; removed when dropped.
#[derive(Debug)]
pub struct Cpuset(PathBuf);

impl Cpuset {
    /// Makes one below the topmost.
    ///
    /// # Errors
    ///
    /// When there is no cpuset controller or no right to use it.
    pub fn make(cpus: &[usize]) -> Result<Cpuset> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let root = Cpuset::root()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("heliostat-test-{}-{number}", process::id()));
        fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let cpuset = Cpuset(path);
        if let Ok(mems) = fs::read_to_string(root.join("cpuset.mems")) {
            fs::write(cpuset.0.join("cpuset.mems"), mems.trim())?;
        }
        cpuset.allow(cpus)?;
        Ok(cpuset)
    }

    /// Moves a process and all its threads into it.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn take_in(&self, process: i32) -> Result<()> {
        fs::write(self.0.join("cgroup.procs"), process.to_string()).context("cgroup.procs")
    }

    /// Allows these CPUs from now on.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn allow(&self, cpus: &[usize]) -> Result<()> {
        let cpus: Vec<String> = cpus.iter().map(usize::to_string).collect();
        fs::write(self.0.join("cpuset.cpus"), cpus.join(",")).context("cpuset.cpus")
    }

    /// Where the controller is mounted: version 1, else version 2 with the controller switched on.
    fn root() -> Result<PathBuf> {
        ensure!(rustix::process::geteuid().is_root(), "needs root");
        for mount in fs::read_to_string("/proc/mounts")?.lines() {
            let fields: Vec<&str> = mount.split(' ').collect();
            let [_, at, kind, options, ..] = fields[..] else { continue };
            let control = Path::new(at).join("cgroup.subtree_control");
            let is_v1 = kind == "cgroup" && options.split(',').any(|option| option == "cpuset");
            let is_v2 = kind == "cgroup2"
                && fs::read_to_string(control).is_ok_and(|switched| switched.contains("cpuset"));
            if is_v1 || is_v2 {
                return Ok(at.into());
            }
        }
        bail!("no cpuset controller is mounted and switched on")
    }
}

impl Drop for Cpuset {
    /// A process that has just ended may still count for a moment.
    fn drop(&mut self) {
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
