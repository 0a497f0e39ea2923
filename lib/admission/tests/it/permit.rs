//! What can be done with a permit, and stages.

use std::task::{Context, Poll, Waker};

use heliostat_admission::{
    Admission, Bytes, Lane::Background, Lane::Interactive, MilliCpu, Need, Permit, Rejected,
};

fn memory(bytes: u64) -> Need {
    Need::of_memory(Bytes::new(bytes))
}

fn admission(bytes: u64) -> Admission {
    Admission::new(Need::new(Bytes::new(bytes), MilliCpu::cpus(1)))
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn used(admission: &Admission) -> u64 {
    admission.snapshot().used().memory().get()
}

#[test]
fn shrinking_gives_back_and_never_grows() {
    let admission = admission(100);
    let mut permit = admission.try_acquire(Interactive, memory(60)).unwrap();
    permit.shrink_to(memory(80));
    assert_eq!((permit.need(), used(&admission)), (memory(60), 60));
    permit.shrink_to(memory(10));
    assert_eq!((permit.need(), used(&admission)), (memory(10), 10));
    drop(permit);
    assert_eq!(used(&admission), 0);
}

#[test]
fn parts_are_permits_and_permits_are_parts() {
    let (here, elsewhere) = (admission(100), admission(100));
    let mut permit = here.try_acquire(Interactive, memory(60)).unwrap();
    assert!(permit.split(memory(61)).is_none());
    let part = permit.split(memory(20)).unwrap();
    assert_eq!((used(&here), here.snapshot().permits), (60, 2));
    permit.merge(part).unwrap();
    assert_eq!((permit.need(), here.snapshot().permits), (memory(60), 1));
    let background = here.try_acquire(Background, memory(1)).unwrap();
    assert!(permit.merge(background).is_err(), "another lane");
    let foreign = elsewhere.try_acquire(Interactive, memory(1)).unwrap();
    let foreign = permit.merge(foreign).unwrap_err();
    assert_eq!((used(&here), used(&elsewhere)), (60, 1));
    drop(foreign);
}

#[test]
fn an_owned_permit_outlives_the_handle() {
    let admission = admission(100);
    let permit: Permit<'static> =
        admission.clone().try_acquire(Interactive, memory(60)).unwrap().into_owned();
    std::thread::spawn(move || drop(permit)).join().unwrap();
    assert_eq!(used(&admission), 0);
}

#[test]
fn the_next_stage_is_had_before_this_one_is_given_up() {
    let (data, execution) = (admission(100), admission(10));
    let busy = execution.try_acquire(Interactive, memory(10)).unwrap();
    let fetched = data.try_acquire(Interactive, memory(60)).unwrap();
    let mut running = fetched.then(&execution, Interactive, memory(10));
    assert!(poll(&mut running).is_pending());
    assert_eq!(used(&data), 60, "the data is still there");
    drop(busy);
    let Poll::Ready(Ok(permit)) = poll(&mut running) else { panic!("it is free") };
    assert_eq!((used(&data), used(&execution)), (0, 10));
    drop(permit);
    assert_eq!(used(&execution), 0);
}

#[test]
fn a_dropped_move_gives_up_both() {
    let (data, execution) = (admission(100), admission(10));
    let _busy = execution.try_acquire(Interactive, memory(10)).unwrap();
    let fetched = data.try_acquire(Interactive, memory(60)).unwrap();
    let mut running = fetched.then(&execution, Interactive, memory(10));
    assert!(poll(&mut running).is_pending());
    drop(running);
    assert_eq!((used(&data), used(&execution), execution.waiters()), (0, 10, 0));
}

/// Two that each hold what the other waits for would wait for ever.
#[test]
fn nobody_waits_for_an_earlier_stage_while_holding_a_later_one() {
    let (data, execution) = (admission(10), admission(10));
    let _data = data.try_acquire(Interactive, memory(10)).unwrap();
    let held = execution.try_acquire(Interactive, memory(10)).unwrap();
    let mut back = held.then(&data, Interactive, memory(10));
    assert!(matches!(poll(&mut back), Poll::Ready(Err(Rejected::Full { .. }))));
    let held = execution.try_acquire(Interactive, memory(5)).unwrap();
    let mut same = held.then(&execution, Interactive, memory(5));
    assert!(matches!(poll(&mut same), Poll::Ready(Ok(_))), "there was room, so it need not wait");
}

#[test]
fn extras_are_counted_like_the_rest() {
    let total = Need::new(Bytes::new(100), MilliCpu::cpus(1));
    let admission = Admission::builder(total).extra("scratch", 10).unwrap();
    assert!(admission.clone().extra("scratch", 10).unwrap_err().is_extra());
    let admission = admission.extra("slots", 2).unwrap().build();
    let (scratch, slots) = (admission.extra("scratch").unwrap(), admission.extra("slots").unwrap());
    assert_eq!(admission.extra("else"), None);
    let need = memory(10).with(scratch, 8).with(slots, 1);
    let held = admission.try_acquire(Interactive, need).unwrap();
    let Err(Rejected::Full { shortfall }) = admission.try_acquire(Interactive, need) else {
        panic!("scratch is full")
    };
    assert_eq!(shortfall, Need::ZERO.with(scratch, 6));
    admission.resize_extra(scratch, 16);
    assert!(admission.try_acquire(Interactive, need).is_ok());
    admission.resize(memory(50));
    assert_eq!(admission.total().extra(scratch), 16, "a resize leaves extras alone");
    drop(held);
    // An extra that this admission does not have is impossible to get here.
    let plain = Admission::new(total);
    let rejected = plain.try_acquire(Interactive, need).unwrap_err();
    assert!(matches!(rejected, Rejected::Impossible { .. }));
}

#[test]
fn work_that_claims_to_need_nothing_can_be_charged() {
    let total = Need::new(Bytes::new(100), MilliCpu::new(10));
    let least = Need::of_cpu(MilliCpu::new(1));
    let admission = Admission::builder(total).minimum_charge(least).build();
    let held: Vec<_> =
        (0..10).map(|_| admission.try_acquire(Interactive, Need::ZERO).unwrap()).collect();
    assert!(admission.try_acquire(Interactive, Need::ZERO).is_err());
    drop(held);
}
