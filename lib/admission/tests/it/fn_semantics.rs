//! What the Fn project documents of its tracker, as cases of this library's own; and what it does
//! not do right, done right.
//!
//! Fn's sync is the interactive lane here, its async the background lane.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, Wake, Waker};

use heliostat_admission::{
    Admission, Bytes, Fraction, Lane, Lane::Background, Lane::Interactive, MilliCpu, Need, Rejected,
};

fn need(memory: u64, cpu: u64) -> Need {
    Need::new(Bytes::new(memory), MilliCpu::new(cpu))
}

/// 1000 of each: 200 in reserve, 800 shared, the mark at 640.
fn admission() -> Admission {
    Admission::new(need(1000, 1000))
}

fn fits(admission: &Admission, lane: Lane, wanted: Need) -> bool {
    admission.try_acquire(lane, wanted).is_ok()
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn the_pools_are_divided_as_in_fn() {
    for (total, reserve, mark) in [(5, 1, 3), (100, 20, 64), (1000, 200, 640), (2000, 400, 1280)] {
        let snapshot = Admission::new(need(total, total)).snapshot();
        assert_eq!(snapshot.reserve, need(reserve, reserve), "{total}");
        let found = (snapshot.high_watermark.memory(), snapshot.high_watermark.cpu());
        assert_eq!(found, (Bytes::new(mark), MilliCpu::new(mark)), "{total}");
    }
}

#[test]
fn background_leaves_the_reserve_and_interactive_takes_all() {
    let admission = admission();
    assert!(!fits(&admission, Background, need(801, 0)));
    assert!(fits(&admission, Background, need(800, 800)));
    assert!(fits(&admission, Interactive, need(1000, 1000)));
    let _background = admission.try_acquire(Background, need(800, 0)).unwrap();
    assert!(!fits(&admission, Background, need(1, 0)));
    assert!(fits(&admission, Interactive, need(200, 1000)), "the reserve is there for it");
    assert!(!fits(&admission, Interactive, need(201, 0)));
}

#[test]
fn interactive_work_uses_the_reserve_first_and_then_steals() {
    let admission = admission();
    let interactive = admission.try_acquire(Interactive, need(500, 0)).unwrap();
    // 200 of the reserve and 300 of the shared part are gone.
    assert!(!fits(&admission, Background, need(501, 0)));
    assert!(fits(&admission, Background, need(500, 0)));
    drop(interactive);
    assert!(fits(&admission, Background, need(800, 0)));
}

#[test]
fn memory_and_cpu_are_divided_each_by_itself() {
    let admission = admission();
    let _memory = admission.try_acquire(Interactive, need(900, 0)).unwrap();
    assert!(fits(&admission, Background, need(100, 800)));
    assert!(!fits(&admission, Background, need(101, 0)));
}

#[test]
fn the_mark_is_reached_by_memory_or_by_cpu_and_by_stealing_too() {
    let admission = admission();
    let below =
        |admission: &Admission| poll(&mut pin!(admission.wait_below_high_watermark())).is_ready();
    let held = admission.try_acquire(Background, need(640, 0)).unwrap();
    assert!(!below(&admission));
    drop(held);
    assert!(below(&admission));
    let held = admission.try_acquire(Background, need(0, 640)).unwrap();
    assert!(!below(&admission));
    drop(held);
    // 840 interactive are 200 of the reserve and 640 stolen.
    let held = admission.try_acquire(Interactive, need(840, 0)).unwrap();
    assert!(!below(&admission));
    drop(held);
    let _held = admission.try_acquire(Interactive, need(839, 0)).unwrap();
    assert!(below(&admission));
}

#[test]
fn a_wait_for_the_mark_ends_when_use_falls_below_it() {
    let admission = admission();
    let mut held = admission.try_acquire(Background, need(700, 0)).unwrap();
    let mut wait = admission.wait_below_high_watermark();
    assert!(poll(&mut wait).is_pending());
    held.shrink_to(need(640, 0));
    assert!(poll(&mut wait).is_pending());
    assert_eq!(admission.waiters(), 0, "it asks for nothing, so it does not count");
    held.shrink_to(need(639, 0));
    assert_eq!(poll(&mut wait), Poll::Ready(Ok(())));
}

#[test]
fn below_the_mark_with_a_permit_there_is_no_race() {
    let admission = admission();
    let held = admission.try_acquire(Background, need(640, 0)).unwrap();
    let mut first = admission.acquire_below_watermark(need(640, 0));
    let mut second = admission.acquire_below_watermark(need(1, 0));
    assert!(poll(&mut first).is_pending());
    assert!(poll(&mut second).is_pending());
    drop(held);
    let Poll::Ready(Ok(permit)) = poll(&mut first) else { panic!("it is its turn") };
    assert!(poll(&mut second).is_pending(), "the first has reached the mark again");
    drop(permit);
    assert!(poll(&mut second).is_ready());
}

#[test]
fn two_marks_keep_apart_what_opens_and_what_shuts() {
    let admission =
        Admission::builder(need(1000, 1000)).low_watermark(Fraction::percent(50)).build();
    let mut held = admission.try_acquire(Background, need(640, 0)).unwrap();
    held.shrink_to(need(500, 0));
    assert!(!admission.snapshot().below_high_watermark, "shut at 640, and 500 is not below 400");
    held.shrink_to(need(399, 0));
    assert!(admission.snapshot().below_high_watermark);
    drop(held);
    let _held = admission.try_acquire(Background, need(600, 0)).unwrap();
    assert!(admission.snapshot().below_high_watermark, "open until 640");
}

#[test]
fn refusals_say_what_is_missing() {
    let admission = admission();
    let _held = admission.try_acquire(Interactive, need(900, 100)).unwrap();
    let Err(Rejected::Full { shortfall }) = admission.try_acquire(Interactive, need(300, 300))
    else {
        panic!("it is full")
    };
    assert_eq!(shortfall, need(200, 0));
    let Err(Rejected::Full { shortfall }) = admission.try_acquire(Background, need(300, 801 - 1))
    else {
        panic!("it is full")
    };
    assert_eq!(shortfall, need(200, 0), "what it may use is 100 and 800");
}

#[test]
fn the_impossible_is_refused_at_once_and_never_counted() {
    let admission = Admission::new(need(1 << 34, 2000));
    assert_eq!(Bytes::mib(1 << 44), None, "the number that Fn multiplies to nothing");
    let huge = need(u64::MAX, 0);
    assert!(!admission.is_possible(Interactive, huge));
    let expected = Rejected::Impossible { limit: need(1 << 34, 2000) };
    assert_eq!(admission.try_acquire(Interactive, huge).unwrap_err(), expected);
    let mut acquire = admission.acquire(Interactive, huge);
    assert!(matches!(poll(&mut acquire), Poll::Ready(Err(rejected)) if rejected == expected));
    // Possible for one lane, impossible for the other.
    let nine_tenths = need(9 << 30, 1900);
    assert!(admission.is_possible(Interactive, nine_tenths));
    assert!(!admission.is_possible(Background, nine_tenths));
    assert!(admission.snapshot().used().is_zero());
    // Whatever there is, sums of it do not wrap.
    let all = Admission::new(need(u64::MAX, u64::MAX));
    let _held = all.try_acquire(Interactive, need(u64::MAX, u64::MAX)).unwrap();
    assert!(!fits(&all, Interactive, need(1, 0)));
    assert!(!fits(&all, Background, need(u64::MAX / 2, u64::MAX / 2)));
}

/// Fn gives another answer for another order of closing the same tokens.
#[test]
fn the_order_of_releases_makes_no_difference() {
    let answer = |close_first: bool| {
        let admission = Admission::new(need(5000, 5000));
        let a = admission.try_acquire(Interactive, need(1000, 0)).unwrap();
        let b = admission.try_acquire(Interactive, need(1000, 0)).unwrap();
        let _left = if close_first {
            drop(a);
            b
        } else {
            drop(b);
            a
        };
        fits(&admission, Background, need(4000, 0))
    };
    assert_eq!((answer(true), answer(false)), (true, true));
}

#[test]
fn nobody_at_the_door_overtakes_the_line() {
    let admission = admission();
    let held = admission.try_acquire(Interactive, need(500, 0)).unwrap();
    let mut large = admission.acquire(Interactive, need(1000, 0));
    assert!(poll(&mut large).is_pending());
    assert!(!fits(&admission, Interactive, need(100, 0)));
    assert!(!fits(&admission, Background, need(100, 0)));
    assert_eq!(admission.waiters(), 1);
    drop(held);
    assert!(poll(&mut large).is_ready());
}

/// One release wakes those who now fit, and nobody else.
#[test]
fn wake_ups_are_exact() {
    let admission = admission();
    let held = admission.try_acquire(Interactive, need(1000, 0)).unwrap();
    let counts: Vec<Arc<Count>> = (0..100).map(|_| Arc::default()).collect();
    let mut waiting: Vec<_> = counts
        .iter()
        .map(|count| {
            let mut acquire = Box::pin(admission.acquire(Interactive, need(300, 0)));
            let waker = Waker::from(Arc::clone(count));
            assert!(acquire.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            acquire
        })
        .collect();
    drop(held);
    let woken = || counts.iter().map(|count| count.0.load(Relaxed)).collect::<Vec<_>>();
    assert_eq!(woken().iter().sum::<usize>(), 3);
    assert_eq!(woken()[..4], [1, 1, 1, 0]);
    // The fourth is not woken when others in line go away, and is when somebody lets go of a permit.
    drop(waiting.split_off(50));
    assert_eq!(woken().iter().sum::<usize>(), 3);
    drop(waiting.remove(0));
    assert_eq!(woken()[..4], [1, 1, 1, 1]);
}

#[test]
fn a_closed_admission_says_so() {
    let admission = admission();
    let held = admission.try_acquire(Interactive, need(1000, 0)).unwrap();
    let mut acquire = admission.acquire(Background, need(1, 0));
    let mut signal = admission.wait_below_high_watermark();
    assert!(poll(&mut acquire).is_pending());
    assert!(poll(&mut signal).is_pending());
    admission.close();
    assert!(matches!(poll(&mut acquire), Poll::Ready(Err(Rejected::Closed))));
    assert_eq!(poll(&mut signal), Poll::Ready(Err(Rejected::Closed)));
    assert_eq!(admission.try_acquire(Interactive, Need::ZERO).unwrap_err(), Rejected::Closed);
    drop(held);
    assert!(admission.snapshot().used().is_zero());
}

#[test]
fn the_brake_is_for_background_only() {
    let admission = admission();
    admission.set_pressure(Fraction::percent(50));
    assert!(!fits(&admission, Background, need(401, 0)));
    assert!(fits(&admission, Background, need(400, 0)));
    assert!(fits(&admission, Interactive, need(1000, 0)));
    admission.set_pressure(Fraction::ALL);
    let mut waiting = admission.acquire(Background, need(1, 0));
    assert!(poll(&mut waiting).is_pending());
    admission.set_pressure(Fraction::NONE);
    assert!(poll(&mut waiting).is_ready());
}

#[test]
fn a_debt_is_repaid_before_anything_is_granted() {
    let admission = admission();
    let first = admission.try_acquire(Interactive, need(600, 0)).unwrap();
    let second = admission.try_acquire(Interactive, need(300, 0)).unwrap();
    let mut impossible = admission.acquire(Interactive, need(900, 0));
    let mut patient = admission.acquire(Interactive, need(0, 10));
    assert!(poll(&mut impossible).is_pending());
    assert!(poll(&mut patient).is_pending());
    admission.resize(need(500, 500));
    assert!(matches!(poll(&mut impossible), Poll::Ready(Err(Rejected::Impossible { .. }))));
    assert!(poll(&mut patient).is_pending(), "400 are owed");
    drop(second);
    assert!(poll(&mut patient).is_pending(), "100 are owed");
    drop(first);
    assert!(poll(&mut patient).is_ready());
}
