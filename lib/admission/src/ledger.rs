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

use crate::amount::Fraction;
use crate::lane::Lane;
use crate::need::Need;

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
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    shares: Shares,
    pressure: Fraction,
    total: Need,
    reserve: Need,
    allowance: Need,
    high: Need,
    low: Need,
    used_interactive: Need,
    used_background: Need,
    shut: bool,
}

impl Ledger {
    /// Nothing used yet.
    pub(crate) fn new(total: Need, shares: Shares) -> Ledger {
        let mut ledger = Ledger {
            shares: Shares { low: shares.low.min(shares.high), ..shares },
            pressure: Fraction::NONE,
            total,
            reserve: Need::ZERO,
            allowance: Need::ZERO,
            high: Need::ZERO,
            low: Need::ZERO,
            used_interactive: Need::ZERO,
            used_background: Need::ZERO,
            shut: false,
        };
        ledger.divide();
        ledger
    }

    pub(crate) fn total(&self) -> Need {
        self.total
    }

    pub(crate) fn reserve(&self) -> Need {
        self.reserve
    }

    pub(crate) fn high(&self) -> Need {
        self.high
    }

    pub(crate) fn pressure(&self) -> Fraction {
        self.pressure
    }

    pub(crate) fn used(&self, lane: Lane) -> Need {
        match lane {
            Lane::Interactive => self.used_interactive,
            Lane::Background => self.used_background,
        }
    }

    /// Of each resource, what is used beyond the total.
    pub(crate) fn debt(&self) -> Need {
        self.used_interactive
            .zip(&self.used_background, u64::saturating_add)
            .saturating_sub(&self.total)
    }

    /// The most that one request of a lane can ever have, whatever the brake says now.
    pub(crate) fn limit(&self, lane: Lane) -> Need {
        match lane {
            Lane::Interactive => self.total,
            Lane::Background => self.total.saturating_sub(&self.reserve),
        }
    }

    /// Whether a need could be met with nothing in use.
    pub(crate) fn is_possible(&self, lane: Lane, need: &Need) -> bool {
        need.fits_in(&self.limit(lane))
    }

    /// Whether a need can be met now.
    #[inline]
    pub(crate) fn fits(&self, lane: Lane, need: &Need) -> bool {
        let background = lane == Lane::Background;
        let mut fits = true;
        for at in 0..need.amounts.len() {
            let beside = self.total.amounts[at].checked_sub(self.used_interactive.amounts[at]);
            let ceiling = if background {
                beside.map(|beside| beside.min(self.allowance.amounts[at]))
            } else {
                beside
            };
            let free = ceiling.and_then(|top| top.checked_sub(self.used_background.amounts[at]));
            fits &= free.is_some_and(|free| need.amounts[at] <= free);
        }
        fits
    }

    /// What would have to come back for a need to fit, with others who are to be served before.
    pub(crate) fn shortfall(&self, lane: Lane, need: &Need, ahead: &[u128]) -> Need {
        let mut missing = Need::ZERO;
        for at in 0..need.amounts.len() {
            let used_interactive = u128::from(self.used_interactive.amounts[at]);
            let used = used_interactive + u128::from(self.used_background.amounts[at]);
            let total = u128::from(self.total.amounts[at]);
            let top = match lane {
                Lane::Interactive => total,
                Lane::Background => {
                    total.min(used_interactive.saturating_add(self.allowance.amounts[at].into()))
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
    pub(crate) fn take(&mut self, lane: Lane, need: &Need) {
        let used = self.account(lane);
        for (used, need) in used.amounts.iter_mut().zip(&need.amounts) {
            *used = used.saturating_add(*need);
        }
        self.watch_mark();
    }

    /// Takes a booking back.
    #[inline]
    pub(crate) fn give(&mut self, lane: Lane, need: &Need) {
        let used = self.account(lane);
        for (used, need) in used.amounts.iter_mut().zip(&need.amounts) {
            debug_assert!(*used >= *need, "more came back than was given");
            *used = used.saturating_sub(*need);
        }
        self.watch_mark();
    }

    /// Changes what there is.
    pub(crate) fn resize(&mut self, total: Need) {
        self.total = total;
        self.divide();
    }

    /// Pulls or loosens the brake.
    pub(crate) fn set_pressure(&mut self, pressure: Fraction) {
        self.pressure = pressure;
        self.divide();
    }

    /// Whether background use is below the mark, so that new background work may begin.
    pub(crate) fn is_below_mark(&self) -> bool {
        let mark = if self.shut { &self.low } else { &self.high };
        self.pressure < Fraction::ALL && self.is_below(mark)
    }

    /// Background use and what interactive work has taken of the shared part.
    pub(crate) fn shared_use(&self) -> Need {
        let overflow = self.used_interactive.saturating_sub(&self.reserve);
        self.used_background.zip(&overflow, u64::saturating_add)
    }

    fn is_below(&self, mark: &Need) -> bool {
        self.shared_use().amounts.iter().zip(&mark.amounts).all(|(used, mark)| used < mark)
    }

    fn account(&mut self, lane: Lane) -> &mut Need {
        match lane {
            Lane::Interactive => &mut self.used_interactive,
            Lane::Background => &mut self.used_background,
        }
    }

    /// Derives the shares from the total and the brake.
    fn divide(&mut self) {
        let Shares { reserve, high, low } = self.shares;
        let calm = self.pressure.rest();
        self.reserve = self.total.map(|total| reserve.of(total));
        let shared = self.total.saturating_sub(&self.reserve);
        self.allowance = shared.map(|shared| calm.of(shared));
        // A mark of nothing could never be below; where a share rounds to that, one unit may be used.
        self.high = shared.map(|shared| calm.of(high.of(shared)).max(1));
        self.low = shared.map(|shared| calm.of(low.of(shared)).max(1));
        self.watch_mark();
    }

    /// Remembers that the mark was reached. With one mark there is nothing to remember.
    #[inline]
    fn watch_mark(&mut self) {
        if self.shares.low < self.shares.high {
            let mark = if self.shut { self.low } else { self.high };
            self.shut = !self.is_below(&mark);
        }
    }
}
