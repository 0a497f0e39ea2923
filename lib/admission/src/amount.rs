//! Amounts with their units: bytes, thousandths of a CPU, and parts of a whole.
//!
//! Three types, so that megabytes can never be handed in where bytes are meant. Whatever turns a
//! user's number into another unit is checked and says so in its type.

use std::fmt;

/// An amount of memory.
///
/// ```
/// use heliostat_admission::Bytes;
///
/// assert_eq!(Bytes::mib(64), Some(Bytes::new(67_108_864)));
/// assert_eq!(Bytes::mib(1 << 44), None, "2^64 bytes are too many to count");
/// assert_eq!(Bytes::new(1_610_612_736).to_string(), "1.5 GiB");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Bytes(u64);

impl Bytes {
    /// So many bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Bytes {
        Bytes(bytes)
    }

    /// So many KiB, if they can be counted in bytes.
    #[must_use]
    pub const fn kib(count: u64) -> Option<Bytes> {
        scaled(count, 10)
    }

    /// So many MiB, if they can be counted in bytes.
    #[must_use]
    pub const fn mib(count: u64) -> Option<Bytes> {
        scaled(count, 20)
    }

    /// So many GiB, if they can be counted in bytes.
    #[must_use]
    pub const fn gib(count: u64) -> Option<Bytes> {
        scaled(count, 30)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// What is left after taking something away; zero when it was less.
    #[must_use]
    pub const fn saturating_sub(self, less: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(less.0))
    }

    /// Both together, or as much as can be counted.
    #[must_use]
    pub const fn saturating_add(self, more: Bytes) -> Bytes {
        Bytes(self.0.saturating_add(more.0))
    }
}

impl fmt::Display for Bytes {
    /// The largest binary unit that gives at least one, with at most one decimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u32, &str); 5] =
            [(50, "PiB"), (40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let Some((shift, unit)) = UNITS.into_iter().find(|(shift, _)| self.0 >> shift > 0) else {
            return f.pad(&format!("{} B", self.0));
        };
        let (whole, rest) = (self.0 >> shift, self.0 & ((1 << shift) - 1));
        match (u128::from(rest) * 10) >> shift {
            0 => f.pad(&format!("{whole} {unit}")),
            tenths => f.pad(&format!("{whole}.{tenths} {unit}")),
        }
    }
}

const fn scaled(count: u64, shift: u32) -> Option<Bytes> {
    match count.checked_mul(1 << shift) {
        Some(bytes) => Some(Bytes(bytes)),
        None => None,
    }
}

/// An amount of CPU: 1000 is one CPU all the time.
///
/// ```
/// use heliostat_admission::MilliCpu;
///
/// assert_eq!(MilliCpu::new(2500).to_string(), "2.500 CPU");
/// assert_eq!(MilliCpu::new(2500).threads(), 2);
/// assert_eq!(MilliCpu::new(300).threads(), 1, "a program needs one thread to run at all");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct MilliCpu(u64);

impl MilliCpu {
    /// So many thousandths of a CPU.
    #[must_use]
    pub const fn new(thousandths: u64) -> MilliCpu {
        MilliCpu(thousandths)
    }

    /// So many whole CPUs, or as many as can be counted.
    #[must_use]
    pub const fn cpus(count: u64) -> MilliCpu {
        MilliCpu(count.saturating_mul(1000))
    }

    /// The number of thousandths.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// How many threads to start for work that computes: the whole CPUs, but at least one.
    #[must_use]
    pub fn threads(self) -> usize {
        usize::try_from(self.0 / 1000).unwrap_or(usize::MAX).max(1)
    }
}

impl fmt::Display for MilliCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:03} CPU", self.0 / 1000, self.0 % 1000))
    }
}

/// A part of a whole, between nothing and all, in millionths.
///
/// ```
/// use heliostat_admission::Fraction;
///
/// let fifth = Fraction::percent(20);
/// assert_eq!(fifth.of(2000), 400);
/// assert_eq!(Fraction::percent(150), Fraction::ALL);
/// assert_eq!(Fraction::from_f64(f64::NAN), None);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Fraction(u32);

impl Fraction {
    /// Nothing of it.
    pub const NONE: Fraction = Fraction(0);
    /// All of it.
    pub const ALL: Fraction = Fraction(WHOLE);

    /// So many hundredths; more than a hundred is all.
    #[must_use]
    pub const fn percent(hundredths: u32) -> Fraction {
        Fraction::millionths(hundredths.saturating_mul(WHOLE / 100))
    }

    /// So many millionths; more than a million is all.
    #[must_use]
    pub const fn millionths(count: u32) -> Fraction {
        Fraction(if count > WHOLE { WHOLE } else { count })
    }

    /// From a number between zero and one. What lies outside becomes the nearest end; what is no
    /// number is none.
    #[must_use]
    pub fn from_f64(part: f64) -> Option<Fraction> {
        if part.is_nan() {
            return None;
        }
        let scaled = (part.clamp(0.0, 1.0) * f64::from(WHOLE)).round();
        // A float-to-integer cast saturates, and the value is within the range by the clamp.
        Some(Fraction::millionths(scaled as u32))
    }

    /// As a number between zero and one.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }

    /// The number of millionths.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The rest of the whole.
    #[must_use]
    pub const fn rest(self) -> Fraction {
        Fraction(WHOLE - self.0)
    }

    /// This part of an amount, rounded down. It never overflows.
    #[must_use]
    pub fn of(self, amount: u64) -> u64 {
        let part = u128::from(amount) * u128::from(self.0) / u128::from(WHOLE);
        // A part of a u64 is not larger than it.
        u64::try_from(part).unwrap_or(amount)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:.1} %", self.to_f64() * 100.0))
    }
}

const WHOLE: u32 = 1_000_000;
