//! Waiting for the door: armed, awake, leading.

use std::time::{Duration, Instant};

use super::{Desk, Open};
use crate::call::Call;
use crate::desk::pump::Pumped;
use crate::link::{Link, Watch};
use crate::lock;
use crate::pool::Shared;

/// A look that a caller owes: it has counted itself as awake, and spins before it waits.
#[derive(Debug)]
pub(crate) struct Owed {
    watch: Watch,
    limit: Duration,
}

impl Desk {
    /// Sees to it that somebody looks for the answers, after a job was put.
    pub(super) fn look_after(&self, shared: &Shared, open: &mut Open, near: bool) -> Option<Owed> {
        if open.awake > 0 || open.leader || open.armed {
            return None;
        }
        if near
            && open.flight.len() == 1
            && let Some((watch, limit)) = self.hopeful(shared, open)
        {
            open.awake += 1;
            return Some(Owed { watch, limit });
        }
        self.arm(open, 1);
        None
    }

    /// What to spin on and for how long, if that is worth it.
    fn hopeful(&self, shared: &Shared, open: &Open) -> Option<(Watch, Duration)> {
        let Link::Ring(ring) = &open.link else { return None };
        let limit = shared.spin(open.flight.len(), ring.has_roused())?;
        self.spins.is_worth_it().then(|| (ring.watch(), limit))
    }

    /// How many answers are worth one ring. Who would rather spin wants to know of each.
    fn answers_a_ring(&self, shared: &Shared, open: &Open) -> u32 {
        let jobs = open.flight.len();
        let spins = self.spins.are_good() && shared.spin(jobs, false).is_some();
        if spins { 1 } else { shared.answers_a_ring(jobs) }
    }

    fn arm(&self, open: &mut Open, answers: u32) {
        open.armed = open.link.arm(answers);
        open.patient = open.armed && answers > 1;
        if !open.armed {
            // There is something already, and nobody on the way to it.
            self.nudge.notify_one();
        }
    }

    /// Pays a look: spins for the answer, and arms the door if it did not come.
    pub(crate) fn pay(&self, shared: &Shared, owed: Owed) {
        self.spins.learn(owed.watch.spin(owed.limit));
        self.pump(shared);
        self.leave(shared, false);
    }

    /// The owner begins to look.
    pub(crate) fn enter(&self) {
        self.with_open(|open| {
            open.awake += 1;
            if open.armed && !open.leader {
                open.link.disarm();
            }
            open.armed = false;
        });
    }

    /// The owner shall look again at this time at the latest.
    pub(crate) fn look_by(&self, at: Instant) {
        let sleeps_longer = self.with_open(|open| open.timer_at.is_none_or(|timer| timer > at));
        if sleeps_longer == Some(true) {
            self.nudge.notify_one();
        }
    }

    /// Somebody who was awake leaves; the last one arms the door. Who will look at the clock too
    /// may be `patient`, and be rung once for several answers.
    pub(crate) fn leave(&self, shared: &Shared, patient: bool) {
        let mut woken = Vec::new();
        let mut state = lock(&self.state);
        let Some(open) = &mut *state else { return };
        open.awake = open.awake.saturating_sub(1);
        if patient {
            // The owner is about to set the clock anew; until it has, any time is earlier.
            open.timer_at = None;
        }
        if open.awake == 0 && !open.leader && !open.armed && !open.flight.is_empty() {
            // Before the door is armed, the rest is taken: an answer may have come just now.
            self.pump_open(shared, open, &mut woken);
            let answers = if patient { self.answers_a_ring(shared, open) } else { 1 };
            self.arm(open, answers);
        }
        drop(state);
        woken.into_iter().for_each(std::task::Waker::wake);
    }

    /// Spins for the next answer, if that is worth it; whether there is one.
    pub(crate) fn spin(&self, shared: &Shared) -> bool {
        let hopeful = self.with_open(|open| self.hopeful(shared, open));
        hopeful.flatten().is_some_and(|(watch, limit)| {
            let came = watch.spin(limit);
            self.spins.learn(came);
            came
        })
    }

    /// A blocking caller sleeps on the door itself, and takes the answers for everybody until its
    /// own is there. One caller at a time; false if there is one already, or no door.
    pub(crate) fn lead(&self, shared: &Shared, call: &Call) -> bool {
        let mut led = false;
        while !call.is_done() {
            let watch = self.with_open(|open| match &open.link {
                Link::Ring(ring) if !open.leader && open.verdict.is_none() => {
                    if open.awake > 0 {
                        return None;
                    }
                    open.leader = true;
                    open.armed = false;
                    Some((ring.watch(), self.answers_a_ring(shared, open)))
                }
                _ => None,
            });
            let Some((watch, answers)) = watch.flatten() else { break };
            led = true;
            watch.sleep(answers, if answers > 1 { PATIENCE } else { LEAD_MAX });
            self.with_open(|open| {
                open.leader = false;
                open.awake += 1;
            });
            let over = self.pump(shared) == Pumped::Over;
            self.leave(shared, false);
            if over {
                self.nudge.notify_one();
                break;
            }
        }
        led
    }

    /// Wakes a leader, whatever it waits for.
    pub(crate) fn stir(&self) {
        self.with_open(|open| match &open.link {
            Link::Ring(ring) if open.leader => ring.watch().stir(),
            _ => {}
        });
    }
}

/// An answer lies there for at most about so long without a ring, whatever the next job does.
pub(super) const PATIENCE: Duration = Duration::from_millis(1);
/// A leader looks up at least so often.
const LEAD_MAX: Duration = Duration::from_millis(500);
