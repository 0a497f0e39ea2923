//! The same choice made the slow way: straight from the world, by the words of the rules.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use heliostat_model::{Country, Host, IpNet, Scheme, World};
use proptest::prelude::*;

use super::small::{country, snapshot, world};
use crate::ask::{Ask, Form, Policy};
use crate::explanation;

/// The hosts of each tier, near to far; within a tier the order is chance.
type Tiers = Vec<(&'static str, BTreeSet<String>)>;

/// What a client would be given by a reader of the rules.
fn naive(
    world: &World,
    client: IpAddr,
    asked: &[Country],
    netblock: bool,
    hosts_min: usize,
) -> Tiers {
    let client_country = longest(&world.netblock_countries, client);
    let client_asn = longest(&world.netblock_asns, client);
    let continents = world.continents();
    let web = |at: usize| world.mirrors[at].urls.iter().any(|url| url.scheme != Scheme::Rsync);
    let allowed = |host: &Host| {
        host.countries_allowed.is_empty()
            || client_country.is_some_and(|country| host.countries_allowed.contains(&country))
    };
    let carriers = |set: usize| -> Vec<&Host> {
        let mirrors = world.mirror_sets[set].iter().map(|mirror| mirror.0 as usize);
        mirrors
            .filter(|&at| web(at))
            .map(|at| &world.hosts[world.mirrors[at].host.0 as usize])
            .collect()
    };
    let (public, private) = (carriers(1), carriers(2));
    let everybody: Vec<&Host> = public.iter().chain(&private).copied().collect();
    let open: Vec<&Host> = public.iter().copied().filter(|host| allowed(host)).collect();
    let names = |hosts: Vec<&Host>| hosts.into_iter().map(|host| host.name.clone()).collect();
    let within = |wanted: &dyn Fn(Country) -> bool| -> BTreeSet<String> {
        names(open.iter().copied().filter(|host| host.country.is_some_and(wanted)).collect())
    };
    if !asked.is_empty() {
        let found = within(&|country| asked.contains(&country));
        let asked_continents: Vec<_> = asked.iter().filter_map(|c| continents.get(c)).collect();
        let around = within(&|c| continents.get(&c).is_some_and(|c| asked_continents.contains(&c)));
        if !found.is_empty() {
            return vec![("country", found)];
        } else if !around.is_empty() {
            return vec![("continent", around)];
        }
    }
    let mut tiers: Tiers = Vec::new();
    if netblock {
        let mut by_length: BTreeMap<u8, BTreeSet<String>> = BTreeMap::new();
        for host in &everybody {
            let longest =
                host.netblocks.iter().filter(|p| p.contains(&client)).map(|p| p.prefix_len()).max();
            if let Some(length) = longest {
                by_length.entry(length).or_default().insert(host.name.clone());
            }
        }
        tiers.extend(by_length.into_values().rev().map(|hosts| ("netblock", hosts)));
    }
    let wanting =
        everybody.iter().copied().filter(|h| client_asn.is_some_and(|asn| h.asns.contains(&asn)));
    tiers.push(("asn", names(wanting.collect())));
    let captors: BTreeSet<String> =
        names(everybody.iter().copied().filter(|host| host.monopoly).collect());
    if tiers.iter().any(|(_, hosts)| !hosts.is_disjoint(&captors)) {
        let kept = tiers.into_iter().map(|(tier, hosts)| (tier, &hosts & &captors)).collect();
        return distinct(kept);
    }
    tiers.push(("country", within(&|country| Some(country) == client_country)));
    let continent = client_country.and_then(|country| continents.get(&country));
    tiers.push(("continent", within(&|c| continent.is_some() && continents.get(&c) == continent)));
    let tiers = distinct(tiers);
    if tiers.iter().map(|(_, hosts)| hosts.len()).sum::<usize>() >= hosts_min {
        return tiers;
    }
    distinct(tiers.into_iter().chain([("global", names(open.clone()))]).collect())
}

/// Of the longest prefix around an address.
fn longest<T: Copy>(table: &[(IpNet, T)], client: IpAddr) -> Option<T> {
    let around = table.iter().filter(|(prefix, _)| prefix.contains(&client));
    around.max_by_key(|(prefix, _)| prefix.prefix_len()).map(|&(_, value)| value)
}

/// Each host once, in its first tier; no empty tiers.
fn distinct(tiers: Tiers) -> Tiers {
    let mut seen = BTreeSet::new();
    let once = tiers.into_iter().map(|(tier, hosts)| {
        (tier, hosts.into_iter().filter(|host| seen.insert(host.clone())).collect::<BTreeSet<_>>())
    });
    once.filter(|(_, hosts)| !hosts.is_empty()).collect()
}

/// A world like the small one with everything about its hosts drawn anew.
fn any_world() -> impl Strategy<Value = World> {
    let place = prop::sample::select(vec![None, Some("SE"), Some("DE"), Some("NO"), Some("US")]);
    let host = (
        place,
        prop::collection::vec(
            prop::sample::select(vec![
                "10.0.0.0/8",
                "10.1.0.0/16",
                "10.1.2.0/24",
                "192.0.2.0/24",
                "2001:db8::/32",
            ]),
            0..3,
        ),
        prop::collection::vec(64500..64503u32, 0..2),
        prop::option::weighted(0.2, prop::sample::select(vec!["SE", "NO"])),
        prop::bool::weighted(0.1),
        0..4u8,
    );
    prop::collection::vec(host, 8).prop_map(|hosts| {
        let mut world = world();
        let (mut public, mut private) = (Vec::new(), Vec::new());
        for (at, (place, netblocks, asns, allowed, monopoly, set)) in hosts.into_iter().enumerate()
        {
            let host = &mut world.hosts[at];
            host.country = place.map(country);
            host.netblocks = netblocks.iter().map(|prefix| prefix.parse().unwrap()).collect();
            host.asns = asns.into_iter().map(heliostat_model::Asn).collect();
            host.countries_allowed = allowed.map(country).into_iter().collect();
            host.monopoly = monopoly;
            let mirror = heliostat_model::MirrorIndex(at as u32);
            match set {
                0 => {}
                1 => private.push(mirror),
                _ => public.push(mirror),
            }
        }
        world.mirror_sets[1] = public.into();
        world.mirror_sets[2] = private.into();
        world.netblock_asns.extend([
            ("10.0.0.0/8".parse().unwrap(), heliostat_model::Asn(64501)),
            ("10.1.0.0/17".parse().unwrap(), heliostat_model::Asn(64502)),
            ("2001:db8::/40".parse().unwrap(), heliostat_model::Asn(64500)),
        ]);
        world
    })
}

proptest! {
    #[test]
    fn choosing_does_what_the_rules_say(
        world in any_world(),
        client in prop::sample::select(vec!["10.1.2.3", "10.1.200.3", "10.2.2.3", "192.0.2.9", "198.51.100.9", "203.0.113.1", "2001:db8::1", "240.0.0.1"]),
        asked in prop::collection::vec(prop::sample::select(vec!["SE", "DE", "DK", "BR", "ZZ"]), 0..3),
        netblock: bool,
        hosts_min in 0..7u32,
        seed: u64,
    ) {
        let client: IpAddr = client.parse().unwrap();
        let snapshot = snapshot(&world);
        let mut ask = Ask::new(Form::Mirrorlist, client);
        let query = format!("repo=fedora-40&arch=x86_64&country={}&netblock={}", asked.join(","), u8::from(netblock));
        ask.read(query.as_bytes(), true).unwrap();
        ask.policy = Policy { hosts_min, ..Policy::default() };
        ask.seed = seed;
        let asked: Vec<Country> = asked.iter().map(|code| country(code)).collect();
        let expected = naive(&world, client, &asked, netblock, hosts_min as usize);
        let explanation = explanation(&snapshot, &ask).unwrap();
        let mut given = explanation.candidates.iter().filter(|c| c.order.is_some());
        for (tier, hosts) in expected {
            // Those of one tier, in whatever order.
            let drawn: Vec<_> = given.by_ref().take(hosts.len()).collect();
            prop_assert!(drawn.iter().all(|candidate| candidate.tier == Some(tier)), "{} {:?}", tier, drawn);
            let drawn: BTreeSet<String> = drawn.iter().map(|candidate| candidate.host.clone()).collect();
            prop_assert_eq!(drawn, hosts);
        }
        prop_assert!(given.next().is_none());
    }
}
