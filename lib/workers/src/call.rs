//! One job on its way, and the ticket that waits for it.
//!
//! The call belongs to whoever works on it: the queue, then a desk. The caller has a ticket, and
//! all that a ticket can do is look and go. A caller that goes away leaves a mark; its call is
//! taken out of the queue at once, or its reply is thrown away when it comes.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::job::{Job, Reply};
use crate::lock;
use crate::pool::Shared;
use crate::sys::block_on;

/// See the module.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: u64,
    pub(crate) job: Job,
    pub(crate) max_reply: usize,
    pub(crate) limit: Duration,
    pub(crate) born: Instant,
    /// How often it has ended a worker.
    pub(crate) blamed: AtomicU32,
    /// How often it was sent again for a neighbour's fault.
    pub(crate) resent: AtomicU32,
    /// The desk that has it, if one has.
    pub(crate) desk: AtomicUsize,
    gone: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Done(Result<Reply, Error>),
    Taken,
}

/// No desk has it.
pub(crate) const NOWHERE: usize = usize::MAX;

impl Call {
    pub(crate) fn new(id: u64, job: Job, max_reply: usize, limit: Duration) -> Call {
        Call {
            id,
            job,
            max_reply,
            limit,
            born: Instant::now(),
            blamed: AtomicU32::new(0),
            resent: AtomicU32::new(0),
            desk: AtomicUsize::new(NOWHERE),
            gone: AtomicBool::new(false),
            state: Mutex::new(State::Waiting(None)),
        }
    }

    /// Whether anybody still waits.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.gone.load(Ordering::Relaxed)
    }

    /// Whether the result is there.
    pub(crate) fn is_done(&self) -> bool {
        !matches!(*lock(&self.state), State::Waiting(_))
    }

    /// Leaves the result, once; whoever is returned is to be woken when no lock is held.
    pub(crate) fn settle(&self, result: Result<Reply, Error>) -> Option<Waker> {
        let mut state = lock(&self.state);
        let State::Waiting(waker) = &mut *state else { return None };
        let waker = waker.take();
        *state = State::Done(result);
        waker
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Result<Reply, Error>> {
        let mut state = lock(&self.state);
        match &mut *state {
            State::Waiting(waker) => {
                match waker {
                    Some(waker) => waker.clone_from(context.waker()),
                    None => *waker = Some(context.waker().clone()),
                }
                Poll::Pending
            }
            State::Done(_) => match std::mem::replace(&mut *state, State::Taken) {
                State::Done(result) => Poll::Ready(result),
                _ => Poll::Pending,
            },
            // A future that is polled after it was ready may do as it likes; it stays silent.
            State::Taken => Poll::Pending,
        }
    }
}

/// A job that was handed in: a future of its reply. Dropping it cancels the job if it has not
/// begun; holding it without looking costs nobody anything.
#[derive(Debug)]
#[must_use = "dropping a ticket cancels its job"]
pub struct Ticket {
    call: Arc<Call>,
    pool: Arc<Shared>,
    done: bool,
}

impl Ticket {
    pub(crate) fn new(call: Arc<Call>, pool: Arc<Shared>) -> Ticket {
        Ticket { call, pool, done: false }
    }

    /// Waits on this thread, which must not be one that drives a runtime.
    ///
    /// # Errors
    ///
    /// As [`Pool::call`](crate::Pool::call).
    pub fn wait(self) -> Result<Reply, Error> {
        self.pool.lead(&self.call);
        block_on(self)
    }

    /// The number of the job, as the worker sees it.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.call.id
    }

    /// Whether the result is there, without taking it.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.done || self.call.is_done()
    }
}

impl Future for Ticket {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = self.call.poll(context);
        self.done |= result.is_ready();
        result
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.done {
            self.call.gone.store(true, Ordering::Relaxed);
            self.pool.forget(&self.call);
        }
    }
}
