//! Waiting with a thread instead of a future.
//!
//! The thread parks and watches its deadline by itself, so no other thread is needed. What it
//! stands in is the same line.

use std::sync::Arc;
use std::task::{Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use crate::admission::Shared;
use crate::gate::Entry;
use crate::lane::Line;
use crate::need::Need;
use crate::primitive::now;
use crate::rejected::Rejected;
use crate::waiters::Row;

/// Blocks until the request has its answer.
pub(crate) fn wait(
    shared: &Shared,
    line: Line,
    need: &Need,
    deadline: Option<Instant>,
) -> Result<(), Rejected> {
    if shared.pass(line, need) {
        return Ok(());
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    // The deadline is not given to the gate: nobody else has to watch it. A past one is, to be
    // refused at the door.
    let past = deadline.filter(|deadline| *deadline <= now());
    let entry = shared.gate().enter(line, need, past, &waker);
    match entry {
        Entry::Granted => Ok(()),
        Entry::Refused(rejected) => Err(rejected),
        Entry::Queued(row) => park(shared, row, &waker, deadline),
    }
}

/// Sleeps until there is an answer or the deadline has come.
fn park(
    shared: &Shared,
    row: Row,
    waker: &Waker,
    deadline: Option<Instant>,
) -> Result<(), Rejected> {
    loop {
        let at = deadline.map(|deadline| (deadline, now()));
        if let Some((deadline, at)) = at
            && deadline <= at
        {
            shared.give_up(row, at);
        }
        let answer = shared.poll(row, waker);
        match (answer, at) {
            (Poll::Ready(answer), _) => return answer,
            (Poll::Pending, None) => thread::park(),
            (Poll::Pending, Some((deadline, at))) => {
                thread::park_timeout(deadline.saturating_duration_since(at));
            }
        }
    }
}

/// Wakes a parked thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
