//! The hand-over against everything that can happen at the same moment, in every interleaving.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --release -p heliostat-admission --test it`

use std::pin::pin;
use std::task::{Context, Waker};

use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need, Rejected};
use loom::future::block_on;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use loom::thread;

fn model(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(body);
}

fn one() -> Need {
    Need::new(Bytes::new(1), MilliCpu::new(1))
}

/// As good as new: nothing used, nobody waiting, everything to be had.
fn is_whole(admission: &Admission) {
    let snapshot = admission.snapshot();
    assert!(snapshot.used().is_zero(), "{snapshot:?}");
    assert_eq!((snapshot.waiting(), snapshot.permits), (0, 0));
    assert!(admission.try_acquire(Lane::Interactive, admission.total()).is_ok());
}

#[test]
fn a_release_is_never_missed() {
    model(|| {
        let admission = Admission::new(one());
        let permit = admission.try_acquire(Lane::Interactive, one()).unwrap().into_owned();
        let waiter = {
            let admission = admission.clone();
            thread::spawn(move || {
                drop(block_on(admission.acquire(Lane::Interactive, one())).unwrap());
            })
        };
        drop(permit);
        waiter.join().unwrap();
        is_whole(&admission);
    });
}

#[test]
fn a_cancelled_waiter_passes_on_what_was_handed_to_it() {
    model(|| {
        let admission = Admission::new(one());
        let permit = admission.try_acquire(Lane::Interactive, one()).unwrap().into_owned();
        let mut first = Box::pin(admission.acquire(Lane::Interactive, one()).into_owned());
        let mut context = Context::from_waker(Waker::noop());
        assert!(first.as_mut().poll(&mut context).is_pending());
        let second = {
            let admission = admission.clone();
            thread::spawn(move || {
                drop(block_on(admission.acquire(Lane::Interactive, one())).unwrap());
            })
        };
        let release = thread::spawn(move || drop(permit));
        drop(first);
        release.join().unwrap();
        second.join().unwrap();
        is_whole(&admission);
    });
}

#[test]
fn two_are_never_inside_at_once() {
    model(|| {
        let admission = Admission::new(one());
        let inside = Arc::new(AtomicUsize::new(0));
        let work = |admission: Admission, inside: Arc<AtomicUsize>| {
            let permit = block_on(admission.acquire(Lane::Interactive, one())).unwrap();
            assert_eq!(inside.fetch_add(1, SeqCst), 0);
            inside.fetch_sub(1, SeqCst);
            drop(permit);
        };
        let other = {
            let (admission, inside) = (admission.clone(), Arc::clone(&inside));
            thread::spawn(move || work(admission, inside))
        };
        work(admission.clone(), inside);
        other.join().unwrap();
        is_whole(&admission);
    });
}

#[test]
fn a_resize_wakes_or_refuses_and_never_loses() {
    model(|| {
        let admission = Admission::new(one());
        let two = Need::new(Bytes::new(2), MilliCpu::new(2));
        admission.resize(two);
        let permit = admission.try_acquire(Lane::Interactive, one()).unwrap().into_owned();
        let waiter = {
            let admission = admission.clone();
            thread::spawn(move || {
                let mut acquire = pin!(admission.acquire(Lane::Interactive, two));
                match block_on(&mut acquire) {
                    Ok(permit) => assert_eq!(permit.need(), two),
                    Err(rejected) => assert!(matches!(rejected, Rejected::Impossible { .. })),
                }
            })
        };
        let release = thread::spawn(move || drop(permit));
        admission.resize(one());
        waiter.join().unwrap();
        release.join().unwrap();
        is_whole(&admission);
    });
}

#[test]
fn a_close_reaches_everybody() {
    model(|| {
        let admission = Admission::new(one());
        let _permit = admission.try_acquire(Lane::Interactive, one()).unwrap().into_owned();
        let waiter = {
            let admission = admission.clone();
            thread::spawn(move || {
                let answer = block_on(admission.acquire(Lane::Background, Need::ZERO));
                if let Err(rejected) = answer {
                    assert_eq!(rejected, Rejected::Closed);
                }
            })
        };
        admission.close();
        waiter.join().unwrap();
    });
}
