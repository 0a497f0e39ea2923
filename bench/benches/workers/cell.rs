//! One design under one load: N callers in a closed loop for a while.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use heliostat_workers::{Job, Pool, Program, Sandbox, Settings};
use tokio::runtime::{Builder, Runtime};

use crate::original::{Async, Sync};

/// A request and an answer.
pub(crate) const BODY_BYTES: usize = 8192;

/// A job whose worker looks at every cache line of the body, and answers with a number.
pub(crate) const TOUCH: u32 = 1;

/// Which design.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Design {
    /// The original that blocks, in tokio tasks as it was used.
    Sync,
    /// The same, each caller on a thread of its own.
    SyncThreads,
    /// The original that is async.
    Async,
    /// `lib/workers`, async callers.
    Ours,
    /// `lib/workers`, blocking callers on threads of their own.
    OursThreads,
}

/// What a cell measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) per_s: f64,
    pub(crate) p99_us: f64,
    /// CPU time of a call beyond the work itself: the parent's, the workers'.
    pub(crate) parent_us: f64,
    pub(crate) worker_us: f64,
}

/// The work of a job: so many rounds of arithmetic on its bytes.
pub(crate) fn work(iterations: u64, body: &[u8]) -> u8 {
    let mut state = u64::from(body[0]) | 1;
    for _ in 0..iterations {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state) as u8
}

/// Iterations that take so long on this machine.
pub(crate) fn calibrate(us: u64) -> u64 {
    let time = |iterations| {
        let began = Instant::now();
        black_box(work(iterations, &[1]));
        began.elapsed().as_nanos() as u64
    };
    let best = (0..50).map(|_| time(100_000)).min().unwrap();
    us * 1000 * 100_000 / best
}

/// Our worker.
pub(crate) fn worker(iterations: u64) -> ! {
    heliostat_workers::serve(|job, reply| {
        if job.body().first() == Some(&0xff) {
            std::process::abort();
        }
        if job.kind() == TOUCH {
            let lines = job.body().iter().step_by(64);
            let sum: u64 = lines.map(|byte| u64::from(*byte)).sum();
            return reply.push(&sum.to_le_bytes());
        }
        black_box(work(iterations, job.body()));
        reply.push(job.body())
    })
}

/// Settings of our pool for a bench.
pub(crate) fn settings(iterations: u64, workers: usize) -> Settings {
    let program = Program::itself(["worker".to_owned(), iterations.to_string()]);
    Settings { workers, warm: workers, sandbox: Sandbox::best_effort(), ..Settings::new(program) }
}

/// A started design, cheap to clone into callers.
#[derive(Clone)]
enum Rig {
    Sync(Arc<Vec<Sync>>),
    Async(Arc<Vec<Async>>),
    Ours(Pool),
}

impl Rig {
    fn start(design: Design, iterations: u64, workers: usize) -> Rig {
        match design {
            Design::Sync | Design::SyncThreads => {
                Rig::Sync(Arc::new((0..workers).map(|_| Sync::start(iterations)).collect()))
            }
            Design::Async => {
                Rig::Async(Arc::new((0..workers).map(|_| Async::start(iterations)).collect()))
            }
            Design::Ours | Design::OursThreads => {
                Rig::Ours(Pool::start(settings(iterations, workers)).unwrap())
            }
        }
    }

    fn pids(&self) -> Vec<u32> {
        match self {
            Rig::Sync(all) => all.iter().map(Sync::pid).collect(),
            Rig::Async(all) => all.iter().map(Async::pid).collect(),
            Rig::Ours(pool) => pool.processes(),
        }
    }

    async fn call(&self, turn: usize, body: &Bytes) {
        let answer = match self {
            Rig::Sync(all) => all[turn % all.len()].call(body),
            Rig::Async(all) => all[turn % all.len()].call(body).await.unwrap(),
            Rig::Ours(pool) => pool.call(Job::new(body.clone())).await.unwrap().into_bytes(),
        };
        assert_eq!(answer.len(), BODY_BYTES);
    }

    fn call_blocking(&self, turn: usize, body: &Bytes) {
        let answer = match self {
            Rig::Sync(all) => all[turn % all.len()].call(body),
            Rig::Async(_) => Vec::new(),
            Rig::Ours(pool) => pool.call_blocking(Job::new(body.clone())).unwrap().into_bytes(),
        };
        assert_eq!(answer.len(), BODY_BYTES);
    }
}

/// When callers begin to be counted, and when they stop.
#[derive(Default)]
struct Phase {
    counts: AtomicBool,
    stop: AtomicBool,
    turn: AtomicU64,
}

/// A runtime as every design gets it.
pub(crate) fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Measures one cell.
pub(crate) fn measure(
    design: Design,
    callers: usize,
    us: u64,
    workers: usize,
    time: Duration,
) -> Cell {
    let iterations = calibrated(us);
    let runtime = runtime();
    let rig = {
        let _entered = runtime.enter();
        Rig::start(design, iterations, workers)
    };
    let phase = Arc::new(Phase::default());
    let threads = matches!(design, Design::SyncThreads | Design::OursThreads);
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (rig, phase) = (rig.clone(), phase.clone());
            if threads {
                Caller::Thread(std::thread::spawn(move || loop_on_thread(&rig, &phase)))
            } else {
                Caller::Task(runtime.spawn(async move { loop_in_task(&rig, &phase).await }))
            }
        })
        .collect();
    std::thread::sleep(Duration::from_millis(80));
    phase.counts.store(true, Ordering::Relaxed);
    let (before, began) = (Usage::now(&rig.pids()), Instant::now());
    std::thread::sleep(time);
    let (after, took) = (Usage::now(&rig.pids()), began.elapsed().as_secs_f64());
    phase.counts.store(false, Ordering::Relaxed);
    phase.stop.store(true, Ordering::Relaxed);
    let mut waits: Vec<u32> = tasks.into_iter().flat_map(|caller| caller.join(&runtime)).collect();
    drop(rig);
    runtime.shutdown_timeout(Duration::from_millis(200));
    waits.sort_unstable();
    let calls = waits.len().max(1) as f64;
    let at = |part: f64| waits.get((calls * part) as usize).map_or(0.0, |ns| f64::from(*ns) / 1e3);
    Cell {
        per_s: calls / took,
        p99_us: at(0.99),
        parent_us: (after.parent_ns - before.parent_ns) as f64 / 1e3 / calls,
        worker_us: (after.workers_ns.saturating_sub(before.workers_ns)) as f64 / 1e3 / calls
            - us as f64,
    }
}

/// As [`calibrate`], once per length of work.
fn calibrated(us: u64) -> u64 {
    static KNOWN: std::sync::Mutex<Vec<(u64, u64)>> = std::sync::Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap();
    if let Some((_, iterations)) = known.iter().find(|(known, _)| *known == us) {
        return *iterations;
    }
    let iterations = calibrate(us);
    known.push((us, iterations));
    iterations
}

enum Caller {
    Thread(std::thread::JoinHandle<Vec<u32>>),
    Task(tokio::task::JoinHandle<Vec<u32>>),
}

impl Caller {
    fn join(self, runtime: &Runtime) -> Vec<u32> {
        match self {
            Caller::Thread(thread) => thread.join().unwrap(),
            Caller::Task(task) => runtime.block_on(task).unwrap(),
        }
    }
}

async fn loop_in_task(rig: &Rig, phase: &Phase) -> Vec<u32> {
    let body = Bytes::from(vec![7; BODY_BYTES]);
    let mut waits = Vec::with_capacity(1 << 14);
    let mut began = Instant::now();
    while !phase.stop.load(Ordering::Relaxed) {
        let turn = phase.turn.fetch_add(1, Ordering::Relaxed) as usize;
        rig.call(turn, &body).await;
        tokio::task::yield_now().await;
        let now = Instant::now();
        if phase.counts.load(Ordering::Relaxed) {
            waits.push(now.duration_since(began).as_nanos() as u32);
        }
        began = now;
    }
    waits
}

fn loop_on_thread(rig: &Rig, phase: &Phase) -> Vec<u32> {
    let body = Bytes::from(vec![7; BODY_BYTES]);
    let mut waits = Vec::with_capacity(1 << 14);
    let mut began = Instant::now();
    while !phase.stop.load(Ordering::Relaxed) {
        let turn = phase.turn.fetch_add(1, Ordering::Relaxed) as usize;
        rig.call_blocking(turn, &body);
        let now = Instant::now();
        if phase.counts.load(Ordering::Relaxed) {
            waits.push(now.duration_since(began).as_nanos() as u32);
        }
        began = now;
    }
    waits
}

/// CPU time so far.
pub(crate) struct Usage {
    pub(crate) parent_ns: u64,
    pub(crate) workers_ns: u64,
}

impl Usage {
    pub(crate) fn now(workers: &[u32]) -> Usage {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let parent_ns = (time.tv_sec * 1_000_000_000 + time.tv_nsec) as u64;
        Usage { parent_ns, workers_ns: workers.iter().map(|pid| cpu_ns(*pid)).sum() }
    }
}

/// CPU time of a process.
pub(crate) fn cpu_ns(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

/// The part of the machine's CPUs that somebody else used between two looks, by our reckoning.
pub(crate) fn machine_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let busy = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = busy.filter_map(|ticks| ticks.parse().ok()).collect();
    let idle = ticks.get(3).unwrap_or(&0) + ticks.get(4).unwrap_or(&0);
    (ticks.iter().take(8).sum::<u64>() - idle) * 10_000_000
}
