//! Jobs, replies, errors: what a caller sees.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use heliostat_workers::{Ask, BodyWriter, Job, Line, Permit, Settings, Stage, Transport};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use crate::support::{eventually, pipes, pool, run, settings, transports};
use crate::tests;
use crate::worker::{FAIL, HANG, LONG, REVERSE, SPIN, SUM, reversed};

tests!(
    replies_come_back,
    every_length,
    errors_are_told_apart,
    many_callers,
    calls_spend_the_budget,
    blocking_callers,
    without_a_runtime,
    large_bodies,
    memory_of_long_bodies_is_used_again,
    answers_together_keep_their_times,
    an_answer_does_not_wait_for_the_next_job,
    long_replies,
    stages_are_asked,
    a_stage_of_futures,
    tenants_are_charged,
    transports_are_reported,
);

fn replies_come_back() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            for text in ["", "a", "abc"] {
                let reply = pool.call(Job::new(text)).await.unwrap();
                assert_eq!(reply.bytes(), reversed(text.as_bytes()));
            }
            assert_eq!(pool.counts().done, 3);
        }
    });
}

fn every_length() {
    run(async {
        for settings in transports() {
            let inline = 4096;
            let pool = pool(Settings { inline_bytes: inline, ..settings });
            for len in [0, 1, 31, 32, 33, inline - 1, inline, inline + 1, 10 * inline, 1 << 20] {
                let body: Vec<u8> = (0..len).map(|at| at as u8).collect();
                let job = Job::new(body.clone()).max_reply(1 << 20);
                assert_eq!(pool.call(job).await.unwrap().bytes(), reversed(&body), "{len}");
            }
        }
    });
}

fn errors_are_told_apart() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { queue_bytes: 1 << 20, ..settings });
            let error = pool.call(Job::new("no such thing").kind(FAIL)).await.unwrap_err();
            assert!(error.is_failed() && error.failure() == Some(b"no such thing"), "{error}");
            let error = pool.call(Job::new("11").kind(LONG).max_reply(10)).await.unwrap_err();
            assert!(error.is_too_long(), "{error}");
            let error = pool.call(Job::new("70000").kind(LONG)).await.unwrap_err();
            assert!(error.is_too_long(), "{error}");
            let error = pool.call(Job::new(vec![0; (1 << 20) + 1])).await.unwrap_err();
            assert!(error.is_too_large(), "{error}");
            assert_eq!(
                pool.call(Job::new("10").kind(LONG).max_reply(10)).await.unwrap().bytes().len(),
                10
            );
            assert_eq!(pool.counts().died, 0);
            pool.stop();
            assert!(pool.call(Job::new("")).await.unwrap_err().is_closed());
        }
    });
}

fn many_callers() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { workers: 2, ..settings });
            let callers = (0..64_u32).map(|caller| {
                let pool = pool.clone();
                tokio::spawn(async move {
                    for round in 0..50_u32 {
                        let body = format!("{caller} {round} {}", "x".repeat(caller as usize * 40));
                        let reply = pool.call(Job::new(body.clone())).await.unwrap();
                        assert_eq!(reply.bytes(), reversed(body.as_bytes()));
                    }
                })
            });
            for caller in callers.collect::<Vec<_>>() {
                caller.await.unwrap();
            }
            assert_eq!((pool.counts().done, pool.counts().failed), (64 * 50, 0));
        }
    });
}

/// One thread for everybody, and a caller who never has to wait: the others have their turn all
/// the same, because each call spends some of the turn that the runtime gives.
fn calls_spend_the_budget() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = pool(settings());
        assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
        let turns = Arc::new(AtomicUsize::new(0));
        let other = tokio::spawn({
            let turns = turns.clone();
            async move {
                loop {
                    turns.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                }
            }
        });
        for _ in 0..2000 {
            pool.call(Job::new("abc")).await.unwrap();
        }
        assert!(turns.load(Ordering::Relaxed) > 10, "starved by replies");
        // A pool that is closed answers at once, always.
        pool.stop();
        turns.store(0, Ordering::Relaxed);
        for _ in 0..10_000 {
            assert!(pool.call(Job::new("abc")).await.unwrap_err().is_closed());
        }
        assert!(turns.load(Ordering::Relaxed) > 10, "starved by refusals");
        other.abort();
    });
}

fn blocking_callers() {
    let runtime = crate::support::runtime();
    let _entered = runtime.enter();
    for settings in transports() {
        let pool = pool(settings);
        thread::scope(|scope| {
            for caller in 0..8 {
                let pool = &pool;
                scope.spawn(move || {
                    for round in 0..200 {
                        let body = format!("{caller} {round}");
                        let reply = pool.call_blocking(Job::new(body.clone())).unwrap();
                        assert_eq!(reply.bytes(), reversed(body.as_bytes()));
                    }
                });
            }
        });
        assert_eq!(pool.counts().done, 1600);
    }
}

fn without_a_runtime() {
    let pool = pool(settings());
    for round in 0..100 {
        let spin = if round % 10 == 0 { SPIN } else { REVERSE };
        assert_eq!(pool.call_blocking(Job::new("100").kind(spin)).unwrap().bytes(), b"001");
    }
    let ticket = pool.submit(Job::new("abc")).unwrap();
    assert_eq!(ticket.wait().unwrap().bytes(), b"cba");
}

fn large_bodies() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { queue_bytes: 256 << 20, ..settings });
            let mut body = BodyWriter::new().unwrap();
            (0..100).for_each(|_| body.write_all(&[3; 100_000]).unwrap());
            let job = Job::new(body.finish().unwrap()).kind(SUM);
            let sum = pool.call(job).await.unwrap();
            assert_eq!(sum.bytes(), 30_000_000_u64.to_le_bytes());
            let sum = pool.call(Job::new(vec![2; 5_000_000]).kind(SUM)).await.unwrap();
            assert_eq!(sum.bytes(), 10_000_000_u64.to_le_bytes());
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/api.rs");
            let expected: u64 = std::fs::read(path).unwrap().iter().map(|b| u64::from(*b)).sum();
            let body = heliostat_workers::Body::from_file(File::open(path).unwrap()).unwrap();
            let sum = pool.call(Job::new(body).kind(SUM)).await.unwrap();
            assert_eq!(sum.bytes(), expected.to_le_bytes());
            assert_eq!(pool.counts().died, 0);
        }
    });
}

/// Longer and shorter bodies in turn, several in flight: each job sees its own bytes.
fn memory_of_long_bodies_is_used_again() {
    run(async {
        let pool = pool(Settings { inline_bytes: 4096, ..settings() });
        for round in 0_u8..4 {
            let tickets: Vec<_> = [300_000_usize, 70_000, 299_999, 5_000, 20 << 20]
                .into_iter()
                .enumerate()
                .map(|(at, len)| {
                    let byte = round * 7 + at as u8;
                    let job = Job::new(vec![byte; len]).kind(SUM);
                    (pool.submit(job).unwrap(), u64::from(byte) * len as u64)
                })
                .collect();
            for (ticket, sum) in tickets {
                assert_eq!(ticket.await.unwrap().bytes(), sum.to_le_bytes());
            }
        }
    });
}

/// Several answers may be seen at once; the time that the jobs took is theirs all the same.
fn answers_together_keep_their_times() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            for _ in 0..20 {
                let tickets: Vec<_> =
                    (0..8).map(|_| pool.submit(Job::new("100").kind(SPIN)).unwrap()).collect();
                for ticket in tickets {
                    let time = ticket.await.unwrap().run_time();
                    assert!(time >= Duration::from_micros(100), "{time:?}");
                }
            }
        }
    });
}

/// One ring stands for several answers, but not when the next job never ends.
fn an_answer_does_not_wait_for_the_next_job() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            for _ in 0..200 {
                pool.call(Job::new("30").kind(SPIN)).await.unwrap();
            }
            let short: Vec<_> =
                (0..3).map(|_| pool.submit(Job::new("30").kind(SPIN)).unwrap()).collect();
            let endless: Vec<_> =
                (0..5).map(|_| pool.submit(Job::new("").kind(HANG)).unwrap()).collect();
            for ticket in short {
                ticket.await.unwrap();
            }
            assert!(!endless[0].is_done(), "only the limit of the next job has brought the answer");
        }
    });
}

fn long_replies() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            for bytes in [65_536, 65_537, 3_000_000] {
                let job = Job::new(bytes.to_string()).kind(LONG).max_reply(4 << 20);
                let reply = pool.call(job).await.unwrap();
                assert_eq!(reply.bytes(), vec![7; bytes]);
            }
        }
    });
}

/// Lets two jobs run at a time, and no more.
#[derive(Default)]
struct Two {
    inside: Arc<AtomicUsize>,
    most: AtomicUsize,
    again: std::sync::Mutex<Option<Waker>>,
}

struct Inside(Arc<AtomicUsize>, Waker);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
        self.1.wake_by_ref();
    }
}

impl Stage for Two {
    fn enter(&self, _ask: Ask, again: &Waker) -> Option<Permit> {
        *self.again.lock().unwrap() = Some(again.clone());
        let inside = self.inside.fetch_add(1, Ordering::SeqCst);
        if inside >= 2 {
            self.inside.fetch_sub(1, Ordering::SeqCst);
            return None;
        }
        self.most.fetch_max(inside + 1, Ordering::SeqCst);
        Some(Box::new(Inside(self.inside.clone(), again.clone())))
    }
}

fn stages_are_asked() {
    run(async {
        let stage = Arc::new(Two::default());
        let pool = pool(Settings { stage: Some(stage.clone()), workers: 2, ..settings() });
        let data = Arc::new(());
        let tickets: Vec<_> = (0..100)
            .map(|_| {
                pool.submit(Job::new("20").kind(SPIN).holding(Box::new(data.clone()))).unwrap()
            })
            .collect();
        assert!(Arc::strong_count(&data) > 1);
        for ticket in tickets {
            ticket.await.unwrap();
        }
        assert_eq!(Arc::strong_count(&data), 1);
        assert_eq!(stage.most.load(Ordering::SeqCst), 2);
        eventually("all permits are back", || stage.inside.load(Ordering::SeqCst) == 0).await;
    });
}

/// Others hold the permits too: who waits is woken when they let go, and what nobody wants any
/// more goes back.
fn a_stage_of_futures() {
    run(async {
        let semaphore = Arc::new(Semaphore::new(2));
        let of = semaphore.clone();
        let stage = Arc::new(Line::new(move |_| {
            let of = of.clone();
            Box::pin(async move { Some(Box::new(of.acquire_owned().await.ok()?) as Permit) })
        }));
        let pool = pool(Settings { stage: Some(stage), workers: 2, ..settings() });
        for round in 0..20 {
            let others = semaphore.clone().acquire_many_owned(2).await.unwrap();
            let tickets: Vec<_> = (0..30).map(|_| pool.submit(Job::new("abc")).unwrap()).collect();
            if round % 2 == 0 {
                drop(tickets);
                drop(others);
            } else {
                drop(others);
                for ticket in tickets {
                    assert_eq!(ticket.await.unwrap().bytes(), b"cba");
                }
            }
            // With nothing to do, not even a place in the line is held.
            eventually("all are back", || semaphore.available_permits() == 2).await;
        }
        assert_eq!(pool.counts().queue_jobs, 0);
    });
}

fn tenants_are_charged() {
    run(async {
        let pool = pool(settings());
        for _ in 0..20 {
            pool.call(Job::new("1000").kind(SPIN).tenant(1)).await.unwrap();
            pool.call(Job::new("4000").kind(SPIN).tenant(2)).await.unwrap();
        }
        eventually("both have an account", || pool.tenants().len() == 2).await;
        let cpu = |of| pool.tenants().iter().find(|time| time.tenant == of).unwrap().cpu;
        eventually("the accounts are up to date", || cpu(2) >= Duration::from_millis(30)).await;
        assert!(cpu(2) > cpu(1), "{:?}", pool.tenants());
    });
}

fn transports_are_reported() {
    run(async {
        let report = pool(settings()).check().await.unwrap();
        assert_eq!(report.transport, Transport::Ring);
        let report = pool(pipes()).check().await.unwrap();
        assert!(matches!(report.transport, Transport::Pipes { bytes } if bytes >= 4096));
    });
}
