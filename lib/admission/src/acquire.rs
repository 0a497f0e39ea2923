//! The futures: a request on its way to a permit.
//!
//! An [`Acquire`] is at the door, in line, or done. In line it owns a row of the table of waiters and
//! nothing else, so it can be moved, and dropping it clears the row: out of the line if it waited,
//! or back with the permit if that had been booked in the meantime.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::admission::{Admission, Clock, Handle};
use crate::gate::Entry;
use crate::lane::Line;
use crate::need::Need;
use crate::permit::Permit;
use crate::primitive::now;
use crate::rejected::Rejected;
use crate::waiters::Row;

/// The future of [`Admission::acquire`] and its sisters.
///
/// It asks when it is first polled, and takes its place in line then.
#[must_use = "futures do nothing unless polled"]
pub struct Acquire<'a> {
    handle: Handle<'a>,
    line: Line,
    patient: bool,
    need: Need,
    deadline: Option<Instant>,
    place: Place,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It has not asked yet.
    Door,
    /// It has a row in the table.
    Row(Row),
    /// It has its answer.
    Done,
}

impl<'a> Acquire<'a> {
    #[inline]
    pub(crate) fn new(handle: Handle<'a>, line: Line, need: Need) -> Acquire<'a> {
        let (patient, deadline, place) = (true, None, Place::Door);
        Acquire { handle, line, patient, need, deadline, place }
    }

    /// The same with a deadline.
    #[inline]
    pub(crate) fn before(mut self, deadline: Instant) -> Acquire<'a> {
        self.deadline = Some(deadline);
        self
    }

    /// The same, which does not wait.
    pub(crate) fn impatient(mut self) -> Acquire<'a> {
        self.patient = false;
        self
    }

    /// The same future, keeping the admission alive by itself: for futures that are stored or
    /// spawned. The permit will be owned too.
    ///
    /// ```
    /// use heliostat_admission::{Acquire, Admission, Lane, Need};
    ///
    /// fn spawnable(admission: &Admission) -> Acquire<'static> {
    ///     admission.acquire(Lane::Background, Need::ZERO).into_owned()
    /// }
    /// ```
    pub fn into_owned(mut self) -> Acquire<'static> {
        let place = std::mem::replace(&mut self.place, Place::Done);
        Acquire {
            handle: self.handle.take().into_owned(),
            line: self.line,
            patient: self.patient,
            need: self.need,
            deadline: self.deadline,
            place,
        }
    }

    /// Asks at the door, as almost all do once.
    #[inline]
    fn pass(&self) -> bool {
        match (self.handle.shared(), self.place) {
            (Some(shared), Place::Door) => shared.pass(self.line, &self.need),
            _ => false,
        }
    }

    /// The way of those who did not pass at once.
    #[inline(never)]
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        match self.place {
            Place::Door => self.queue(context),
            Place::Row(row) => self.look(row, context),
            Place::Done => Poll::Pending,
        }
    }

    /// Gets in line, unless there is room by now.
    fn queue(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        let Some(shared) = self.handle.shared() else { return Poll::Pending };
        let mut gate = shared.gate();
        if !self.patient {
            return Poll::Ready(gate.try_enter(self.line, &self.need));
        }
        let entry = gate.enter(self.line, &self.need, self.deadline, context.waker());
        drop(gate);
        match entry {
            Entry::Granted => Poll::Ready(Ok(())),
            Entry::Refused(rejected) => Poll::Ready(Err(rejected)),
            Entry::Queued(row) => {
                self.place = Place::Row(row);
                self.set_alarm()
            }
        }
    }

    /// Sees to it that somebody watches the deadline.
    fn set_alarm(&mut self) -> Poll<Result<(), Rejected>> {
        #[cfg(not(any(loom, shuttle)))]
        if let (Some(deadline), Some(shared)) = (self.deadline, self.handle.shared())
            && shared.clock == Clock::Thread
            && shared.alarm.set(deadline, shared).is_err()
        {
            let lane = self.line.lane();
            let shortfall = shared.gate().ledger().shortfall(lane, &self.need, &[]);
            self.leave();
            return Poll::Ready(Err(Rejected::Full { shortfall }));
        }
        #[cfg(any(loom, shuttle))]
        debug_assert!(
            self.deadline.is_none()
                || self.handle.shared().is_some_and(|shared| shared.clock == Clock::Manual),
            "a model has no clock of its own"
        );
        Poll::Pending
    }

    /// Looks for the answer.
    fn look(&mut self, row: Row, context: &mut Context<'_>) -> Poll<Result<(), Rejected>> {
        let Some(shared) = self.handle.shared() else { return Poll::Pending };
        if let Some(deadline) = self.deadline {
            let at = now();
            if deadline <= at {
                shared.give_up(row, at);
            }
        }
        shared.poll(row, context.waker())
    }

    /// Gives back whatever there is.
    #[inline]
    fn leave(&mut self) {
        let place = std::mem::replace(&mut self.place, Place::Done);
        if let (Place::Row(row), Some(shared)) = (place, self.handle.shared()) {
            shared.cancel(row);
        }
    }
}

impl<'a> Future for Acquire<'a> {
    type Output = Result<Permit<'a>, Rejected>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.pass() {
            let Poll::Ready(answer) = self.wait(context) else { return Poll::Pending };
            self.place = Place::Done;
            if let Err(rejected) = answer {
                return Poll::Ready(Err(rejected));
            }
        }
        self.place = Place::Done;
        Poll::Ready(Ok(Permit::new(self.handle.take(), self.line.lane(), self.need)))
    }
}

impl Drop for Acquire<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Place::Row(_) = self.place {
            self.leave();
        }
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire")
            .field("line", &self.line)
            .field("need", &self.need)
            .field("deadline", &self.deadline)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// The future of [`Admission::wait_below_high_watermark`].
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct BelowWatermark<'a> {
    acquire: Acquire<'a>,
}

impl<'a> BelowWatermark<'a> {
    pub(crate) fn new(acquire: Acquire<'a>) -> BelowWatermark<'a> {
        BelowWatermark { acquire }
    }
}

impl Future for BelowWatermark<'_> {
    type Output = Result<(), Rejected>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = self.acquire.wait(context);
        if answer.is_ready() {
            self.acquire.place = Place::Done;
        }
        answer
    }
}

/// The future of [`Permit::then`]: holds one stage's permit while it waits for the next stage's.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Then<'a, 'b> {
    held: Option<Permit<'a>>,
    next: Acquire<'b>,
}

impl<'a, 'b> Then<'a, 'b> {
    /// Waits only for a later stage. Whoever holds a stage and waits for the same or an earlier one
    /// could wait for somebody who waits for it; so such a request is answered at once.
    pub(crate) fn new(held: Permit<'a>, to: &Admission, next: Acquire<'b>) -> Then<'a, 'b> {
        let later = to.stage() > held.stage();
        Then { held: Some(held), next: if later { next } else { next.impatient() } }
    }
}

impl<'b> Future for Then<'_, 'b> {
    type Output = Result<Permit<'b>, Rejected>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.next).poll(context);
        if answer.is_ready() {
            self.held = None;
        }
        answer
    }
}
