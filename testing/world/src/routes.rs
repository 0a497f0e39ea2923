//! The routing table: prefixes and the autonomous systems that announce them.
//!
//! Drawn like the one of the internet: three of five IPv4 prefixes are a /24, half of the IPv6
//! prefixes a /48, the long ones often lie inside shorter ones, and a few systems announce very
//! many of them.

use heliostat_model::Asn;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::addresses;
use crate::random::Random;

/// A table of `count` distinct prefixes in rising order.
pub(crate) fn routes(count: usize, asns: u64, random: &mut Random) -> Vec<(IpNet, Asn)> {
    let count_ipv6 = count * IPV6_PERMILLE / 1000;
    let ipv4 = distinct(count - count_ipv6, random, |random| {
        let length = length(IPV4_LENGTHS, random);
        let bits = u32::from(addresses::ipv4_global(random));
        Some((u64::from(bits >> (32 - length) << (32 - length)) << 8) | u64::from(length))
    });
    let ipv6 = distinct(count_ipv6, random, |random| {
        let length = length(IPV6_LENGTHS, random);
        let bits = (u128::from(addresses::ipv6_global(random)?) >> 64) as u64;
        // The first 64 bits of a prefix of at most 48 leave room for its length.
        Some((bits >> (64 - length) << (64 - length)) | u64::from(length))
    });
    let mut neighbour = Neighbour { asns, last: Asn(0) };
    let ipv4 = ipv4.into_iter().map(|key| {
        let bits = (key >> 8) as u32;
        IpNet::V4(Ipv4Net::new_assert(bits.into(), key as u8))
    });
    let ipv6 = ipv6.into_iter().map(|key| {
        let bits = u128::from(key >> 8 << 8) << 64;
        IpNet::V6(Ipv6Net::new_assert(bits.into(), key as u8))
    });
    ipv4.chain(ipv6).map(|net| (net, neighbour.asn(random))).collect()
}

/// Draws until there are `count` different keys.
fn distinct(
    count: usize,
    random: &mut Random,
    draw: impl Fn(&mut Random) -> Option<u64>,
) -> Vec<u64> {
    let mut keys: Vec<u64> = Vec::with_capacity(count);
    while keys.len() < count {
        let missing = count - keys.len();
        keys.extend((0..missing).filter_map(|_| draw(random)));
        keys.sort_unstable();
        keys.dedup();
    }
    keys
}

fn length(lengths: &[(u64, u8)], random: &mut Random) -> u8 {
    let mut point = random.below(lengths.iter().map(|&(share, _)| share).sum());
    for &(share, length) in lengths {
        if point < share {
            return length;
        }
        point -= share;
    }
    24
}

/// Prefixes beside each other often belong together.
struct Neighbour {
    asns: u64,
    last: Asn,
}

impl Neighbour {
    fn asn(&mut self, random: &mut Random) -> Asn {
        if self.last.0 == 0 || !random.chance(SAME_PERMILLE) {
            self.last = asn_draw(self.asns, random);
        }
        self.last
    }
}

/// A system, the low ones far more often than the high ones.
fn asn_draw(asns: u64, random: &mut Random) -> Asn {
    let u = u128::from(random.below(1 << 20));
    let i = ((u128::from(asns) * u * u * u) >> 60) as u32;
    Asn(if i < ASNS_16_BIT { 24_000 + i } else { 196_608 + (i - ASNS_16_BIT) * 6 })
}

const IPV6_PERMILLE: usize = 180;
const SAME_PERMILLE: u64 = 400;
const ASNS_16_BIT: u32 = 35_000;

const IPV4_LENGTHS: &[(u64, u8)] = &[
    (600, 24),
    (100, 23),
    (110, 22),
    (50, 21),
    (50, 20),
    (30, 19),
    (20, 18),
    (12, 17),
    (20, 16),
    (3, 15),
    (3, 14),
    (1, 13),
    (1, 12),
];

const IPV6_LENGTHS: &[(u64, u8)] = &[
    (490, 48),
    (40, 47),
    (60, 46),
    (20, 45),
    (80, 44),
    (20, 42),
    (60, 40),
    (40, 36),
    (20, 34),
    (20, 33),
    (130, 32),
    (20, 29),
];
