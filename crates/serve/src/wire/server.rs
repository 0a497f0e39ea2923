//! The threads of a server, from start to drain.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::sync::watch;

use super::log::AccessLog;
use super::settings::Settings;
use super::thread::{Setup, run};
use crate::choose::Random;
use crate::current::Current;

/// A running server.
#[derive(Debug)]
pub struct Server {
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    answers: Vec<Arc<AtomicU64>>,
    log: Option<Arc<AccessLog>>,
}

/// What a server did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests answered, with whatever status.
    pub answers: u64,
}

/// A server that could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A thread could not be started.
    #[error("cannot start a serving thread")]
    Spawn(#[source] io::Error),
}

impl Server {
    /// The number of serving threads to use: one for each CPU that this process may run on.
    pub fn threads_default() -> usize {
        cpus_allowed().len().max(1)
    }

    /// Starts one thread for each list of listeners.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started; those that were are stopped.
    pub fn start(
        settings: Arc<Settings>,
        current: &Current,
        log: Option<Arc<AccessLog>>,
        listeners: Vec<Vec<TcpListener>>,
    ) -> Result<Server, StartError> {
        let (stop, stopped) = watch::channel(false);
        let count = listeners.len().max(1);
        let cpus = cpus_allowed();
        let mut seeds = Random::new(settings.seed);
        let mut server =
            Server { stop, threads: Vec::new(), answers: Vec::new(), log: log.clone() };
        for (at, listeners) in listeners.into_iter().enumerate() {
            let answers = Arc::new(AtomicU64::new(0));
            server.answers.push(Arc::clone(&answers));
            let setup = Setup {
                settings: Arc::clone(&settings),
                current: current.clone(),
                log: log.clone(),
                listeners,
                connections_max: settings.limits.connections_max.div_ceil(count),
                seed: seeds.next_u64(),
                answers,
                stop: stopped.clone(),
            };
            let cpu = cpus.get(at % cpus.len().max(1)).copied().filter(|_| count <= cpus.len());
            let thread = std::thread::Builder::new().name(format!("serve-{at}")).spawn(move || {
                if let Some(cpu) = cpu {
                    pin(cpu);
                }
                run(setup).inspect_err(|error| tracing::error!(%error, "serving thread ended"))
            });
            match thread {
                Ok(thread) => server.threads.push(thread),
                Err(error) => {
                    server.drain();
                    return Err(StartError::Spawn(error));
                }
            }
        }
        Ok(server)
    }

    /// What it did until now.
    pub fn counts(&self) -> Counts {
        Counts { answers: self.answers.iter().map(|count| count.load(Ordering::Relaxed)).sum() }
    }

    /// Stops accepting, lets requests under way end, writes the rest of the log, and returns.
    pub fn drain(mut self: Server) {
        // Without receivers there is nobody to stop.
        let _ = self.stop.send(true);
        for thread in self.threads.drain(..) {
            // A thread that ended with an error has said so.
            let _ = thread.join();
        }
        if let Some(log) = &self.log {
            log.close();
        }
    }
}

/// The CPUs that this process may run on, by number.
fn cpus_allowed() -> Vec<usize> {
    match sched_getaffinity(None) {
        Ok(set) => (0..CpuSet::MAX_CPU).filter(|&cpu| set.is_set(cpu)).collect(),
        // More CPUs than the set can hold, or forbidden: do not pin, but use them all.
        Err(_) => (0..std::thread::available_parallelism().map_or(1, usize::from)).collect(),
    }
}

/// Keeps the thread on one CPU; when that is not allowed, it goes on unpinned.
fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    if let Err(error) = sched_setaffinity(None, &set) {
        tracing::debug!(cpu, %error, "serving thread is not pinned");
    }
}
