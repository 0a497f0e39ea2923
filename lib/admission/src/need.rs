//! What a piece of work needs: memory, CPU, and up to four resources with names.
//!
//! A [`Need`] is a small plain value. Memory and CPU are always there; an [`Extra`] is a resource
//! that the builder gave a name to, such as scratch space or database connections.

use std::fmt;

use crate::amount::{Bytes, MilliCpu};

/// How many resources beside memory and CPU one admission can have.
pub const EXTRAS_MAX: usize = 4;

/// Memory, CPU and the extras.
pub(crate) const RESOURCES: usize = 2 + EXTRAS_MAX;

/// A resource beside memory and CPU, as [`Admission::extra`](crate::Admission::extra) names it.
///
/// It belongs to the admission that gave it out; in another one it means whatever stands in the
/// same place there, or is impossible to get when nothing does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Extra(u8);

impl Extra {
    /// The extra at a place in the builder's order.
    pub(crate) fn at(place: usize) -> Option<Extra> {
        (place < EXTRAS_MAX).then(|| u8::try_from(place).ok().map(Extra)).flatten()
    }

    fn index(self) -> usize {
        2 + usize::from(self.0)
    }
}

/// How much of every resource: what a piece of work asks for, or what there is.
///
/// ```
/// use heliostat_admission::{Bytes, MilliCpu, Need};
///
/// let need = Need::new(Bytes::new(1 << 20), MilliCpu::new(250));
/// assert_eq!(need.memory(), Bytes::new(1 << 20));
/// assert_eq!(need.to_string(), "1 MiB and 0.250 CPU");
/// assert!(need.fits_in(&Need::new(Bytes::new(1 << 30), MilliCpu::new(1000))));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Need {
    pub(crate) amounts: [u64; RESOURCES],
}

impl Need {
    /// Nothing of anything.
    pub const ZERO: Need = Need { amounts: [0; RESOURCES] };

    /// Memory and CPU, no extras.
    #[must_use]
    pub const fn new(memory: Bytes, cpu: MilliCpu) -> Need {
        let mut amounts = [0; RESOURCES];
        amounts[0] = memory.get();
        amounts[1] = cpu.get();
        Need { amounts }
    }

    /// Memory alone.
    #[must_use]
    pub const fn of_memory(memory: Bytes) -> Need {
        Need::new(memory, MilliCpu::new(0))
    }

    /// CPU alone.
    #[must_use]
    pub const fn of_cpu(cpu: MilliCpu) -> Need {
        Need::new(Bytes::new(0), cpu)
    }

    /// The same, with so much of an extra.
    #[must_use]
    pub fn with(mut self, extra: Extra, amount: u64) -> Need {
        if let Some(slot) = self.amounts.get_mut(extra.index()) {
            *slot = amount;
        }
        self
    }

    /// How much memory.
    #[must_use]
    pub const fn memory(&self) -> Bytes {
        Bytes::new(self.amounts[0])
    }

    /// How much CPU.
    #[must_use]
    pub const fn cpu(&self) -> MilliCpu {
        MilliCpu::new(self.amounts[1])
    }

    /// How much of an extra.
    #[must_use]
    pub fn extra(&self, extra: Extra) -> u64 {
        self.amounts.get(extra.index()).copied().unwrap_or(0)
    }

    /// Whether there is no resource of which it is more than the other.
    #[must_use]
    pub fn fits_in(&self, other: &Need) -> bool {
        self.amounts.iter().zip(&other.amounts).all(|(need, have)| need <= have)
    }

    /// Whether it is memory and CPU, and no extras.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        let [_, _, a, b, c, d] = self.amounts;
        a | b | c | d == 0
    }

    /// Whether it is nothing of anything.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.amounts == [0; RESOURCES]
    }

    /// Both together, if that can be counted.
    #[must_use]
    pub fn checked_add(&self, other: &Need) -> Option<Need> {
        let mut sum = Need::ZERO;
        for ((sum, a), b) in sum.amounts.iter_mut().zip(&self.amounts).zip(&other.amounts) {
            *sum = a.checked_add(*b)?;
        }
        Some(sum)
    }

    /// What is left after taking the other away, of each resource at least nothing.
    #[must_use]
    pub fn saturating_sub(&self, other: &Need) -> Need {
        self.zip(other, u64::saturating_sub)
    }

    /// The smaller of the two, for each resource.
    #[must_use]
    pub fn min(&self, other: &Need) -> Need {
        self.zip(other, u64::min)
    }

    /// The larger of the two, for each resource.
    #[must_use]
    pub fn max(&self, other: &Need) -> Need {
        self.zip(other, u64::max)
    }

    /// Something made of two, resource by resource.
    pub(crate) fn zip(&self, other: &Need, make: impl Fn(u64, u64) -> u64) -> Need {
        let mut made = *self;
        for (a, b) in made.amounts.iter_mut().zip(&other.amounts) {
            *a = make(*a, *b);
        }
        made
    }

    /// Something made of one, resource by resource.
    pub(crate) fn map(&self, make: impl Fn(u64) -> u64) -> Need {
        self.zip(self, |amount, _| make(amount))
    }
}

impl fmt::Display for Need {
    /// Memory and CPU, and the extras in their order where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.memory(), self.cpu())?;
        let extras = self.amounts.iter().enumerate().skip(2).filter(|(_, amount)| **amount > 0);
        for (at, amount) in extras {
            write!(f, " and {amount} of extra {}", at - 2)?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Need {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut need = serializer.serialize_struct("Need", 3)?;
        need.serialize_field("memory_bytes", &self.memory())?;
        need.serialize_field("cpu_milli", &self.cpu())?;
        need.serialize_field("extras", &self.amounts[2..])?;
        need.end()
    }
}
