//! A machine that carries content, and what its owner said about it.

use std::fmt;

use ipnet::IpNet;

use crate::Country;

/// One host of a mirror network.
#[derive(Clone, Debug, PartialEq)]
pub struct Host {
    /// The number under which the source system knows the host; unique in a world.
    pub id: u64,
    /// A name that people recognise, usually its DNS name; clients name it in `avoid=`.
    pub name: String,
    /// Where it stands.
    pub country: Option<Country>,
    /// Where it stands, to the degree.
    pub coordinates: Option<Coordinates>,
    /// Its bandwidth in Mbit/s: the weight in the draw of one tier.
    pub bandwidth_mbit_s: u32,
    /// How many connections of one client its owner allows.
    pub connections_max: Option<u32>,
    /// Seen only by clients of its own networks (netblocks and ASNs).
    pub private: bool,
    /// Clients of its netblocks and ASNs are given this host and no other.
    pub monopoly: bool,
    /// On the Internet2 research network.
    pub internet2: bool,
    /// The networks it serves first: its own and those of its peers.
    pub asns: Vec<Asn>,
    /// The prefixes it serves first.
    pub netblocks: Vec<IpNet>,
    /// When not empty: it serves clients of these countries only.
    pub countries_allowed: Vec<Country>,
}

impl Host {
    /// A public host with nothing known about it but its id and name.
    pub fn new(id: u64, name: impl Into<String>) -> Host {
        Host {
            id,
            name: name.into(),
            country: None,
            coordinates: None,
            bandwidth_mbit_s: BANDWIDTH_DEFAULT_MBIT_S,
            connections_max: None,
            private: false,
            monopoly: false,
            internet2: false,
            asns: Vec::new(),
            netblocks: Vec::new(),
            countries_allowed: Vec::new(),
        }
    }
}

/// Degrees north and east.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    /// −90 to 90.
    pub latitude_deg: f32,
    /// −180 to 180.
    pub longitude_deg: f32,
}

/// The number of an autonomous system.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asn(pub u32);

impl fmt::Debug for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What MirrorManager assumes of a host that does not say: 100 Mbit/s.
const BANDWIDTH_DEFAULT_MBIT_S: u32 = 100;
