//! One serving thread: a listener, a runtime, connections, and nothing shared with its siblings.

use std::io;
use std::net::TcpListener as StdListener;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::connection::{Connections, Guarded};
use super::log::AccessLog;
use super::service::{Service, Shared};
use super::settings::{Limits, Settings};
use crate::current::Current;

/// What a thread is given.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) settings: Arc<Settings>,
    pub(crate) current: Current,
    pub(crate) log: Option<Arc<AccessLog>>,
    pub(crate) listeners: Vec<StdListener>,
    /// The thread's share of the limit.
    pub(crate) connections_max: usize,
    pub(crate) seed: u64,
    pub(crate) answers: Arc<AtomicU64>,
    /// Becomes true when the thread is to stop.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Serves until told to stop, then until the requests under way are answered.
///
/// # Errors
///
/// When the runtime or a listener cannot be set up.
pub(crate) fn run(setup: Setup) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, serve(setup))
}

async fn serve(setup: Setup) -> io::Result<()> {
    let Setup { settings, current, log, listeners, connections_max, seed, answers, mut stop } =
        setup;
    let limits = settings.limits;
    let shared = Rc::new(Shared::new(settings, &current, log, seed, answers));
    let connections = Rc::new(Connections::default());
    let mut accepting = Vec::new();
    for listener in listeners {
        let door = Rc::new(Door {
            listener: TcpListener::from_std(listener)?,
            limits,
            connections_max,
            shared: Rc::clone(&shared),
            connections: Rc::clone(&connections),
        });
        accepting.push((spawn_local(Rc::clone(&door).accept()), door));
    }
    let mut seconds = interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // An error means that whoever could say stop is gone.
    while !*stop.borrow_and_update() {
        tokio::select! {
            _ = seconds.tick() => {
                connections.tick(limits.idle_timeout, limits.request_timeout);
                shared.tick();
            }
            changed = stop.changed() => if changed.is_err() { break },
        }
    }
    shared.drain();
    for (task, door) in accepting {
        task.abort();
        // Aborted tasks end when the runtime comes to them.
        let _ = task.await;
        door.empty();
    }
    drain(&connections, limits.drain_timeout).await;
    shared.tick();
    Ok(())
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

/// A listener, and what its connections need.
struct Door {
    listener: TcpListener,
    limits: Limits,
    connections_max: usize,
    shared: Rc<Shared>,
    connections: Rc<Connections>,
}

impl Door {
    /// Accepts connections for ever.
    async fn accept(self: Rc<Door>) {
        loop {
            while self.connections.count() >= self.connections_max {
                self.connections.close_idle();
                sleep(Duration::from_millis(5)).await;
            }
            match self.listener.accept().await {
                Ok((stream, peer)) => self.welcome(stream, peer.ip()),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    // Out of file descriptors, most likely: room may come from idle connections.
                    tracing::warn!(%error, "cannot accept connections");
                    self.connections.close_idle();
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Accepts what the kernel has queued already, so that closing the listener drops nobody.
    fn empty(&self) {
        let waker = std::task::Waker::noop();
        let mut context = std::task::Context::from_waker(waker);
        while let std::task::Poll::Ready(Ok((stream, peer))) =
            self.listener.poll_accept(&mut context)
        {
            self.welcome(stream, peer.ip());
        }
    }

    fn welcome(&self, stream: TcpStream, peer: std::net::IpAddr) {
        let state = self.connections.enter();
        let connections = Rc::clone(&self.connections);
        let io = TokioIo::new(Guarded::new(stream, Rc::clone(&state), connections));
        let service = Service { shared: Rc::clone(&self.shared), peer };
        let builder = http(&self.limits);
        spawn_local(async move {
            let mut connection = pin!(builder.serve_connection(io, service));
            let mut told = false;
            let served = std::future::poll_fn(|context| {
                if state.draining() && !std::mem::replace(&mut told, true) {
                    connection.as_mut().graceful_shutdown();
                }
                connection.as_mut().poll(context)
            });
            if let Err(error) = served.await {
                tracing::debug!(%peer, %error, "connection ended");
            }
        });
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
