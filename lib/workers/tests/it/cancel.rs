//! Callers that go away: it costs nothing and breaks nothing, at whichever point they go.

use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use heliostat_workers::{Job, Settings};

use crate::support::{eventually, pool, resident_bytes, rounds, run, settings, transports};
use crate::tests;
use crate::worker::{SPIN, reversed};

tests!(
    half_of_all_callers,
    nothing_grows,
    a_forgotten_ticket,
    a_stalled_caller,
    at_every_poll,
    waiting_jobs_give_their_bytes_back,
);

fn half_of_all_callers() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { workers: 2, ..settings });
            let callers: Vec<_> = (0..40_u64)
                .map(|caller| {
                    let pool = pool.clone();
                    tokio::spawn(async move {
                        for round in 0..50_u64 {
                            let body = format!("{caller} {round} {}", "y".repeat(3000));
                            let call = pool.call(Job::new(body.clone()));
                            if caller % 2 == 0 {
                                let patience = Duration::from_micros(caller * 7 + round * 3);
                                let _ = tokio::time::timeout(patience, call).await;
                            } else {
                                assert_eq!(call.await.unwrap().bytes(), reversed(body.as_bytes()));
                            }
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.unwrap();
            }
            let counts = pool.counts();
            assert_eq!((counts.died, counts.failed, counts.culprits), (0, 0, 0), "{counts:?}");
            assert!(pool.call(Job::new("ab")).await.is_ok());
        }
    });
}

fn nothing_grows() {
    run(async {
        let pool = pool(settings());
        let body = bytes::Bytes::from(vec![1; 8192]);
        let round = async |times: usize| {
            for _ in 0..times {
                let tickets: Vec<_> =
                    (0..20).map(|_| pool.submit(Job::new(body.clone())).unwrap()).collect();
                drop(tickets);
                pool.call(Job::new(body.clone())).await.unwrap();
            }
        };
        round(200).await;
        let before = resident_bytes();
        round(rounds(500)).await;
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 8 << 20, "{grown} bytes");
        eventually("the queue is empty", || pool.counts().queue_jobs == 0).await;
        assert_eq!((pool.counts().queue_bytes, pool.counts().died), (0, 0));
    });
}

fn a_forgotten_ticket() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            for _ in 0..100 {
                mem::forget(pool.submit(Job::new("abc")).unwrap());
            }
            assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
            eventually("all are done", || pool.counts().done == 101).await;
        }
    });
}

/// A future that is kept and not polled holds nobody up.
fn a_stalled_caller() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            let mut stalled = pin!(pool.call(Job::new("1000").kind(SPIN)));
            let first = poll_fn(|context| Poll::Ready(stalled.as_mut().poll(context).is_ready()));
            let _ = first.await;
            for _ in 0..100 {
                assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
            }
            assert!(stalled.await.is_ok());
        }
    });
}

/// Dropped after the nth poll, for each n that happens.
fn at_every_poll() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            for polls in 0..8 {
                for _ in 0..20 {
                    let mut call = Box::pin(pool.call(Job::new("30").kind(SPIN)));
                    for _ in 0..polls {
                        let done =
                            poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready()));
                        if done.await {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    drop(call);
                    assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
                }
            }
            assert_eq!(pool.counts().died, 0);
        }
    });
}

fn waiting_jobs_give_their_bytes_back() {
    run(async {
        let pool = pool(Settings { queue_bytes: 1 << 20, ..settings() });
        pool.call(Job::new("warm")).await.unwrap();
        let busy = pool.submit(Job::new("300000").kind(SPIN)).unwrap();
        for _ in 0..100 {
            let waiting: Vec<_> =
                (0..18).filter_map(|_| pool.submit(Job::new(vec![0; 60_000])).ok()).collect();
            assert!(waiting.len() >= 17);
        }
        assert!(pool.counts().queue_bytes <= 1 << 20);
        assert!(busy.await.is_ok());
        assert_eq!(pool.counts().died, 0);
    });
}
