//! Permits beside tokio's semaphore and tower's limit, and what finding and watching limits costs.
//!
//! `cargo bench -p heliostat-bench --bench admission`, with `--quick` for a third of the rounds, and
//! names of parts (`uncontended contended release fair cancel detect`) for these parts alone.
//! Contestants take turns within a round, and every ratio is made of two numbers of the same round;
//! what is printed is the median of the rounds. Uncontended costs are the smallest of many short
//! batches instead, because on a shared machine only that is the cost of the code.

use std::convert::Infallible;
use std::hint::black_box;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use heliostat_admission::{Acquire, Admission, Bytes, Capacity, Lane, MilliCpu, Need};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Notify, Semaphore};
use tower::limit::ConcurrencyLimit;
use tower::{Service, ServiceExt, service_fn};

fn main() -> io::Result<()> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    let rounds = if quick { 3 } else { 9 };
    let out = &mut io::stdout().lock();
    if wants("uncontended") {
        uncontended(out, rounds * 100)?;
    }
    if wants("contended") {
        contended(out, rounds)?;
    }
    if wants("release") {
        isolated_release(out, rounds * 20)?;
    }
    if wants("fair") {
        fairness(out)?;
        large_request(out)?;
    }
    if wants("cancel") {
        cancellation(out, rounds)?;
    }
    if wants("detect") {
        discovery(out, if quick { 2 } else { 60 })?;
    }
    Ok(())
}

/// One permit for memory and CPU: an eighth of all.
const NEED: Need = Need::new(Bytes::new(16 << 20), MilliCpu::new(500));
const TOTAL: Need = Need::new(Bytes::new(128 << 20), MilliCpu::new(4000));
const SHARE: u32 = 16;
const ALL: u32 = 128;

fn threads(count: usize) -> Runtime {
    let mut builder =
        if count == 0 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.worker_threads(count.max(1)).enable_time().build().expect("a runtime")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The smallest time of one turn among batches, in nanoseconds.
macro_rules! batch {
    ($best:expr, $turn:block) => {{
        let start = Instant::now();
        for _ in 0..BATCH {
            $turn
        }
        let each = start.elapsed().as_nanos() as f64 / f64::from(BATCH);
        $best = f64::min($best, each);
    }};
}

const BATCH: u32 = 2000;

fn uncontended(out: &mut impl Write, rounds: u32) -> io::Result<()> {
    let (semaphore, admission) = (Semaphore::new(ALL as usize), Admission::new(TOTAL));
    let limited = service_fn(async |(): ()| Ok::<(), Infallible>(()));
    let mut limited = ConcurrencyLimit::new(limited, 8);
    let mut best = [f64::MAX; 6];
    threads(0).block_on(async {
        for _ in 0..rounds {
            batch!(best[0], { drop(semaphore.acquire_many(black_box(SHARE)).await) });
            batch!(best[1], { drop(admission.acquire(Lane::Interactive, black_box(NEED)).await) });
            batch!(best[2], { drop(admission.acquire(Lane::Background, black_box(NEED)).await) });
            batch!(best[3], { drop(semaphore.try_acquire_many(black_box(SHARE))) });
            batch!(best[4], { drop(admission.try_acquire(Lane::Interactive, black_box(NEED))) });
            batch!(best[5], {
                let ready = limited.ready().await;
                drop(ready.map(|service| service.call(())));
            });
        }
    });
    writeln!(out, "uncontended, ns for one acquire and release, smallest of batches")?;
    writeln!(out, "  tokio acquire_many, one resource      {:6.1}", best[0])?;
    for (name, cost) in [("interactive", best[1]), ("background", best[2])] {
        writeln!(out, "  acquire, two resources, {name:<12}  {cost:6.1}  x{:.2}", cost / best[0])?;
    }
    writeln!(out, "  tokio try_acquire_many                {:6.1}", best[3])?;
    writeln!(
        out,
        "  try_acquire, two resources            {:6.1}  x{:.2}",
        best[4],
        best[4] / best[3]
    )?;
    writeln!(out, "  tower ConcurrencyLimit, one of count  {:6.1}\n", best[5])
}

/// Runs so many tasks for a while; nanoseconds for one turn, and the turns of each task.
fn crowd<F: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    tasks: usize,
    time: Duration,
    turn: impl Fn() -> F + Clone + Send + 'static,
) -> (f64, Vec<u64>) {
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let turns = runtime.block_on(async {
        let running: Vec<_> = (0..tasks)
            .map(|_| {
                let (turn, stop) = (turn.clone(), Arc::clone(&stop));
                tokio::spawn(async move {
                    let mut turns = 0_u64;
                    while !stop.load(Relaxed) {
                        turn().await;
                        turns += 1;
                    }
                    turns
                })
            })
            .collect();
        tokio::time::sleep(time).await;
        stop.store(true, Relaxed);
        let mut turns = Vec::new();
        for task in running {
            turns.push(task.await.expect("no task panics"));
        }
        turns
    });
    let all: u64 = turns.iter().sum();
    (start.elapsed().as_nanos() as f64 / all as f64, turns)
}

fn of_tokio(
    runtime: &Runtime,
    semaphore: &Arc<Semaphore>,
    tasks: usize,
    time: Duration,
) -> (f64, Vec<u64>) {
    let semaphore = Arc::clone(semaphore);
    crowd(runtime, tasks, time, move || {
        let semaphore = Arc::clone(&semaphore);
        async move {
            let permit = semaphore.acquire_many(SHARE).await.expect("it is open");
            tokio::task::yield_now().await;
            drop(permit);
        }
    })
}

fn of_admission(
    runtime: &Runtime,
    admission: &Admission,
    tasks: usize,
    time: Duration,
) -> (f64, Vec<u64>) {
    let admission = admission.clone();
    crowd(runtime, tasks, time, move || {
        let admission = admission.clone();
        async move {
            let permit = admission.acquire(Lane::Interactive, NEED).await.expect("it is open");
            tokio::task::yield_now().await;
            drop(permit);
        }
    })
}

/// What Fn's tracker does, in Rust: a lock over what is used, and a release that wakes everybody.
#[derive(Default)]
struct Broadcast {
    used: Mutex<u32>,
    released: Notify,
}

impl Broadcast {
    async fn acquire(&self) {
        loop {
            let released = self.released.notified();
            {
                let mut used = self.used.lock().expect("nobody panics");
                if *used + SHARE <= ALL {
                    *used += SHARE;
                    return;
                }
            }
            released.await;
        }
    }

    fn release(&self) {
        *self.used.lock().expect("nobody panics") -= SHARE;
        self.released.notify_waiters();
    }
}

fn of_broadcast(runtime: &Runtime, tasks: usize, time: Duration) -> (f64, Vec<u64>) {
    let broadcast = Arc::new(Broadcast::default());
    crowd(runtime, tasks, time, move || {
        let broadcast = Arc::clone(&broadcast);
        async move {
            broadcast.acquire().await;
            tokio::task::yield_now().await;
            broadcast.release();
        }
    })
}

/// tower's limit: it counts, and weighs nothing.
fn of_tower(runtime: &Runtime, tasks: usize, time: Duration) -> (f64, Vec<u64>) {
    let yields = service_fn(async |(): ()| {
        tokio::task::yield_now().await;
        Ok::<(), Infallible>(())
    });
    let limited = ConcurrencyLimit::new(yields, 8);
    crowd(runtime, tasks, time, move || {
        let limited = limited.clone();
        async move { limited.oneshot(()).await.expect("it cannot fail") }
    })
}

fn contended(out: &mut impl Write, rounds: u32) -> io::Result<()> {
    let runtime = threads(2);
    let (semaphore, admission) = (Arc::new(Semaphore::new(ALL as usize)), Admission::new(TOTAL));
    let time = Duration::from_millis(150);
    writeln!(out, "contended, 8 permits, hold = yield, 2 threads, wall ns for one turn, medians")?;
    writeln!(out, "  tasks    tokio     here    ratio  (smallest to largest)   tower   broadcast")?;
    for tasks in [1, 8, 64, 512, 4096] {
        let (mut theirs, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let (mut towers, mut broadcasts) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (a, _) = of_tokio(&runtime, &semaphore, tasks, time);
            let (b, _) = of_admission(&runtime, &admission, tasks, time);
            theirs.push(a);
            ours.push(b);
            ratios.push(b / a);
            towers.push(of_tower(&runtime, tasks, time).0);
            broadcasts.push(of_broadcast(&runtime, tasks, time).0);
        }
        let least = ratios.iter().copied().fold(f64::MAX, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        let (theirs, ours, ratio) = (median(theirs), median(ours), median(ratios));
        writeln!(
            out,
            "  {tasks:5} {theirs:8.0} {ours:8.0}   x{ratio:.2}   ({least:.2} to {most:.2})       \
             {:8.0}   {:9.0}",
            median(towers),
            median(broadcasts),
        )?;
    }
    writeln!(out)
}

/// Futures that stand in line.
fn line<F: Future>(count: usize, make: impl Fn() -> F) -> Vec<std::pin::Pin<Box<F>>> {
    let mut context = Context::from_waker(Waker::noop());
    (0..count)
        .map(|_| {
            let mut future = Box::pin(make());
            assert!(matches!(future.as_mut().poll(&mut context), Poll::Pending));
            future
        })
        .collect()
}

/// What a release costs that lets nobody through: with one unit short, everybody still waits.
fn isolated_release(out: &mut impl Write, rounds: u32) -> io::Result<()> {
    writeln!(out, "one release that lets nobody through, ns, smallest of batches")?;
    let large = Need::new(Bytes::new(1 << 40), MilliCpu::new(1 << 40));
    let unit = Need::new(Bytes::new(1), MilliCpu::new(1));
    let mut alone = f64::MAX;
    for waiters in [0, 1, 64, 4096] {
        let admission = Admission::new(large);
        let mut held = admission.try_acquire(Lane::Interactive, large).expect("it is empty");
        let waiting = line(waiters, || admission.acquire(Lane::Interactive, large));
        let mut best = f64::MAX;
        for _ in 0..rounds {
            let parts: Vec<_> = (0..1000).filter_map(|_| held.split(unit)).collect();
            let count = parts.len() as f64;
            let start = Instant::now();
            drop(parts);
            best = best.min(start.elapsed().as_nanos() as f64 / count);
        }
        if waiters == 0 {
            alone = best;
        }
        writeln!(out, "  {waiters:5} waiting  {best:6.1}  x{:.2}", best / alone)?;
        drop(waiting);
    }
    writeln!(out)
}

fn fairness(out: &mut impl Write) -> io::Result<()> {
    let runtime = threads(2);
    let admission = Admission::new(TOTAL);
    let (_, turns) = of_admission(&runtime, &admission, 64, Duration::from_millis(500));
    let sum: f64 = turns.iter().map(|turns| *turns as f64).sum();
    let squares: f64 = turns.iter().map(|turns| (*turns as f64).powi(2)).sum();
    let jain = sum * sum / (squares * turns.len() as f64);
    writeln!(out, "Jain's fairness of 64 tasks on 8 permits: {jain:.4}\n")
}

/// Sixteen tasks take small permits; one asks for everything.
fn large_request(out: &mut impl Write) -> io::Result<()> {
    let runtime = threads(2);
    let admission = Admission::new(TOTAL);
    let granted = Arc::new(AtomicU64::new(0));
    let between = runtime.block_on(async {
        let stop = Arc::new(AtomicBool::new(false));
        for _ in 0..16 {
            let (admission, granted, stop) =
                (admission.clone(), Arc::clone(&granted), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Relaxed) {
                    let permit = admission.acquire(Lane::Interactive, NEED).await;
                    granted.fetch_add(1, Relaxed);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    drop(permit);
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut worst = 0;
        for _ in 0..20 {
            let before = granted.load(Relaxed);
            let permit = admission.acquire(Lane::Interactive, TOTAL).await;
            worst = worst.max(granted.load(Relaxed) - before);
            drop(permit);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.store(true, Relaxed);
        worst
    });
    writeln!(out, "a request for everything among 16 loopers on 8 permits: granted after at most")?;
    writeln!(out, "{between} small grants in 20 tries\n")
}

fn cancellation(out: &mut impl Write, rounds: u32) -> io::Result<()> {
    let (semaphore, admission) = (Semaphore::new(ALL as usize), Admission::new(TOTAL));
    let _theirs = semaphore.try_acquire_many(ALL).expect("it is empty");
    let _ours = admission.try_acquire(Lane::Interactive, TOTAL).expect("it is empty");
    let (mut theirs, mut ours) = (f64::MAX, f64::MAX);
    for _ in 0..rounds * 10 {
        let waiting = line(4096, || semaphore.acquire_many(SHARE));
        let start = Instant::now();
        drop(waiting);
        theirs = theirs.min(start.elapsed().as_nanos() as f64 / 4096.0);
        let waiting: Vec<std::pin::Pin<Box<Acquire<'_>>>> =
            line(4096, || admission.acquire(Lane::Interactive, NEED));
        let start = Instant::now();
        drop(waiting);
        ours = ours.min(start.elapsed().as_nanos() as f64 / 4096.0);
    }
    writeln!(out, "cancelling 4096 waiters, ns for each, smallest of rounds")?;
    writeln!(out, "  futures dropped: tokio {theirs:.1}, here {ours:.1}, x{:.2}", ours / theirs)?;
    cancelled_tasks(out, rounds)
}

/// The same with tasks that wait and are aborted: what a server pays whose clients all go away.
fn cancelled_tasks(out: &mut impl Write, rounds: u32) -> io::Result<()> {
    let runtime = threads(0);
    let (semaphore, admission) = (Arc::new(Semaphore::new(ALL as usize)), Admission::new(TOTAL));
    let _theirs = semaphore.try_acquire_many(ALL).expect("it is empty");
    let _ours = admission.try_acquire(Lane::Interactive, TOTAL).expect("it is empty");
    let (mut theirs, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds * 5 {
        let a = aborted(&runtime, || {
            let semaphore = Arc::clone(&semaphore);
            async move { drop(semaphore.acquire_many(SHARE).await) }
        });
        let b = aborted(&runtime, || {
            let admission = admission.clone();
            async move { drop(admission.acquire(Lane::Interactive, NEED).await) }
        });
        theirs.push(a);
        ours.push(b);
        ratios.push(b / a);
    }
    let (theirs, ours, ratio) = (median(theirs), median(ours), median(ratios));
    writeln!(out, "  tasks aborted:   tokio {theirs:.1}, here {ours:.1}, x{ratio:.2}, medians\n")
}

/// Nanoseconds for each of 4096 tasks that wait, from the first abort to the last end.
fn aborted<F: Future<Output = ()> + Send + 'static>(
    runtime: &Runtime,
    make: impl Fn() -> F,
) -> f64 {
    runtime.block_on(async {
        let tasks: Vec<_> = (0..4096).map(|_| tokio::spawn(make())).collect();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let start = Instant::now();
        tasks.iter().for_each(tokio::task::JoinHandle::abort);
        for task in tasks {
            assert!(task.await.is_err_and(|error| error.is_cancelled()), "it waits for ever");
        }
        start.elapsed().as_nanos() as f64 / 4096.0
    })
}

fn discovery(out: &mut impl Write, seconds: u64) -> io::Result<()> {
    let mut times: Vec<f64> = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        black_box(Capacity::detect().expect("a machine"));
        times.push(start.elapsed().as_nanos() as f64 / 1e6);
    }
    writeln!(out, "detect(): {:.3} ms, median of 200", median(times))?;
    let watch = Capacity::watch(|_| {}).expect("a watch");
    std::thread::sleep(Duration::from_millis(200));
    let (before, start) = (cpu_time(), Instant::now());
    std::thread::sleep(Duration::from_secs(seconds));
    let used = cpu_time() - before;
    drop(watch);
    let part = used.as_secs_f64() / start.elapsed().as_secs_f64() * 100.0;
    writeln!(out, "a watch uses {part:.4} % of a CPU, all threads, over {seconds} s")
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
