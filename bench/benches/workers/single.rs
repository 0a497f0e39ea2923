//! Everything that is measured once: launch, large bodies, killers, cancellation, overload, the
//! equilibrium with other work, idleness.

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use heliostat_workers::{Body, BodyWriter, Job, Pool, Sandbox, Settings, Weight};

use crate::cell::{BODY_BYTES, Usage, calibrate, cpu_ns, runtime, settings};
use crate::original::Async;

/// From nothing to the first reply of a worker, with each sandbox; and what a call costs in it.
pub(crate) fn spawn() {
    println!("\nLaunch: from an empty pool to the first reply, ms\n");
    println!("| sandbox | median | p95 |\n|---|---|---|");
    let runtime = runtime();
    let boxes = [("none", Sandbox::none()), ("best effort", Sandbox::best_effort())];
    let mut times = vec![Vec::new(); boxes.len()];
    for _ in 0..100 {
        for ((_, sandbox), times) in boxes.iter().zip(&mut times) {
            let settings = Settings { warm: 0, sandbox: sandbox.clone(), ..settings(1, 1) };
            times.push(runtime.block_on(async {
                let began = Instant::now();
                let pool = Pool::start(settings).unwrap();
                pool.call(Job::new("x")).await.unwrap();
                began.elapsed().as_secs_f64() * 1e3
            }));
        }
    }
    for ((name, _), times) in boxes.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!(
            "| {name} | {:.2} | {:.2} |",
            times[times.len() / 2],
            times[times.len() * 95 / 100]
        );
    }
    sandbox_per_call(&boxes);
}

fn sandbox_per_call(boxes: &[(&str, Sandbox)]) {
    println!("\nA call of no work, one caller, us (interleaved, median of 40 times 2000 calls)\n");
    println!("| sandbox | a call |\n|---|---|");
    let runtime = runtime();
    let _entered = runtime.enter();
    let pools: Vec<_> = boxes
        .iter()
        .map(|(_, sandbox)| {
            Pool::start(Settings { sandbox: sandbox.clone(), ..settings(1, 1) }).unwrap()
        })
        .collect();
    let body = Bytes::from(vec![1; BODY_BYTES]);
    let mut times = vec![Vec::new(); boxes.len()];
    for _ in 0..41 {
        for (pool, times) in pools.iter().zip(&mut times) {
            let began = Instant::now();
            for _ in 0..2000 {
                pool.call_blocking(Job::new(body.clone())).unwrap();
            }
            times.push(began.elapsed().as_secs_f64() * 1e6 / 2000.0);
        }
    }
    for ((name, _), times) in boxes.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!("| {name} | {:.2} |", times[times.len() / 2]);
    }
}

/// 64 MiB, handed over in each of the ways; the worker looks at the first byte of each job only,
/// or at every cache line.
pub(crate) fn large() {
    println!("\n64 MiB body, ms (median of 15)\n\n| how | handed over |\n|---|---|");
    const BYTES: usize = 64 << 20;
    let runtime = runtime();
    runtime.block_on(async {
        let big = Settings { queue_bytes: 1 << 30, ..settings(1, 1) };
        let ring = Pool::start(big.clone()).unwrap();
        let pipes = Pool::start(Settings { pipes_only: true, ..big }).unwrap();
        let bytes = Bytes::from(vec![3; BYTES]);
        let mut writer = BodyWriter::new().unwrap();
        writer.write_all(&bytes).unwrap();
        let sealed = writer.finish().unwrap();
        for (name, pool, body) in [
            ("BodyWriter: no copy", &ring, sealed),
            ("bytes: one copy, into a descriptor", &ring, Body::from(bytes.clone())),
            ("bytes over pipes", &pipes, Body::from(bytes)),
        ] {
            let mut times = Vec::new();
            for _ in 0..15 {
                let began = Instant::now();
                let reply =
                    pool.call(Job::new(body.clone()).kind(crate::cell::TOUCH)).await.unwrap();
                assert_eq!(reply.bytes().len(), 8);
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
            times.sort_by(f64::total_cmp);
            println!("| {name} | {:.1} |", times[7]);
        }
    });
}

/// One job in 32 kills its worker; which share of the others fails?
pub(crate) fn killer() {
    const TRIALS: usize = 30;
    println!("\nOne killer among 32 concurrent jobs, {TRIALS} trials\n");
    println!("| design | innocents that failed | workers launched |\n|---|---|---|");
    let runtime = runtime();
    let iterations = calibrate(20);
    let body = Bytes::from(vec![1; BODY_BYTES]);
    let deadly = Bytes::from(vec![0xff; BODY_BYTES]);
    runtime.block_on(async {
        let mut failed = 0;
        for _ in 0..TRIALS {
            let design = Arc::new(Async::start(iterations));
            let tasks: Vec<_> = (0..32)
                .map(|at| {
                    let body = if at == 5 { deadly.clone() } else { body.clone() };
                    let design = design.clone();
                    tokio::spawn(async move { design.call(&body).await.is_err() && at != 5 })
                })
                .collect();
            for task in tasks {
                failed += usize::from(task.await.unwrap());
            }
        }
        println!("| async | {failed} of {} | {TRIALS} |", TRIALS * 31);
        let pool = Pool::start(Settings { refuse_for: Duration::ZERO, ..settings(iterations, 1) })
            .unwrap();
        let mut failed = 0;
        for _ in 0..TRIALS {
            let tasks: Vec<_> = (0..32)
                .map(|at| {
                    let body = if at == 5 { deadly.clone() } else { body.clone() };
                    let pool = pool.clone();
                    tokio::spawn(async move { pool.call(Job::new(body)).await.is_err() && at != 5 })
                })
                .collect();
            for task in tasks {
                failed += usize::from(task.await.unwrap());
            }
        }
        let counts = pool.counts();
        assert_eq!(counts.culprits, TRIALS as u64);
        println!("| ours | {failed} of {} | {} |", TRIALS * 31, counts.launched);
    });
}

/// Half of the callers cancel at random: what do the others notice, and what grows?
pub(crate) fn cancel() {
    println!("\nHalf of 32 callers cancel at random (20 us of work)\n");
    let iterations = calibrate(20);
    let runtime = runtime();
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let calm = others(&runtime, iterations, false);
        let wild = others(&runtime, iterations, true);
        ratios.push(wild.0 as f64 / calm.0 as f64);
    }
    print!("throughput of those who stay, against a run in which nobody cancels:");
    ratios.iter().for_each(|ratio| print!(" {ratio:.2}"));
    ratios.sort_by(f64::total_cmp);
    println!("; median {:.2}", ratios[2]);
    let (mut cancelled, mut memory) = (0, Vec::new());
    let pool = runtime.block_on(async { Pool::start(settings(iterations, 1)).unwrap() });
    while cancelled < 200_000 {
        cancelled += drive(&runtime, &pool, true, Duration::from_millis(250)).1;
        memory.push(resident_kib());
    }
    let (first, last) = (memory[memory.len() / 4], memory[memory.len() - 1]);
    println!(
        "{cancelled} cancellations: memory {first} KiB after a quarter, {last} KiB at the end"
    );
    println!("{:?}", pool.counts());
}

fn others(runtime: &tokio::runtime::Runtime, iterations: u64, wild: bool) -> (u64, u64) {
    let pool = runtime.block_on(async { Pool::start(settings(iterations, 1)).unwrap() });
    drive(runtime, &pool, wild, Duration::from_millis(50));
    drive(runtime, &pool, wild, Duration::from_millis(400))
}

/// Replies to those who stay, and cancellations.
fn drive(runtime: &tokio::runtime::Runtime, pool: &Pool, wild: bool, time: Duration) -> (u64, u64) {
    let stop = Arc::new(AtomicBool::new(false));
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let tasks: Vec<_> = (0..32_u64)
        .map(|caller| {
            let (pool, stop, counts) = (pool.clone(), stop.clone(), counts.clone());
            runtime.spawn(async move {
                let body = Bytes::from(vec![1; BODY_BYTES]);
                let mut patience = caller;
                while !stop.load(Ordering::Relaxed) {
                    if caller % 2 == 0 && wild {
                        patience = (patience * 31 + 17) % 1500;
                        let call = pool.call(Job::new(body.clone()));
                        let limit = Duration::from_micros(patience);
                        let gone = tokio::time::timeout(limit, call).await.is_err();
                        counts[1].fetch_add(u64::from(gone), Ordering::Relaxed);
                    } else {
                        pool.call(Job::new(body.clone())).await.unwrap();
                        counts[0].fetch_add(caller % 2, Ordering::Relaxed);
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    std::thread::sleep(time);
    stop.store(true, Ordering::Relaxed);
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    (counts[0].load(Ordering::Relaxed), counts[1].load(Ordering::Relaxed))
}

fn resident_kib() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    text.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
}

/// Half as much again as the workers can do, for some seconds.
pub(crate) fn overload() {
    println!("\n1.5 x overload: 1 ms of work, 120 KiB a job, budget 16 MiB, 5 s\n");
    println!(
        "| queue age | capacity/s before, after | done/s | of the capacity | refused | p50 ms | p99 ms | peak queue MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let iterations = calibrate(1000);
    let runtime = runtime();
    for age_ms in [60_000, 100] {
        let settings = Settings {
            queue_bytes: 16 << 20,
            queue_age: Duration::from_millis(age_ms),
            inline_bytes: 128 << 10,
            ..settings(iterations, 1)
        };
        let pool = runtime.block_on(async { Pool::start(settings).unwrap() });
        let body = Bytes::from(vec![1; 120 << 10]);
        overload_with(&runtime, &pool, &body, age_ms);
    }
}

/// Jobs a second when exactly as many are handed in as the pool can do: eight at a time.
fn capacity(runtime: &tokio::runtime::Runtime, pool: &Pool, body: &Bytes) -> f64 {
    const TIME: Duration = Duration::from_secs(2);
    runtime.block_on(async {
        let began = Instant::now();
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let (pool, body) = (pool.clone(), body.clone());
                tokio::spawn(async move {
                    let mut done = 0_u32;
                    while began.elapsed() < TIME {
                        let job = Job::new(Bytes::copy_from_slice(&body));
                        // On a machine that stalls, even these can wait longer than the age.
                        done += u32::from(pool.call(job).await.is_ok());
                    }
                    done
                })
            })
            .collect();
        let mut done = 0;
        for caller in callers {
            done += caller.await.unwrap();
        }
        f64::from(done) / began.elapsed().as_secs_f64()
    })
}

fn overload_with(runtime: &tokio::runtime::Runtime, pool: &Pool, body: &Bytes, age_ms: u64) {
    let capacity_before = capacity(runtime, pool, body);
    let before = pool.counts();
    let (peak, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let (mut waits, began) = (Vec::new(), Instant::now());
    runtime.block_on(async {
        let pace = Duration::from_secs_f64(1.0 / (capacity_before * 1.5));
        let mut tasks = Vec::new();
        for nth in 0_u32.. {
            let due = began + pace * nth;
            if began.elapsed() > Duration::from_secs(5) {
                break;
            }
            tokio::time::sleep_until(due.into()).await;
            peak.fetch_max(pool.counts().queue_bytes, Ordering::Relaxed);
            // A copy each, as if each had been downloaded.
            let body = Bytes::copy_from_slice(body);
            match pool.submit(Job::new(body)) {
                Ok(ticket) => tasks.push(tokio::spawn(async move {
                    ticket.await.is_ok().then(|| due.elapsed().as_secs_f64() * 1e3)
                })),
                Err(_) => _ = refused.fetch_add(1, Ordering::Relaxed),
            }
        }
        for task in tasks {
            waits.extend(task.await.unwrap());
        }
    });
    let took = began.elapsed().as_secs_f64();
    waits.sort_by(f64::total_cmp);
    let counts = pool.counts();
    let capacity_after = capacity(runtime, pool, body);
    let done = (counts.done - before.done) as f64 / took;
    println!(
        "| {age_ms} ms | {capacity_before:.0}, {capacity_after:.0} | {done:.0} | {:.2} | {} | {:.0} | {:.0} | {:.1} |",
        2.0 * done / (capacity_before + capacity_after),
        refused.load(Ordering::Relaxed) + counts.queue_aged - before.queue_aged,
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
        peak.load(Ordering::Relaxed) as f64 / (1 << 20) as f64,
    );
}

/// Callers and other CPU-bound tasks on one runtime: who gets how much, by the workers' weight.
pub(crate) fn weight() {
    println!(
        "\nEquilibrium: 64 callers of 20 us, 4 tasks of 20 us on the same runtime, 1 worker\n"
    );
    println!("| nice | calls/s | background/s |\n|---|---|---|");
    let iterations = calibrate(20);
    for nice in [-10, 0, 10] {
        let runtime = runtime();
        let stop = Arc::new(AtomicBool::new(false));
        let settings = Settings { weight: Weight::Nice(nice), ..settings(iterations, 1) };
        let pool = runtime.block_on(async { Pool::start(settings).unwrap() });
        let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        for caller in 0..68 {
            let (pool, stop, counts) = (pool.clone(), stop.clone(), counts.clone());
            runtime.spawn(async move {
                let body = Bytes::from(vec![1; BODY_BYTES]);
                while !stop.load(Ordering::Relaxed) {
                    if caller < 64 {
                        if pool.call(Job::new(body.clone())).await.is_err() {
                            return;
                        }
                        counts[0].fetch_add(1, Ordering::Relaxed);
                    } else {
                        black_box(crate::cell::work(iterations, &[1]));
                        counts[1].fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
        std::thread::sleep(Duration::from_millis(200));
        let before = counts.each_ref_counts();
        std::thread::sleep(Duration::from_secs(1));
        let after = counts.each_ref_counts();
        stop.store(true, Ordering::Relaxed);
        println!("| {nice} | {} | {} |", after.0 - before.0, after.1 - before.1);
        drop(pool);
        runtime.shutdown_timeout(Duration::from_millis(300));
    }
}

trait Pair {
    fn each_ref_counts(&self) -> (u64, u64);
}

impl Pair for [AtomicU64; 2] {
    fn each_ref_counts(&self) -> (u64, u64) {
        (self[0].load(Ordering::Relaxed), self[1].load(Ordering::Relaxed))
    }
}

/// What a pool costs that has nothing to do.
pub(crate) fn idle() {
    let runtime = runtime();
    let pool = runtime.block_on(async {
        let pool = Pool::start(settings(1, 2)).unwrap();
        for _ in 0..1000 {
            pool.call(Job::new("x")).await.unwrap();
        }
        pool
    });
    std::thread::sleep(Duration::from_millis(700));
    let workers = || pool.processes().iter().map(|pid| cpu_ns(*pid)).sum::<u64>();
    let (parent, before) = (Usage::now(&[]).parent_ns, workers());
    std::thread::sleep(Duration::from_secs(3));
    println!(
        "\nAn idle pool of 2 workers, 3 s: parent {} us of CPU, workers {} us",
        (Usage::now(&[]).parent_ns - parent) / 1000,
        (workers() - before) / 1000
    );
}
