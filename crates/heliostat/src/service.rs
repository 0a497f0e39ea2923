//! The serving role: sockets, a server, signals, and a watch over the snapshot's file.

use std::sync::Arc;

use anyhow::Context;
use heliostat_operate_cli::{FollowPlan, ServePlan};
use heliostat_operate_metrics::{Books, Metrics, Subject};
use heliostat_serve::current::{Current, Look, Source};
use heliostat_serve::wire::{AccessLog, Event, Listeners, Server};
use heliostat_store::{Cache, Follower, Store};
use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::watch::{self, Watch};

/// Serves until a signal says stop.
pub(crate) fn run(plan: ServePlan) -> anyhow::Result<()> {
    let signals = Signals::catch()?;
    Running::start(plan)?.until_stopped(signals)
}

/// The signals that a server obeys, caught from here on: a server that answers can be told to stop.
pub(crate) struct Signals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    user1: Signal,
}

impl Signals {
    /// Catches them.
    pub(crate) fn catch() -> std::io::Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let [terminate, interrupt, hangup, user1] = [
            SignalKind::terminate(),
            SignalKind::interrupt(),
            SignalKind::hangup(),
            SignalKind::user_defined1(),
        ]
        .map(signal);
        drop(entered);
        Ok(Signals {
            runtime,
            terminate: terminate?,
            interrupt: interrupt?,
            hangup: hangup?,
            user1: user1?,
        })
    }
}

/// A server with everything around it.
pub(crate) struct Running {
    server: Server,
    log: Option<Arc<AccessLog>>,
    watch: Watch,
    follower: Option<Follower>,
    metrics: Option<Metrics>,
    books: Books,
    /// The addresses that are listened on.
    pub(crate) addresses: Vec<std::net::SocketAddr>,
}

impl Running {
    /// Opens the snapshot and the sockets, and starts to serve.
    ///
    /// A snapshot that is not there yet is waited for; one that is no good is an error.
    pub(crate) fn start(plan: ServePlan) -> anyhow::Result<Running> {
        let follower = plan.follow.map(follow).transpose()?;
        let mut source = Source::new(&plan.snapshot).with_countries(plan.countries);
        let current = Current::new(None);
        match source.look(false) {
            Look::Bad(error) => {
                let path = plan.snapshot.display().to_string();
                return Err(anyhow::Error::new(error).context(format!("cannot serve {path}")));
            }
            look => watch::take(look, &source, &current),
        }
        let listeners = listeners(&plan.listen)?;
        let addresses = listeners.addresses().to_vec();
        let log =
            plan.access_log.as_deref().map(AccessLog::open).transpose().with_context(|| {
                let path = plan.access_log.as_deref().unwrap_or("".as_ref());
                format!("cannot open the access log {}", path.display())
            })?;
        let settings = Arc::new(plan.settings);
        let server = Server::start(settings, &current, log.clone(), listeners, plan.threads)?;
        let totals = Arc::clone(server.totals());
        for address in &addresses {
            tracing::info!(%address, threads = totals.threads_serving(), "listening");
        }
        let followed = follower.as_ref().map(|follower| Arc::clone(follower.status()));
        let run = format!("{:016x}{:016x}", random(), random());
        let books = Books::start(Arc::clone(&totals), run, plan.totals_dir);
        let books = books.context("cannot keep totals")?;
        let subject = Subject { totals, current: current.clone(), log: log.clone(), followed };
        let metrics = plan.metrics_listen.map(|at| Metrics::start(at, subject, &books));
        let metrics = metrics.transpose()?;
        if let Some(metrics) = &metrics {
            tracing::info!(address = %metrics.address(), "metrics");
        }
        let watch = Watch::start(source, current)?;
        Ok(Running { server, log, watch, follower, metrics, books, addresses })
    }

    /// Obeys signals until one says stop; then drains.
    pub(crate) fn until_stopped(self, signals: Signals) -> anyhow::Result<()> {
        self.until(signals, std::future::pending::<()>()).map(drop)
    }

    /// As [`until_stopped`](Running::until_stopped), or until something else is done; gives what came
    /// of that.
    pub(crate) fn until<T>(
        self,
        signals: Signals,
        done: impl Future<Output = T>,
    ) -> anyhow::Result<Option<T>> {
        let Signals { runtime, mut terminate, mut interrupt, mut hangup, mut user1 } = signals;
        let mut done = std::pin::pin!(done);
        let done = runtime.block_on(async {
            tell(&[NotifyState::Ready]);
            loop {
                tokio::select! {
                    _ = terminate.recv() => break None,
                    _ = interrupt.recv() => break None,
                    done = &mut done => break Some(done),
                    _ = hangup.recv() => {
                        self.watch.look_again();
                        self.follower.iter().for_each(Follower::look_again);
                    }
                    _ = user1.recv() => if let Some(log) = &self.log { log.reopen() },
                }
            }
        });
        tell(&[NotifyState::Stopping]);
        tracing::info!(answers = self.server.totals().of(Event::Request), "stopping");
        self.follower.into_iter().for_each(Follower::stop);
        self.watch.stop();
        self.server.drain();
        drop(self.metrics);
        // After the last answer.
        drop(self.books);
        if let Some(log) = &self.log {
            let counts = log.counts();
            tracing::info!(counts.lines_written, counts.lines_dropped, "access log closed");
        }
        Ok(done)
    }
}

/// Starts to follow a store. What is in the cache serves from the beginning; the watch over it takes
/// over each newer copy.
fn follow(plan: FollowPlan) -> anyhow::Result<Follower> {
    let FollowPlan { location, access, cache_dir, interval } = plan;
    let cannot = || format!("cannot follow {location}");
    let cache = Cache::open(&cache_dir).with_context(cannot)?;
    if let Some(copy) = cache.copy() {
        let generation = copy.generation.get();
        tracing::info!(store = %location, generation, "a copy is here; it serves until there is a newer one");
    }
    let store = Store::new(&location, &access).with_context(cannot)?;
    Follower::start(store, cache, interval).with_context(cannot)
}

/// Tells the service manager, if there is one that wants to know.
pub(crate) fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// The sockets that a service manager opened, else our own.
fn listeners(addresses: &[std::net::SocketAddr]) -> anyhow::Result<Listeners> {
    let mut handed = ListenFd::from_env();
    let mut inherited = Vec::new();
    for at in 0..handed.len() {
        let listener = handed
            .take_tcp_listener(at)
            .with_context(|| format!("socket {at} of LISTEN_FDS is no listening TCP socket"))?;
        inherited.extend(listener);
    }
    if inherited.is_empty() {
        return Ok(Listeners::bind(addresses)?);
    }
    Ok(Listeners::inherited(inherited)?)
}

/// A number that nobody can guess: the standard library seeds its hash tables with one.
pub(crate) fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
