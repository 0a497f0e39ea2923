//! The threads of a server, from start to drain, on the CPUs that are allowed meanwhile.
//!
//! There is a serving thread for each CPU that the process may run on. When that changes, because
//! somebody changed the cpuset of the container or the masks of the process, threads are moved,
//! added or retired within two seconds. One thread looks after that and gives the orders; it sleeps
//! between changes.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use heliostat_percpu::CpuSet;
use heliostat_percpu::affinity::Watch;
use tokio::sync::watch;

use super::listen::Listeners;
use super::log::AccessLog;
use super::places::{Before, Role, roles};
use super::settings::Settings;
use super::thread::{Order, Setup, Task, run};
use super::totals::{Event, Totals};
use crate::choose::Random;
use crate::current::Current;

/// A running server.
#[derive(Debug)]
pub struct Server {
    crew: Arc<Mutex<Crew>>,
    totals: Arc<Totals>,
    log: Option<Arc<AccessLog>>,
}

/// A server that could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A thread could not be started.
    #[error("cannot start a serving thread")]
    Spawn(#[source] io::Error),
}

impl Server {
    /// Starts to serve, with so many threads, or with one for each CPU that this process may run
    /// on, also when that changes.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started; those that were are stopped.
    pub fn start(
        settings: Arc<Settings>,
        current: &Current,
        log: Option<Arc<AccessLog>>,
        listeners: Listeners,
        threads: Option<usize>,
    ) -> Result<Server, StartError> {
        let totals = Arc::new(Totals::new());
        let watch = Watch::start_within_mask()
            .inspect_err(|error| tracing::warn!(%error, "threads do not follow the CPUs"))
            .ok();
        let mut crew = Crew {
            seeds: Random::new(settings.seed),
            settings,
            current: current.clone(),
            log: log.clone(),
            totals: Arc::clone(&totals),
            listeners,
            threads,
            members: Vec::new(),
            over: false,
        };
        let begun = crew.arrange(watch.as_ref().map(Watch::allowed).as_ref());
        let server = Server { crew: Arc::new(Mutex::new(crew)), totals, log };
        let crew = Arc::clone(&server.crew);
        let looked_after = begun.and_then(|()| match watch {
            Some(watch) => std::thread::Builder::new()
                .name("serve-places".to_owned())
                .spawn(move || look_after(&crew, watch))
                .map(drop),
            None => Ok(()),
        });
        match looked_after {
            Ok(()) => Ok(server),
            Err(error) => {
                server.drain();
                Err(StartError::Spawn(error))
            }
        }
    }

    /// What it did until now; goes on counting.
    pub fn totals(&self) -> &Arc<Totals> {
        &self.totals
    }

    /// Stops accepting, lets requests under way end, writes the rest of the log, and returns.
    pub fn drain(self) {
        let members = {
            let mut crew = lock(&self.crew);
            crew.over = true;
            crew.listeners.close();
            std::mem::take(&mut crew.members)
        };
        let stopping = members.into_iter().map(|mut member| {
            member.order(Task::Stop);
            member.thread
        });
        // Everybody is told before anybody is waited for.
        for thread in stopping.collect::<Vec<_>>() {
            // A thread that ended with an error has said so.
            let _ = thread.join();
        }
        if let Some(log) = &self.log {
            log.close();
        }
    }
}

/// Follows the allowed CPUs until the server is over.
fn look_after(crew: &Mutex<Crew>, mut watch: Watch) {
    let mut failed = false;
    loop {
        let changed = watch.wait(PERIOD).is_some();
        let mut crew = lock(crew);
        if crew.over {
            return;
        }
        crew.dismiss();
        if changed {
            crew.totals.happened(Event::CpusChanged);
        }
        if changed || failed {
            let allowed = watch.allowed();
            let arranged = crew.arrange(Some(&allowed));
            // It is tried again as long as it fails, and said once for every change.
            if let (Err(error), true) = (&arranged, changed) {
                tracing::error!(%error, "cannot start a serving thread");
            }
            failed = arranged.is_err();
            let (serving, retiring) = crew.count();
            tracing::info!(%allowed, serving, retiring, "the allowed CPUs have changed");
        }
    }
}

/// The serving threads, and all that is needed to add one.
#[derive(Debug)]
struct Crew {
    settings: Arc<Settings>,
    current: Current,
    log: Option<Arc<AccessLog>>,
    totals: Arc<Totals>,
    seeds: Random,
    listeners: Listeners,
    /// How many are to serve; none means one for each CPU.
    threads: Option<usize>,
    members: Vec<Member>,
    /// No more orders are given.
    over: bool,
}

/// A serving thread as the one who gives the orders sees it.
#[derive(Debug)]
struct Member {
    orders: watch::Sender<Order>,
    thread: JoinHandle<io::Result<()>>,
    idle_since: Arc<AtomicU64>,
    before: Before,
}

impl Crew {
    /// Gives everybody a place, starts threads that are missing, and retires those that are too
    /// many. Without knowing the CPUs nobody is pinned.
    fn arrange(&mut self, allowed: Option<&CpuSet>) -> io::Result<()> {
        let cpus = allowed.map_or_else(guess, CpuSet::len).max(1);
        let count = self.threads.unwrap_or(cpus);
        let before: Vec<Before> = self.members.iter().map(|member| member.before).collect();
        let roles = roles(&before, allowed.unwrap_or(&CpuSet::new()), count);
        while self.members.len() < roles.len() {
            let member = self.enlist()?;
            self.members.push(member);
        }
        if let Err(error) = self.listeners.open(count) {
            tracing::warn!(%error, "serving threads share listeners");
        }
        let connections_max = self.settings.limits.connections_max.div_ceil(count);
        let mut shares = self.listeners.shares(count).into_iter();
        for (member, role) in self.members.iter_mut().zip(roles) {
            member.order(match role {
                Role::Serve(cpu) => {
                    let listeners = shares.next().unwrap_or_default();
                    Task::Serve { cpu, listeners, connections_max }
                }
                Role::Retire => Task::Retire,
            });
        }
        self.tell();
        Ok(())
    }

    /// Starts a thread; its first order is to do nothing.
    fn enlist(&mut self) -> io::Result<Member> {
        let (orders, theirs) = watch::channel(Order { number: 1, task: Task::Retire });
        let idle_since = Arc::new(AtomicU64::new(0));
        let setup = Setup {
            settings: Arc::clone(&self.settings),
            current: self.current.clone(),
            log: self.log.clone(),
            totals: Arc::clone(&self.totals),
            seed: self.seeds.next_u64(),
            orders: theirs,
            idle_since: Arc::clone(&idle_since),
        };
        let thread =
            std::thread::Builder::new().name(format!("serve-{}", self.members.len())).spawn(
                || run(setup).inspect_err(|error| tracing::error!(%error, "serving thread ended")),
            )?;
        let before = Before { cpu: None, serving: false };
        Ok(Member { orders, thread, idle_since, before })
    }

    /// Ends retired threads that have no connection left.
    fn dismiss(&mut self) {
        let mut at = 0;
        while let Some(member) = self.members.get_mut(at) {
            if member.is_done() {
                member.order(Task::Stop);
                // It has nothing left to do, so this takes no time.
                let _said = self.members.remove(at).thread.join();
            } else {
                at += 1;
            }
        }
        self.tell();
    }

    /// How many serve, and how many only end what they have.
    fn count(&self) -> (usize, usize) {
        let serving = self.members.iter().filter(|member| member.before.serving).count();
        (serving, self.members.len() - serving)
    }

    fn tell(&self) {
        let (serving, retiring) = self.count();
        self.totals.threads_are(serving, retiring);
    }
}

impl Member {
    /// Only ever called by one thread at a time, so that orders are numbered without a gap.
    fn order(&mut self, task: Task) {
        self.before = match task {
            Task::Serve { cpu, .. } => Before { cpu, serving: true },
            Task::Retire | Task::Stop => Before { cpu: None, serving: false },
        };
        self.orders.send_modify(|order| *order = Order { number: order.number + 1, task });
    }

    /// Whether it was retired, knows that, and has no connection left.
    fn is_done(&self) -> bool {
        let order = self.orders.borrow().number;
        !self.before.serving && self.idle_since.load(Ordering::Acquire) == order
    }
}

/// How many CPUs there seem to be, where asking for the mask is forbidden.
fn guess() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn lock(crew: &Mutex<Crew>) -> MutexGuard<'_, Crew> {
    // Every step leaves a crew that can be stopped.
    crew.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often retired threads are looked at.
const PERIOD: Duration = Duration::from_secs(1);
