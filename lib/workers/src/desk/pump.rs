//! Handing in and taking out. What is here is the whole hot path.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;
use std::time::{Duration, Instant};

use super::{Desk, Flight, Open, Owed};
use crate::call::{Call, NOWHERE};
use crate::error::{Cause, Kind};
use crate::job::Reply;
use crate::link::{Answer, Link};
use crate::lock;
use crate::pool::Shared;
use crate::stage::{Ask, Permit};
use crate::tally::count;
use crate::wire::Status;

/// What became of a job that was handed in.
#[derive(Debug)]
pub(crate) enum Put {
    /// It is in flight; the caller may owe a look.
    Taken(Option<Owed>),
    /// There is no room here.
    Refused,
}

/// What a pump has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pumped {
    /// So many answers were taken.
    Answers(usize),
    /// The worker is condemned, or gone.
    Over,
}

impl Desk {
    /// Puts a job straight into the ring, if there is room; `near` says that the caller will wait
    /// right here, and may look after it instead of the owner.
    pub(crate) fn put(&self, shared: &Shared, call: Arc<Call>, near: bool) -> Put {
        let mut state = lock(&self.state);
        let Some(open) = &mut *state else { return Put::Refused };
        let window = shared.window(self.quarantine);
        if !open.takes(window) {
            return Put::Refused;
        }
        let Some(permit) = shared.permit(&call, self) else { return Put::Refused };
        let due = Instant::now() + call.limit;
        self.launch(shared, open, call, permit);
        self.note(open, window);
        if open.verdict.is_some() || open.timer_at.is_none_or(|at| at > due) {
            self.nudge.notify_one();
        }
        Put::Taken(self.look_after(shared, open, near))
    }

    /// Takes every answer that is there, and fills the ring from the queue.
    pub(crate) fn pump(&self, shared: &Shared) -> Pumped {
        let mut woken = Vec::new();
        let mut state = lock(&self.state);
        let pumped = match &mut *state {
            Some(open) => self.pump_open(shared, open, &mut woken),
            None => Pumped::Over,
        };
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        pumped
    }

    pub(super) fn pump_open(
        &self,
        shared: &Shared,
        open: &mut Open,
        woken: &mut Vec<Waker>,
    ) -> Pumped {
        let window = shared.window(self.quarantine);
        let mut answers = 0;
        while open.verdict.is_none() {
            let Some(flight) = open.flight.front() else {
                if let Err(rule) = open.link.check_silence() {
                    open.verdict = Some(Cause::Nonsense(rule));
                }
                break;
            };
            match open.link.take(&flight.call) {
                Ok(Some(answer)) => {
                    answers += 1;
                    open.finish(shared, answer, woken);
                    if open.is_leaving() {
                        // Only the owner can let go of a pipe.
                        self.nudge.notify_one();
                    }
                }
                Ok(None) => break,
                Err(rule) => open.verdict = Some(Cause::Nonsense(rule)),
            }
            self.note(open, window);
            self.fill(shared, open, window, woken);
        }
        self.fill(shared, open, window, woken);
        self.note(open, window);
        if open.verdict.is_some() { Pumped::Over } else { Pumped::Answers(answers) }
    }

    /// Puts jobs from the queue into the ring while there is room.
    fn fill(&self, shared: &Shared, open: &mut Open, window: usize, woken: &mut Vec<Waker>) {
        while open.takes(window) {
            let Some(call) = shared.next(self.quarantine, woken) else {
                shared.nobody_waits();
                break;
            };
            let Some(permit) = shared.permit(&call, self) else {
                shared.put_back(call, self.quarantine);
                break;
            };
            self.launch(shared, open, call, permit);
        }
    }

    /// Puts one job into the ring. The last that a worker is to have is its last.
    fn launch(&self, shared: &Shared, open: &mut Open, call: Arc<Call>, permit: Option<Permit>) {
        if open.flight.is_empty() {
            open.head_since = Instant::now();
            open.unsaid = Duration::ZERO;
        }
        if let Err(rule) = open.link.put(&call) {
            open.verdict = Some(Cause::Nonsense(rule));
        }
        if matches!(&open.link, Link::Pipes(pipes) if pipes.is_stuck()) {
            // Only the owner can wait for room in a pipe.
            self.nudge.notify_one();
        }
        call.desk.store(self.index, Ordering::Relaxed);
        open.flight.push_back(Flight { call, _permit: permit });
        if open.served + open.flight.len() as u64 >= shared.jobs_max(self.index) {
            open.draining = true;
            count(&shared.tally.recycled);
            self.nudge.notify_one();
        }
    }

    fn note(&self, open: &Open, window: usize) {
        self.set_load(open.flight.len());
        let room = if open.draining || open.verdict.is_some() { 0 } else { window };
        self.room.store(room, Ordering::Relaxed);
    }
}

impl Open {
    /// Whether it may have another job.
    fn takes(&self, window: usize) -> bool {
        self.verdict.is_none() && !self.draining && self.flight.len() < window
    }

    /// Hands the answer to the oldest job to its caller.
    fn finish(&mut self, shared: &Shared, answer: Answer, woken: &mut Vec<Waker>) {
        let now = Instant::now();
        // Answers may be seen together that came one after the other: all of them share the time
        // that has passed.
        let seen = self.unsaid + now.saturating_duration_since(self.head_since);
        let run = seen.min(Duration::from_nanos(answer.run_ns));
        if answer.status == Status::Panicked {
            // The worker is at its end; the job stays in flight, and becomes the culprit.
            let what = String::from_utf8_lossy(&answer.body).chars().take(TEXT_MAX).collect();
            self.verdict = Some(Cause::Panic(what));
            return;
        }
        let Some(Flight { call, .. }) = self.flight.pop_front() else { return };
        call.desk.store(NOWHERE, Ordering::Relaxed);
        self.head_since = now;
        self.unsaid = seen.saturating_sub(run);
        self.idle_since = now;
        self.served += 1;
        self.unchecked = self.unchecked.saturating_add(1);
        let run_ns = u64::try_from(run.as_nanos()).unwrap_or(u64::MAX);
        let claim = self.claims.entry(call.job.tenant).or_default();
        *claim = claim.saturating_add(run_ns);
        if answer.status != Status::Skipped {
            shared.learn(run_ns);
        }
        if self.draining && self.flight.is_empty() {
            self.link.quit();
        }
        let result = match answer.status {
            Status::Done => {
                count(&shared.tally.done);
                Ok(Reply { body: answer.body, run })
            }
            Status::TooLong => Err(Kind::TooLong { max: call.max_reply }.into()),
            _ => Err(Kind::Failed(answer.body).into()),
        };
        if result.is_err() && call.is_wanted() {
            count(&shared.tally.failed);
        }
        woken.extend(call.settle(result));
    }
}

impl Shared {
    /// A permit to execute, if one is needed; the outer option is "not now".
    #[expect(clippy::option_option, reason = "not now, none needed, and this one are three things")]
    fn permit(&self, call: &Call, desk: &Desk) -> Option<Option<Permit>> {
        let Some(stage) = &self.settings.stage else { return Some(None) };
        let job = &call.job;
        let ask = Ask { bytes: job.body.len(), kind: job.kind, tenant: job.tenant };
        stage.enter(ask, &desk.again).map(Some)
    }

    /// Tells the stage when no job wants a permit.
    fn nobody_waits(&self) {
        if let Some(stage) = &self.settings.stage
            && !self.has_work(false)
            && !self.has_work(true)
        {
            stage.nobody_waits();
        }
    }
}

/// Longest panic message that an error carries.
const TEXT_MAX: usize = 512;
