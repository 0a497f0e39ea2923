//! What all probing of this process may take, and its workers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heliostat_admission::{
    Admission, Bytes, Capacity, Change, Fraction, Headroom, Lane, MilliCpu, Need, Watch, Watching,
};
use heliostat_observe_probe_wire::{Format, Found, Limit, Refused, Task, Verdict};
use heliostat_workers::{Ask, Job, Limits, Line, Pool, Program, Report, Sandbox, Settings};

use crate::document::Document;
use crate::failure::Failure;

/// How to probe.
#[derive(Clone, Debug)]
pub struct ProbeSettings {
    /// The worker's program; see [`program`].
    pub program: Program,
    /// Memory and CPU for all of it, bodies and workers together. Where the container comes to give
    /// less, it is less; never more.
    pub budget: Need,
    /// How long a job may wait for a worker.
    pub wait: Duration,
}

impl ProbeSettings {
    /// A program, with what this container can spare: half of it, so that whoever serves beside us
    /// has the other half.
    ///
    /// # Errors
    ///
    /// When nobody says what this container gives.
    pub fn detect(program: Program) -> Result<ProbeSettings, heliostat_admission::Error> {
        let budget = spared(&Capacity::detect()?);
        Ok(ProbeSettings { program, budget, wait: Duration::from_secs(60) })
    }
}

/// Half of what there is.
fn spared(capacity: &Capacity) -> Need {
    let whole = capacity.allocatable(Headroom::Fraction(Fraction::percent(10)));
    let bytes = (whole.memory().get() / 2).clamp(BUDGET_BYTES_MIN, BUDGET_BYTES_MAX);
    Need::new(Bytes::new(bytes), whole.cpu())
}

/// Worker processes, and the permits of everything that they get to see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prober {
    room: Room,
    tally: Arc<Tally>,
    /// Kept for as long as somebody probes; none where nothing can be watched.
    _watch: Option<Arc<Watch>>,
}

/// What follows the container.
#[derive(Clone, Debug)]
struct Room {
    /// The most there may be: what there was at the start.
    most: Need,
    pool: Pool,
    data: Admission,
    execution: Admission,
    each: Arc<Each>,
}

/// The most that one job may have.
#[derive(Debug, Default)]
struct Each {
    memory_bytes: AtomicU64,
    cpu_milli: AtomicU64,
}

impl Each {
    fn share(&self, budget: &Need, workers: usize) {
        let workers = workers as u64;
        // All of the background's part of the CPU is enough for all workers.
        let background = Fraction::percent(75).of(budget.cpu().get());
        self.memory_bytes.store(budget.memory().get() / 2 / 2 / workers, Ordering::Relaxed);
        self.cpu_milli.store(background / workers, Ordering::Relaxed);
    }

    fn of(&self, ask: Ask) -> Need {
        let most = self.memory_bytes.load(Ordering::Relaxed);
        let bytes = (BASE_BYTES + ask.bytes as u64 / 4).min(most);
        Need::new(Bytes::new(bytes), MilliCpu::new(self.cpu_milli.load(Ordering::Relaxed)))
    }
}

impl Room {
    /// Takes less, or as much as at the start again.
    fn resize(&self, budget: &Need) {
        let budget = budget.min(&self.most);
        let workers = budget.cpu().threads().max(1);
        let half = Bytes::new(budget.memory().get() / 2);
        // Whoever is told that its share has become impossible asks for the new one.
        self.each.share(&budget, workers);
        self.data.resize(Need::of_memory(half));
        self.execution.resize(Need::new(half, budget.cpu()));
        self.pool.resize(workers);
    }

    /// Follows what the container gives. Pressure brakes nobody here: probing makes most of it.
    fn follow(&self) -> Option<Arc<Watch>> {
        let room = self.clone();
        let watching = Watching { brake: None, ..Watching::default() };
        let watch = Watch::with(watching, move |change| {
            if let Change::Capacity(capacity) = change {
                room.resize(&spared(capacity));
            }
        });
        watch.ok().map(Arc::new)
    }
}

/// What was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents that were understood.
    pub found: u64,
    /// Documents that were refused, by limit.
    pub refused: Vec<(Limit, u64)>,
    /// Names that were left out of documents, by limit.
    pub left_out: Vec<(Limit, u64)>,
    /// Workers that a document ended.
    pub workers_ended: u64,
}

#[derive(Debug)]
struct Tally {
    found: AtomicU64,
    refused: Vec<AtomicU64>,
    left_out: Vec<AtomicU64>,
}

impl Prober {
    /// Starts a pool on the current tokio runtime, or on a thread of its own without one.
    ///
    /// # Errors
    ///
    /// When there is no runtime and none can be made.
    pub fn start(settings: ProbeSettings) -> Result<Prober, heliostat_workers::Error> {
        let (memory, cpu) = (settings.budget.memory().get(), settings.budget.cpu());
        let workers = cpu.threads().max(1);
        // Two admissions, or bodies could take what their own workers wait for.
        let data = Admission::new(Need::of_memory(Bytes::new(memory / 2)));
        let execution = Admission::new(Need::new(Bytes::new(memory / 2), cpu));
        let each = Arc::new(Each::default());
        each.share(&settings.budget, workers);
        let asked = Arc::clone(&each);
        let need = move |ask: Ask| asked.of(ask);
        let limits = Limits {
            memory_bytes: Some(WORKER_BYTES_MAX),
            cpu_seconds: Some(60),
            ..Limits::default()
        };
        let pool = Pool::start(Settings {
            sandbox: Sandbox { limits, ..Sandbox::best_effort() },
            workers,
            stage: Some(Arc::new(Line::admitted(execution.clone(), Lane::Background, need))),
            queue_bytes: usize::try_from(memory).unwrap_or(usize::MAX),
            queue_age: settings.wait,
            resident_bytes_max: RESIDENT_BYTES_MAX,
            ..Settings::new(settings.program)
        })?;
        let zeros = || Limit::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        let tally = Tally { found: AtomicU64::new(0), refused: zeros(), left_out: zeros() };
        let room = Room { most: settings.budget, pool, data, execution, each };
        let watch = room.follow();
        Ok(Prober { room, tally: Arc::new(tally), _watch: watch })
    }

    /// Starts a worker, and says what it is kept from.
    ///
    /// # Errors
    ///
    /// When none can be started.
    pub async fn check(&self) -> Result<Report, heliostat_workers::Error> {
        self.room.pool.check().await
    }

    /// Waits for room for a document of at most so many bytes: the data permit.
    ///
    /// # Errors
    ///
    /// When there can never be so much room.
    pub async fn document(&self, task: Task, bytes_max: usize) -> Result<Document, Failure> {
        // Of a document that is larger than all the room there is, as much comes as there is room.
        let room = self.room.data.total().memory().get();
        let bytes_max = bytes_max.min(usize::try_from(room / 5 * 4).unwrap_or(usize::MAX));
        let need = Need::of_memory(Bytes::new(bytes_max as u64));
        let permit = self.room.data.acquire(Lane::Background, need).await;
        let permit = permit.map_err(|_| {
            self.refused(Limit::BodyBytes, format!("there is no room for {bytes_max} bytes"))
        })?;
        Document::new(task, bytes_max, permit.into_owned()).map_err(Failure::Machine)
    }

    /// Has a worker look at a document.
    ///
    /// # Errors
    ///
    /// The limit that the document is beyond, an overload, or a machine on which nothing works.
    pub async fn probe(&self, document: Document) -> Result<Found, Failure> {
        let (task, permit, body) = document.finish().map_err(Failure::Machine)?;
        let bytes = body.len();
        let job = Job::new(body)
            .max_reply(reply_bytes_max(task.format, bytes))
            .limit(time_max(task.format))
            .holding(Box::new(permit));
        match self.room.pool.call(job).await {
            Ok(reply) => self.verdict(&task, reply.bytes()),
            Err(error) => Err(self.failure(error)),
        }
    }

    /// As [`probe`](Prober::probe), of bytes that lie here already.
    ///
    /// # Errors
    ///
    /// As [`probe`](Prober::probe).
    pub async fn probe_bytes(&self, task: Task, bytes: &[u8]) -> Result<Found, Failure> {
        let mut document = self.document(task, bytes.len()).await?;
        document.push(bytes).map_err(|error| self.count(error))?;
        self.probe(document).await
    }

    /// Counts what was refused before a worker could see it.
    pub fn note(&self, limit: Limit) {
        self.add(&self.tally.refused, limit, 1);
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let read = |counts: &[AtomicU64]| {
            let counts = counts.iter().map(|count| count.load(Ordering::Relaxed));
            let counts = Limit::ALL.iter().copied().zip(counts);
            counts.filter(|(_, count)| *count > 0).collect()
        };
        Counts {
            found: self.tally.found.load(Ordering::Relaxed),
            refused: read(&self.tally.refused),
            left_out: read(&self.tally.left_out),
            workers_ended: self.room.pool.counts().culprits,
        }
    }

    /// Ends the workers when all have done their jobs.
    pub async fn drain(&self) {
        self.room.pool.drain().await;
    }

    fn verdict(&self, task: &Task, bytes: &[u8]) -> Result<Found, Failure> {
        match Verdict::decode(bytes, &task.limits) {
            Ok(Verdict::Found(found)) => {
                self.tally.found.fetch_add(1, Ordering::Relaxed);
                for left in &found.left_out {
                    self.add(&self.tally.left_out, left.limit, left.count);
                }
                Ok(found)
            }
            Ok(Verdict::Refused(refused)) => Err(self.count(Failure::Refused(refused))),
            Err(malformed) => Err(self.refused(Limit::WorkerNonsense, malformed.to_string())),
        }
    }

    fn failure(&self, error: heliostat_workers::Error) -> Failure {
        self.count(Failure::of(error))
    }

    pub(crate) fn refused(&self, limit: Limit, what: String) -> Failure {
        self.count(Failure::Refused(Refused::new(limit, what, 0)))
    }

    /// Counts a failure.
    pub(crate) fn count(&self, failure: Failure) -> Failure {
        if let Failure::Refused(refused) = &failure {
            self.add(&self.tally.refused, refused.limit, 1);
        }
        failure
    }

    fn add(&self, counts: &[AtomicU64], limit: Limit, count: u64) {
        let at = Limit::ALL.iter().position(|&known| known == limit);
        if let Some(known) = at.and_then(|at| counts.get(at)) {
            known.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// The worker's program: beside this one, where every way of installing puts it.
///
/// # Errors
///
/// Where it should be and is not.
pub fn program() -> Result<Program, PathBuf> {
    let own = std::env::current_exe().unwrap_or_default();
    let beside = own.parent().unwrap_or(Path::new(".")).join(PROGRAM);
    // Tests lie one folder below the programs that they test.
    let above = own.parent().and_then(Path::parent).map(|folder| folder.join(PROGRAM));
    let found = [Some(&beside), above.as_ref()].into_iter().flatten().find(|path| path.is_file());
    match found {
        Some(path) => Ok(Program::new(path, [] as [&str; 0])),
        None => Err(beside),
    }
}

/// The name of the worker's program.
pub const PROGRAM: &str = "heliostat-probe";

/// How long a verdict may be: what a worker may make us hold.
fn reply_bytes_max(format: Format, bytes: usize) -> usize {
    let most = match format {
        Format::Repomd | Format::Checksums => 4 << 20,
        Format::Listing | Format::Rsync | Format::Checkin => 32 << 20,
        _ => 128 << 20,
    };
    // Compressed a hundredfold or not, small documents have short verdicts.
    bytes.saturating_mul(100).clamp(REPLY_BYTES_MIN, most)
}

/// How long a worker may look at a document.
fn time_max(format: Format) -> Duration {
    Duration::from_secs(match format {
        Format::Filelists => 120,
        Format::Primary | Format::Packages => 60,
        _ => 15,
    })
}

/// What fits into a worker's ring.
const REPLY_BYTES_MIN: usize = 64 << 10;

/// What a worker needs before it has seen a byte.
const BASE_BYTES: u64 = 8 << 20;

/// The address space of a worker: its body and its verdict are mapped into it.
const WORKER_BYTES_MAX: u64 = 1 << 30;

/// A worker that keeps more than this after a job is replaced.
const RESIDENT_BYTES_MAX: u64 = 128 << 20;

/// With less than this nothing can be looked at, with more nothing gets faster.
const BUDGET_BYTES_MIN: u64 = 96 << 20;
const BUDGET_BYTES_MAX: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::{Admission, Ask, Bytes, Each, Lane, MilliCpu, Need};

    #[test]
    fn whatever_there_is_a_job_fits_into_it() {
        let ask = Ask { bytes: 1 << 30, kind: 0, tenant: 0 };
        for (mib, milli) in [(96, 1), (96, 100), (512, 1500), (1024, 2000), (1024, 64_000)] {
            let cpu = MilliCpu::new(milli);
            let each = Each::default();
            each.share(&Need::new(Bytes::new(mib << 20), cpu), cpu.threads().max(1));
            let execution = Admission::new(Need::new(Bytes::new(mib << 19), cpu));
            assert!(execution.is_possible(Lane::Background, each.of(ask)), "{mib} MiB, {milli} m");
        }
    }
}
