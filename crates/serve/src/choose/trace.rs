//! Who watches the choice being made: nobody, when speed counts, or an explanation.

use super::{Pick, Tier};

/// Told of every mirror that choosing looks at.
pub(crate) trait Trace {
    /// A mirror was drawn into a tier; a smaller `key` comes first.
    fn picked(&mut self, tier: Tier, pick: Pick, key: f32);
    /// A mirror was looked at and left out.
    fn left_out(&mut self, tier: Tier, mirror: u32, reason: LeftOut);
}

/// Why a mirror is not in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeftOut {
    /// Its host serves clients of other countries only.
    Restricted,
    /// It has no URL of a scheme that was asked for, or that such a client is given.
    Scheme,
    /// The client asked to avoid its host.
    Avoided,
    /// It does not carry the directory.
    NoContent,
    /// It is private, and the address was only claimed.
    Claimed,
    /// A monopoly mirror serves this client alone.
    Monopoly,
    /// It is private, and the client is not on its networks.
    Private,
    /// Enough nearer mirrors were found.
    Enough,
    /// The client asked for other countries.
    OtherCountry,
    /// The operator's maximum was reached.
    Maximum,
}

impl LeftOut {
    /// The reason in words.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            LeftOut::Restricted => "serves clients of other countries only",
            LeftOut::Scheme => "has no URL of a scheme that was asked for",
            LeftOut::Avoided => "the client asked to avoid it",
            LeftOut::NoContent => "does not carry the directory",
            LeftOut::Claimed => "private, and hidden from an address given by ip=",
            LeftOut::Monopoly => "a monopoly mirror serves this client alone",
            LeftOut::Private => "private, and the client is not on its networks",
            LeftOut::Enough => "farther away, and enough nearer mirrors were found",
            LeftOut::OtherCountry => "the client asked for other countries",
            LeftOut::Maximum => "beyond the maximum number of hosts",
        }
    }
}

/// Watches nothing and costs nothing.
#[derive(Debug)]
pub(crate) struct Silent;

impl Trace for Silent {
    #[inline]
    fn picked(&mut self, _: Tier, _: Pick, _: f32) {}
    #[inline]
    fn left_out(&mut self, _: Tier, _: u32, _: LeftOut) {}
}
