//! Hosts and their mirrors.

use std::collections::{BTreeMap, BTreeSet};

use heliostat_model::{Facts, HostFacts, Url, World};

use super::categories::Categories;
use super::{Imported, Origin};
use crate::host::{Host, Mirror, MirrorUrl};
use crate::site::Site;
use crate::{Error, Txn};

/// The numbers under which the catalog has a world's hosts and mirrors.
#[derive(Debug)]
pub(super) struct Numbers {
    /// Of each host, unless it was left out.
    pub(super) hosts: Vec<Option<i64>>,
    /// Of each mirror, unless its host was left out.
    pub(super) mirrors: Vec<Option<i64>>,
}

/// Makes the hosts of an import those of a world.
pub(super) fn import(
    txn: &mut Txn<'_>,
    world: &World,
    facts: &Facts,
    origin: &Origin<'_>,
    categories: &Categories,
    imported: &mut Imported,
) -> Result<Numbers, Error> {
    let mut numbers =
        Numbers { hosts: vec![None; world.hosts.len()], mirrors: vec![None; world.mirrors.len()] };
    let known = txn.view().host_list()?;
    let mut taken: BTreeSet<i64> = known.iter().map(|host| host.id).collect();
    let mut known: BTreeMap<i64, Host> = known
        .into_iter()
        .filter(|host| host.source == origin.name)
        .map(|host| (host.source_id, host))
        .collect();
    for name in sites(world, facts, origin) {
        let made = site(txn, name, origin);
        imported.keep(made)?;
    }
    let source_ids = source_ids(world, origin, &known);
    let mut mirrors: Vec<Vec<usize>> = vec![Vec::new(); world.hosts.len()];
    for (at, mirror) in world.mirrors.iter().enumerate() {
        mirrors[mirror.host.0 as usize].push(at);
    }
    for (at, (host, mirrors)) in world.hosts.iter().zip(&mirrors).enumerate() {
        let before = known.remove(&source_ids[at]);
        let base = before.clone().unwrap_or_else(|| {
            let mut new = Host::new(origin.site, &host.name);
            // Clients' logs know the number: it stays, unless another host has it.
            let free = origin.numbered && !taken.contains(&source_ids[at]);
            new.id = if free { source_ids[at] } else { 0 };
            origin.name.clone_into(&mut new.source);
            new.source_id = source_ids[at];
            new
        });
        let mut wanted = merged(base, host);
        if let Some(facts) = facts.hosts.get(at) {
            said(&mut wanted, facts);
        }
        let places = mirrors_match(&mut wanted, world, mirrors, categories, origin.numbered);
        let written = match &before {
            Some(before) => txn.host_update(before, wanted),
            None => txn.host_insert(wanted),
        };
        let Some(written) = imported.keep(written)? else {
            // What is refused now may have been good before; then that stays.
            continue;
        };
        taken.insert(written.id);
        numbers.hosts[at] = Some(written.id);
        mirrors_number(&written, before.as_ref(), &places, &mut numbers.mirrors);
    }
    known.values().try_for_each(|gone| txn.host_remove(gone))?;
    Ok(numbers)
}

/// The names of the sites of an import's hosts.
fn sites<'a>(world: &World, facts: &'a Facts, origin: &Origin<'a>) -> BTreeSet<&'a str> {
    let known = |at: usize| facts.hosts.get(at).and_then(|facts| facts.site.as_deref());
    (0..world.hosts.len()).map(|at| known(at).unwrap_or(origin.site)).collect()
}

/// The numbers of hosts in their source; of one that has none, the number that the host of the same
/// name had, or the next one.
fn source_ids(world: &World, origin: &Origin<'_>, known: &BTreeMap<i64, Host>) -> Vec<i64> {
    if origin.numbered {
        return world.hosts.iter().map(|host| host.id as i64).collect();
    }
    let by_name: BTreeMap<&str, i64> =
        known.iter().map(|(&id, host)| (host.name.as_str(), id)).collect();
    let mut next = known.last_key_value().map_or(1, |(&id, _)| id + 1)..;
    let hosts = world.hosts.iter();
    hosts
        .map(|host| by_name.get(host.name.as_str()).copied().or_else(|| next.next()).unwrap_or(0))
        .collect()
}

/// What a source says of people's side.
fn said(host: &mut Host, facts: &HostFacts) {
    let set = |field: &mut String, fact: &Option<String>| {
        if let Some(fact) = fact {
            field.clone_from(fact);
        }
    };
    set(&mut host.site, &facts.site);
    set(&mut host.contact, &facts.contact);
    set(&mut host.notes, &facts.notes);
    host.active_admin = facts.active_admin.unwrap_or(host.active_admin);
    host.active_owner = facts.active_owner.unwrap_or(host.active_owner);
}

fn site(txn: &mut Txn<'_>, name: &str, origin: &Origin<'_>) -> Result<(), Error> {
    if txn.view().site_look(name)?.is_none() {
        let mut site = Site::new(name);
        origin.name.clone_into(&mut site.source);
        txn.site_insert(site)?;
    }
    Ok(())
}

/// A host as the catalog has it, with what the source knows better.
fn merged(base: Host, host: &heliostat_model::Host) -> Host {
    let place = host.coordinates;
    Host {
        name: host.name.clone(),
        private: host.private,
        monopoly: host.monopoly,
        internet2: host.internet2,
        country: host.country.map(|country| country.to_string()),
        latitude_deg: place.map(|place| f64::from(place.latitude_deg)),
        longitude_deg: place.map(|place| f64::from(place.longitude_deg)),
        bandwidth_mbit_s: host.bandwidth_mbit_s,
        connections_max: host.connections_max,
        asns: host.asns.iter().map(|asn| asn.0).collect(),
        netblocks: host.netblocks.iter().map(|prefix| prefix.trunc().to_string()).collect(),
        countries_allowed: host.countries_allowed.iter().map(ToString::to_string).collect(),
        ..base
    }
}

/// Which mirror of a world became which of the host's.
enum Became {
    /// The one with this number.
    Known(i64),
    /// The next of those that are new.
    New,
}

/// Gives a host the mirrors of a world; those that it has already keep their numbers.
fn mirrors_match(
    host: &mut Host,
    world: &World,
    mirrors: &[usize],
    categories: &Categories,
    numbered: bool,
) -> Vec<(usize, Became)> {
    let mut left = std::mem::take(&mut host.mirrors);
    let numbers: BTreeMap<String, i64> = left
        .iter()
        .flat_map(|mirror| mirror.urls.iter().map(|url| (url.url.clone(), url.number)))
        .collect();
    // A URL without a number of its own is known again by its text, or is given one.
    let number = |url: &Url| match numbered {
        true => url.id as i64,
        false => numbers.get(&url.text).copied().unwrap_or(-1),
    };
    let mut wanted: Vec<(usize, Option<Mirror>, Mirror)> = mirrors
        .iter()
        .filter_map(|&at| {
            let urls = world.mirrors[at].urls.iter().map(|url| MirrorUrl {
                number: number(url),
                url: url.text.clone(),
                private: false,
            });
            let mut urls: Vec<MirrorUrl> = urls.collect();
            urls.sort_by_key(|url| url.number);
            let category = categories.of_mirror(at)?.name.clone();
            Some((at, None, Mirror { id: 0, category, always_current: false, urls }))
        })
        .collect();
    // The same URLs are the same mirror; else the same category is.
    let alike: [fn(&Mirror, &Mirror) -> bool; 3] = [
        |a, b| a.urls == b.urls && a.category == b.category,
        |a, b| a.urls == b.urls,
        |a, b| a.category == b.category,
    ];
    for alike in alike {
        for (_, known, mirror) in wanted.iter_mut().filter(|(_, known, _)| known.is_none()) {
            let found = left.iter().position(|candidate| alike(candidate, mirror));
            *known = found.map(|at| left.remove(at));
        }
    }
    let mut became = Vec::new();
    for (at, known, mirror) in wanted {
        became.push((at, known.as_ref().map_or(Became::New, |known| Became::Known(known.id))));
        host.mirrors.push(match known {
            Some(known) => Mirror {
                id: known.id,
                always_current: known.always_current,
                category: mirror.category,
                // URLs that clients are not given are unknown to every source.
                urls: private_kept(mirror.urls, known.urls),
            },
            None => mirror,
        });
    }
    became
}

/// The URLs of a source, and those that people keep from clients.
fn private_kept(mut urls: Vec<MirrorUrl>, known: Vec<MirrorUrl>) -> Vec<MirrorUrl> {
    for kept in known.into_iter().filter(|known| known.private) {
        match urls.iter().position(|url| url.url == kept.url || url.number == kept.number) {
            Some(at) => urls[at].private = urls[at].url == kept.url,
            None => urls.push(kept),
        }
    }
    urls
}

/// Notes the numbers that the mirrors of a host have or were given.
fn mirrors_number(
    host: &Host,
    before: Option<&Host>,
    places: &[(usize, Became)],
    numbers: &mut [Option<i64>],
) {
    let is_new = |mirror: &&Mirror| {
        before.is_none_or(|before| before.mirrors.iter().all(|known| known.id != mirror.id))
    };
    let mut new = host.mirrors.iter().filter(is_new);
    for (at, became) in places {
        numbers[*at] = match became {
            Became::Known(id) => Some(*id),
            Became::New => new.next().map(|mirror| mirror.id),
        };
    }
}
