//! What the server did, as numbers that anybody may read while it goes on.
//!
//! All of them lie in per-CPU rows: counting costs a serving thread a nanosecond or two, adding up
//! stops nobody, and it does not matter which threads come and go.

use std::sync::atomic::{AtomicUsize, Ordering};

use heliostat_percpu::CounterVec;

use super::tally::Tally;

/// Everything that is counted.
#[derive(Debug)]
pub struct Totals {
    /// Answers by what they were about.
    pub answers: Tally,
    events: CounterVec,
    threads: [AtomicUsize; 2],
}

/// What is counted without looking at what it was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request was answered, with whatever status.
    Request,
    /// A request could not be understood and was answered with 400.
    RequestRefused,
    /// A connection was accepted.
    ConnectionOpened,
    /// A connection ended, in whatever way.
    ConnectionClosed,
    /// A connection was closed because nothing was asked on it for too long.
    ConnectionIdle,
    /// A connection was closed because a request or its answer took too long.
    ConnectionSlow,
    /// An idle connection was closed to make room for new ones.
    ConnectionEvicted,
    /// A connection ended in an error: what came was no HTTP, or the client went away.
    ConnectionFailed,
    /// A connection could not be accepted.
    AcceptFailed,
    /// The CPUs that are allowed changed.
    CpusChanged,
}

/// How many kinds of events there are.
const EVENTS: usize = Event::CpusChanged as usize + 1;

impl Totals {
    /// Nothing happened yet.
    pub(crate) fn new() -> Totals {
        Totals {
            answers: Tally::new(ANSWER_KEYS_MAX),
            events: CounterVec::new(EVENTS),
            threads: Default::default(),
        }
    }

    /// Counts an event.
    #[inline]
    pub(crate) fn happened(&self, event: Event) {
        self.events.increment(event as usize);
    }

    /// How often something happened.
    pub fn of(&self, event: Event) -> u64 {
        self.events.sum(event as usize)
    }

    /// Connections that are open.
    pub fn connections_open(&self) -> u64 {
        // Closed first: what opens in between makes the difference larger, never negative.
        let closed = self.of(Event::ConnectionClosed);
        self.of(Event::ConnectionOpened).saturating_sub(closed)
    }

    /// Threads that take connections.
    pub fn threads_serving(&self) -> usize {
        self.threads[0].load(Ordering::Relaxed)
    }

    /// Threads that only end the connections that they have.
    pub fn threads_retiring(&self) -> usize {
        self.threads[1].load(Ordering::Relaxed)
    }

    /// How many rows the counters use: as many as threads ever ran at once.
    pub fn rows_in_use(&self) -> usize {
        self.events.slots_in_use()
    }

    pub(crate) fn threads_are(&self, serving: usize, retiring: usize) {
        self.threads[0].store(serving, Ordering::Relaxed);
        self.threads[1].store(retiring, Ordering::Relaxed);
    }
}

/// Combinations of labels that are counted apart; those beyond it are counted together.
pub const ANSWER_KEYS_MAX: usize = 65_536;
