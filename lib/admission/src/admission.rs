//! The admission: what callers hold on to.
//!
//! An [`Admission`] is a counted pointer to a [`Gate`] behind a lock. The way in and out without
//! anybody waiting is the lock, a comparison and an addition for each resource, and nothing else: no
//! allocation, no clock, no reference count.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Poll, Waker};
use std::time::Instant;

use crate::acquire::{Acquire, BelowWatermark};
use crate::amount::Fraction;
use crate::builder::Builder;
#[cfg(not(any(loom, shuttle)))]
use crate::clock::Alarm;
use crate::gate::{Crowd, Gate, Wakes};
use crate::lane::{Lane, Line};
use crate::ledger::Ledger;
use crate::need::{Extra, Need};
use crate::permit::Permit;
use crate::primitive::{Arc, Mutex, MutexGuard, lock, now};
use crate::rejected::Rejected;
use crate::snapshot::Snapshot;
use crate::waiters::Row;

/// Hands out permits for memory, CPU and named extras, all at once or not at all.
///
/// Cloning it is cheap and gives the same admission. What it promises:
///
/// * **First come, first served** inside a lane; background work never overtakes a waiting
///   interactive request, and nobody at the door overtakes anybody in line.
/// * **Exact wake-ups**: what comes back wakes those who now have their permit, and nobody else.
/// * **Nothing is lost**: a future that waits can be dropped at any moment, and so can a permit.
/// * **No request hangs that can never be met**: it is told so at once, or when a
///   [`resize`](Admission::resize) makes it so.
///
/// ```
/// use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};
///
/// let admission = Admission::new(Need::new(Bytes::new(1000), MilliCpu::new(1000)));
/// let half = Need::new(Bytes::new(500), MilliCpu::new(500));
/// let first = admission.try_acquire(Lane::Interactive, half)?;
/// let second = admission.try_acquire(Lane::Interactive, half)?;
/// assert!(admission.try_acquire(Lane::Interactive, half).is_err());
/// drop(first);
/// assert!(admission.try_acquire(Lane::Interactive, half).is_ok());
/// # drop(second);
/// # Ok::<(), heliostat_admission::Rejected>(())
/// ```
#[derive(Clone, Debug)]
pub struct Admission {
    shared: Arc<Shared>,
}

/// Who watches the deadlines of waiting futures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// A thread of the admission's own, started when the first future waits with a deadline.
    Thread,
    /// The caller, with [`Admission::expire`]: for simulated time, and for programs that have a
    /// timer already. A future that is polled late also sees its own deadline.
    Manual,
}

/// What all clones of an admission share.
#[derive(Debug)]
pub(crate) struct Shared {
    ledger: Ledger,
    crowd: Mutex<Crowd>,
    #[cfg(not(any(loom, shuttle)))]
    pub(crate) alarm: Alarm,
    pub(crate) clock: Clock,
    /// Its place among all admissions: later built, later stage.
    pub(crate) stage: u64,
    minimum_charge: Option<Need>,
    extra_names: Vec<String>,
}

/// A way to the shared part: a borrow costs nothing, a count lives as long as it wants, and there
/// may be none. Two pointers and no tag, so that it is copied in whole words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Handle<'a> {
    borrowed: Option<&'a Arc<Shared>>,
    counted: Option<Arc<Shared>>,
}

impl Admission {
    /// An admission with the settings that a [`Builder`] begins with.
    #[must_use]
    pub fn new(total: Need) -> Admission {
        Admission::builder(total).build()
    }

    /// The settings, to be changed. Of the total only memory and CPU count; extras get theirs from
    /// [`Builder::extra`].
    pub fn builder(total: Need) -> Builder {
        Builder::new(total)
    }

    pub(crate) fn from_builder(builder: Builder) -> Admission {
        let shared = Shared {
            ledger: builder.ledger(),
            crowd: Mutex::new(Crowd::new(builder.waiters_max)),
            #[cfg(not(any(loom, shuttle)))]
            alarm: Alarm::default(),
            clock: builder.clock,
            stage: STAGES.fetch_add(1, Ordering::Relaxed),
            minimum_charge: Some(builder.minimum_charge).filter(|need| !need.is_zero()),
            extra_names: builder.extra_names,
        };
        Admission { shared: Arc::new(shared) }
    }

    /// A permit now, or the reason why not. It never waits, and never overtakes those who do.
    ///
    /// # Errors
    ///
    /// [`Rejected::Full`] with what would have to come back, [`Rejected::Impossible`],
    /// [`Rejected::Closed`].
    #[inline]
    pub fn try_acquire(&self, lane: Lane, need: Need) -> Result<Permit<'_>, Rejected> {
        let need = self.shared.charge(need);
        if !self.shared.pass(Line::of(lane), &need) {
            self.shared.gate().try_enter(Line::of(lane), &need)?;
        }
        Ok(Permit::new(Handle::borrowed(&self.shared), lane, need))
    }

    /// A permit as soon as it is this request's turn and it fits.
    ///
    /// The future can be dropped at any moment; it then is as if it had never asked.
    ///
    /// # Errors
    ///
    /// The future gives [`Rejected::Impossible`], [`Rejected::QueueFull`] or [`Rejected::Closed`].
    ///
    /// ```
    /// use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    /// # runtime.block_on(async {
    /// let admission = Admission::new(Need::new(Bytes::new(1 << 30), MilliCpu::cpus(2)));
    /// let need = Need::new(Bytes::new(1 << 20), MilliCpu::new(500));
    /// let permit = admission.acquire(Lane::Background, need).await?;
    /// assert_eq!(permit.need(), need);
    /// # Ok::<(), heliostat_admission::Rejected>(())
    /// # }).unwrap();
    /// ```
    #[inline]
    pub fn acquire(&self, lane: Lane, need: Need) -> Acquire<'_> {
        Acquire::new(Handle::borrowed(&self.shared), Line::of(lane), self.shared.charge(need))
    }

    /// Like [`Admission::acquire`], but not later than the deadline.
    ///
    /// No permit comes after the error, and no error after the permit. With a deadline in the past
    /// it does not wait: it is granted at once or not at all.
    ///
    /// # Errors
    ///
    /// Also [`Rejected::DeadlineExceeded`]; [`Rejected::Full`] instead of waiting when the thread
    /// that watches the deadlines cannot be started.
    #[inline]
    pub fn acquire_deadline(&self, lane: Lane, need: Need, deadline: Instant) -> Acquire<'_> {
        self.acquire(lane, need).before(deadline)
    }

    /// Like [`Admission::acquire`], for threads: it blocks, until the deadline if there is one.
    ///
    /// # Errors
    ///
    /// Like [`Admission::acquire_deadline`].
    #[cfg(not(any(loom, shuttle)))]
    pub fn acquire_blocking(
        &self,
        lane: Lane,
        need: Need,
        deadline: Option<Instant>,
    ) -> Result<Permit<'_>, Rejected> {
        let (line, need) = (Line::of(lane), self.shared.charge(need));
        crate::blocking::wait(&self.shared, line, &need, deadline)?;
        Ok(Permit::new(Handle::borrowed(&self.shared), lane, need))
    }

    /// Waits until background use is below the high-water mark.
    ///
    /// This is only a hint, because others may be faster; [`Admission::acquire_below_watermark`] is
    /// the same with a permit.
    ///
    /// # Errors
    ///
    /// The future gives [`Rejected::QueueFull`] or [`Rejected::Closed`].
    pub fn wait_below_high_watermark(&self) -> BelowWatermark<'_> {
        BelowWatermark::new(Acquire::new(Handle::borrowed(&self.shared), Line::Signal, Need::ZERO))
    }

    /// A background permit as soon as use is below the high-water mark and the need fits: for work
    /// that has not begun yet. It lets all background requests go first that have begun.
    ///
    /// # Errors
    ///
    /// Like [`Admission::acquire`].
    pub fn acquire_below_watermark(&self, need: Need) -> Acquire<'_> {
        let need = self.shared.charge(need);
        Acquire::new(Handle::borrowed(&self.shared), Line::BelowMark, need)
    }

    /// Whether a need could be met if nothing else were in use.
    #[must_use]
    pub fn is_possible(&self, lane: Lane, need: Need) -> bool {
        self.shared.gate().ledger().is_possible(lane, &self.shared.charge(need))
    }

    /// How many wait for a permit. Those who only wait for the mark do not count.
    #[must_use]
    pub fn waiters(&self) -> u32 {
        let gate = self.shared.gate();
        gate.waiters().waiting() - gate.waiters().len(Line::Signal)
    }

    /// What there is.
    #[must_use]
    pub fn total(&self) -> Need {
        self.shared.gate().ledger().total()
    }

    /// The extra with this name.
    #[must_use]
    pub fn extra(&self, name: &str) -> Option<Extra> {
        let at = self.shared.extra_names.iter().position(|known| known == name)?;
        Extra::at(at)
    }

    /// Changes how much memory and CPU there is, up or down. Extras stay as they are.
    ///
    /// With less than is in use, nothing is granted until the debt is repaid. Requests in line that
    /// have become impossible are told so.
    ///
    /// ```
    /// use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};
    ///
    /// let admission = Admission::new(Need::new(Bytes::new(1000), MilliCpu::new(1000)));
    /// let permit = admission.try_acquire(Lane::Interactive, Need::of_memory(Bytes::new(600)))?;
    /// admission.resize(Need::new(Bytes::new(400), MilliCpu::new(1000)));
    /// assert_eq!(admission.snapshot().debt.memory(), Bytes::new(200));
    /// assert!(admission.try_acquire(Lane::Interactive, Need::ZERO).is_err());
    /// # Ok::<(), heliostat_admission::Rejected>(())
    /// ```
    pub fn resize(&self, total: Need) {
        self.shared.change(|gate, wakes| {
            let mut resized = gate.ledger().total();
            resized.amounts[0] = total.amounts[0];
            resized.amounts[1] = total.amounts[1];
            gate.resize(resized, wakes);
        });
    }

    /// Changes how much of an extra there is.
    pub fn resize_extra(&self, extra: Extra, total: u64) {
        self.shared.change(|gate, wakes| {
            let resized = gate.ledger().total().with(extra, total);
            gate.resize(resized, wakes);
        });
    }

    /// Brakes background work: so large a part of what it may use is taken from it, and the
    /// high-water mark sinks with it. With [`Fraction::ALL`] none begins. What is held stays held.
    pub fn set_pressure(&self, pressure: Fraction) {
        self.shared.change(|gate, wakes| gate.set_pressure(pressure, wakes));
    }

    /// Grants nothing any more, and tells everybody in line. Permits stay good.
    pub fn close(&self) {
        self.shared.change(|gate, wakes| gate.close(wakes));
    }

    /// Whether [`Admission::close`] was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.gate().ledger().is_closed()
    }

    /// Everything that can be said about it, from one moment.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let names = self.shared.extra_names.clone();
        self.shared.gate().snapshot(now(), names)
    }

    /// Tells everybody whose deadline has come by this time, and says how many that were.
    ///
    /// Needed with [`Clock::Manual`] only.
    pub fn expire(&self, at: Instant) -> usize {
        self.shared.change(|gate, wakes| gate.expire(at, wakes)).0
    }

    /// Its place among all stages.
    pub(crate) fn stage(&self) -> u64 {
        self.shared.stage
    }

    #[cfg(all(test, not(any(loom, shuttle))))]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Shared {
    /// Everything in one hand.
    pub(crate) fn gate(&self) -> Gate<'_> {
        Gate::open(&self.ledger, &self.crowd)
    }

    /// Looks for the answer of somebody who stands in line.
    pub(crate) fn poll(&self, row: Row, waker: &Waker) -> Poll<Result<(), Rejected>> {
        let mut wakes = Wakes::default();
        let answer = lock(&self.crowd).poll(row, waker, &mut wakes);
        wakes.wake();
        answer
    }

    /// Lets somebody go away who stands in line or has its answer. The turn is taken only if that
    /// may let somebody through.
    pub(crate) fn cancel(&self, row: Row) {
        let mut crowd = lock(&self.crowd);
        match crowd.slip_away(row) {
            Some(spent) => {
                drop(crowd);
                drop(spent);
            }
            None => self.cancel_in_hand(row, crowd),
        }
    }

    #[cold]
    fn cancel_in_hand(&self, row: Row, crowd: MutexGuard<'_, Crowd>) {
        let mut wakes = Wakes::default();
        Gate::with(&self.ledger, crowd).cancel(row, &mut wakes);
        wakes.wake();
    }

    /// Lets somebody go whose deadline has come, if it has not been answered.
    #[cold]
    pub(crate) fn give_up(&self, row: Row, at: Instant) {
        self.change(|gate, wakes| gate.give_up(row, at, wakes));
    }

    /// Changes something, and wakes when nothing is locked any more.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Gate<'_>, &mut Wakes) -> T) -> T {
        let mut wakes = Wakes::default();
        let changed = change(&mut self.gate(), &mut wakes);
        wakes.wake();
        changed
    }

    /// Lets a request through when nobody waits and nobody is at the ledger just now. False says
    /// nothing but that it was not that easy.
    #[inline]
    pub(crate) fn pass(&self, line: Line, need: &Need) -> bool {
        let plain = matches!(line, Line::Interactive | Line::Background);
        if !plain || self.ledger.looks_crowded() {
            return false;
        }
        self.ledger.turns().take_briefly().is_some_and(|_turn| self.ledger.pass(line.lane(), need))
    }

    /// Takes a whole permit back. The crowd is locked only if that lets somebody through.
    #[inline]
    pub(crate) fn release(&self, lane: Lane, need: &Need) {
        if self.ledger.leaves_all_waiting(lane, need)
            && let Some(turn) = self.ledger.turns().take_briefly()
        {
            self.ledger.give(lane, need, 1);
            // Asked again with the turn, and so of those who are in line now.
            if self.ledger.leaves_all_waiting(lane, &Need::ZERO) {
                return;
            }
            drop(turn);
            return self.pump();
        }
        self.release_to_crowd(lane, need);
    }

    #[cold]
    fn pump(&self) {
        self.change(|gate, wakes| gate.pump(wakes));
    }

    #[inline(never)]
    fn release_to_crowd(&self, lane: Lane, need: &Need) {
        self.change(|gate, wakes| gate.release(lane, need, 1, wakes));
    }

    #[inline]
    fn charge(&self, need: Need) -> Need {
        match &self.minimum_charge {
            None => need,
            Some(minimum) => need.max(minimum),
        }
    }
}

impl<'a> Handle<'a> {
    #[inline]
    pub(crate) fn borrowed(shared: &'a Arc<Shared>) -> Handle<'a> {
        Handle { borrowed: Some(shared), counted: None }
    }

    /// Takes the way, and leaves none.
    #[inline]
    pub(crate) fn take(&mut self) -> Handle<'a> {
        std::mem::take(self)
    }

    pub(crate) fn into_owned(self) -> Handle<'static> {
        Handle { borrowed: None, counted: self.borrowed.cloned().or(self.counted) }
    }

    /// The counted pointer itself, if there is a way.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&Arc<Shared>> {
        match self.borrowed {
            Some(shared) => Some(shared),
            None => self.counted.as_ref(),
        }
    }
}

/// The next stage. A counter and nothing else: no memory is published through it.
static STAGES: AtomicU64 = AtomicU64::new(0);
