//! What is asked: a query, and who asks it.
//!
//! Everything that a client can influence is in an [`Ask`], already decoded and bounded, and so
//! are the time and the random seed: nothing else goes into an answer but the snapshot.

/// Decoding a query string.
mod query;
/// Whose question it is: addresses behind proxies and tunnels.
mod client;

use std::borrow::Cow;
use std::net::IpAddr;

use heliostat_snapshot::{Code, Scheme};

pub use client::{TrustedProxies, behind_tunnel};

/// A question, ready to be answered.
#[derive(Clone, Debug)]
pub struct Ask<'q> {
    /// Which form of answer was asked for.
    pub form: Form,
    /// `repo=`, with `version=` already appended.
    pub repo: Option<Cow<'q, [u8]>>,
    /// `arch=`.
    pub arch: Option<Cow<'q, [u8]>>,
    /// `path=`; wins over repository and architecture.
    pub path: Option<Cow<'q, [u8]>>,
    /// `country=` or `cc=`, in order, each once; none when not given.
    pub countries: Vec<Wish>,
    /// `protocol=`; none when not given.
    pub schemes: Option<Schemes>,
    /// `netblock=0` switches the preference for netblocks off.
    pub netblock: bool,
    /// `location=`.
    pub location: Option<Cow<'q, [u8]>>,
    /// `avoid=`: names of hosts to leave out, separated by commas.
    pub avoid: Cow<'q, [u8]>,
    /// `time` adds the time of the data to a mirrorlist.
    pub time: bool,
    /// `redirect` asks a mirrorlist to become a redirect.
    pub redirect: bool,
    /// `list` asks for the list of repositories when there is no such repository.
    pub list: bool,
    /// `explain` asks for the reasons instead of the answer.
    pub explain: bool,
    /// `countme=`, 1 to 4; 0 when not given.
    pub countme: u8,
    /// The address to answer for; IPv4 as such, also when it came through a tunnel.
    pub address: IpAddr,
    /// The address was only claimed, by `ip=`: private mirrors stay hidden from it.
    pub claimed: bool,
    /// The time of the answer, seconds since 1970.
    pub now_unix_s: u64,
    /// Where the order of equal mirrors comes from.
    pub seed: u64,
    /// The operator's rules.
    pub policy: Policy,
}

/// The two forms of a list of mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Plain text, a URL per line.
    Mirrorlist,
    /// Metalink 3.0.
    Metalink,
}

/// One entry of `country=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Mirrors of this country.
    Country(Code),
    /// Mirrors of the whole world.
    Global,
}

/// A set of schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Schemes(u8);

/// The operator's rules for choosing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// While fewer hosts than this were found, hosts of the whole world are added.
    pub hosts_min: u32,
    /// No more hosts than this are given.
    pub hosts_max: u32,
}

/// A question that cannot be understood; answered with status 400 and this reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The query is longer than [`QUERY_BYTES_MAX`].
    #[error("the query is longer than {QUERY_BYTES_MAX} bytes")]
    QueryTooLong,
    /// A `%` is not followed by two hexadecimal digits.
    #[error("a % in the query is not followed by two hexadecimal digits")]
    Escape,
    /// `ip=` is not an address.
    #[error("ip= is not an IPv4 or IPv6 address")]
    Address,
}

/// The longest query that is read.
pub const QUERY_BYTES_MAX: usize = 8192;

impl<'q> Ask<'q> {
    /// A question without parameters, for a client at an address.
    pub fn new(form: Form, address: IpAddr) -> Ask<'q> {
        Ask {
            form,
            repo: None,
            arch: None,
            path: None,
            countries: Vec::new(),
            schemes: None,
            netblock: true,
            location: None,
            avoid: Cow::Borrowed(b""),
            time: false,
            redirect: false,
            list: false,
            explain: false,
            countme: 0,
            address: behind_tunnel(address),
            claimed: false,
            now_unix_s: 0,
            seed: 0,
            policy: Policy::default(),
        }
    }

    /// Reads the parameters of a query string into a question.
    ///
    /// With `ip_allowed`, `ip=` replaces the address.
    ///
    /// # Errors
    ///
    /// A query that is too long or not encoded properly, or an `ip=` that is no address.
    pub fn read(&mut self, query: &'q [u8], ip_allowed: bool) -> Result<(), Refusal> {
        query::read(self, query, ip_allowed)
    }
}

impl Schemes {
    /// No scheme.
    pub const NONE: Schemes = Schemes(0);
    /// All schemes.
    pub const ALL: Schemes = Schemes(0b1111);
    /// What a client is given that asks for nothing in particular: all but rsync.
    pub const DEFAULT: Schemes = Schemes(0b0111);
    /// What a redirect can lead to.
    pub const WEB: Schemes = Schemes(0b0011);

    /// The set with one more scheme.
    #[must_use]
    pub fn with(self, scheme: Scheme) -> Schemes {
        Schemes(self.0 | 1 << scheme as u8)
    }

    /// Whether it holds a scheme of this number.
    #[inline]
    pub fn has(self, scheme: u8) -> bool {
        self.0 >> scheme & 1 == 1
    }

    /// Whether it has a scheme in common with a mirror's mask.
    #[inline]
    pub fn meets(self, mask: u8) -> bool {
        self.0 & mask != 0
    }

    /// The set of these bits.
    pub(crate) fn from_bits(bits: u8) -> Schemes {
        Schemes(bits & Schemes::ALL.0)
    }

    /// A bit for each scheme, by its number.
    #[inline]
    pub(crate) fn bits(self) -> u8 {
        self.0
    }

    /// The schemes in it, best first.
    pub fn iter(self) -> impl Iterator<Item = Scheme> {
        Scheme::ALL.into_iter().filter(move |&scheme| self.has(scheme as u8))
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy { hosts_min: 5, hosts_max: u32::MAX }
    }
}
