//! What an admission is built with.

use crate::admission::{Admission, Clock};
use crate::amount::Fraction;
use crate::error::Error;
use crate::ledger::{Ledger, Shares};
use crate::need::{EXTRAS_MAX, Extra, Need};

/// The settings of an [`Admission`], each with a default that is said with it.
///
/// ```
/// use heliostat_admission::{Admission, Bytes, Fraction, MilliCpu, Need};
///
/// let admission = Admission::builder(Need::new(Bytes::new(1 << 30), MilliCpu::cpus(2)))
///     .reserve(Fraction::percent(25))
///     .waiters_max(100)
///     .extra("scratch", 10 << 30)?
///     .build();
/// let scratch = admission.extra("scratch").expect("was just named");
/// assert_eq!(admission.total().extra(scratch), 10 << 30);
/// # Ok::<(), heliostat_admission::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing before `build`"]
pub struct Builder {
    pub(crate) total: Need,
    pub(crate) shares: Shares,
    pub(crate) waiters_max: u32,
    pub(crate) minimum_charge: Need,
    pub(crate) clock: Clock,
    pub(crate) extra_names: Vec<String>,
}

impl Builder {
    pub(crate) fn new(total: Need) -> Builder {
        Builder {
            total: Need::new(total.memory(), total.cpu()),
            shares: Shares { reserve: RESERVE, high: HIGH_WATERMARK, low: HIGH_WATERMARK },
            waiters_max: WAITERS_MAX,
            minimum_charge: Need::ZERO,
            clock: Clock::Thread,
            extra_names: Vec::new(),
        }
    }

    /// The part of every resource that background work leaves free for interactive work.
    /// Without this call 20 %.
    pub fn reserve(mut self, part: Fraction) -> Builder {
        self.shares.reserve = part;
        self
    }

    /// The part of what background work may use at which no new background work should begin.
    /// Without this call 80 %.
    pub fn high_watermark(mut self, part: Fraction) -> Builder {
        self.shares.high = part;
        self.shares.low = part;
        self
    }

    /// The part below which new background work may begin again, once the high mark was reached.
    /// Without this call the same as the high mark; call it after [`Builder::high_watermark`].
    pub fn low_watermark(mut self, part: Fraction) -> Builder {
        self.shares.low = part;
        self
    }

    /// How many may wait, in all lines together. The next one gets
    /// [`QueueFull`](crate::Rejected::QueueFull). Without this call 65,536.
    pub fn waiters_max(mut self, count: u32) -> Builder {
        self.waiters_max = count;
        self
    }

    /// What every request is charged at least, so that work which claims to need nothing is bounded
    /// too. Without this call nothing.
    pub fn minimum_charge(mut self, need: Need) -> Builder {
        self.minimum_charge = need;
        self
    }

    /// Who watches the deadlines of waiting futures. Without this call a thread of its own.
    pub fn clock(mut self, clock: Clock) -> Builder {
        self.clock = clock;
        self
    }

    /// One more resource, by name. The reserve and the marks apply to it as to memory and CPU.
    ///
    /// # Errors
    ///
    /// [`Error::is_extra`] when there are [`EXTRAS_MAX`] already, or one with this name.
    pub fn extra(mut self, name: impl Into<String>, total: u64) -> Result<Builder, Error> {
        let name = name.into();
        if self.extra_names.contains(&name) {
            return Err(Error::extra(format!("there is an extra called {name} already")));
        }
        let Some(extra) = Extra::at(self.extra_names.len()) else {
            return Err(Error::extra(format!("{name} would be more than {EXTRAS_MAX} extras")));
        };
        self.total = self.total.with(extra, total);
        self.extra_names.push(name);
        Ok(self)
    }

    /// The admission.
    #[must_use]
    pub fn build(self) -> Admission {
        Admission::from_builder(self)
    }

    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::new(self.total, self.shares)
    }
}

const RESERVE: Fraction = Fraction::percent(20);
const HIGH_WATERMARK: Fraction = Fraction::percent(80);
const WAITERS_MAX: u32 = 1 << 16;
