//! One worker as the parent sees it: who has what in flight, and what became of it.
//!
//! A desk is a lock around a link and the calls in flight. Every change is made by plain code
//! under that lock, never across an await, so whoever happens to be here may make it: the caller
//! who hands a job in, the owner task that was rung, a caller who spins or leads. What makes that
//! safe is one rule: *somebody has promised to look again*. Either the door is armed and the
//! owner sleeps on it, or `awake` counts those who are about to look, or a `leader` sleeps on it.
//!
//! | field | changed by | when |
//! |---|---|---|
//! | `open` | the owner | a worker is ready; a worker has ended |
//! | `flight` | anybody, under the lock | a job is put, an answer is taken |
//! | `verdict` | anybody, under the lock | once: the worker is condemned, nothing is put or taken any more |
//! | `armed`, `awake`, `leader` | anybody, under the lock | see above |
//! | `load`, `room` | whoever has just changed `flight` | read without the lock, as hints |

/// Handing in and taking out.
mod pump;
/// Waiting for the door: armed, awake, leading.
mod watch;
/// What is left when a worker has ended.
mod settle;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::call::Call;
use crate::error::Cause;
use crate::link::Link;
use crate::lock;
use crate::pool::Shared;
use crate::spins::Spins;
use crate::stage::Permit;
use crate::sys::{Exit, Process};
use crate::tail::Tail;

pub(crate) use pump::{Pumped, Put};
pub(crate) use settle::Ended;
pub(crate) use watch::Owed;

/// See the module.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) index: usize,
    /// It takes suspects only, one at a time.
    pub(crate) quarantine: bool,
    /// Wakes the owner.
    pub(crate) nudge: Arc<Notify>,
    /// Wakes the owner, which asks for a permit again.
    pub(crate) again: Waker,
    /// A worker is wanted here.
    pub(crate) wanted: AtomicBool,
    /// What spinning for answers has brought of late.
    spins: Spins,
    state: Mutex<Option<Open>>,
    load: AtomicUsize,
    room: AtomicUsize,
}

/// A worker that is there.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) link: Link,
    pub(crate) process: Arc<Process>,
    pub(crate) exit: Arc<Mutex<Option<Exit>>>,
    pub(crate) tail: Arc<Mutex<Tail>>,
    flight: VecDeque<Flight>,
    /// When the oldest job in flight became the oldest.
    head_since: Instant,
    /// Time that the worker may have worked, and has not said for which job.
    unsaid: Duration,
    idle_since: Instant,
    verdict: Option<Cause>,
    draining: bool,
    armed: bool,
    /// Armed for more than the next answer.
    patient: bool,
    awake: u32,
    leader: bool,
    /// When the owner will look at the clock.
    timer_at: Option<Instant>,
    served: u64,
    /// Since the last look at the kernel's numbers.
    claims: HashMap<u64, u64>,
    cpu_ns: u64,
    unchecked: u32,
}

#[derive(Debug)]
struct Flight {
    call: Arc<Call>,
    /// The execution permit, given back with the answer.
    _permit: Option<Permit>,
}

impl Open {
    pub(crate) fn new(
        link: Link,
        process: Arc<Process>,
        exit: Arc<Mutex<Option<Exit>>>,
        tail: Arc<Mutex<Tail>>,
    ) -> Open {
        let now = Instant::now();
        Open {
            link,
            process,
            exit,
            tail,
            flight: VecDeque::new(),
            head_since: now,
            unsaid: Duration::ZERO,
            idle_since: now,
            verdict: None,
            draining: false,
            armed: false,
            patient: false,
            awake: 0,
            leader: false,
            timer_at: None,
            served: 0,
            claims: HashMap::new(),
            cpu_ns: 0,
            unchecked: 0,
        }
    }

    /// How many jobs it has done.
    pub(crate) fn served(&self) -> u64 {
        self.served
    }

    /// Whether an idle worker keeps memory for a next long body.
    fn keeps_spare(&self) -> bool {
        self.flight.is_empty() && matches!(&self.link, Link::Ring(ring) if ring.has_spare())
    }

    /// Whether it has been asked to end, and has nothing else to do.
    fn is_leaving(&self) -> bool {
        self.draining && self.flight.is_empty()
    }
}

/// Wakes a desk's owner.
struct Again(Arc<Notify>);

impl Wake for Again {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

/// For how long memory is kept for a next long body.
const SPARE: Duration = Duration::from_secs(1);
/// No worker.
const CLOSED: usize = usize::MAX;

impl Desk {
    pub(crate) fn new(index: usize, quarantine: bool) -> Desk {
        let nudge = Arc::new(Notify::new());
        Desk {
            index,
            quarantine,
            again: Waker::from(Arc::new(Again(nudge.clone()))),
            nudge,
            wanted: AtomicBool::new(false),
            spins: Spins::default(),
            state: Mutex::new(None),
            load: AtomicUsize::new(CLOSED),
            room: AtomicUsize::new(0),
        }
    }

    /// Jobs in flight; none if there is no worker.
    pub(crate) fn load(&self) -> Option<usize> {
        Some(self.load.load(Ordering::Relaxed)).filter(|load| *load != CLOSED)
    }

    /// Whether another job may be put, probably.
    pub(crate) fn has_room(&self) -> bool {
        self.load().is_some_and(|load| load < self.room.load(Ordering::Relaxed))
    }

    /// Asks for a worker, if none is there or on its way; whether one was asked for.
    pub(crate) fn want(&self) -> bool {
        let asked = self.load().is_none() && !self.wanted.swap(true, Ordering::Relaxed);
        if asked {
            self.nudge.notify_one();
        }
        asked
    }

    /// A worker is ready.
    pub(crate) fn open(&self, open: Open) {
        *lock(&self.state) = Some(open);
        self.room.store(1, Ordering::Relaxed);
        self.load.store(0, Ordering::Relaxed);
        self.wanted.store(false, Ordering::Relaxed);
    }

    fn set_load(&self, load: usize) {
        self.load.store(load, Ordering::Relaxed);
    }

    /// When the owner has to look again at the latest: for a deadline, to end an idle worker, or
    /// for what else it has in mind.
    pub(crate) fn agenda(
        &self,
        idle: Option<Duration>,
        others: [Option<Instant>; 2],
        now: Instant,
    ) -> Option<Instant> {
        let mut state = lock(&self.state);
        let open = state.as_mut()?;
        let deadline = open.flight.front().map(|flight| open.head_since + flight.call.limit);
        let quits = idle.filter(|_| open.flight.is_empty()).map(|idle| open.idle_since + idle);
        let leaves = open.is_leaving().then(|| open.idle_since + settle::GRACE);
        let spare = open.keeps_spare().then(|| open.idle_since + SPARE);
        let silence = open.patient.then(|| now + watch::PATIENCE);
        let quits = quits.filter(|_| !open.draining);
        let all = [deadline, quits, leaves, spare, silence].into_iter().chain(others);
        open.timer_at = all.flatten().min();
        open.timer_at
    }

    /// Whether a worker that was asked to end has not.
    pub(crate) fn has_overstayed(&self, now: Instant) -> bool {
        let state = lock(&self.state);
        state.as_ref().is_some_and(|open| {
            open.is_leaving() && now.saturating_duration_since(open.idle_since) > settle::GRACE
        })
    }

    /// Looks at the clock: condemns a worker whose job has run too long.
    pub(crate) fn check_deadline(&self, now: Instant) -> bool {
        let mut state = lock(&self.state);
        let Some(open) = &mut *state else { return false };
        let Some(flight) = open.flight.front() else { return false };
        let over = now.saturating_duration_since(open.head_since) > flight.call.limit;
        if over && open.verdict.is_none() {
            open.verdict = Some(Cause::Deadline(flight.call.limit));
        }
        over
    }

    /// For how long the worker has had nothing to do.
    pub(crate) fn idle_for(&self, now: Instant) -> Option<Duration> {
        let state = lock(&self.state);
        let open = state.as_ref().filter(|open| open.flight.is_empty() && !open.draining)?;
        Some(now.saturating_duration_since(open.idle_since))
    }

    /// Gives back what is kept for a next long body, when none has come for a while.
    pub(crate) fn tidy(&self, now: Instant) {
        self.with_open(|open| {
            let idle = now.saturating_duration_since(open.idle_since);
            if open.keeps_spare()
                && idle >= SPARE
                && let Link::Ring(ring) = &mut open.link
            {
                ring.give_back();
            }
        });
    }

    /// Gives the worker no more jobs, and asks it to end when it has none.
    pub(crate) fn drain(&self) {
        let mut state = lock(&self.state);
        let Some(open) = &mut *state else { return };
        open.draining = true;
        open.idle_since = Instant::now();
        self.room.store(0, Ordering::Relaxed);
        if open.flight.is_empty() {
            open.link.quit();
        }
    }

    /// Whether it was asked to end, and has nothing else to do.
    pub(crate) fn is_leaving(&self) -> bool {
        lock(&self.state).as_ref().is_some_and(Open::is_leaving)
    }

    /// Whether it is to take no more jobs.
    pub(crate) fn is_draining(&self) -> bool {
        lock(&self.state).as_ref().is_some_and(|open| open.draining)
    }

    /// Marks a job in flight as unwanted.
    pub(crate) fn skip(&self, id: u64) {
        let mut state = lock(&self.state);
        let Some(open) = &mut *state else { return };
        if let Some(position) = open.flight.iter().position(|flight| flight.call.id == id) {
            open.link.skip(position);
        }
    }

    /// Whether a job waits for room in the pipe.
    pub(crate) fn is_stuck(&self) -> bool {
        let stuck = |open: &mut Open| matches!(&open.link, Link::Pipes(pipes) if pipes.is_stuck());
        self.with_open(stuck).unwrap_or(false)
    }

    /// Writes what the pipe takes.
    pub(crate) fn flush(&self) {
        self.with_open(|open| match &mut open.link {
            Link::Pipes(pipes) => pipes.flush(),
            Link::Ring(_) => {}
        });
    }

    /// Runs something on the open worker.
    pub(crate) fn with_open<T>(&self, act: impl FnOnce(&mut Open) -> T) -> Option<T> {
        lock(&self.state).as_mut().map(act)
    }

    /// Shares out what the kernel says that the worker has used since the last time.
    pub(crate) fn books_close(&self, shared: &Shared, cpu_ns: u64) {
        let closed = self.with_open(|open| {
            open.unchecked = 0;
            let used = cpu_ns.saturating_sub(open.cpu_ns);
            open.cpu_ns = cpu_ns;
            (used, std::mem::take(&mut open.claims))
        });
        if let Some((used, claims)) = closed {
            shared.tally.charge(used, claims.into_iter());
        }
    }

    /// Whether it is time to look at the kernel's numbers.
    pub(crate) fn is_unchecked(&self) -> bool {
        self.with_open(|open| open.unchecked > 0).unwrap_or(false)
    }
}
