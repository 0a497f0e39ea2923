//! Crowds larger than loom can finish, in random interleavings.
//!
//! `RUSTFLAGS="--cfg shuttle" cargo test --release -p heliostat-admission --test it`

use std::task::{Context, Waker};

use heliostat_admission::{Admission, Bytes, Fraction, Lane, MilliCpu, Need, Rejected};
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::sync::Arc;
use shuttle::sync::atomic::{AtomicU64, Ordering::SeqCst};
use shuttle::thread;

/// Half of the games choose threads at random, half keep to few preemptions, which finds what only a
/// long undisturbed run of one thread shows.
fn model(body: impl Fn() + Send + Sync + 'static) {
    let body = Arc::new(body);
    let again = Arc::clone(&body);
    shuttle::check_random(move || body(), GAMES);
    shuttle::check_pct(move || again(), GAMES, 3);
}

fn need(amount: u64) -> Need {
    Need::new(Bytes::new(amount), MilliCpu::new(amount))
}

/// As good as new: nothing used, nobody waiting, everything to be had.
fn is_whole(admission: &Admission) {
    let snapshot = admission.snapshot();
    assert!(snapshot.used().is_zero(), "{snapshot:?}");
    assert_eq!((snapshot.waiting(), snapshot.permits), (0, 0));
    assert!(admission.try_acquire(Lane::Interactive, admission.total()).is_ok());
}

fn lane() -> Lane {
    if thread_rng().gen_bool(0.5) { Lane::Interactive } else { Lane::Background }
}

/// One turn of somebody: takes something in one of the ways there are, and lets it go.
fn turn(admission: &Admission, inside: &AtomicU64) {
    let (amount, lane) = (thread_rng().gen_range(1..=TOTAL / 2), lane());
    let hold = |amount: u64| {
        assert!(inside.fetch_add(amount, SeqCst) + amount <= TOTAL, "more than there is");
        thread::yield_now();
        inside.fetch_sub(amount, SeqCst);
    };
    match thread_rng().gen_range(0..5) {
        0 => {
            if let Ok(_permit) = admission.try_acquire(lane, need(amount)) {
                hold(amount);
            }
        }
        1 => {
            // Asks and goes away, at whatever moment that is for the others.
            let mut acquire = Box::pin(admission.acquire(lane, need(amount)));
            let answer = acquire.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            thread::yield_now();
            drop(acquire);
            drop(answer);
        }
        2 => {
            let mut permit = block_on(admission.acquire(lane, need(amount))).unwrap();
            hold(amount);
            permit.shrink_to(need(amount / 2));
            hold(amount / 2);
        }
        3 => {
            let mut permit = block_on(admission.acquire(lane, need(amount))).unwrap();
            let part = permit.split(need(1)).unwrap();
            drop(permit);
            hold(1);
            drop(part);
        }
        _ => {
            let permit = block_on(admission.acquire(lane, need(amount))).unwrap();
            hold(amount);
            drop(permit);
        }
    }
}

/// Nobody waits for ever, nothing is lost and nothing is given twice: a lost wake-up would leave a
/// thread asleep with nobody to wake it, which is reported as a deadlock.
#[test]
fn a_crowd_comes_and_goes() {
    model(|| {
        let admission = Admission::new(need(TOTAL));
        let inside = Arc::new(AtomicU64::new(0));
        let people: Vec<_> = (0..5)
            .map(|_| {
                let (admission, inside) = (admission.clone(), Arc::clone(&inside));
                thread::spawn(move || (0..3).for_each(|_| turn(&admission, &inside)))
            })
            .collect();
        people.into_iter().for_each(|person| person.join().unwrap());
        is_whole(&admission);
    });
}

/// The same while the container shrinks and grows and the brake is pulled and let go.
#[test]
fn a_crowd_in_a_container_that_changes() {
    model(|| {
        let admission = Admission::new(need(TOTAL));
        let people: Vec<_> = (0..4)
            .map(|_| {
                let admission = admission.clone();
                thread::spawn(move || {
                    for _ in 0..3 {
                        let amount = need(thread_rng().gen_range(1..=TOTAL / 2));
                        match block_on(admission.acquire(lane(), amount)) {
                            Ok(_permit) => thread::yield_now(),
                            Err(rejected) => {
                                assert!(matches!(rejected, Rejected::Impossible { .. }));
                            }
                        }
                    }
                })
            })
            .collect();
        for total in [2, TOTAL, 1, TOTAL] {
            admission.set_pressure(Fraction::percent(100));
            admission.resize(need(total));
            admission.set_pressure(Fraction::NONE);
        }
        people.into_iter().for_each(|person| person.join().unwrap());
        is_whole(&admission);
    });
}

/// Stages hand on to each other with everybody in the middle, and end.
#[test]
fn stages_do_not_wait_in_a_circle() {
    model(|| {
        let data = Admission::new(need(4));
        let execution = Admission::new(need(2));
        let jobs: Vec<_> = (0..5)
            .map(|_| {
                let (data, execution) = (data.clone(), execution.clone());
                thread::spawn(move || {
                    let fetched = block_on(data.acquire(Lane::Interactive, need(2))).unwrap();
                    let running = fetched.then(&execution, Lane::Interactive, need(1));
                    drop(block_on(running).unwrap());
                })
            })
            .collect();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        is_whole(&data);
        is_whole(&execution);
    });
}

const TOTAL: u64 = 8;
const GAMES: usize = 20_000;
