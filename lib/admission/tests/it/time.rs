//! Deadlines and threads. What must not happen is asserted, never how fast something does.

use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use heliostat_admission::{Admission, Bytes, Lane::Interactive, MilliCpu, Need, Rejected};

const ALL: Need = Need::new(Bytes::new(1), MilliCpu::new(1));

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(20)
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_future_with_a_deadline_wakes_up_without_a_runtimes_timer() {
    let admission = Admission::new(ALL);
    let _held = admission.try_acquire(Interactive, ALL).unwrap();
    for _ in 0..3 {
        let deadline = soon();
        let answer = block_on(admission.acquire_deadline(Interactive, ALL, deadline));
        assert!(matches!(answer, Err(Rejected::DeadlineExceeded { .. })), "{answer:?}");
        assert!(Instant::now() >= deadline, "not before its time");
    }
    assert_eq!(admission.waiters(), 0);
}

#[test]
fn a_deadline_in_the_past_is_one_try() {
    let admission = Admission::new(ALL);
    let past = Instant::now();
    let held = block_on(admission.acquire_deadline(Interactive, ALL, past)).unwrap();
    let answer = block_on(admission.acquire_deadline(Interactive, ALL, past));
    let expected = Rejected::DeadlineExceeded { waited: Duration::ZERO };
    assert_eq!(answer.unwrap_err(), expected);
    let answer = admission.acquire_blocking(Interactive, ALL, Some(past));
    assert_eq!(answer.unwrap_err(), expected);
    drop(held);
}

#[test]
fn a_thread_waits_for_its_turn_or_its_deadline() {
    let admission = Admission::new(ALL);
    let held = admission.acquire_blocking(Interactive, ALL, None).unwrap();
    let answer = admission.acquire_blocking(Interactive, ALL, Some(soon()));
    let Err(Rejected::DeadlineExceeded { waited }) = answer else { panic!("{answer:?}") };
    assert!(waited >= Duration::from_millis(1), "{waited:?}");
    let (sender, receiver) = channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let permit = admission.acquire_blocking(Interactive, ALL, None).unwrap();
            sender.send(permit.need()).unwrap();
        });
        while admission.waiters() == 0 {
            thread::yield_now();
        }
        assert!(receiver.try_recv().is_err(), "it cannot have it yet");
        drop(held);
        assert_eq!(receiver.recv().unwrap(), ALL);
    });
}

/// Threads and tasks at random, for a bounded number of turns: nothing is lost, nobody is left.
#[test]
fn a_crowd_comes_and_goes() {
    let total = Need::new(Bytes::new(8), MilliCpu::new(8));
    let admission = Admission::new(total);
    thread::scope(|scope| {
        for seed in 0..4_u64 {
            let admission = &admission;
            scope.spawn(move || {
                for turn in 0..2000_u64 {
                    let dice = (turn ^ seed << 20).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                    let need = Need::new(Bytes::new(dice % 7), MilliCpu::new(dice / 7 % 7));
                    match dice % 5 {
                        0 => drop(admission.try_acquire(Interactive, need)),
                        1 => {
                            let deadline = Instant::now() + Duration::from_micros(dice % 200);
                            drop(admission.acquire_blocking(Interactive, need, Some(deadline)));
                        }
                        _ => drop(admission.acquire_blocking(Interactive, need, None).unwrap()),
                    }
                }
            });
        }
    });
    let snapshot = admission.snapshot();
    assert!(snapshot.used().is_zero() && snapshot.waiting() == 0, "{snapshot:?}");
}
