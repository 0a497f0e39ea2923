//! What is known about addresses: three tables of prefixes folded into one.
//!
//! Hosts' netblocks, the countries that the operator knows better, and the announcements of
//! autonomous systems each have their own longest-match rule. Walking all prefixes in order with
//! a stack of those that are open gives every prefix the whole answer: its system, its country,
//! and all netblocks around it. One lookup then answers all three questions.
//!
//! Most systems are wanted by no host. Their prefixes are left out of that table, but for those
//! that cut a hole into one that says something; which system announces what is kept in a table of
//! its own, for people who ask.

use std::collections::{BTreeMap, HashMap};

use heliostat_model::{Asn, Country, IpNet, World};
use heliostat_snapshot::records::{AsnHostRow, AsnRow, NONE, PlaceNetblockRow, PlaceRow, Span};
use zerocopy::little_endian::U32;

/// The sections that describe addresses.
#[derive(Debug, Default)]
pub(crate) struct Networks {
    pub(crate) asns: Vec<AsnRow>,
    pub(crate) asn_hosts: Vec<AsnHostRow>,
    pub(crate) places: Vec<PlaceRow>,
    pub(crate) place_netblocks: Vec<PlaceNetblockRow>,
    /// Prefixes in order, each with the row of its place.
    pub(crate) prefixes: Vec<(IpNet, u32)>,
    /// Prefixes in order, each with the number of the system that announces it.
    pub(crate) systems: Vec<(IpNet, u32)>,
}

impl Networks {
    /// Folds the tables of a world.
    pub(crate) fn new(world: &World) -> Networks {
        let mut networks = Networks::default();
        networks.add_asns(world);
        networks.add_places(facts(world));
        networks.systems =
            world.netblock_asns.iter().map(|&(prefix, asn)| (prefix, asn.0)).collect();
        networks
    }

    /// The systems that some host wants to serve, with their hosts.
    fn add_asns(&mut self, world: &World) {
        let mut wanted: BTreeMap<Asn, Vec<u32>> = BTreeMap::new();
        for (host, facts) in world.hosts.iter().enumerate() {
            for &asn in &facts.asns {
                let hosts = wanted.entry(asn).or_default();
                if hosts.last() != Some(&(host as u32)) {
                    hosts.push(host as u32);
                }
            }
        }
        for (asn, hosts) in wanted {
            let first = self.asn_hosts.len() as u32;
            self.asn_hosts.extend(hosts.iter().map(|&host| AsnHostRow { host: U32::new(host) }));
            let hosts = Span::new(first, hosts.len() as u32);
            self.asns.push(AsnRow { asn: U32::new(asn.0), hosts });
        }
    }

    fn add_places(&mut self, facts: Vec<(IpNet, Fact)>) {
        let mut known = HashMap::new();
        let mut open: Vec<Open> = Vec::new();
        for group in facts.chunk_by(|a, b| a.0 == b.0) {
            let prefix = group[0].0;
            while open.last().is_some_and(|around| !around.prefix.contains(&prefix)) {
                open.pop();
            }
            let mut here = match open.last() {
                Some(around) => Open { prefix, ..around.clone() },
                None => Open {
                    prefix,
                    asn_row: NONE,
                    country: [0; 2],
                    netblocks: Vec::new(),
                    place: NONE,
                },
            };
            let own = group.iter().filter_map(|(_, fact)| match *fact {
                Fact::Host(host) => Some((host, prefix.prefix_len())),
                _ => None,
            });
            let mut netblocks: Vec<(u32, u8)> = own.collect();
            netblocks.dedup();
            if !netblocks.is_empty() {
                netblocks.append(&mut here.netblocks);
                here.netblocks = netblocks;
            }
            for (_, fact) in group {
                match *fact {
                    Fact::Asn(asn) => here.asn_row = self.asn_row(asn),
                    Fact::Country(country) => here.country = country.0.to_bytes(),
                    Fact::Host(_) => {}
                }
            }
            let around = here.place;
            // Nothing is said of what lies in no prefix.
            if around != NONE || here.tells() {
                here.place = self.place(&mut known, &here);
            }
            // A prefix that says no more than the one around it would only make the map larger.
            if here.place != around {
                self.prefixes.push((prefix, here.place));
            }
            open.push(here);
        }
    }

    /// The row of a place, each stored once.
    fn place(&mut self, known: &mut HashMap<PlaceKey, u32>, here: &Open) -> u32 {
        let key = (here.asn_row, here.country, here.netblocks.clone());
        if let Some(&row) = known.get(&key) {
            return row;
        }
        let first = self.place_netblocks.len() as u32;
        self.place_netblocks.extend(here.netblocks.iter().map(|&(host, prefix_length)| {
            PlaceNetblockRow { host: U32::new(host), prefix_length, reserved: [0; 3] }
        }));
        let row = self.places.len() as u32;
        self.places.push(PlaceRow {
            asn_row: U32::new(here.asn_row),
            netblocks: Span::new(first, here.netblocks.len() as u32),
            country: here.country,
            reserved: [0; 2],
        });
        known.insert(key, row);
        row
    }

    /// The row of a system that some host wants to serve.
    fn asn_row(&self, asn: Asn) -> u32 {
        let row = self.asns.binary_search_by_key(&asn.0, |row| row.asn.get());
        row.map_or(NONE, |row| row as u32)
    }
}

/// System, country and netblocks: what makes two places the same.
type PlaceKey = (u32, [u8; 2], Vec<(u32, u8)>);

/// A prefix around the current one, with all that holds within it.
#[derive(Clone, Debug)]
struct Open {
    prefix: IpNet,
    /// Row of the system, if some host wants it.
    asn_row: u32,
    country: [u8; 2],
    /// Host and prefix length, most specific first.
    netblocks: Vec<(u32, u8)>,
    place: u32,
}

impl Open {
    /// Whether anything is known here that bears on the choice.
    fn tells(&self) -> bool {
        self.asn_row != NONE || self.country != [0; 2] || !self.netblocks.is_empty()
    }
}

/// Something said about a prefix.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Asn(Asn),
    Country(Country),
    Host(u32),
}

/// Everything said about prefixes, in the order of addresses, outer prefixes first.
///
/// Sorting is stable, so that of two statements of one kind about one prefix the last one wins.
fn facts(world: &World) -> Vec<(IpNet, Fact)> {
    let asns = world.netblock_asns.iter().map(|&(prefix, asn)| (prefix, Fact::Asn(asn)));
    let countries = world.netblock_countries.iter();
    let countries = countries.map(|&(prefix, country)| (prefix, Fact::Country(country)));
    let hosts = world.hosts.iter().enumerate().flat_map(|(at, host)| {
        host.netblocks.iter().map(move |&prefix| (prefix, Fact::Host(at as u32)))
    });
    let all = asns.chain(countries).chain(hosts);
    let mut facts: Vec<_> = all.map(|(prefix, fact)| (prefix.trunc(), fact)).collect();
    facts.sort_by_key(|&(prefix, _)| prefix);
    facts
}
