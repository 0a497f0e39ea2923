//! The gate: one ledger, four lines, and the rule who goes through next.
//!
//! The gate is what a thread has in its hand that has locked the crowd and taken the turn at the
//! ledger: it may read and change everything. Every operation ends with [`Gate::pump`], which lets
//! through everybody who now fits, in order, and so restores the one invariant that makes wake-ups
//! exact: **whenever the lock is free, the first of the line that is served does not fit.** What was
//! let through is booked at once, in the name of the waiter; waking it only tells it so. A waiter
//! that goes away after that gives the booking back like any permit.
//!
//! Wakers are collected under the lock and woken after it.

use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use crate::amount::Fraction;
use crate::lane::{Lane, Line};
use crate::ledger::{Ledger, Next};
use crate::need::{Need, RESOURCES};
use crate::primitive::{Mutex, MutexGuard, lock, now};
use crate::rejected::Rejected;
use crate::snapshot::{Counters, Snapshot};
use crate::turn::Turn;
use crate::waiters::{Row, Stamp, Standing, Waiters};

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;

/// The ledger and the crowd, both in one hand.
#[derive(Debug)]
pub(crate) struct Gate<'a> {
    ledger: &'a Ledger,
    /// Given back before the crowd is unlocked.
    _turn: Turn<'a>,
    crowd: MutexGuard<'a, Crowd>,
}

/// Those who wait, and what is counted about them.
#[derive(Debug)]
pub(crate) struct Crowd {
    waiters: Waiters,
    waiters_max: u32,
    counters: Counters,
    /// All who ever stood in line.
    arrivals: u64,
    #[cfg(test)]
    fault: Fault,
}

/// A mistake made on purpose, to see that the tests notice it.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No mistake.
    #[default]
    None,
    /// After somebody left the line, nobody looks whether the next one fits.
    NoPumpAfterCancel,
    /// After a release, nobody looks whether the first one fits.
    NoPumpAfterRelease,
    /// After a resize, nobody looks whether the first one fits.
    NoPumpAfterResize,
    /// Somebody is let through and not told.
    NobodyIsTold,
    /// A booking whose waiter goes away is lost.
    BookingIsLost,
    /// A request at the door does not look whether others wait.
    DoorIgnoresLine,
    /// After the first of a line left it, nobody looks whether the next one needs as much.
    NobodyLooksWhoIsNext,
    /// Only the first of those who fit is let through.
    OneAtATime,
    /// Background work does not look whether interactive work waits.
    BackgroundOvertakes,
}

/// How a request at the door ended.
#[derive(Debug)]
pub(crate) enum Entry {
    /// It has its permit.
    Granted,
    /// It stands in line.
    Queued(Row),
    /// It will not get one.
    Refused(Rejected),
}

/// Wakers to be woken when the lock is free again.
#[derive(Debug, Default)]
pub(crate) struct Wakes {
    first: Option<Waker>,
    rest: Vec<Waker>,
    /// A waker that is not to be woken, only dropped, and that may run anything when it is.
    spent: Option<Waker>,
}

impl Wakes {
    fn add(&mut self, waker: Option<Waker>) {
        match (&self.first, waker) {
            (None, waker) => self.first = waker,
            (Some(_), Some(waker)) => self.rest.push(waker),
            (Some(_), None) => {}
        }
    }

    /// Wakes them, in the order in which they were let through.
    #[inline]
    pub(crate) fn wake(self) {
        if let Some(first) = self.first {
            first.wake();
            self.rest.into_iter().for_each(Waker::wake);
        }
    }
}

impl Crowd {
    pub(crate) fn new(waiters_max: u32) -> Crowd {
        Crowd {
            waiters: Waiters::new(),
            waiters_max: waiters_max.min(Row::MAX - 1),
            counters: Counters::default(),
            arrivals: 0,
            #[cfg(test)]
            fault: Fault::None,
        }
    }

    /// The answer for somebody who stands in line, if there is one. What was granted is booked
    /// already, so the ledger is not needed.
    pub(crate) fn poll(
        &mut self,
        row: Row,
        waker: &Waker,
        wakes: &mut Wakes,
    ) -> Poll<Result<(), Rejected>> {
        match self.waiters.standing(row) {
            Standing::Waiting => {
                wakes.spent = self.waiters.keep_waker(row, waker);
                Poll::Pending
            }
            Standing::Granted | Standing::Refused => {
                Poll::Ready(self.waiters.leave(row).map_or(Ok(()), Err))
            }
            Standing::Vacant => Poll::Ready(Err(Rejected::Closed)),
        }
    }

    /// Somebody goes away who waits behind others, or before somebody with the same need. Whoever
    /// is next does not fit then either, so there is nothing to change in the ledger and nobody to
    /// let through. Gives back the waker, to be dropped without the lock; nothing when it is not that
    /// easy, and then nothing has happened.
    #[inline]
    pub(crate) fn slip_away(&mut self, row: Row) -> Option<Option<Waker>> {
        #[cfg(test)]
        let unseen = self.fault == Fault::NobodyLooksWhoIsNext;
        #[cfg(not(test))]
        let unseen = false;
        let waits = unseen && self.waiters.standing(row) == Standing::Waiting;
        let slips = waits || self.waiters.is_followed_by_its_like(row);
        slips.then(|| {
            self.counters.cancelled += 1;
            self.waiters.remove(row)
        })
    }
}

impl<'a> Gate<'a> {
    /// Locks the crowd and takes the turn.
    pub(crate) fn open(ledger: &'a Ledger, crowd: &'a Mutex<Crowd>) -> Gate<'a> {
        Gate::with(ledger, lock(crowd))
    }

    /// Takes the turn, too.
    pub(crate) fn with(ledger: &'a Ledger, crowd: MutexGuard<'a, Crowd>) -> Gate<'a> {
        Gate { ledger, _turn: ledger.turns().take(), crowd }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.ledger
    }

    pub(crate) fn waiters(&self) -> &Waiters {
        &self.crowd.waiters
    }

    #[cfg(test)]
    pub(crate) fn set_fault(&mut self, fault: Fault) {
        self.crowd.fault = fault;
    }

    /// A request that wants to go through now or not at all.
    #[inline]
    pub(crate) fn try_enter(&mut self, line: Line, need: &Need) -> Result<(), Rejected> {
        if self.pass(line, need) {
            return Ok(());
        }
        let rejected = self.refusal(line, need).unwrap_or_else(|| {
            let shortfall = self.shortfall(line, need);
            Rejected::Full { shortfall }
        });
        self.count_rejected(&rejected);
        Err(rejected)
    }

    /// Lets a request through if it can go through now.
    #[inline]
    pub(crate) fn pass(&mut self, line: Line, need: &Need) -> bool {
        let passes = self.passes(line, need);
        if passes {
            self.grant_at_door(line, need);
        }
        passes
    }

    /// A request that stands in line if it cannot go through now.
    #[inline]
    pub(crate) fn enter(
        &mut self,
        line: Line,
        need: &Need,
        deadline: Option<Instant>,
        waker: &Waker,
    ) -> Entry {
        if self.pass(line, need) {
            return Entry::Granted;
        }
        self.queue(line, need, deadline, waker)
    }

    /// Somebody in line, or let through and not yet gone, goes away.
    pub(crate) fn cancel(&mut self, row: Row, wakes: &mut Wakes) {
        let Some((line, need)) = self.crowd.waiters.asked(row) else { return };
        match self.crowd.waiters.standing(row) {
            Standing::Waiting => {
                wakes.spent = self.crowd.waiters.remove(row);
                self.crowd.counters.cancelled += 1;
            }
            Standing::Granted => {
                #[cfg(test)]
                let lost = self.crowd.fault == Fault::BookingIsLost;
                #[cfg(not(test))]
                let lost = false;
                if line != Line::Signal && !lost {
                    self.ledger.give(line.lane(), &need, 1);
                }
                self.crowd.counters.cancelled += 1;
            }
            Standing::Refused | Standing::Vacant => {}
        }
        // Whoever waited has left already.
        self.crowd.waiters.leave(row);
        #[cfg(test)]
        if self.crowd.fault == Fault::NoPumpAfterCancel {
            return;
        }
        self.pump(wakes);
    }

    /// Somebody's deadline has come, and it is the one to say so.
    pub(crate) fn give_up(&mut self, row: Row, at: Instant, wakes: &mut Wakes) {
        if self.crowd.waiters.standing(row) == Standing::Waiting {
            self.refuse(row, self.too_late(row, at), wakes);
            self.pump(wakes);
        }
    }

    /// Answers everybody whose deadline has come, and says when the next one will.
    pub(crate) fn expire(&mut self, at: Instant, wakes: &mut Wakes) -> (usize, Option<Instant>) {
        let mut expired = 0;
        while let Some((deadline, row)) = self.crowd.waiters.earliest_deadline() {
            if deadline > at {
                break;
            }
            self.refuse(row, self.too_late(row, at), wakes);
            expired += 1;
        }
        self.pump(wakes);
        (expired, self.crowd.waiters.earliest_deadline().map(|(deadline, _)| deadline))
    }

    fn too_late(&self, row: Row, at: Instant) -> Rejected {
        let since = self.crowd.waiters.stamp(row).since.unwrap_or(at);
        Rejected::DeadlineExceeded { waited: at.saturating_duration_since(since) }
    }

    /// A permit, or a part of one, comes back.
    #[inline]
    pub(crate) fn release(&mut self, lane: Lane, need: &Need, permits: u64, wakes: &mut Wakes) {
        self.ledger.give(lane, need, permits);
        #[cfg(test)]
        if self.crowd.fault == Fault::NoPumpAfterRelease {
            return;
        }
        self.pump(wakes);
    }

    /// What there is has changed.
    pub(crate) fn resize(&mut self, total: Need, wakes: &mut Wakes) {
        if total == self.ledger.total() {
            return;
        }
        self.ledger.resize(total);
        self.crowd.counters.resizes += 1;
        for line in [Line::Interactive, Line::Background, Line::BelowMark] {
            self.refuse_impossible(line, wakes);
        }
        #[cfg(test)]
        if self.crowd.fault == Fault::NoPumpAfterResize {
            return;
        }
        self.pump(wakes);
    }

    /// The brake has been moved.
    pub(crate) fn set_pressure(&mut self, pressure: Fraction, wakes: &mut Wakes) {
        self.ledger.set_pressure(pressure);
        self.pump(wakes);
    }

    /// Nobody goes through any more.
    pub(crate) fn close(&mut self, wakes: &mut Wakes) {
        self.ledger.close();
        for line in LINES_IN_ORDER {
            while let Some(row) = self.crowd.waiters.first(line) {
                self.refuse(row, Rejected::Closed, wakes);
            }
        }
    }

    pub(crate) fn snapshot(&self, at: Instant, extra_names: Vec<String>) -> Snapshot {
        let (ledger, waiters) = (self.ledger, &self.crowd.waiters);
        let mut counters = self.crowd.counters.clone();
        counters.granted_interactive = ledger.granted(Lane::Interactive);
        counters.granted_background = ledger.granted(Lane::Background);
        let used_interactive = ledger.used(Lane::Interactive);
        let stamped = |line| waiters.line(line).find_map(|row| waiters.stamp(row).since);
        let oldest = LINES_IN_ORDER.into_iter().filter_map(stamped);
        Snapshot {
            total: ledger.total(),
            reserve: ledger.reserve(),
            reserve_unused: ledger.reserve().saturating_sub(&used_interactive),
            high_watermark: ledger.high(),
            below_high_watermark: ledger.is_below_mark(),
            used_interactive,
            used_background: ledger.used(Lane::Background),
            debt: ledger.debt(),
            pressure: ledger.pressure(),
            closed: ledger.is_closed(),
            permits: ledger.permits(),
            waiting_interactive: waiters.len(Line::Interactive),
            waiting_background: waiters.len(Line::Background),
            waiting_below_watermark: waiters.len(Line::BelowMark),
            waiting_signals: waiters.len(Line::Signal),
            oldest_waiter_age: oldest
                .min()
                .map_or(Duration::ZERO, |since| at.saturating_duration_since(since)),
            counters,
            extra_names,
        }
    }

    /// Whether a request at the door may go straight through.
    #[inline]
    fn passes(&self, line: Line, need: &Need) -> bool {
        !self.ledger.is_closed() && self.is_free_ahead(line) && self.is_room(line, need)
    }

    /// Whether there is room for a request, others aside.
    #[inline]
    fn is_room(&self, line: Line, need: &Need) -> bool {
        match line {
            Line::Interactive | Line::Background => self.ledger.fits(line.lane(), need),
            Line::BelowMark => {
                self.ledger.is_below_mark() && self.ledger.fits(Lane::Background, need)
            }
            Line::Signal => self.ledger.is_below_mark(),
        }
    }

    /// Whether nobody waits who is to be served before.
    #[inline]
    fn is_free_ahead(&self, line: Line) -> bool {
        if self.crowd.waiters.waiting() == 0 {
            return true;
        }
        #[cfg(test)]
        if self.crowd.fault == Fault::DoorIgnoresLine {
            return true;
        }
        #[cfg(test)]
        if self.crowd.fault == Fault::BackgroundOvertakes && line == Line::Background {
            return self.crowd.waiters.len(line) == 0;
        }
        ahead_of(line).iter().all(|line| self.crowd.waiters.len(*line) == 0)
    }

    #[inline]
    fn grant_at_door(&mut self, line: Line, need: &Need) {
        if line != Line::Signal {
            self.book(line.lane(), need);
        }
    }

    #[inline]
    fn book(&mut self, lane: Lane, need: &Need) {
        self.ledger.take(lane, need);
    }

    /// Why a request cannot even stand in line, whatever the line.
    fn refusal(&self, line: Line, need: &Need) -> Option<Rejected> {
        if self.ledger.is_closed() {
            return Some(Rejected::Closed);
        }
        let lane = line.lane();
        let possible = line == Line::Signal || self.ledger.is_possible(lane, need);
        (!possible).then(|| Rejected::Impossible { limit: self.ledger.limit(lane) })
    }

    /// The way of those who did not pass.
    #[cold]
    fn queue(
        &mut self,
        line: Line,
        need: &Need,
        deadline: Option<Instant>,
        waker: &Waker,
    ) -> Entry {
        let refusal = self.refusal(line, need);
        let crowded = self.crowd.waiters.waiting() >= self.crowd.waiters_max;
        if let Some(rejected) = refusal.or(crowded.then_some(Rejected::QueueFull)) {
            self.count_rejected(&rejected);
            return Entry::Refused(rejected);
        }
        let stamp = self.stamp(deadline);
        if deadline.is_some_and(|deadline| Some(deadline) <= stamp.since) {
            let rejected = Rejected::DeadlineExceeded { waited: Duration::ZERO };
            self.count_rejected(&rejected);
            return Entry::Refused(rejected);
        }
        Entry::Queued(self.crowd.waiters.join(line, need, stamp, deadline, waker.clone()))
    }

    /// Whoever joins a short line looks at the clock. In a long one that would be a quarter of all
    /// its cost, so every sixteenth does, and speaks for the others.
    fn stamp(&mut self, deadline: Option<Instant>) -> Stamp {
        self.crowd.arrivals = self.crowd.arrivals.wrapping_add(1);
        let short = self.crowd.waiters.waiting() < u32::from(SAMPLE);
        let speaks = self.crowd.arrivals.is_multiple_of(SAMPLE.into());
        let weight = match (short, speaks) {
            (true, _) => 1,
            (false, true) => SAMPLE,
            (false, false) => 0,
        };
        let looks = weight > 0 || deadline.is_some();
        Stamp { since: looks.then(now), weight }
    }

    fn shortfall(&self, line: Line, need: &Need) -> Need {
        let mut ahead = [0_u128; RESOURCES];
        for line in ahead_of(line) {
            for (ahead, wanted) in ahead.iter_mut().zip(self.crowd.waiters.wanted(*line)) {
                *ahead += wanted;
            }
        }
        self.ledger.shortfall(line.lane(), need, &ahead)
    }

    /// Lets through everybody who now fits, in order.
    #[inline]
    pub(crate) fn pump(&mut self, wakes: &mut Wakes) {
        if self.crowd.waiters.waiting() > 0 {
            self.pump_lines(wakes);
        }
    }

    #[inline(never)]
    fn pump_lines(&mut self, wakes: &mut Wakes) {
        let mut at = None;
        for line in LINES_IN_ORDER {
            while let Some(row) = self.crowd.waiters.first(line) {
                let Some((_, need)) = self.crowd.waiters.asked(row) else { break };
                if !self.passes_from_line(line, &need) {
                    break;
                }
                if line != Line::Signal {
                    self.book(line.lane(), &need);
                    self.crowd.counters.granted_after_wait += 1;
                    let Stamp { since, weight } = self.crowd.waiters.stamp(row);
                    if let (Some(since), 1..) = (since, weight) {
                        let waited = at.get_or_insert_with(now).saturating_duration_since(since);
                        self.crowd.counters.wait.count(waited, weight.into());
                    }
                }
                let waker = self.crowd.waiters.grant(row);
                #[cfg(test)]
                if self.crowd.fault == Fault::NobodyIsTold {
                    continue;
                }
                wakes.add(waker);
                #[cfg(test)]
                if self.crowd.fault == Fault::OneAtATime {
                    return;
                }
            }
        }
    }

    /// Whether the first of a line may go through.
    fn passes_from_line(&self, line: Line, need: &Need) -> bool {
        let mut ahead = ahead_of(line).iter().filter(|other| **other != line);
        ahead.all(|line| self.crowd.waiters.len(*line) == 0) && self.is_room(line, need)
    }

    /// Answers those in a line who have become impossible.
    fn refuse_impossible(&mut self, line: Line, wakes: &mut Wakes) {
        let lane = line.lane();
        let limit = self.ledger.limit(lane);
        let waiters = &self.crowd.waiters;
        let asked = |row: &Row| waiters.asked(*row).map(|(_, need)| need);
        let impossible: Vec<Row> = waiters
            .line(line)
            .filter(|row| asked(row).is_some_and(|need| !self.ledger.is_possible(lane, &need)))
            .collect();
        for row in impossible {
            self.refuse(row, Rejected::Impossible { limit }, wakes);
        }
    }

    fn refuse(&mut self, row: Row, rejected: Rejected, wakes: &mut Wakes) {
        self.count_rejected(&rejected);
        wakes.add(self.crowd.waiters.refuse(row, rejected));
    }

    fn count_rejected(&mut self, rejected: &Rejected) {
        let counters = &mut self.crowd.counters;
        *match rejected {
            Rejected::Impossible { .. } => &mut counters.rejected_impossible,
            Rejected::Full { .. } => &mut counters.rejected_full,
            Rejected::QueueFull => &mut counters.rejected_queue_full,
            Rejected::DeadlineExceeded { .. } => &mut counters.rejected_deadline,
            Rejected::Closed => &mut counters.rejected_closed,
        } += 1;
    }
}

impl Drop for Gate<'_> {
    /// Says to those who do not lock the crowd whether there is one, and who is first.
    fn drop(&mut self) {
        let waiters = &self.crowd.waiters;
        let waiting = waiters.waiting();
        if waiting > 0 || self.ledger.looks_crowded() {
            self.ledger.set_crowded(waiting > 0);
            let line = LINES_IN_ORDER.into_iter().find(|line| waiters.len(*line) > 0);
            let next = match line {
                None => Next::Nobody,
                // Whoever waits for the mark waits for others than the first, too.
                _ if waiters.len(Line::Signal) > 0 => Next::Look,
                Some(Line::Interactive) => Next::Interactive,
                Some(Line::Background) => Next::Background,
                Some(Line::BelowMark | Line::Signal) => Next::Look,
            };
            let first = line.and_then(|line| waiters.asked(waiters.first(line)?));
            self.ledger.set_next(next, &first.map_or(Need::ZERO, |(_, need)| need));
        }
    }
}

/// Those whose waiting keeps a request of a line at the door, its own line included.
fn ahead_of(line: Line) -> &'static [Line] {
    match line {
        Line::Interactive => &LINES_IN_ORDER[..1],
        Line::Background => &LINES_IN_ORDER[..2],
        Line::BelowMark => &LINES_IN_ORDER[..3],
        Line::Signal => &[],
    }
}

/// From so many waiters on, every one of so many looks at the clock.
const SAMPLE: u8 = 16;

const LINES_IN_ORDER: [Line; 4] =
    [Line::Interactive, Line::Background, Line::BelowMark, Line::Signal];
