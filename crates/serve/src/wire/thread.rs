//! One serving thread: listeners, a runtime, connections, and nothing shared with its siblings.
//!
//! A thread does as it is ordered: it serves on a CPU, or retires, or stops. What it has accepted it
//! keeps to the end. A thread that retires closes no connection that might just be asked something:
//! over HTTP/1 its next answer says that it was the last, over HTTP/2 the protocol has a word for it.

use std::io;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heliostat_percpu::CpuId;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::connection::{Connections, Guarded};
use super::log::AccessLog;
use super::places::Place;
use super::service::{Service, Shared};
use super::settings::{Limits, Settings};
use super::totals::{Event, Totals};
use crate::current::Current;

/// What a thread is given.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) settings: Arc<Settings>,
    pub(crate) current: Current,
    pub(crate) log: Option<Arc<AccessLog>>,
    pub(crate) totals: Arc<Totals>,
    pub(crate) seed: u64,
    /// What it is to do; the thread follows every change.
    pub(crate) orders: watch::Receiver<Order>,
    /// The number of the order under which the thread found that it has nothing left to do.
    pub(crate) idle_since: Arc<AtomicU64>,
}

/// What a thread is to do.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    /// Orders of a thread are numbered from 1.
    pub(crate) number: u64,
    pub(crate) task: Task,
}

/// The same, without its number.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    /// Serve.
    Serve {
        /// On this CPU; without one, anywhere.
        cpu: Option<CpuId>,
        /// Accept from these.
        listeners: Vec<Arc<StdListener>>,
        /// The thread's share of the limit.
        connections_max: usize,
    },
    /// Accept nothing more, and part with those that are connected.
    Retire,
    /// End the requests under way, and end.
    Stop,
}

/// Serves until told to stop, then until the requests under way are answered.
///
/// # Errors
///
/// When the runtime cannot be set up.
pub(crate) fn run(setup: Setup) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(setup));
    Ok(())
}

async fn serve(setup: Setup) {
    let Setup { settings, current, log, totals, seed, mut orders, idle_since } = setup;
    let limits = settings.limits;
    let reception = Rc::new(Reception {
        shared: Rc::new(Shared::new(settings, &current, log, seed, Arc::clone(&totals))),
        connections: Rc::new(Connections::new(Arc::clone(&totals))),
        limits,
        totals,
    });
    let mut doors: Vec<Open> = Vec::new();
    let mut place = Place::default();
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let Order { number, task } = orders.borrow_and_update().clone();
        match task {
            Task::Serve { cpu, listeners, connections_max } => {
                place.go(cpu);
                reception.shared.retire(false);
                reception.open(&mut doors, &listeners, connections_max).await;
            }
            Task::Retire => {
                place.go(None);
                reception.shared.retire(true);
                reception.connections.retire();
                reception.open(&mut doors, &[], 0).await;
                if reception.connections.count() == 0 {
                    idle_since.store(number, Ordering::Release);
                }
            }
            Task::Stop => break,
        }
        tokio::select! {
            _ = seconds.tick() => {
                reception.connections.tick(limits.idle_timeout, limits.request_timeout);
                reception.shared.tick();
            }
            // An error means that whoever could give orders is gone.
            changed = orders.changed() => if changed.is_err() { break },
        }
    }
    reception.shared.drain();
    for mut door in doors {
        door.close().await;
        // What the kernel has queued already is accepted, so that closing drops nobody.
        door.door.empty();
    }
    drain(&reception.connections, limits.drain_timeout).await;
    reception.shared.tick();
}

/// Lets requests under way end, for a while.
async fn drain(connections: &Connections, timeout: Duration) {
    let end = Instant::now() + timeout;
    while connections.count() > 0 && Instant::now() < end {
        connections.drain();
        sleep(Duration::from_millis(10)).await;
    }
    if connections.count() > 0 {
        tracing::warn!(connections = connections.count(), "closing connections that did not end");
    }
}

/// What connections need.
struct Reception {
    shared: Rc<Shared>,
    connections: Rc<Connections>,
    limits: Limits,
    totals: Arc<Totals>,
}

/// A listener that connections are accepted from.
struct Open {
    listener: Arc<StdListener>,
    door: Rc<Door>,
    accepting: JoinHandle<()>,
}

struct Door {
    listener: TcpListener,
    connections_max: usize,
    reception: Rc<Reception>,
}

impl Reception {
    /// Accepts from these listeners and from no others.
    ///
    /// One that cannot be used, for lack of file descriptors, is tried again a second later.
    async fn open(
        self: &Rc<Reception>,
        doors: &mut Vec<Open>,
        listeners: &[Arc<StdListener>],
        connections_max: usize,
    ) {
        let is = |open: &Open, listener| {
            Arc::ptr_eq(&open.listener, listener) && open.door.connections_max == connections_max
        };
        let mut at = 0;
        while let Some(open) = doors.get(at) {
            if listeners.iter().any(|listener| is(open, listener)) {
                at += 1;
            } else {
                doors.swap_remove(at).close().await;
            }
        }
        for listener in listeners {
            if doors.iter().any(|open| is(open, listener)) {
                continue;
            }
            match Open::new(listener, connections_max, self) {
                Ok(open) => doors.push(open),
                Err(error) => tracing::warn!(%error, "cannot accept from a listener"),
            }
        }
    }

    fn welcome(&self, stream: TcpStream, peer: std::net::IpAddr) {
        let state = self.connections.enter();
        let connections = Rc::clone(&self.connections);
        let io = TokioIo::new(Guarded::new(stream, Rc::clone(&state), connections));
        let service = Service { shared: Rc::clone(&self.shared), peer, state: Rc::clone(&state) };
        let builder = http(&self.limits);
        let totals = Arc::clone(&self.totals);
        spawn_local(async move {
            let mut connection = pin!(builder.serve_connection(io, service));
            let served = std::future::poll_fn(|context| {
                if state.tell() {
                    connection.as_mut().graceful_shutdown();
                }
                connection.as_mut().poll(context)
            });
            if let Err(error) = served.await {
                totals.happened(Event::ConnectionFailed);
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
    }
}

impl Open {
    /// The thread gets a file descriptor of its own for the socket, for its own event queue.
    fn new(
        listener: &Arc<StdListener>,
        connections_max: usize,
        reception: &Rc<Reception>,
    ) -> io::Result<Open> {
        let own = TcpListener::from_std(listener.try_clone()?)?;
        let reception = Rc::clone(reception);
        let door = Rc::new(Door { listener: own, connections_max, reception });
        let accepting = spawn_local(Rc::clone(&door).accept());
        Ok(Open { listener: Arc::clone(listener), door, accepting })
    }

    /// Accepts nothing more. What waits in the queue waits for whoever else has the socket.
    async fn close(&mut self) {
        self.accepting.abort();
        // Aborted tasks end when the runtime comes to them.
        let _ = (&mut self.accepting).await;
    }
}

impl Door {
    /// Accepts connections for ever.
    async fn accept(self: Rc<Door>) {
        let connections = &self.reception.connections;
        loop {
            while connections.count() >= self.connections_max {
                connections.close_idle();
                sleep(Duration::from_millis(5)).await;
            }
            match self.listener.accept().await {
                Ok((stream, peer)) => self.reception.welcome(stream, peer.ip()),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors, most likely: room may come from idle connections.
                    tracing::warn!(%error, "cannot accept connections");
                    self.reception.totals.happened(Event::AcceptFailed);
                    connections.close_idle();
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Accepts what the kernel has queued already.
    fn empty(&self) {
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        while let std::task::Poll::Ready(Ok((stream, peer))) =
            self.listener.poll_accept(&mut context)
        {
            self.reception.welcome(stream, peer.ip());
        }
    }
}

/// HTTP/1.1 and HTTP/2 with prior knowledge, within limits.
fn http(limits: &Limits) -> Builder<Here> {
    let mut builder = Builder::new(Here);
    builder
        .http1()
        .half_close(true)
        .header_read_timeout(None)
        .max_buf_size(limits.header_bytes_max)
        .max_headers(limits.headers_max);
    builder
        .http2()
        .max_concurrent_streams(limits.streams_max)
        .max_header_list_size(limits.header_bytes_max as u32);
    builder
}

/// Runs futures on the thread that asks for it.
#[derive(Clone, Copy, Debug)]
struct Here;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}

/// Whether an error of `accept` is about the connection, not about the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
