//! Cancellation at each await, and everything that could be mistaken for it.

use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use heliostat_poison::{Cause, Error, Poison};

use crate::drive::{finish, pause, poll, unwind, unwinds};

const STEPS: usize = 5;

/// A change with an await before, between and after its steps.
async fn steps(list: &mut Vec<usize>) -> Result<(), Error> {
    for step in 0..STEPS {
        pause().await;
        list.push(step);
    }
    pause().await;
    Ok(())
}

#[test]
fn at_each_await() {
    for polls in 0..=STEPS + 1 {
        let mut poison = Poison::new("list", Vec::new());
        {
            let mut run = pin!(poison.run(async |list| steps(list).await));
            for _ in 0..polls {
                assert!(poll(run.as_mut()).is_pending());
            }
        }
        assert_eq!(poison.peek().len(), polls.saturating_sub(1));
        match polls {
            0 => assert!(poison.error().is_none(), "nothing had begun"),
            _ => assert_eq!(poison.error().unwrap().cause(), Cause::Cancelled, "{polls} polls"),
        }
    }
}

#[test]
fn not_at_the_end() {
    let mut poison = Poison::new("list", Vec::new());
    finish(poison.run(async |list| steps(list).await)).unwrap();
    assert_eq!(poison.data().unwrap().len(), STEPS);
}

#[test]
fn a_panic_at_each_await_is_a_panic() {
    for polls in 0..=STEPS {
        let mut poison = Poison::new("list", Vec::new());
        {
            let mut run = pin!(poison.run(async |list: &mut Vec<usize>| {
                for step in 0..polls {
                    list.push(step);
                    pause().await;
                }
                if list.len() == polls {
                    unwind();
                }
                Ok::<_, Error>(())
            }));
            for _ in 0..polls {
                assert!(poll(run.as_mut()).is_pending());
            }
            assert!(unwinds(|| poll(run.as_mut())));
        }
        assert_eq!(poison.error().unwrap().cause(), Cause::Panicked, "{polls} polls");
    }
}

#[test]
fn a_panic_before_the_first_await_of_a_plain_closure_is_a_panic() {
    let mut poison = Poison::new("n", 0);
    let eager = |n: &mut u32| {
        *n += 1;
        if *n == 1 {
            unwind();
        }
        std::future::ready(Ok::<_, Error>(()))
    };
    assert!(unwinds(|| finish(poison.run(eager))));
    assert_eq!(poison.error().unwrap().cause(), Cause::Panicked);
}

#[test]
fn a_panic_elsewhere_that_drops_the_future_is_a_cancellation() {
    let mut poison = Poison::new("n", 0);
    assert!(unwinds(|| {
        let mut run = pin!(poison.run(async |n| {
            *n += 1;
            pending::<Result<(), Error>>().await
        }));
        assert!(poll(run.as_mut()).is_pending());
        unwind();
    }));
    assert_eq!(poison.error().unwrap().cause(), Cause::Cancelled);
}

#[test]
fn a_bare_guard_over_an_await_can_only_be_abandoned() {
    let mut poison = Poison::new("n", 0);
    {
        let mut change = pin!(async {
            let mut n = poison.check_and_arm().unwrap();
            *n += 1;
            pause().await;
            n.disarm();
        });
        assert!(poll(change.as_mut()).is_pending());
    }
    assert_eq!(poison.error().unwrap().cause(), Cause::Abandoned);
}

#[test]
fn the_change_is_dropped_before_the_mark_is_set() {
    /// Sees the data while it is dropped, when nothing has been decided yet.
    struct Last<'a>(&'a mut Vec<&'static str>);
    impl Drop for Last<'_> {
        fn drop(&mut self) {
            self.0.push("last words");
        }
    }
    let mut poison = Poison::new("list", Vec::new());
    {
        let mut run = pin!(poison.run(async |list| {
            let _last = Last(list);
            pending::<Result<(), Error>>().await
        }));
        assert!(poll(run.as_mut()).is_pending());
    }
    assert_eq!(poison.peek(), &["last words"]);
    assert!(poison.data().unwrap_err().is_cancelled());
}

#[test]
fn a_poisoned_run_does_not_begin() {
    let mut poison = Poison::new("n", 0);
    drop(poison.check_and_arm());
    let ran = finish(poison.run(async |n| {
        *n += 1;
        Ok::<_, Error>(())
    }));
    assert!(ran.unwrap_err().is_abandoned());
    assert_eq!(poison.peek(), &0);
}

#[test]
fn scopes_nest() {
    let mut outer = Poison::new("outer", Poison::new("inner", 0));
    {
        let mut run = pin!(outer.run(async |inner| {
            inner
                .run(async |n| {
                    *n += 1;
                    pause().await;
                    Ok::<_, Error>(())
                })
                .await?;
            pending::<Result<(), Error>>().await
        }));
        assert!(poll(run.as_mut()).is_pending());
        assert!(poll(run.as_mut()).is_pending());
    }
    let (inner, error) = outer.into_inner().unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(inner.into_inner().unwrap(), 1);
}

#[test]
fn on_threads_of_a_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let poison = Arc::new(tokio::sync::Mutex::new(Poison::new("n", 0)));
        let begun = Arc::new(tokio::sync::Notify::new());
        let change = |pause| {
            let (poison, begun) = (poison.clone(), begun.clone());
            // The future is spawned, so it must be `Send`.
            tokio::spawn(async move {
                let mut poison = poison.lock().await;
                let change = poison.run(async |n: &mut u32| {
                    *n += 1;
                    begun.notify_one();
                    tokio::time::sleep(pause).await;
                    *n += 1;
                    Ok::<_, Error>(*n)
                });
                change.await
            })
        };
        assert_eq!(change(Duration::ZERO).await.unwrap().unwrap(), 2);
        begun.notified().await;
        let task = change(Duration::from_secs(3600));
        begun.notified().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(change(Duration::ZERO).await.unwrap().unwrap_err().is_cancelled());
        assert_eq!(poison.lock().await.recover(|n, _| *n -= 1).unwrap().what(), "n");
        assert_eq!(change(Duration::ZERO).await.unwrap().unwrap(), 4);
    });
}
