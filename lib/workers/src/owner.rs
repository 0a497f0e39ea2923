//! The task that owns a worker from its start to its end.
//!
//! One per desk. It starts a worker when one is wanted, answers its bell, looks at the clock, and
//! settles what is left when it ends. Callers may do some of the looking, but never have to: what
//! they leave undone, the owner is woken for.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, prlimit};
use tokio::runtime::Handle;
use tokio::time::{sleep, sleep_until};

use crate::desk::{Desk, Pumped};
use crate::launch::{Worker, launch};
use crate::pool::Shared;
use crate::sys::{cpu_ns, resident_bytes};
use crate::tally::count;

/// Starts the owners of all desks, and the warm workers.
pub(crate) fn start(shared: &Arc<Shared>, runtime: &Handle) {
    for desk in &shared.desks {
        runtime.spawn(own(shared.clone(), desk.clone()));
    }
    let warm = shared.settings.warm.min(shared.desks.len() - 1);
    shared.desks.iter().take(warm).for_each(|desk| _ = desk.want());
}

/// Workers of one desk, one after the other.
async fn own(shared: Arc<Shared>, desk: Arc<Desk>) {
    let _orphan = Orphan(shared.clone());
    while !shared.is_stopped() {
        if !desk.wanted.load(Ordering::Relaxed) {
            desk.nudge.notified().await;
            continue;
        }
        if let Err(pause) = shared.may_launch() {
            sleep(pause).await;
            continue;
        }
        let Ok(permit) = shared.processes.clone().acquire_owned().await else { break };
        match launch(&shared, &desk, permit).await {
            Ok(mut worker) => {
                tend(&shared, &desk, &mut worker).await;
                bury(&shared, &desk, worker);
                want_again(&shared, &desk);
            }
            Err((error, hopeless)) => {
                let pause = shared.launch_failed(error, hopeless);
                sleep(pause).await;
                let needed = shared.has_work(desk.quarantine) || is_warm(&shared, &desk);
                desk.wanted.store(needed, Ordering::Relaxed);
            }
        }
    }
}

/// If the runtime ends before the pool, so does the pool: nobody would answer the bell. An owner
/// that ends by itself does so because the pool was stopped, and stopping it again changes nothing.
struct Orphan(Arc<Shared>);

impl Drop for Orphan {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn is_warm(shared: &Shared, desk: &Desk) -> bool {
    let ours = desk.index < shared.settings.warm && !desk.quarantine;
    ours && !shared.is_surplus(desk) && !shared.is_closed()
}

fn want_again(shared: &Shared, desk: &Desk) {
    if is_warm(shared, desk) || (desk.quarantine && shared.has_work(true)) {
        desk.want();
    }
}

/// Looks after a worker until it has ended, or is to be ended.
async fn tend(shared: &Shared, desk: &Desk, worker: &mut Worker) {
    let mut books = Books::default();
    loop {
        let exited = desk.exit().is_some();
        desk.enter();
        let over = look(shared, desk).await;
        if over || exited || shared.is_stopped() {
            return;
        }
        let now = Instant::now();
        if desk.check_deadline(now) || desk.load().is_none() {
            return;
        }
        books.keep(shared, desk, now);
        if rest(shared, desk, now) {
            return;
        }
        desk.leave(shared, true);
        if desk.is_leaving() {
            worker.events.hang_up();
        }
        let next = next_look(shared, desk, &books, now);
        tokio::select! {
            biased;
            () = worker.events.rung(desk) => {}
            () = desk.nudge.notified() => {}
            () = until(next) => {}
        }
    }
}

/// Takes answers for as long as they come, but not for ever: there is a clock to look at too.
/// Whether the worker is over.
async fn look(shared: &Shared, desk: &Desk) -> bool {
    for _ in 0..LOOKS {
        let pumped = desk.pump(shared);
        if shared.has_work(false) {
            // More waits than those who work can take: one more worker at a time.
            shared.ensure_workers();
        }
        match pumped {
            Pumped::Over => return true,
            Pumped::Answers(0) if !desk.spin(shared) => return false,
            Pumped::Answers(0) => {}
            // Those who were answered run, and hand in more, before the door is armed.
            Pumped::Answers(_) => tokio::task::yield_now().await,
        }
    }
    false
}

/// Sends a worker to rest that is idle or surplus; whether it has overstayed.
fn rest(shared: &Shared, desk: &Desk, now: Instant) -> bool {
    desk.tidy(now);
    let idle = desk.idle_for(now);
    let quits = idle.is_some_and(|idle| idle >= shared.settings.idle) && !is_warm(shared, desk);
    if (quits || shared.is_surplus(desk)) && !desk.is_draining() {
        desk.drain();
    }
    desk.has_overstayed(now)
}

fn next_look(shared: &Shared, desk: &Desk, books: &Books, now: Instant) -> Option<Instant> {
    let idle = (!is_warm(shared, desk)).then_some(shared.settings.idle);
    let busy = desk.is_unchecked().then(|| books.next(now));
    let aged = shared.has_work(false).then(|| shared.expire()).flatten();
    let at = desk.agenda(idle, [busy, aged], now);
    at.map(|at| at.max(now + TICK))
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Settles what a worker leaves behind.
fn bury(shared: &Shared, desk: &Desk, worker: Worker) {
    let out_of_memory = worker.last_words(shared);
    let pid = desk.with_open(|open| open.process.clone());
    if let Some(ns) = pid.and_then(|process| process.with_pid(cpu_ns)).flatten() {
        desk.books_close(shared, ns);
    }
    if let Some(ended) = desk.close(out_of_memory) {
        shared.settle(desk, ended);
    }
}

/// What the owner asks the kernel about, now and then.
#[derive(Debug, Default)]
struct Books {
    last: Option<Instant>,
    cpu_s: u64,
    served: u64,
}

impl Books {
    fn next(&self, now: Instant) -> Instant {
        self.last.map_or(now, |last| last) + PERIOD
    }

    /// Charges the tenants, moves the limit of CPU time on, and looks at the memory.
    fn keep(&mut self, shared: &Shared, desk: &Desk, now: Instant) {
        let due = self.last.is_none_or(|last| now.duration_since(last) >= PERIOD);
        if !due || !desk.is_unchecked() {
            return;
        }
        self.last = Some(now);
        let Some((process, served)) = desk.with_open(|open| (open.process.clone(), open.served()))
        else {
            return;
        };
        if let Some(ns) = process.with_pid(cpu_ns).flatten() {
            desk.books_close(shared, ns);
            let (cpu_s, limit) = (ns / 1_000_000_000, shared.settings.sandbox.limits.cpu_seconds);
            if let Some(limit) = limit.filter(|_| cpu_s > self.cpu_s && served > self.served) {
                let soft = Rlimit { current: Some(cpu_s + limit + 1), maximum: None };
                process.with_pid(|pid| prlimit(Some(pid), Resource::Cpu, soft));
                (self.cpu_s, self.served) = (cpu_s, served);
            }
        }
        let resident = process.with_pid(resident_bytes).flatten();
        if resident.is_some_and(|bytes| bytes > shared.settings.resident_bytes_max)
            && !desk.is_draining()
        {
            count(&shared.tally.recycled);
            desk.drain();
        }
    }
}

/// Times that answers are taken before the owner looks at the clock.
const LOOKS: usize = 512;
/// How often the kernel is asked, while there are jobs.
const PERIOD: Duration = Duration::from_millis(250);
/// The owner does not look at the clock more often than this.
const TICK: Duration = Duration::from_millis(1);
