//! Everything an admission can say about itself, taken in one moment.

use std::time::Duration;

use crate::amount::Fraction;
use crate::lane::Lane;
use crate::need::Need;

/// The state of an admission at one moment, and what it has counted since it was built.
///
/// All numbers are from the same moment. The counters never go back.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// What there is.
    pub total: Need,
    /// The part of the total that background work leaves free.
    pub reserve: Need,
    /// The part of the reserve that interactive work does not use now.
    pub reserve_unused: Need,
    /// Where the high-water mark stands now, brake included.
    pub high_watermark: Need,
    /// Whether background work that is yet to begin may begin.
    pub below_high_watermark: bool,
    /// What interactive permits hold.
    pub used_interactive: Need,
    /// What background permits hold.
    pub used_background: Need,
    /// What is in use beyond the total, after a shrink.
    pub debt: Need,
    /// The brake on background work.
    pub pressure: Fraction,
    /// Whether [`close`](crate::Admission::close) was called.
    pub closed: bool,
    /// Permits that are held or on their way to their waiter.
    pub permits: u64,
    /// Requests that wait, interactive.
    pub waiting_interactive: u32,
    /// Requests that wait, background.
    pub waiting_background: u32,
    /// Requests that wait for a permit below the high-water mark.
    pub waiting_below_watermark: u32,
    /// Those that only want to know when use is below the mark.
    pub waiting_signals: u32,
    /// How long the request has waited that has waited longest; in a line of more than sixteen, of
    /// those whose time is taken.
    pub oldest_waiter_age: Duration,
    /// Counted since the start.
    pub counters: Counters,
    /// The names of the extras, in the order of the amounts.
    pub extra_names: Vec<String>,
}

/// What an admission counts.
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Counters {
    /// Interactive permits granted.
    pub granted_interactive: u64,
    /// Background permits granted.
    pub granted_background: u64,
    /// Of all granted, those that had to wait.
    pub granted_after_wait: u64,
    /// Refused because they can never be met, in the line as well as at the door.
    pub rejected_impossible: u64,
    /// Refused because they did not want to wait.
    pub rejected_full: u64,
    /// Refused because too many waited.
    pub rejected_queue_full: u64,
    /// Refused because their deadline came.
    pub rejected_deadline: u64,
    /// Refused because the admission was closed.
    pub rejected_closed: u64,
    /// Given up by their caller, in the line or with the permit on its way.
    pub cancelled: u64,
    /// Changes of the total.
    pub resizes: u64,
    /// How long those waited that were granted a permit.
    pub wait: Waits,
}

/// A histogram of waiting times in powers of two.
///
/// While fewer than sixteen wait, everybody's time is taken. In a longer line one in sixteen looks at
/// the clock and is counted sixteen times.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Waits {
    /// How many waited less than 2^n microseconds and not less than half of that; the last also
    /// counts everything above.
    pub below_pow2_us: [u64; WAIT_BUCKETS],
    /// All together.
    pub sum: Duration,
    /// The longest.
    pub max: Duration,
}

/// How many buckets a histogram of waiting times has: up to about half an hour.
pub const WAIT_BUCKETS: usize = 32;

impl Waits {
    /// The time that so large a part of them did not exceed, rounded up to a power of two.
    ///
    /// ```
    /// use heliostat_admission::{Fraction, Waits};
    ///
    /// assert_eq!(Waits::default().quantile(Fraction::percent(99)), None);
    /// ```
    #[must_use]
    pub fn quantile(&self, part: Fraction) -> Option<Duration> {
        let all: u64 = self.below_pow2_us.iter().sum();
        if all == 0 {
            return None;
        }
        let wanted = part.of(all).max(1);
        let mut seen = 0;
        let bucket = self.below_pow2_us.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(Duration::from_micros(1 << bucket))
    }

    /// Counts a waiting time that speaks for so many.
    pub(crate) fn count(&mut self, wait: Duration, weight: u32) {
        let us = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - us.leading_zeros()) as usize;
        if let Some(count) = self.below_pow2_us.get_mut(bucket.min(WAIT_BUCKETS - 1)) {
            *count += u64::from(weight);
        }
        self.sum = self.sum.saturating_add(wait.saturating_mul(weight));
        self.max = self.max.max(wait);
    }
}

impl Default for Waits {
    fn default() -> Waits {
        Waits { below_pow2_us: [0; WAIT_BUCKETS], sum: Duration::ZERO, max: Duration::ZERO }
    }
}

impl Snapshot {
    /// What both lanes hold together.
    #[must_use]
    pub fn used(&self) -> Need {
        self.used_interactive.zip(&self.used_background, u64::saturating_add)
    }

    /// What a lane holds.
    #[must_use]
    pub fn used_by(&self, lane: Lane) -> Need {
        match lane {
            Lane::Interactive => self.used_interactive,
            Lane::Background => self.used_background,
        }
    }

    /// Requests that wait for a permit, in any line.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.waiting_interactive + self.waiting_background + self.waiting_below_watermark
    }
}
