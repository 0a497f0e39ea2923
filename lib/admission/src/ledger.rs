//! The arithmetic of an admission: what there is, what is used, what fits.
//!
//! Only two sums are kept, the use of each lane. Everything else is derived from them, so the answer
//! depends on who holds permits now and never on the order in which they came: a permit does not
//! remember out of which pool it was taken, because there are no pools.
//!
//! | lane | fits when, for every resource |
//! |---|---|
//! | interactive | `used_interactive + used_background + need <= total` |
//! | background | `used_background + need <= min(allowance, total - used_interactive)` |
//!
//! The allowance is `total - reserve`, less what the brake takes. After a shrink below what is in use
//! no need fits, not even none, until the debt is repaid: that is the same comparison.
//!
//! Every field is a relaxed atomic, because several threads reach it, but only whoever has the
//! [`Turn`](crate::turn::Turn) touches one; the turn orders them. Two exceptions:
//! [`Ledger::looks_crowded`] and [`Ledger::leaves_all_waiting`] may be asked at any time and are hints
//! then.

use crate::amount::Fraction;
use crate::lane::Lane;
use crate::need::{EXTRAS_MAX, Need, RESOURCES};
use crate::primitive::{AtomicU8, AtomicU32, AtomicU64, Flag, Ordering::Relaxed};
use crate::turn::Turns;

/// How a total is divided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    /// Kept for the interactive lane, of the total.
    pub(crate) reserve: Fraction,
    /// Where the mark shuts, of the shared part.
    pub(crate) high: Fraction,
    /// Where it opens again; at most `high`.
    pub(crate) low: Fraction,
}

/// What there is and what is used.
#[derive(Debug)]
pub(crate) struct Ledger {
    hot: Hot,
    total: Amounts,
    allowance: Amounts,
    reserve: Amounts,
    high: Amounts,
    low: Amounts,
    used_extras: [[AtomicU64; EXTRAS_MAX]; LANES],
    pressure: AtomicU32,
    shut: Flag,
    shares: Shares,
    next: AtomicU8,
    next_need: Amounts,
}

/// Who is to be served next, as far as a release has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Next {
    /// Nobody waits.
    Nobody = NEXT_NOBODY,
    /// An interactive request: when it fits.
    Interactive = NEXT_INTERACTIVE,
    /// A background request: when it fits.
    Background = NEXT_BACKGROUND,
    /// Somebody who waits for more than room, or several: look at the crowd.
    Look = NEXT_LOOK,
}

const NEXT_NOBODY: u8 = 0;
const NEXT_INTERACTIVE: u8 = 1;
const NEXT_BACKGROUND: u8 = 2;
const NEXT_LOOK: u8 = 3;

/// What every way in and out writes, and the turn that lets it: one line of the cache, so that it
/// moves between CPUs once.
#[derive(Debug)]
#[repr(align(64))]
struct Hot {
    turns: Turns,
    closed: Flag,
    has_extras: Flag,
    crowded: Flag,
    used: [[AtomicU64; 2]; LANES],
    granted: [AtomicU64; LANES],
    permits: AtomicU64,
}

const LANES: usize = 2;

#[cfg(not(any(loom, shuttle)))]
const _: () = assert!(size_of::<Hot>() == 64, "it is one line");

/// One number for each resource.
#[derive(Debug, Default)]
struct Amounts([AtomicU64; RESOURCES]);

impl Amounts {
    #[inline]
    fn at(&self, at: usize) -> u64 {
        self.0[at].load(Relaxed)
    }

    #[inline]
    fn put(&self, at: usize, amount: u64) {
        self.0[at].store(amount, Relaxed);
    }

    fn need(&self) -> Need {
        Need { amounts: std::array::from_fn(|at| self.at(at)) }
    }

    fn put_need(&self, need: &Need) {
        need.amounts.iter().enumerate().for_each(|(at, amount)| self.put(at, *amount));
    }
}

impl Ledger {
    /// Nothing used yet.
    pub(crate) fn new(total: Need, shares: Shares) -> Ledger {
        let ledger = Ledger {
            hot: Hot {
                turns: Turns::new(),
                closed: Flag::new(false),
                has_extras: Flag::new(false),
                crowded: Flag::new(false),
                used: Default::default(),
                granted: Default::default(),
                permits: AtomicU64::new(0),
            },
            total: Amounts::default(),
            allowance: Amounts::default(),
            reserve: Amounts::default(),
            high: Amounts::default(),
            low: Amounts::default(),
            used_extras: Default::default(),
            pressure: AtomicU32::new(0),
            shut: Flag::new(false),
            shares: Shares { low: shares.low.min(shares.high), ..shares },
            next: AtomicU8::new(NEXT_NOBODY),
            next_need: Amounts::default(),
        };
        ledger.resize(total);
        ledger
    }

    pub(crate) fn total(&self) -> Need {
        self.total.need()
    }

    pub(crate) fn reserve(&self) -> Need {
        self.reserve.need()
    }

    pub(crate) fn high(&self) -> Need {
        self.high.need()
    }

    pub(crate) fn pressure(&self) -> Fraction {
        Fraction::millionths(self.pressure.load(Relaxed))
    }

    pub(crate) fn permits(&self) -> u64 {
        self.hot.permits.load(Relaxed)
    }

    pub(crate) fn granted(&self, lane: Lane) -> u64 {
        self.hot.granted[lane as usize].load(Relaxed)
    }

    pub(crate) fn used(&self, lane: Lane) -> Need {
        Need { amounts: std::array::from_fn(|at| self.account(lane, at).load(Relaxed)) }
    }

    #[inline]
    fn account(&self, lane: Lane, at: usize) -> &AtomicU64 {
        match at {
            0 | 1 => &self.hot.used[lane as usize][at],
            _ => &self.used_extras[lane as usize][at - 2],
        }
    }

    #[inline]
    fn used_at(&self, lane: Lane, at: usize) -> u64 {
        self.account(lane, at).load(Relaxed)
    }

    /// Who may touch all this.
    #[inline]
    pub(crate) fn turns(&self) -> &Turns {
        &self.hot.turns
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.hot.closed.load(Relaxed)
    }

    pub(crate) fn close(&self) {
        self.hot.closed.store(true, Relaxed);
    }

    /// Whether somebody waited a moment ago.
    #[inline]
    pub(crate) fn looks_crowded(&self) -> bool {
        self.hot.crowded.load(Relaxed)
    }

    /// Says whether somebody waits now.
    pub(crate) fn set_crowded(&self, crowded: bool) {
        self.hot.crowded.store(crowded, Relaxed);
    }

    /// Of each resource, what is used beyond the total.
    pub(crate) fn debt(&self) -> Need {
        let (interactive, background) = (self.used(Lane::Interactive), self.used(Lane::Background));
        interactive.zip(&background, u64::saturating_add).saturating_sub(&self.total())
    }

    /// Books a need if there is room and nobody waits: the whole way in, for almost everybody.
    #[inline]
    pub(crate) fn pass(&self, lane: Lane, need: &Need) -> bool {
        let passes = !self.looks_crowded() && !self.is_closed() && self.fits(lane, need);
        if passes {
            self.take(lane, need);
        }
        passes
    }

    /// The most that one request of a lane can ever have, whatever the brake says now.
    pub(crate) fn limit(&self, lane: Lane) -> Need {
        match lane {
            Lane::Interactive => self.total(),
            Lane::Background => self.total().saturating_sub(&self.reserve()),
        }
    }

    /// Whether a need could be met with nothing in use.
    pub(crate) fn is_possible(&self, lane: Lane, need: &Need) -> bool {
        let kept = |at: usize| match lane {
            Lane::Interactive => 0,
            Lane::Background => self.reserve.at(at),
        };
        self.all(need, |at| need.amounts[at] <= self.total.at(at).saturating_sub(kept(at)))
    }

    /// Whether a need can be met now.
    #[inline]
    pub(crate) fn fits(&self, lane: Lane, need: &Need) -> bool {
        let used = |lane: Lane, at: usize| self.used_at(lane, at);
        self.all(need, |at| self.fits_at(at, lane, need.amounts[at], used))
    }

    /// Whether an amount can be had when so much is used.
    #[inline]
    fn fits_at(
        &self,
        at: usize,
        lane: Lane,
        amount: u64,
        used: impl Fn(Lane, usize) -> u64,
    ) -> bool {
        let total = self.total.at(at);
        let (interactive, background) = (used(Lane::Interactive, at), used(Lane::Background, at));
        match lane {
            Lane::Interactive => {
                // Every booking fitted into a total of its time, so the sum can be counted.
                let used = interactive.saturating_add(background);
                used <= total && amount <= total - used
            }
            Lane::Background => {
                let Some(left) = total.checked_sub(interactive) else { return false };
                let top = self.allowance.at(at).min(left);
                background <= top && amount <= top - background
            }
        }
    }

    /// Says who is to be served next, for those who give something back without locking the crowd.
    pub(crate) fn set_next(&self, next: Next, need: &Need) {
        self.next.store(next as u8, Relaxed);
        self.next_need.put_need(need);
    }

    /// Whether whoever is next would still not fit, if this came back. Without the turn it is a hint.
    #[inline]
    pub(crate) fn leaves_all_waiting(&self, lane: Lane, back: &Need) -> bool {
        let next = match self.next.load(Relaxed) {
            NEXT_NOBODY => return true,
            NEXT_INTERACTIVE => Lane::Interactive,
            NEXT_BACKGROUND => Lane::Background,
            _ => return false,
        };
        let used = |of: Lane, at: usize| {
            let back = if of == lane { back.amounts[at] } else { 0 };
            self.used_at(of, at).saturating_sub(back)
        };
        !(0..RESOURCES).all(|at| self.fits_at(at, next, self.next_need.at(at), used))
    }

    /// Whether something holds for every resource there is.
    #[inline]
    fn all(&self, need: &Need, holds: impl Fn(usize) -> bool) -> bool {
        holds(0) && holds(1) && (self.is_plain(need) || (2..RESOURCES).all(holds))
    }

    /// Whether memory and CPU are all there is to look at.
    #[inline]
    fn is_plain(&self, need: &Need) -> bool {
        !self.hot.has_extras.load(Relaxed) && need.is_plain()
    }

    /// What would have to come back for a need to fit, with others who are to be served before.
    pub(crate) fn shortfall(&self, lane: Lane, need: &Need, ahead: &[u128]) -> Need {
        let mut missing = Need::ZERO;
        for at in 0..need.amounts.len() {
            let used_interactive = u128::from(self.used_at(Lane::Interactive, at));
            let used = used_interactive + u128::from(self.used_at(Lane::Background, at));
            let total = u128::from(self.total.at(at));
            let top = match lane {
                Lane::Interactive => total,
                Lane::Background => {
                    total.min(used_interactive.saturating_add(self.allowance.at(at).into()))
                }
            };
            let wanted = used + u128::from(need.amounts[at]) + ahead.get(at).copied().unwrap_or(0);
            let short = wanted.saturating_sub(top);
            missing.amounts[at] = u64::try_from(short).unwrap_or(u64::MAX);
        }
        missing
    }

    /// Books a need. It must fit, so the sums cannot overflow.
    #[inline]
    pub(crate) fn take(&self, lane: Lane, need: &Need) {
        self.book(lane, need, u64::saturating_add);
        add(&self.hot.permits, 1);
        add(&self.hot.granted[lane as usize], 1);
    }

    /// Takes a booking back, and with it so many permits: one, or none for a part of one.
    #[inline]
    pub(crate) fn give(&self, lane: Lane, need: &Need, permits: u64) {
        debug_assert!(need.fits_in(&self.used(lane)), "more came back than was given");
        self.book(lane, need, u64::saturating_sub);
        self.hot.permits.store(self.permits().saturating_sub(permits), Relaxed);
    }

    /// One permit has become two.
    pub(crate) fn split(&self) {
        add(&self.hot.permits, 1);
    }

    /// Two permits have become one.
    pub(crate) fn merge(&self) {
        self.hot.permits.store(self.permits().saturating_sub(1), Relaxed);
    }

    #[inline]
    fn book(&self, lane: Lane, need: &Need, change: impl Fn(u64, u64) -> u64) {
        let book = |at: usize| {
            let used = self.account(lane, at);
            used.store(change(used.load(Relaxed), need.amounts[at]), Relaxed);
        };
        book(0);
        book(1);
        if self.hot.has_extras.load(Relaxed) {
            (2..RESOURCES).for_each(book);
        }
        if self.shares.low < self.shares.high {
            self.watch_mark();
        }
    }

    /// Changes what there is.
    pub(crate) fn resize(&self, total: Need) {
        self.total.put_need(&total);
        let has_extras = !total.is_plain();
        self.hot.has_extras.fetch_or(has_extras, Relaxed);
        self.divide();
    }

    /// Pulls or loosens the brake.
    pub(crate) fn set_pressure(&self, pressure: Fraction) {
        self.pressure.store(pressure.get(), Relaxed);
        self.divide();
    }

    /// Whether background use is below the mark, so that new background work may begin.
    pub(crate) fn is_below_mark(&self) -> bool {
        let shut = self.shut.load(Relaxed);
        self.pressure() < Fraction::ALL && self.is_below(if shut { &self.low } else { &self.high })
    }

    /// Background use and what interactive work has taken of the shared part.
    fn shared_use(&self, at: usize) -> u64 {
        let overflow = self.used_at(Lane::Interactive, at).saturating_sub(self.reserve.at(at));
        self.used_at(Lane::Background, at).saturating_add(overflow)
    }

    fn is_below(&self, mark: &Amounts) -> bool {
        (0..RESOURCES).all(|at| self.shared_use(at) < mark.at(at))
    }

    /// Derives the shares from the total and the brake.
    fn divide(&self) {
        let Shares { reserve, high, low } = self.shares;
        let (total, calm) = (self.total(), self.pressure().rest());
        let reserve = total.map(|total| reserve.of(total));
        let shared = total.saturating_sub(&reserve);
        self.reserve.put_need(&reserve);
        self.allowance.put_need(&shared.map(|shared| calm.of(shared)));
        // A mark of nothing could never be below; where a share rounds to that, one unit may be used.
        self.high.put_need(&shared.map(|shared| calm.of(high.of(shared)).max(1)));
        self.low.put_need(&shared.map(|shared| calm.of(low.of(shared)).max(1)));
        self.watch_mark();
    }

    /// Remembers that the mark was reached. With one mark there is nothing to remember.
    fn watch_mark(&self) {
        if self.shares.low < self.shares.high {
            let shut = self.shut.load(Relaxed);
            let below = self.is_below(if shut { &self.low } else { &self.high });
            self.shut.store(!below, Relaxed);
        }
    }
}

/// Adds as a plain variable would: whoever calls it has the turn.
#[inline]
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
}
