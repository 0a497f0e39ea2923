//! The numbers of a pool. Each is a limit with a name; what happens at it is said at the field.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::program::Program;
use crate::sandbox::Sandbox;
use crate::stage::Stage;

/// How a pool is to be. Fields have defaults through [`Settings::new`].
#[derive(Clone)]
pub struct Settings {
    /// What a worker runs.
    pub program: Program,
    /// What a worker is kept from.
    pub sandbox: Sandbox,
    /// At most so many workers. As many as there are CPUs for it, and no more.
    pub workers: usize,
    /// So many are started at once and kept when idle; the others are started when needed.
    pub warm: usize,
    /// A worker beyond the warm ones ends after so long without a job.
    pub idle: Duration,
    /// Jobs in one worker's ring, at most; the pool uses as few as keep the worker busy.
    pub window: usize,
    /// Bodies and replies up to this length travel in the ring; longer ones by descriptor.
    pub inline_bytes: usize,
    /// Waiting jobs may hold so many bytes; more are refused.
    pub queue_bytes: usize,
    /// Waiting jobs may be so many; more are refused.
    pub queue_jobs: usize,
    /// A job that waits longer is dropped: its caller has more use for a quick refusal.
    pub queue_age: Duration,
    /// How long a job may run, unless it says so itself.
    pub limit: Duration,
    /// Longest time from the start of a process to its report.
    pub launch_limit: Duration,
    /// After a failed launch the next waits so long, then twice, and so on up to
    /// [`back_off_max`](Settings::back_off_max).
    pub back_off: Duration,
    /// Longest wait between launches.
    pub back_off_max: Duration,
    /// Workers that are started in a second, at most; beyond that a launch waits. It bounds what a
    /// stranger can cost whose every job ends a worker.
    pub launches_per_s: u32,
    /// A worker is replaced after so many jobs (by up to a tenth fewer, so that not all end at once).
    pub jobs_max: u64,
    /// A worker is replaced when it holds more memory than this after a job.
    pub resident_bytes_max: u64,
    /// What happens to a job that ended its worker.
    pub retry: Retry,
    /// Content that ended two workers is refused for so long.
    pub refuse_for: Duration,
    /// The workers' share of the CPU against everything else.
    pub weight: Weight,
    /// A cgroup (a directory below `/sys/fs/cgroup`) that workers are put into.
    pub cgroup: Option<PathBuf>,
    /// The second stage: who may run now.
    pub stage: Option<Arc<dyn Stage>>,
    /// For how long either side may spin instead of sleeping, when that is cheaper.
    pub spin: Duration,
    /// No shared memory even where it is to be had.
    pub pipes_only: bool,
    /// Gets each line that a worker writes to its standard error, of those that fit the budget.
    pub on_stderr: Option<OnLine>,
}

impl Settings {
    /// The defaults for a program.
    #[must_use]
    pub fn new(program: Program) -> Settings {
        Settings {
            program,
            sandbox: Sandbox::best_effort(),
            workers: 1,
            warm: 0,
            idle: Duration::from_secs(60),
            window: 16,
            inline_bytes: 64 << 10,
            queue_bytes: 64 << 20,
            queue_jobs: 65_536,
            queue_age: Duration::from_secs(10),
            limit: Duration::from_secs(10),
            launch_limit: Duration::from_secs(10),
            back_off: Duration::from_millis(50),
            back_off_max: Duration::from_secs(10),
            launches_per_s: 100,
            jobs_max: 1_000_000,
            resident_bytes_max: 256 << 20,
            retry: Retry::Alone,
            refuse_for: Duration::from_secs(60),
            weight: Weight::Same,
            cgroup: None,
            stage: None,
            spin: Duration::from_micros(100),
            pipes_only: false,
            on_stderr: None,
        }
    }
}

/// Gets a line of text.
pub type OnLine = Arc<dyn Fn(&str) + Send + Sync>;

/// What happens to a job that ended its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It is tried once more in a worker where it can hurt nobody.
    Alone,
    /// It fails at once.
    Never,
}

/// The workers' share of the CPU against everything else on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As the parent.
    Same,
    /// This nice value; below the parent's own it needs privileges.
    Nice(i32),
    /// This `cpu.weight` (1 to 10,000; others have 100) of [`Settings::cgroup`], which must be a
    /// version 2 group with the CPU controller.
    Cgroup(u32),
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("program", &self.program)
            .field("workers", &self.workers)
            .field("window", &self.window)
            .field("queue_bytes", &self.queue_bytes)
            .field("queue_age", &self.queue_age)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
