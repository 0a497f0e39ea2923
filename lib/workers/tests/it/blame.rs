//! Who is to blame: the culprit alone fails, with the cause; innocents do not notice.

use std::time::Duration;

use heliostat_workers::{Cause, Error, Job, Limits, Pool, Retry, Sandbox, Settings};

use crate::support::{pool, run, settings, transports};
use crate::tests;
use crate::worker::{ABORT, EAT, EXIT, HANG, PANIC, REVERSE, SEGFAULT, SPIN, reversed};

tests!(
    causes_are_exact,
    cpu_time_is_limited,
    innocents_never_fail,
    innocents_behind_a_hang,
    culprits_are_refused_for_a_while,
    without_retry,
    an_accident_is_healed,
    a_worker_killed_from_outside,
    a_stopped_worker_is_replaced,
);

async fn fate(pool: &Pool, job: Job) -> Error {
    let error = pool.call(job).await.unwrap_err();
    assert!(error.is_culprit(), "{error}");
    error
}

fn causes_are_exact() {
    run(async {
        for settings in transports() {
            let limits = Limits { memory_bytes: Some(256 << 20), ..Limits::default() };
            let sandbox = Sandbox { limits, ..settings.sandbox.clone() };
            let pool = pool(Settings { sandbox, ..settings });
            let cause = |error: Error| error.cause().cloned().unwrap();
            let soon = Duration::from_millis(100);
            let hung = fate(&pool, Job::new("").kind(HANG).limit(soon)).await;
            assert_eq!(cause(hung), Cause::Deadline(soon));
            assert_eq!(cause(fate(&pool, Job::new("").kind(SEGFAULT)).await), Cause::Signal(11));
            assert_eq!(cause(fate(&pool, Job::new("7").kind(EXIT)).await), Cause::Exit(7));
            assert_eq!(cause(fate(&pool, Job::new("").kind(EAT)).await), Cause::Memory);
            let panicked = fate(&pool, Job::new("at the disco").kind(PANIC)).await;
            assert!(
                panicked.stderr().iter().any(|line| line.contains("at the disco")),
                "{panicked:?}"
            );
            assert_eq!(cause(panicked), Cause::Panic("at the disco".into()));
            let aborted = fate(&pool, Job::new("").kind(ABORT)).await;
            assert_eq!(aborted.stderr().last().unwrap(), "last words");
            assert_eq!(cause(aborted), Cause::Signal(6));
            // Each was tried twice.
            let counts = pool.counts();
            assert_eq!((counts.culprits, counts.retried, counts.deadlines), (6, 6, 2));
        }
    });
}

fn cpu_time_is_limited() {
    run(async {
        let limits = Limits { cpu_seconds: Some(1), ..Limits::default() };
        let sandbox = Sandbox { limits, ..Sandbox::best_effort() };
        let settings = Settings { sandbox, retry: Retry::Never, ..settings() };
        let pool = pool(Settings { limit: Duration::from_secs(60), ..settings });
        let error = fate(&pool, Job::new("").kind(HANG)).await;
        assert_eq!(error.cause(), Some(&Cause::Cpu));
    });
}

fn innocents_never_fail() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { workers: 2, refuse_for: Duration::ZERO, ..settings });
            let callers: Vec<_> = (0..32_u32)
                .map(|caller| {
                    let pool = pool.clone();
                    tokio::spawn(async move {
                        for round in 0..10 {
                            let body = format!("{caller} {round}");
                            if caller == 0 {
                                let error =
                                    pool.call(Job::new(body).kind(SEGFAULT)).await.unwrap_err();
                                assert_eq!(error.cause(), Some(&Cause::Signal(11)));
                            } else {
                                let reply = pool.call(Job::new(body.clone())).await.unwrap();
                                assert_eq!(reply.bytes(), reversed(body.as_bytes()));
                            }
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.unwrap();
            }
            let counts = pool.counts();
            assert_eq!((counts.done, counts.culprits), (310, 10), "{counts:?}");
        }
    });
}

fn innocents_behind_a_hang() {
    run(async {
        let pool = pool(settings());
        let soon = Duration::from_millis(150);
        let bad = pool.submit(Job::new("").kind(HANG).limit(soon)).unwrap();
        let good: Vec<_> =
            (0..40).map(|_| pool.submit(Job::new("ab").kind(REVERSE)).unwrap()).collect();
        for ticket in good {
            assert_eq!(ticket.await.unwrap().bytes(), b"ba");
        }
        assert!(bad.await.unwrap_err().is_deadline());
    });
}

fn culprits_are_refused_for_a_while() {
    run(async {
        let pool = pool(settings());
        let bad = || Job::new("the same").kind(SEGFAULT);
        assert!(pool.call(bad()).await.unwrap_err().is_culprit());
        let launched = pool.counts().launched;
        for _ in 0..10 {
            let error = pool.call(bad()).await.unwrap_err();
            assert!(error.is_refused() && error.cause() == Some(&Cause::Signal(11)), "{error}");
        }
        assert!(pool.call(Job::new("another!").kind(SEGFAULT)).await.unwrap_err().is_culprit());
        assert!(pool.call(Job::new("the same").kind(REVERSE)).await.is_ok());
        assert_eq!((pool.counts().refused, pool.counts().culprits), (10, 2));
        assert!(pool.counts().launched > launched);
    });
}

fn without_retry() {
    run(async {
        let pool = pool(Settings { retry: Retry::Never, ..settings() });
        assert!(pool.call(Job::new("").kind(SEGFAULT)).await.unwrap_err().is_culprit());
        assert_eq!((pool.counts().retried, pool.counts().died), (0, 1));
        // Never proven, so never remembered.
        assert!(pool.call(Job::new("").kind(SEGFAULT)).await.unwrap_err().is_culprit());
    });
}

/// The worker is killed by somebody else while it works: the job is tried again, and succeeds.
fn an_accident_is_healed() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            pool.call(Job::new("warm")).await.unwrap();
            let ticket = pool.submit(Job::new("200000").kind(SPIN)).unwrap();
            let behind = pool.submit(Job::new("abc")).unwrap();
            kill(&pool, rustix::process::Signal::KILL);
            assert_eq!(ticket.await.unwrap().bytes(), b"000002");
            assert_eq!(behind.await.unwrap().bytes(), b"cba");
            assert_eq!(pool.counts().culprits, 0);
        }
    });
}

fn kill(pool: &Pool, signal: rustix::process::Signal) {
    for pid in pool.processes() {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn a_worker_killed_from_outside() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { workers: 2, ..settings });
            let killer = pool.clone();
            let callers: Vec<_> = (0..16)
                .map(|_| {
                    let pool = pool.clone();
                    tokio::spawn(async move {
                        let mut twice_killed = 0;
                        for _ in 0..100 {
                            if let Err(error) = pool.call(Job::new("abc")).await {
                                assert_eq!(error.cause(), Some(&Cause::Signal(9)), "{error}");
                                assert!(error.is_culprit(), "{error}");
                                twice_killed += 1;
                            }
                        }
                        twice_killed
                    })
                })
                .collect();
            for _ in 0..10 {
                kill(&killer, rustix::process::Signal::KILL);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let mut twice_killed = 0;
            for caller in callers {
                twice_killed += caller.await.unwrap();
            }
            // A job fails only if its worker was killed, and then the one where it was alone; and
            // since nothing is proven, its like is not refused.
            assert!(twice_killed <= 10, "{twice_killed}");
            assert_eq!((pool.counts().done, pool.counts().refused), (1600 - twice_killed, 0));
        }
    });
}

fn a_stopped_worker_is_replaced() {
    run(async {
        let pool = pool(Settings { limit: Duration::from_millis(300), ..settings() });
        pool.call(Job::new("warm")).await.unwrap();
        kill(&pool, rustix::process::Signal::STOP);
        let tickets: Vec<_> = (0..20).map(|_| pool.submit(Job::new("abc")).unwrap()).collect();
        for ticket in tickets {
            assert_eq!(ticket.await.unwrap().bytes(), b"cba");
        }
        assert_eq!((pool.counts().deadlines, pool.counts().culprits), (1, 0));
    });
}
