//! Indices that wrap, and answers in any order but the right one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Answer, Ring};
use crate::call::Call;
use crate::job::Job;
use crate::region::{Layout, Region};
use crate::wire::Status;

fn pair() -> (Ring, Region) {
    let layout = Layout { slots: 4, job_max: 100, reply_max: 100 };
    let (ours, theirs) = Region::pair(layout);
    // No body here is so long that it would travel as a descriptor.
    let (control, _) = std::io::pipe().unwrap();
    (Ring::new(Arc::new(ours), Arc::new(control.into())), theirs)
}

fn call(id: u64) -> Call {
    Call::new(id, Job::new(id.to_string()), 100, Duration::ZERO)
}

/// What an honest worker does with job number `at`.
fn answer(theirs: &Region, at: u32) {
    let slot = theirs.slot(at);
    let body = theirs.job(at, slot.job_len.load(Ordering::Relaxed)).to_vec();
    assert!(theirs.put_reply(at, 0, &body));
    slot.reply_id.store(slot.job_id.load(Ordering::Relaxed), Ordering::Relaxed);
    slot.status.store(Status::Done.number(), Ordering::Relaxed);
    slot.reply_len.store(body.len() as u32, Ordering::Relaxed);
    theirs.table().replies.publish(at.wrapping_add(1));
}

#[test]
fn indices_wrap() {
    let (mut ring, theirs) = pair();
    let start = u32::MAX - 5;
    (ring.put, ring.taken) = (start, start);
    theirs.table().replies.publish(start);
    for round in 0..12_u32 {
        let (at, one, two) = (start.wrapping_add(2 * round), call(1), call(2));
        ring.put(&one).unwrap();
        ring.put(&two).unwrap();
        assert_eq!(ring.take(&one), Ok(None));
        answer(&theirs, at);
        let body = |text: &str| Answer { status: Status::Done, body: text.into(), run_ns: 0 };
        assert_eq!(ring.take(&one), Ok(Some(body("1"))));
        assert_eq!(ring.take(&two), Ok(None));
        answer(&theirs, at.wrapping_add(1));
        assert_eq!(ring.take(&two), Ok(Some(body("2"))));
        assert_eq!(ring.check_silence(), Ok(()));
    }
}

#[test]
fn the_count_is_believed_up_to_what_was_put() {
    for start in [0, 7, u32::MAX - 1, u32::MAX] {
        for lie in [3, 4, 1000, u32::MAX / 2, u32::MAX] {
            let (mut ring, theirs) = pair();
            (ring.put, ring.taken) = (start, start);
            theirs.table().replies.publish(start);
            ring.put(&call(1)).unwrap();
            ring.put(&call(2)).unwrap();
            theirs.table().replies.publish(start.wrapping_add(lie));
            assert_eq!(ring.take(&call(1)), Err("answers more than was asked"), "{start} {lie}");
        }
    }
}

#[test]
fn answers_in_another_order_are_none() {
    let (mut ring, theirs) = pair();
    ring.put(&call(1)).unwrap();
    ring.put(&call(2)).unwrap();
    answer(&theirs, 0);
    theirs.slot(0).reply_id.store(2, Ordering::Relaxed);
    assert_eq!(ring.take(&call(1)), Err("answers what was not asked"));
}

/// Two threads, each on its side, as far ahead of each other as the ring lets them, across the end
/// of the numbers. Under Miri every copy of a body is checked against every other.
#[test]
fn both_sides_at_once() {
    let jobs = if cfg!(miri) { 40 } else { 20_000 };
    let (mut ring, theirs) = pair();
    let start = 20_u32.wrapping_neg();
    (ring.put, ring.taken) = (start, start);
    theirs.table().jobs.publish(start);
    theirs.table().replies.publish(start);
    let worker = std::thread::spawn(move || {
        for at in 0..jobs {
            let at = start.wrapping_add(at);
            while theirs.table().jobs.count() == at {
                std::thread::yield_now();
            }
            answer(&theirs, at);
        }
    });
    let mut flight = VecDeque::new();
    let (mut put, mut taken) = (0, 0);
    while taken < jobs {
        while put < jobs && flight.len() < 4 {
            let call = call(put.into());
            ring.put(&call).unwrap();
            flight.push_back(call);
            put += 1;
        }
        match ring.take(flight.front().unwrap()).unwrap() {
            None => std::thread::yield_now(),
            Some(reply) => {
                assert_eq!(reply.body, taken.to_string().into_bytes());
                flight.pop_front();
                taken += 1;
            }
        }
    }
    assert_eq!(ring.check_silence(), Ok(()));
    worker.join().unwrap();
}
