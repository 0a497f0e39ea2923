//! What all desks of a pool share: the queue, the blame, the numbers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

use crate::blame::Blame;
use crate::budget::Budget;
use crate::call::{Call, NOWHERE, Ticket};
use crate::desk::{Desk, Ended, Owed, Put};
use crate::error::{Cause, Error, Kind};
use crate::job::Job;
use crate::lock;
use crate::queue::Queue;
use crate::region::Layout;
use crate::sandbox::Report;
use crate::settings::{Retry, Settings};
use crate::sys::cpus;
use crate::tally::{Counts, Tally, count};

/// See the module.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) tally: Tally,
    /// One per worker, and last the one for suspects.
    pub(crate) desks: Box<[Arc<Desk>]>,
    /// Every process that lives or is not yet reaped holds a permit.
    pub(crate) processes: Arc<Semaphore>,
    queue: Mutex<Queue>,
    /// Length of the queue, to be read without its lock.
    waiting: AtomicUsize,
    suspects: Mutex<VecDeque<Arc<Call>>>,
    blame: Mutex<Blame>,
    budget: Mutex<Budget>,
    blames: AtomicBool,
    ids: AtomicU64,
    /// How long jobs run, on average of late.
    service_ns: AtomicU64,
    workers: AtomicUsize,
    closed: AtomicBool,
    stopped: Notify,
    failures: AtomicU32,
    retry_at: Mutex<Option<(Instant, Error)>>,
    report: Mutex<Report>,
    changed: Notify,
    cpus: usize,
}

impl Shared {
    pub(crate) fn new(mut settings: Settings) -> Shared {
        let times = [
            &mut settings.idle,
            &mut settings.queue_age,
            &mut settings.limit,
            &mut settings.refuse_for,
        ];
        times.into_iter().for_each(|time| *time = (*time).min(FOR_EVER));
        let workers = settings.workers.max(1);
        let desk = |index| Arc::new(Desk::new(index, index == workers));
        Shared {
            tally: Tally::default(),
            desks: (0..=workers).map(desk).collect(),
            processes: Arc::new(Semaphore::new(workers + 1 + SPARE_PROCESSES)),
            queue: Mutex::new(Queue::new(
                settings.queue_bytes,
                settings.queue_jobs,
                settings.queue_age,
            )),
            waiting: AtomicUsize::new(0),
            suspects: Mutex::new(VecDeque::new()),
            blame: Mutex::new(Blame::new(settings.refuse_for)),
            budget: Mutex::new(Budget::new(settings.launches_per_s, Instant::now())),
            blames: AtomicBool::new(false),
            ids: AtomicU64::new(1),
            service_ns: AtomicU64::new(0),
            workers: AtomicUsize::new(workers),
            closed: AtomicBool::new(false),
            stopped: Notify::new(),
            failures: AtomicU32::new(0),
            retry_at: Mutex::new(None),
            report: Mutex::new(Report::default()),
            changed: Notify::new(),
            cpus: cpus(),
            settings,
        }
    }

    /// The desks that take ordinary jobs.
    fn ordinary(&self) -> &[Arc<Desk>] {
        let workers = self.workers.load(Ordering::Relaxed).min(self.desks.len() - 1);
        self.desks.get(..workers).unwrap_or_default()
    }

    fn infirmary(&self) -> Option<&Arc<Desk>> {
        self.desks.last()
    }

    /// Takes a job: straight into a ring if nobody waits, else into the queue.
    pub(crate) fn submit(
        self: &Arc<Shared>,
        job: Job,
        near: bool,
    ) -> Result<(Ticket, Option<(usize, Owed)>), Error> {
        self.admit(&job)?;
        let max_reply = job.max_reply.unwrap_or(self.settings.inline_bytes);
        let limit = job.limit.map_or(self.settings.limit, |limit| limit.min(FOR_EVER));
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let call = Arc::new(Call::new(id, job, max_reply, limit));
        let ticket = Ticket::new(call.clone(), self.clone());
        if self.waiting.load(Ordering::Relaxed) == 0
            && let Some(desk) = self.best_desk()
            && let Put::Taken(owed) = desk.put(self, call.clone(), near)
        {
            if desk.load() > Some(1) {
                self.ensure_workers();
            }
            return Ok((ticket, owed.map(|owed| (desk.index, owed))));
        }
        let ages_at = call.born + self.settings.queue_age;
        let is_oldest = self.wait(call).inspect_err(|_| count(&self.tally.queue_full))?;
        self.kick();
        if is_oldest {
            // Whoever works need not make room before it is too old.
            self.ordinary().iter().for_each(|desk| desk.look_by(ages_at));
        }
        self.ensure_workers();
        Ok((ticket, None))
    }

    /// Whether a job may come in at all.
    fn admit(&self, job: &Job) -> Result<(), Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Kind::Closed.into());
        }
        let (bytes, max) = (job.body.weight(), self.settings.queue_bytes);
        if bytes > max {
            return Err(Kind::TooLarge { bytes, max }.into());
        }
        if self.blames.load(Ordering::Relaxed) {
            let mut blame = lock(&self.blame);
            let refusal = blame.refusal(job, Instant::now());
            self.blames.store(!blame.is_empty(), Ordering::Relaxed);
            if let Some((cause, left)) = refusal {
                count(&self.tally.refused);
                return Err(Kind::Refused { cause, left }.into());
            }
        }
        if self.failures.load(Ordering::Relaxed) >= FAILURES_MAX
            && let Some((at, error)) = &*lock(&self.retry_at)
            && Instant::now() < *at
        {
            return Err(error.clone());
        }
        Ok(())
    }

    /// Appends a job to the queue; whether it is the oldest there.
    fn wait(&self, call: Arc<Call>) -> Result<bool, Error> {
        let mut queue = lock(&self.queue);
        queue.push(call).map_err(|full| Kind::QueueFull { bytes: full.bytes })?;
        self.waiting.store(queue.len(), Ordering::Relaxed);
        Ok(queue.len() == 1)
    }

    /// Lets every desk with room take from the queue. A desk that has just made room either saw
    /// the new job in the queue, or is seen here to have room: that is what the fences are for.
    fn kick(&self) {
        fence(Ordering::SeqCst);
        for desk in self.ordinary().iter().filter(|desk| desk.has_room()) {
            desk.pump(self);
        }
    }

    /// The desk where a job would wait the least. A sleeping worker costs a wake-up.
    fn best_desk(&self) -> Option<&Arc<Desk>> {
        let service_ns = self.service_ns.load(Ordering::Relaxed);
        let cost = |desk: &Arc<Desk>| match desk.load() {
            Some(0) | None => WAKE_NS,
            Some(load) => service_ns.saturating_mul(load as u64),
        };
        self.ordinary().iter().filter(|desk| desk.has_room()).min_by_key(|desk| cost(desk))
    }

    /// Asks for another worker, if those that are there are all busy.
    pub(crate) fn ensure_workers(&self) {
        let mut closed = None;
        for desk in self.ordinary() {
            match desk.load() {
                Some(0) => return,
                Some(_) => {}
                None if desk.wanted.load(Ordering::Relaxed) => return,
                None => closed = closed.or(Some(desk)),
            }
        }
        if let Some(desk) = closed {
            desk.want();
        }
    }

    /// The next job for a desk; those that are too old are dropped on the way.
    pub(crate) fn next(&self, quarantine: bool, woken: &mut Vec<Waker>) -> Option<Arc<Call>> {
        if quarantine {
            let mut suspects = lock(&self.suspects);
            while let Some(call) = suspects.pop_front() {
                if call.is_wanted() {
                    return Some(call);
                }
            }
            return None;
        }
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut queue = lock(&self.queue);
        self.drop_aged(&mut queue, woken);
        let call = queue.pop();
        self.waiting.store(queue.len(), Ordering::Relaxed);
        call
    }

    fn drop_aged(&self, queue: &mut Queue, woken: &mut Vec<Waker>) {
        let now = Instant::now();
        while let Some(call) = queue.pop_aged(now) {
            count(&self.tally.queue_aged);
            let waited = now.duration_since(call.born);
            woken.extend(call.settle(Err(Kind::QueueAge { waited }.into())));
        }
    }

    /// Drops what is too old although no worker asks; returns when to look again.
    pub(crate) fn expire(&self) -> Option<Instant> {
        let mut woken = Vec::new();
        let mut queue = lock(&self.queue);
        self.drop_aged(&mut queue, &mut woken);
        self.waiting.store(queue.len(), Ordering::Relaxed);
        let next = queue.oldest().map(|born| born + self.settings.queue_age);
        drop(queue);
        woken.into_iter().for_each(Waker::wake);
        next
    }

    /// A job that was taken out and cannot be put.
    pub(crate) fn put_back(&self, call: Arc<Call>, quarantine: bool) {
        if quarantine {
            return lock(&self.suspects).push_front(call);
        }
        let mut queue = lock(&self.queue);
        queue.put_back(call);
        self.waiting.store(queue.len(), Ordering::Relaxed);
    }

    /// A caller has gone.
    pub(crate) fn forget(&self, call: &Call) {
        if call.is_done() {
            return;
        }
        count(&self.tally.cancelled);
        if let Some(desk) = self.desks.get(call.desk.load(Ordering::Relaxed)) {
            return desk.skip(call.id);
        }
        let mut queue = lock(&self.queue);
        let removed = queue.remove(call.id);
        self.waiting.store(queue.len(), Ordering::Relaxed);
        drop(queue);
        drop(removed);
    }

    /// A caller waits on its thread: it may look after the desk that has its job.
    pub(crate) fn lead(&self, call: &Call) {
        while !call.is_done()
            && let Some(desk) = self.desks.get(call.desk.load(Ordering::Relaxed))
            && desk.lead(self, call)
        {}
    }

    pub(crate) fn pay(&self, desk: usize, owed: Owed) {
        if let Some(desk) = self.desks.get(desk) {
            desk.pay(self, owed);
        }
    }

    /// How many jobs a worker should have in its ring: as few as bridge the time of a wake-up.
    pub(crate) fn window(&self, quarantine: bool) -> usize {
        let most = self.settings.window.clamp(1, Layout::SLOTS_MAX as usize - 1);
        match self.service_ns.load(Ordering::Relaxed) {
            _ if quarantine => 1,
            0 => most.min(2),
            ns if ns > LONG_NS => 1,
            ns => {
                usize::try_from(1 + BRIDGE_NS.div_ceil(ns)).unwrap_or(most).clamp(2.min(most), most)
            }
        }
    }

    /// For how long it is worth spinning for an answer of a ring with so many jobs, if it is. What
    /// the ring holds keeps the worker busy for longer than a wake-up takes, or it does not.
    pub(crate) fn spin(&self, jobs: usize, roused: bool) -> Option<Duration> {
        let ns = self.service_ns.load(Ordering::Relaxed);
        let soon = ns <= SPIN_NS || ns.saturating_mul(jobs as u64) <= SPIN_RING_NS;
        let worth = ns > 0 && jobs > 0 && soon && self.cpus > 1;
        let wakes_ns = if roused { WAKE_NS } else { 5_000 };
        let limit = Duration::from_nanos(3 * ns + wakes_ns).min(self.settings.spin);
        (worth && !limit.is_zero()).then_some(limit)
    }

    /// How many answers of a ring with so many jobs are worth one ring: half, so that the worker
    /// has the other half to do until somebody has come, and no more than come in a moment.
    pub(crate) fn answers_a_ring(&self, jobs: usize) -> u32 {
        let ns = self.service_ns.load(Ordering::Relaxed).max(1);
        u32::try_from((PATIENT_NS / ns).min(jobs as u64 / 2)).unwrap_or(1).max(1)
    }

    /// For how long a worker may spin for the next job.
    pub(crate) fn worker_spin(&self) -> Duration {
        if self.cpus > 1 { self.settings.spin } else { Duration::ZERO }
    }

    /// Learns how long jobs run.
    pub(crate) fn learn(&self, run_ns: u64) {
        let old = self.service_ns.load(Ordering::Relaxed);
        let new = match old {
            0 => run_ns,
            // One that was held up, by another process for instance, counts no more than double.
            _ => old - old / 8 + (run_ns / 8).min(old),
        };
        self.service_ns.store(new.max(1), Ordering::Relaxed);
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    /// After how many jobs a worker is replaced: not all after the same number.
    pub(crate) fn jobs_max(&self, desk: usize) -> u64 {
        let most = self.settings.jobs_max.max(1);
        most - (most / 10 / self.desks.len() as u64) * (desk as u64 % self.desks.len() as u64)
    }

    /// What becomes of the jobs of a worker that has ended.
    pub(crate) fn settle(&self, desk: &Desk, ended: Ended) {
        let mut woken = Vec::new();
        self.count_end(&ended);
        for call in ended.innocents.into_iter().rev() {
            let resent = call.resent.fetch_add(1, Ordering::Relaxed);
            if self.is_stopped() || !call.is_wanted() {
                woken.extend(call.settle(Err(Kind::Closed.into())));
            } else if resent >= RESENT_MAX {
                // Never seen to be at fault, and always there: alone we shall know.
                self.suspect(call);
            } else {
                count(&self.tally.resent);
                self.put_back(call, desk.quarantine);
            }
        }
        if let Some((call, cause)) = ended.culprit {
            let before = call.blamed.fetch_add(1, Ordering::Relaxed);
            let again = self.settings.retry == Retry::Alone && before == 0 && !desk.quarantine;
            if self.is_stopped() || !call.is_wanted() {
                woken.extend(call.settle(Err(Kind::Closed.into())));
            } else if again {
                count(&self.tally.retried);
                self.suspect(call);
            } else {
                // A kill that none of us sent proves nothing: no job can send it, and whoever did
                // may have meant the worker.
                if desk.quarantine && cause != Cause::Signal(libc::SIGKILL) {
                    lock(&self.blame).remember(&call.job, cause.clone(), Instant::now());
                    self.blames.store(true, Ordering::Relaxed);
                }
                count(&self.tally.culprits);
                let stderr = ended.stderr;
                woken.extend(call.settle(Err(Kind::Culprit { cause, stderr }.into())));
            }
        }
        woken.into_iter().for_each(Waker::wake);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.kick();
            self.ensure_workers();
        }
    }

    fn count_end(&self, ended: &Ended) {
        if ended.cause == Cause::Forbidden {
            count(&self.tally.forbidden);
        }
        if ended.asked {
            return;
        }
        count(&self.tally.died);
        if ended.served == 0 && ended.culprit.is_none() {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        match ended.cause {
            Cause::Deadline(_) => count(&self.tally.deadlines),
            Cause::Nonsense(_) => count(&self.tally.nonsense),
            _ => {}
        }
    }

    /// A job that is to be tried alone.
    fn suspect(&self, call: Arc<Call>) {
        lock(&self.suspects).push_back(call);
        if let Some(infirmary) = self.infirmary() {
            infirmary.want();
            infirmary.nudge.notify_one();
        }
    }

    /// Whether a desk has something to do.
    pub(crate) fn has_work(&self, quarantine: bool) -> bool {
        match quarantine {
            true => !lock(&self.suspects).is_empty(),
            false => self.waiting.load(Ordering::Relaxed) > 0,
        }
    }

    /// Takes a launch out of the budget; with none left, how long until there is.
    pub(crate) fn may_launch(&self) -> Result<(), Duration> {
        lock(&self.budget).take(Instant::now())
    }

    /// A worker is ready.
    pub(crate) fn launched(&self, report: Report) {
        count(&self.tally.launched);
        *lock(&self.report) = report;
        *lock(&self.retry_at) = None;
    }

    /// Tells those who wait for a worker to look again.
    pub(crate) fn tell(&self) {
        self.changed.notify_waiters();
    }

    /// No worker came to be; returns how long to wait before the next try.
    pub(crate) fn launch_failed(&self, error: Error, hopeless: bool) -> Duration {
        count(&self.tally.launch_failed);
        let least = if hopeless { FAILURES_MAX } else { 0 };
        let failures = self.failures.load(Ordering::Relaxed).max(least).saturating_add(1);
        self.failures.store(failures, Ordering::Relaxed);
        let factor = 1_u32.checked_shl(failures - 1).unwrap_or(u32::MAX);
        let pause = self.settings.back_off.saturating_mul(factor).min(self.settings.back_off_max);
        *lock(&self.retry_at) = Some((Instant::now() + pause, error.clone()));
        let none_open = self.ordinary().iter().all(|desk| desk.load().is_none());
        if failures >= FAILURES_MAX && none_open {
            self.fail_waiting(&error);
        }
        self.changed.notify_waiters();
        pause
    }

    fn fail_waiting(&self, error: &Error) {
        let mut calls: Vec<_> = lock(&self.suspects).drain(..).collect();
        let mut queue = lock(&self.queue);
        while let Some(call) = queue.pop() {
            calls.push(call);
        }
        self.waiting.store(0, Ordering::Relaxed);
        drop(queue);
        let wakers: Vec<_> =
            calls.iter().filter_map(|call| call.settle(Err(error.clone()))).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) async fn check(&self) -> Result<Report, Error> {
        loop {
            let changed = self.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            if self.is_stopped() {
                return Err(Kind::Closed.into());
            }
            if self.ordinary().iter().any(|desk| desk.load().is_some()) {
                return Ok(self.report());
            }
            if let Some((at, error)) = &*lock(&self.retry_at)
                && Instant::now() < *at
            {
                return Err(error.clone());
            }
            self.ensure_workers();
            changed.await;
        }
    }

    pub(crate) fn report(&self) -> Report {
        lock(&self.report).clone()
    }

    pub(crate) fn counts(&self) -> Counts {
        let queue = lock(&self.queue);
        let workers = self.desks.iter().filter(|desk| desk.load().is_some()).count() as u64;
        let (queue_jobs, queue_bytes) = (queue.len() as u64, queue.bytes() as u64);
        Counts { workers, queue_jobs, queue_bytes, ..self.tally.counts() }
    }

    pub(crate) fn processes(&self) -> Vec<u32> {
        let number = |desk: &Arc<Desk>| desk.with_open(|open| open.process.number());
        self.desks.iter().filter_map(number).collect()
    }

    pub(crate) fn resize(&self, workers: usize) {
        let workers = workers.clamp(1, self.desks.len() - 1);
        self.workers.store(workers, Ordering::Relaxed);
        self.desks.iter().for_each(|desk| desk.nudge.notify_one());
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.ensure_workers();
        }
    }

    /// Whether a desk is beyond the number of workers, and no infirmary.
    pub(crate) fn is_surplus(&self, desk: &Desk) -> bool {
        !desk.quarantine && desk.index >= self.workers.load(Ordering::Relaxed)
    }

    pub(crate) fn refuse_more(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Whether no more jobs are taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether nothing waits and nothing runs.
    pub(crate) fn is_drained(&self) -> bool {
        let idle = |desk: &Arc<Desk>| desk.load().is_none_or(|load| load == 0);
        self.waiting.load(Ordering::Relaxed) == 0
            && lock(&self.suspects).is_empty()
            && self.desks.iter().all(idle)
            && self
                .desks
                .iter()
                .all(|desk| !desk.wanted.load(Ordering::Relaxed) || self.is_stopped())
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.processes.is_closed()
    }

    /// Ends everything.
    pub(crate) fn stop(&self) {
        self.refuse_more();
        self.processes.close();
        for desk in &self.desks {
            if let Some(ended) = desk.close(false) {
                self.settle(desk, Ended { asked: true, ..ended });
            }
            desk.nudge.notify_one();
        }
        self.fail_waiting(&Kind::Closed.into());
        self.changed.notify_waiters();
        self.stopped.notify_one();
    }

    /// Returns when the pool was stopped.
    pub(crate) async fn stopped(&self) {
        self.stopped.notified().await;
    }
}

/// Ten years: longer times are cut, so that adding one to a clock is always possible.
const FOR_EVER: Duration = Duration::from_secs(315_360_000);
/// Processes that may be dying while their successors live already.
const SPARE_PROCESSES: usize = 2;
/// After so many launches without success, jobs fail instead of waiting for one.
const FAILURES_MAX: u32 = 3;
/// A job that lost so many workers without ever being the oldest is tried alone.
const RESENT_MAX: u32 = 16;
/// What it costs to wake a sleeping worker, roughly.
const WAKE_NS: u64 = 50_000;
/// How much work a ring should hold, to bridge the time until the parent looks again.
const BRIDGE_NS: u64 = 500_000;
/// Answers that come within so long are worth one ring together.
const PATIENT_NS: u64 = 400_000;
/// Jobs this long are handed over one at a time.
const LONG_NS: u64 = 5_000_000;
/// Answers of jobs as short as this are spun for, however many are in the ring.
const SPIN_NS: u64 = 12_000;
/// Those of longer jobs only while the ring holds less work than this.
const SPIN_RING_NS: u64 = 60_000;
const _: () = assert!(NOWHERE == usize::MAX, "no desk has that number");
