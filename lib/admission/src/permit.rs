//! The permit: what somebody may use, until it is dropped.

use std::fmt;
use std::time::Instant;

use crate::acquire::Then;
use crate::admission::{Admission, Handle};
use crate::lane::Lane;
use crate::need::Need;
use crate::primitive::Arc;

/// The right to use what [`Permit::need`] says. Dropping it gives everything back, exactly once.
///
/// It borrows the [`Admission`] that it came from, which costs nothing; [`Permit::into_owned`] makes
/// one that can be stored anywhere.
///
/// ```
/// use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};
///
/// let admission = Admission::new(Need::new(Bytes::new(1000), MilliCpu::new(1000)));
/// let mut permit = admission.try_acquire(Lane::Interactive, Need::of_memory(Bytes::new(900)))?;
/// permit.shrink_to(Need::of_memory(Bytes::new(100)));
/// assert_eq!(admission.snapshot().used().memory(), Bytes::new(100));
/// # Ok::<(), heliostat_admission::Rejected>(())
/// ```
#[must_use = "a permit that is dropped is given back"]
pub struct Permit<'a> {
    need: Need,
    /// Leads nowhere when there is nothing to give back any more.
    handle: Handle<'a>,
    lane: Lane,
}

impl<'a> Permit<'a> {
    #[inline]
    pub(crate) fn new(handle: Handle<'a>, lane: Lane, need: Need) -> Permit<'a> {
        Permit { need, handle, lane }
    }

    /// What it allows to use.
    #[must_use]
    pub fn need(&self) -> Need {
        self.need
    }

    /// Whose account it is booked on.
    #[must_use]
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// Gives back, of each resource, what is above this. It never grows. What came back may go to
    /// others at once.
    pub fn shrink_to(&mut self, need: Need) {
        let kept = self.need.min(&need);
        let back = self.need.saturating_sub(&kept);
        if let (false, Some(shared)) = (back.is_zero(), self.handle.shared()) {
            self.need = kept;
            shared.change(|gate, wakes| gate.release(self.lane, &back, 0, wakes));
        }
    }

    /// Takes a part out as a permit of its own; none when it does not hold that much.
    pub fn split(&mut self, part: Need) -> Option<Permit<'a>> {
        let shared = self.handle.shared().filter(|_| part.fits_in(&self.need))?;
        shared.gate().ledger().split();
        self.need = self.need.saturating_sub(&part);
        Some(Permit::new(self.handle.clone(), self.lane, part))
    }

    /// Makes two permits one.
    ///
    /// # Errors
    ///
    /// Gives the other one back when it is of another admission or another lane.
    pub fn merge<'b>(&mut self, mut other: Permit<'b>) -> Result<(), Permit<'b>> {
        let same = match (self.handle.shared(), other.handle.shared()) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            _ => false,
        };
        // Both are booked, so the sum is at most the total and can be counted.
        match self.need.checked_add(&other.need).filter(|_| same && self.lane == other.lane) {
            Some(sum) => {
                if let Some(shared) = other.handle.take().shared() {
                    shared.gate().ledger().merge();
                }
                self.need = sum;
                Ok(())
            }
            None => Err(other),
        }
    }

    /// Moves on to the next stage: waits for a permit there, and gives this one back when it has it.
    ///
    /// Stages are in the order in which their admissions were built. Waiting while holding goes from
    /// earlier to later only, so that nobody can wait in a circle: for the same or an earlier stage
    /// the answer comes at once, a permit or [`Full`](crate::Rejected::Full). With any error this
    /// permit is given back too, and the same when the future is dropped.
    ///
    /// # Errors
    ///
    /// The future gives what [`Admission::acquire`] of the next stage gives.
    ///
    /// ```
    /// use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let data = Admission::new(Need::new(Bytes::new(64 << 20), MilliCpu::new(0)));
    /// let execution = Admission::new(Need::new(Bytes::new(0), MilliCpu::cpus(2)));
    /// let fetched = data.acquire(Lane::Interactive, Need::of_memory(Bytes::new(1 << 20))).await?;
    /// let running =
    ///     fetched.then(&execution, Lane::Interactive, Need::of_cpu(MilliCpu::cpus(1))).await?;
    /// assert!(data.snapshot().used().is_zero());
    /// # drop(running);
    /// # Ok::<(), heliostat_admission::Rejected>(())
    /// # }).unwrap();
    /// ```
    pub fn then<'b>(self, next: &'b Admission, lane: Lane, need: Need) -> Then<'a, 'b> {
        Then::new(self, next, next.acquire(lane, need))
    }

    /// Like [`Permit::then`], but not later than the deadline: one deadline can span all stages.
    ///
    /// # Errors
    ///
    /// The future gives what [`Admission::acquire_deadline`] of the next stage gives.
    pub fn then_deadline<'b>(
        self,
        next: &'b Admission,
        lane: Lane,
        need: Need,
        deadline: Instant,
    ) -> Then<'a, 'b> {
        Then::new(self, next, next.acquire_deadline(lane, need, deadline))
    }

    /// The same permit, keeping the admission alive by itself.
    pub fn into_owned(mut self) -> Permit<'static> {
        Permit::new(self.handle.take().into_owned(), self.lane, self.need)
    }

    pub(crate) fn stage(&self) -> u64 {
        self.handle.shared().map_or(0, |shared| shared.stage)
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(shared) = self.handle.shared() {
            shared.release(self.lane, &self.need);
        }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("lane", &self.lane)
            .field("need", &self.need)
            .finish_non_exhaustive()
    }
}
