//! The number of one CPU, checked once so that no later step has to.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The number of a CPU, as the kernel counts them.
///
/// It has no arithmetic: CPU numbers are sparse in containers and on machines with CPUs switched
/// off, so "the next CPU" is a question for a [`CpuSet`](crate::CpuSet), not for addition.
///
/// ```
/// use heliostat_percpu::CpuId;
///
/// let cpu = CpuId::new(3)?;
/// assert_eq!(cpu.index(), 3);
/// assert!(CpuId::new(1_000_000).unwrap_err().is_out_of_range());
/// # Ok::<(), heliostat_percpu::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CpuId(u32);

impl CpuId {
    /// The largest number a CPU may have here; eight times what any kernel is built for today.
    pub const MAX: u32 = 65_535;

    /// The CPU of this number.
    ///
    /// # Errors
    ///
    /// [`Error::is_out_of_range`] above [`CpuId::MAX`].
    pub fn new(number: u32) -> Result<Self, Error> {
        if number <= Self::MAX { Ok(Self(number)) } else { Err(Error::out_of_range(Self::MAX)) }
    }

    /// The number as an index into something.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for CpuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CpuId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuId({})", self.0)
    }
}

impl FromStr for CpuId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map_err(|_| Error::syntax(0)).and_then(Self::new)
    }
}

impl TryFrom<u32> for CpuId {
    type Error = Error;

    fn try_from(number: u32) -> Result<Self, Error> {
        Self::new(number)
    }
}

impl TryFrom<usize> for CpuId {
    type Error = Error;

    fn try_from(number: usize) -> Result<Self, Error> {
        u32::try_from(number).map_err(|_| Error::out_of_range(Self::MAX)).and_then(Self::new)
    }
}

impl From<CpuId> for u32 {
    fn from(cpu: CpuId) -> Self {
        cpu.0
    }
}
