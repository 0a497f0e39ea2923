//! Which mirrors, in which order.
//!
//! Choosing walks the tiers from near to far. Within each it draws without replacement, weighted
//! by bandwidth. It reads a directory's set of mirrors, sorted so that a country or a continent
//! is one slice of it, and touches no mirror that cannot be in the answer.

/// The order of tiers, and when to stop.
mod tiers;
/// Whether a mirror may be given to this client.
mod fit;
/// A random order in which the heavier tend to come first.
mod draw;
/// Who watches the choice being made.
mod trace;

use heliostat_snapshot::records::{DirectoryRow, MirrorRow, SetMemberRow};
use heliostat_snapshot::{Code, Place, Snapshot};

use crate::ask::{Ask, Schemes};

pub(crate) use draw::Random;
pub(crate) use tiers::choose;
pub(crate) use trace::{LeftOut, Silent, Trace};

/// How near a mirror is to the client; nearer ones come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tier {
    /// In the location that the client named.
    Location,
    /// One of the mirror's netblocks holds the client.
    Netblock,
    /// The mirror serves the client's network.
    Asn,
    /// In the client's country, or one that it asked for.
    Country,
    /// On the client's continent.
    Continent,
    /// Anywhere.
    Global,
}

impl Tier {
    /// All tiers, near to far.
    pub const ALL: [Tier; 6] =
        [Tier::Location, Tier::Netblock, Tier::Asn, Tier::Country, Tier::Continent, Tier::Global];

    /// Its name in logs and explanations.
    pub const fn name(self) -> &'static str {
        match self {
            Tier::Location => "location",
            Tier::Netblock => "netblock",
            Tier::Asn => "asn",
            Tier::Country => "country",
            Tier::Continent => "continent",
            Tier::Global => "global",
        }
    }
}

/// One mirror of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pick {
    /// Row of the mirror.
    pub(crate) mirror: u32,
    /// It is given to clients of its own networks only.
    pub(crate) private: bool,
}

/// What choosing needs to know, looked up once.
#[derive(Debug)]
pub(crate) struct Case<'c> {
    pub(crate) snapshot: &'c Snapshot,
    pub(crate) ask: &'c Ask<'c>,
    /// All mirrors.
    pub(crate) mirrors: &'c [MirrorRow],
    /// The mirrors of the directory that anybody may be given.
    pub(crate) public: &'c [SetMemberRow],
    /// The mirrors of the directory for clients of their own networks.
    pub(crate) private: &'c [SetMemberRow],
    /// Where the client's address is.
    pub(crate) place: Place<'c>,
    /// The schemes of which a mirror must have one.
    pub(crate) schemes: Schemes,
    /// The client named hosts to leave out.
    avoids: bool,
}

impl<'c> Case<'c> {
    /// The case of a question about a directory.
    pub(crate) fn new(
        snapshot: &'c Snapshot,
        ask: &'c Ask<'c>,
        directory: &DirectoryRow,
        place: Place<'c>,
        schemes: Schemes,
    ) -> Case<'c> {
        Case {
            snapshot,
            ask,
            mirrors: snapshot.rows(),
            public: snapshot.set(directory.public.get()),
            private: snapshot.set(directory.private.get()),
            place,
            schemes,
            avoids: !ask.avoid.is_empty(),
        }
    }
}

/// The mirrors that were chosen, and how; reused from one answer to the next.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    /// Best first.
    pub(crate) picks: Vec<Pick>,
    /// The countries that gave mirrors, in the order in which they did.
    pub(crate) countries: Vec<Code>,
    /// The nearest tier that gave a mirror.
    pub(crate) nearest: Option<Tier>,
    /// The location that the client named gave mirrors.
    pub(crate) location: bool,
    /// A netblock gave mirrors.
    pub(crate) netblock: bool,
    /// This system gave mirrors.
    pub(crate) asn: Option<u32>,
    /// The whole world gave mirrors.
    pub(crate) global: bool,
    /// By host: the number of the answer in which it was last taken.
    taken: Vec<u32>,
    /// The number of this answer.
    number: u32,
    /// The draw of one tier.
    keys: Vec<u64>,
}

impl Choice {
    /// Forgets the last answer; keeps its memory.
    pub(crate) fn begin(&mut self, hosts: usize) {
        self.picks.clear();
        self.countries.clear();
        self.nearest = None;
        self.location = false;
        self.netblock = false;
        self.asn = None;
        self.global = false;
        // Also when the number comes round to zero: nothing may seem taken.
        if self.taken.len() != hosts || self.number == u32::MAX {
            self.taken.clear();
            self.taken.resize(hosts, 0);
            self.number = 0;
        }
        self.number += 1;
    }

    /// Whether a host was taken into a draw already.
    #[inline]
    pub(crate) fn has(&self, host: u32) -> bool {
        self.taken.get(host as usize) == Some(&self.number)
    }

    /// Takes a host: with its first mirror that fits, and by its nearest netblock, it is in.
    #[inline]
    fn take(&mut self, host: u32) {
        if let Some(taken) = self.taken.get_mut(host as usize) {
            *taken = self.number;
        }
    }
}
