//! One connection: its limits in time, and how it is told to end.
//!
//! Timers per connection cost more than the connection, so there are none. A connection notes in
//! which second it began to wait or to work; once a second the thread walks over its connections
//! and marks those that took too long. A marked connection fails its next read or write.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::totals::{Event, Totals};

/// All connections of a thread.
#[derive(Debug)]
pub(crate) struct Connections {
    totals: Arc<Totals>,
    /// Seconds since the thread began.
    now_s: Cell<u32>,
    open: RefCell<Vec<Weak<State>>>,
    count: Rc<Cell<usize>>,
}

/// What a thread and a connection know of each other.
#[derive(Debug)]
pub(crate) struct State {
    phase: Cell<Phase>,
    since_s: Cell<u32>,
    /// Something of the answer was written, so that a flush means that it is out.
    wrote: Cell<bool>,
    /// To be closed at once.
    doomed: Cell<bool>,
    /// To be closed after the request under way.
    draining: Cell<bool>,
    /// And it was told so.
    told: Cell<bool>,
    /// HTTP/2, as the last request said.
    http2: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    count: Rc<Cell<usize>>,
    totals: Arc<Totals>,
}

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between requests.
    Idle,
    /// From the first byte of a request to the last byte of its answer.
    Busy,
}

impl Connections {
    /// None yet; what becomes of them is counted.
    pub(crate) fn new(totals: Arc<Totals>) -> Connections {
        Connections {
            totals,
            now_s: Cell::default(),
            open: RefCell::default(),
            count: Rc::default(),
        }
    }

    /// Enters a new connection.
    pub(crate) fn enter(&self) -> Rc<State> {
        self.count.set(self.count.get() + 1);
        self.totals.happened(Event::ConnectionOpened);
        let state = Rc::new(State {
            phase: Cell::new(Phase::Idle),
            since_s: Cell::new(self.now_s.get()),
            wrote: Cell::new(false),
            doomed: Cell::new(false),
            draining: Cell::new(false),
            told: Cell::new(false),
            http2: Cell::new(false),
            waker: RefCell::new(None),
            count: Rc::clone(&self.count),
            totals: Arc::clone(&self.totals),
        });
        let mut open = self.open.borrow_mut();
        // Closed ones leave their place to new ones now and then, so the list stays short.
        if open.len() == open.capacity() {
            open.retain(|state| state.strong_count() > 0);
        }
        open.push(Rc::downgrade(&state));
        state
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count.get()
    }

    /// One second later: dooms connections that took too long.
    pub(crate) fn tick(&self, idle_timeout: Duration, request_timeout: Duration) {
        let now_s = self.now_s.get() + 1;
        self.now_s.set(now_s);
        self.open.borrow_mut().retain(|state| {
            let Some(state) = state.upgrade() else { return false };
            let (limit, event) = match state.phase.get() {
                Phase::Idle => (idle_timeout, Event::ConnectionIdle),
                Phase::Busy => (request_timeout, Event::ConnectionSlow),
            };
            if u64::from(now_s - state.since_s.get()) > limit.as_secs() && state.doom() {
                self.totals.happened(event);
            }
            true
        });
    }

    /// Makes room by closing the connection that has been idle longest, if one is idle.
    pub(crate) fn close_idle(&self) -> bool {
        let open = self.open.borrow();
        let idle = open
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|state| state.phase.get() == Phase::Idle && !state.doomed.get());
        let oldest = idle.min_by_key(|state| state.since_s.get());
        let closed = oldest.is_some_and(|state| state.doom());
        if closed {
            self.totals.happened(Event::ConnectionEvicted);
        }
        closed
    }

    /// Tells HTTP/2 connections to end: they can be told without losing a request. The others hear
    /// it with their next answer.
    pub(crate) fn retire(&self) {
        for state in self.open.borrow().iter().filter_map(Weak::upgrade) {
            if state.http2.get() {
                state.drain();
            }
        }
    }

    /// Tells every connection to end after the request under way.
    pub(crate) fn drain(&self) {
        for state in self.open.borrow().iter().filter_map(Weak::upgrade) {
            state.drain();
        }
    }
}

impl State {
    /// Whether the connection is to be told now that it should end after the request under way.
    pub(crate) fn tell(&self) -> bool {
        self.draining.get() && !self.told.replace(true)
    }

    /// A request came in over HTTP/2.
    pub(crate) fn is_http2(&self) {
        self.http2.set(true);
    }

    /// Tells the connection to end after the requests under way.
    pub(crate) fn drain(&self) {
        self.draining.set(true);
        self.wake();
    }

    /// False when it was doomed already.
    fn doom(&self) -> bool {
        let doomed = self.doomed.replace(true);
        self.wake();
        !doomed
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Notes who is to be woken when the connection is told something.
    fn wait(&self, context: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        // A request of its own led to it, so that nobody was waiting to be woken.
        if self.draining.get() && !self.told.get() {
            context.waker().wake_by_ref();
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.count.set(self.count.get() - 1);
        self.totals.happened(Event::ConnectionClosed);
    }
}

/// A socket that keeps its connection's state up to date and obeys it.
#[derive(Debug)]
pub(crate) struct Guarded {
    stream: TcpStream,
    state: Rc<State>,
    connections: Rc<Connections>,
}

impl Guarded {
    /// Guards a socket.
    pub(crate) fn new(
        stream: TcpStream,
        state: Rc<State>,
        connections: Rc<Connections>,
    ) -> Guarded {
        Guarded { stream, state, connections }
    }

    fn enter(&self, phase: Phase) {
        if self.state.phase.get() != phase {
            self.state.phase.set(phase);
            self.state.since_s.set(self.connections.now_s.get());
        }
    }

    fn obey<T>(&self, context: &Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if self.state.doomed.get() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if poll.is_pending() {
            self.state.wait(context);
        }
        poll
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        if matches!(poll, Poll::Ready(Ok(()))) {
            self.enter(Phase::Busy);
        }
        self.obey(context, poll)
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.state.wrote.set(true);
        self.obey(context, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.state.wrote.set(true);
        self.obey(context, poll)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Called when everything is written. If that was an answer, the request is over; a client
    /// that sends its request byte by byte stays busy.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.state.wrote.replace(false) {
            self.enter(Phase::Idle);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
