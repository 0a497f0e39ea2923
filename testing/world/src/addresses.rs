//! Which addresses lie in which country, and clients that come from them.
//!
//! The address space is cut into blocks of a fixed size, some of them cut once more, and each
//! block is given to a country with the probability of that country's clients. So an evenly drawn
//! IPv4 address comes from the right mix of countries without anybody having to keep a table. IPv6
//! is cut in the same way inside the five large allocations of the registries, each with the
//! countries of its continents.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use heliostat_model::Country;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::countries::{self, Draw};
use crate::mmdb::{self, Entry};
use crate::random::{Random, mix2};
use crate::scale::Scale;

/// Global addresses of clients, nine of ten of them IPv4, without an end.
///
/// ```
/// let mut clients = heliostat_testing_world::client_addresses(1);
/// assert!(clients.next().is_some_and(|client| !client.is_loopback()));
/// ```
pub fn client_addresses(seed: u64) -> ClientAddresses {
    ClientAddresses { random: Random::new(seed, "clients") }
}

/// The iterator of [`client_addresses`].
#[derive(Clone, Debug)]
pub struct ClientAddresses {
    random: Random,
}

impl Iterator for ClientAddresses {
    type Item = IpAddr;

    fn next(&mut self) -> Option<IpAddr> {
        if self.random.chance(IPV6_PERMILLE) {
            return ipv6_global(&mut self.random).map(IpAddr::V6);
        }
        Some(ipv4_global(&mut self.random).into())
    }
}

/// The country in which [`country_database`] of this scale and seed puts an address.
pub fn address_country(scale: Scale, seed: u64, address: IpAddr) -> Option<Country> {
    let cut = Cut::of(scale);
    match address {
        IpAddr::V4(ip) => {
            let block = cut.ipv4_block(seed, u32::from(ip));
            if ipv4_is_global(ip) { block_country(seed, block, &CLIENTS) } else { None }
        }
        IpAddr::V6(ip) => {
            let top = (u128::from(ip) >> (128 - REGION_LENGTH)) as u16;
            let region = REGIONS.iter().find(|region| region.top == top)?;
            let block = Ipv6Net::new(ip, cut.ipv6_length).ok()?.trunc();
            block_country(seed, block.into(), &region.draw)
        }
    }
}

/// A country database in MaxMind's format that knows where [`client_addresses`] come from: the
/// networks of [`country_networks`].
pub fn country_database(scale: Scale, seed: u64) -> Vec<u8> {
    let continents: HashMap<_, _> = countries::country_continents().collect();
    mmdb::write(country_networks(scale, seed).filter_map(|(network, country)| {
        Some(Entry { network, country, continent: continents.get(&country).copied()? })
    }))
}

/// The countries of the global address space, in networks that do not overlap.
///
/// About 20,000 networks at the small scale, 110,000 at Fedora's and 250,000 at the large one.
pub fn country_networks(scale: Scale, seed: u64) -> impl Iterator<Item = (IpNet, Country)> {
    let cut = Cut::of(scale);
    let ipv4 = (0..1_u32 << cut.ipv4_length).flat_map(move |i| {
        let end = u64::from(i + 1) << (32 - cut.ipv4_length);
        let mut next = u64::from(i) << (32 - cut.ipv4_length);
        std::iter::from_fn(move || {
            let block = (next < end).then(|| cut.ipv4_block(seed, next as u32))?;
            next += 1 << (32 - block.prefix_len());
            Some(block)
        })
    });
    let ipv4 = ipv4
        .filter(|block| matches!(block.addr(), IpAddr::V4(ip) if ipv4_is_global(ip)))
        .filter_map(move |block| Some((block, block_country(seed, block, &CLIENTS)?)));
    let ipv6 = REGIONS.iter().flat_map(move |region| {
        let count = 1_u128 << (cut.ipv6_length - REGION_LENGTH);
        (0..count).filter_map(move |i| {
            let bits =
                (u128::from(region.top) << (128 - REGION_LENGTH)) | (i << (128 - cut.ipv6_length));
            let block = IpNet::V6(Ipv6Net::new(Ipv6Addr::from(bits), cut.ipv6_length).ok()?);
            Some((block, block_country(seed, block, &region.draw)?))
        })
    });
    ipv4.chain(ipv6)
}

/// An address of the public IPv4 internet.
pub(crate) fn ipv4_global(random: &mut Random) -> Ipv4Addr {
    loop {
        let ip = Ipv4Addr::from(random.bits() as u32);
        if ipv4_is_global(ip) {
            return ip;
        }
    }
}

/// An address of the public IPv6 internet.
pub(crate) fn ipv6_global(random: &mut Random) -> Option<Ipv6Addr> {
    let mut point = random.below(REGIONS.iter().map(|region| region.draw.total()).sum());
    let region = REGIONS.iter().find(|region| {
        let total = region.draw.total();
        let here = point < total;
        point = point.saturating_sub(total);
        here
    })?;
    Some(ipv6_in(region, random))
}

/// A registry's large IPv6 allocation, and the countries in it.
struct Region {
    top: u16,
    draw: Draw,
}

fn ipv6_in(region: &Region, random: &mut Random) -> Ipv6Addr {
    let low = (u128::from(random.bits()) << 64) | u128::from(random.bits());
    Ipv6Addr::from((u128::from(region.top) << (128 - REGION_LENGTH)) | (low >> REGION_LENGTH))
}

fn block_country(seed: u64, block: IpNet, draw: &Draw) -> Option<Country> {
    let bits = match block {
        IpNet::V4(net) => mix2(u64::from(u32::from(net.addr())), u64::from(net.prefix_len())),
        IpNet::V6(net) => mix2((u128::from(net.addr()) >> 64) as u64, 64),
    };
    draw.at(((u128::from(mix2(seed, bits)) * u128::from(draw.total())) >> 64) as u64)
}

fn ipv4_is_global(ip: Ipv4Addr) -> bool {
    let bits = u32::from(ip);
    !NOT_GLOBAL.iter().any(|&(net, length)| {
        let shift = 32 - length;
        bits >> shift == u32::from(Ipv4Addr::from(net)) >> shift
    })
}

/// How finely the address space is cut.
#[derive(Clone, Copy)]
struct Cut {
    ipv4_length: u8,
    ipv4_length_fine: u8,
    fine_permille: u64,
    ipv6_length: u8,
}

impl Cut {
    fn of(scale: Scale) -> Cut {
        let (ipv4_length, ipv4_length_fine, ipv6_length) = match scale {
            Scale::Small => (13, 16, 20),
            Scale::Fedora => (16, 18, 24),
            Scale::Triple => (16, 19, 25),
            Scale::Large => (16, 19, 26),
        };
        Cut { ipv4_length, ipv4_length_fine, fine_permille: 300, ipv6_length }
    }

    fn ipv4_block(&self, seed: u64, bits: u32) -> IpNet {
        let coarse = bits >> (32 - self.ipv4_length);
        let fine = mix2(!seed, u64::from(coarse)) % 1000 < self.fine_permille;
        let length = if fine { self.ipv4_length_fine } else { self.ipv4_length };
        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from(bits), length).trunc())
    }
}

const IPV6_PERMILLE: u64 = 100;

const REGION_LENGTH: u8 = 12;

/// Where clients are.
static CLIENTS: LazyLock<Draw> = LazyLock::new(Draw::clients);

/// The allocations with the countries of their continents.
static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(|| {
    let region =
        |&(top, continents): &(u16, &[&str])| Region { top, draw: Draw::clients_on(continents) };
    ALLOCATIONS.iter().map(region).collect()
});

const ALLOCATIONS: &[(u16, &[&str])] = &[
    (0x240, &["AS", "OC"]),
    (0x260, &["NA"]),
    (0x280, &["SA"]),
    (0x2a0, &["EU"]),
    (0x2c0, &["AF"]),
];

/// Private, shared, documentation, test, multicast and reserved networks.
const NOT_GLOBAL: &[([u8; 4], u8)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 3),
];
