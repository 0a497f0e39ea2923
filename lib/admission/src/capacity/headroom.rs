//! How much memory is left for what nobody asks a permit for.

use crate::amount::{Bytes, Fraction};

/// How much memory to keep out of the permits: for the program itself, its stacks and buffers, and
/// the kernel.
///
/// ```
/// use heliostat_admission::{Bytes, Fraction, Headroom};
///
/// let mib = |count| Bytes::mib(count).unwrap();
/// assert_eq!(Headroom::Fn.of(mib(512)), mib(256));
/// assert_eq!(Headroom::Fn.of(mib(100 << 10)), mib(5 << 10));
/// assert_eq!(Headroom::Fraction(Fraction::percent(25)).of(mib(512)), mib(128));
/// assert_eq!(Headroom::Fixed(mib(600)).of(mib(512)), mib(512), "never more than there is");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headroom {
    /// The rule of the Fn project: a tenth, at least 256 MiB, at most 5 GiB. It leaves nothing of
    /// 256 MiB or less; Fn ends the process there.
    Fn,
    /// A part of what there is.
    Fraction(Fraction),
    /// An amount.
    Fixed(Bytes),
}

impl Headroom {
    /// How much it is when there is this much.
    #[must_use]
    pub fn of(self, usable: Bytes) -> Bytes {
        let wanted = match self {
            Headroom::Fn => Bytes::new((usable.get() / 10).clamp(FN_MIN, FN_MAX)),
            Headroom::Fraction(part) => Bytes::new(part.of(usable.get())),
            Headroom::Fixed(amount) => amount,
        };
        wanted.min(usable)
    }
}

const FN_MIN: u64 = 256 << 20;
const FN_MAX: u64 = 5 << 30;
