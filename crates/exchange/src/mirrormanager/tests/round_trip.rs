//! What a world says in a cache, it says again when it is read.

use std::collections::BTreeSet;

use heliostat_model::{
    Asn, Continent, Country, Directory, DirectoryIndex, File, FileDetail, Host, HostIndex, IpNet,
    Location, Mirror, MirrorIndex, MirrorSetIndex, Repository, RepositoryRedirect, Url, World,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use crate::mirrormanager::{CacheWriteError, cache_read, cache_write};
use crate::show::show_world;

fn round(world: &World) -> World {
    let mut bytes = Vec::new();
    cache_write(world, &mut bytes).unwrap();
    let import = cache_read(&bytes, &mut |_| {}).unwrap();
    assert_eq!(import.problems.kept(), []);
    import.world
}

proptest! {
    #[test]
    fn a_world_comes_back(world in world()) {
        let again = round(&world);
        prop_assert_eq!(show_world(&again), show_world(&world));
        // What was read once is in the reader's own order, so now nothing at all changes.
        prop_assert_eq!(round(&again), again);
    }
}

#[test]
fn a_world_that_a_cache_cannot_say_is_refused() {
    let write = |change: fn(&mut World)| {
        let mut world = World::new("MirrorManager cache", 1);
        for id in [1, 2] {
            world.hosts.push(Host::new(id, "a"));
            let urls = vec![Url::parse(id, &format!("http://{id}.example")).unwrap()];
            let host = HostIndex(u32::try_from(id).unwrap() - 1);
            world.mirrors.push(Mirror { host, urls });
        }
        change(&mut world);
        cache_write(&world, &mut Vec::new())
    };
    assert!(write(|_| {}).is_ok());
    assert!(matches!(
        write(|world| world.mirrors[0].host = HostIndex(9)),
        Err(CacheWriteError::World { .. })
    ));
    assert!(matches!(
        write(|world| world.hosts[0].id = 2),
        Err(CacheWriteError::HostIdTwice { id: 2 })
    ));
    assert!(matches!(
        write(|world| world.mirrors[0].urls[0].id = 2),
        Err(CacheWriteError::UrlIdTwice { id: 2 })
    ));
    assert!(matches!(
        write(|world| world.hosts[0].id = u64::MAX),
        Err(CacheWriteError::IdTooLarge { id: u64::MAX })
    ));
}

/// What is drawn for a host; its number gives the rest.
#[derive(Clone, Debug)]
struct HostDraw {
    country: Option<Country>,
    bandwidth_mbit_s: u32,
    connections_max: Option<u32>,
    internet2: bool,
    asns: BTreeSet<u32>,
    netblocks: BTreeSet<IpNet>,
    countries_allowed: BTreeSet<Country>,
    urls: [usize; CATEGORIES],
}

/// What is drawn for a directory: each host may carry it, for all or for its own networks.
#[derive(Clone, Debug)]
struct DirectoryDraw {
    category: usize,
    carriers: Vec<Option<bool>>,
    files: BTreeSet<String>,
    details: Vec<FileDetail>,
}

/// A host has one mirror per category.
const CATEGORIES: usize = 2;

fn world() -> impl Strategy<Value = World> {
    let tables = (
        vec((prefix(), country()), 0..4),
        vec((country(), country()), 0..4),
        btree_set("[a-z+-]{1,6}", 0..4),
        any::<u32>(),
    );
    (vec(host(), 1..6), vec(directory(), 0..6), tables).prop_map(|(hosts, directories, tables)| {
        let mut world = World::new("MirrorManager cache", u64::from(tables.3));
        hosts.iter().enumerate().for_each(|(index, draw)| host_add(&mut world, index, draw));
        directories.iter().enumerate().for_each(|(i, draw)| directory_add(&mut world, i, draw));
        hosts_settle(&mut world, &hosts);
        tables_add(&mut world, tables.0, tables.1, &tables.2);
        world
    })
}

fn host_add(world: &mut World, index: usize, draw: &HostDraw) {
    let id = index as u64 * 7;
    world.hosts.push(Host {
        country: draw.country,
        bandwidth_mbit_s: draw.bandwidth_mbit_s,
        connections_max: draw.connections_max,
        asns: draw.asns.iter().copied().map(Asn).collect(),
        netblocks: draw.netblocks.iter().copied().collect(),
        countries_allowed: draw.countries_allowed.iter().copied().collect(),
        ..Host::new(id, format!("host-{id}"))
    });
    for (category, &urls) in draw.urls.iter().enumerate() {
        let url = |n: usize| {
            let id = id * 100 + (category * 10 + n) as u64;
            Url::parse(id, &format!("https://{index}.example/{category}/{n}")).unwrap()
        };
        let host = HostIndex(u32::try_from(index).unwrap());
        world.mirrors.push(Mirror { host, urls: (0..urls).map(url).collect() });
    }
}

fn directory_add(world: &mut World, index: usize, draw: &DirectoryDraw) {
    let mut set = |public: bool| {
        let carriers = draw.carriers.iter().enumerate().take(world.hosts.len());
        let mirrors = carriers.filter(|(_, carries)| **carries == Some(public));
        let position = |host: usize| u32::try_from(host * CATEGORIES + draw.category).unwrap();
        let set = mirrors.map(|(host, _)| MirrorIndex(position(host))).collect();
        world.mirror_sets.push(set);
        MirrorSetIndex(u32::try_from(world.mirror_sets.len() - 1).unwrap())
    };
    let (public, private) = (set(true), set(false));
    let file = |name: &String| File { name: name.clone(), details: draw.details.clone() };
    let subpath = format!("d/{index}");
    world.directories.push(Directory {
        name: format!("pub/{subpath}"),
        subpath,
        public,
        private,
        files: draw.files.iter().map(file).collect(),
    });
}

/// What follows for a host from the directories that it carries.
fn hosts_settle(world: &mut World, draws: &[HostDraw]) {
    let (mut public, mut carries) = (BTreeSet::new(), BTreeSet::new());
    let hosts_of = |set: MirrorSetIndex, into: &mut BTreeSet<HostIndex>| {
        let mirrors = &world.mirror_sets[set.0 as usize];
        into.extend(mirrors.iter().map(|mirror| world.mirrors[mirror.0 as usize].host));
    };
    for directory in &world.directories {
        hosts_of(directory.public, &mut public);
        hosts_of(directory.public, &mut carries);
        hosts_of(directory.private, &mut carries);
    }
    let used: BTreeSet<MirrorIndex> = world.mirror_sets.iter().flatten().copied().collect();
    for (index, host) in world.hosts.iter_mut().enumerate() {
        let position = HostIndex(u32::try_from(index).unwrap());
        let carries = carries.contains(&position);
        host.private = carries && !public.contains(&position);
        host.internet2 = draws[index].internet2 && carries && host.country.is_some();
        if let Some(mirror) = used.iter().find(|m| world.mirrors[m.0 as usize].host == position) {
            let name = world.mirrors[mirror.0 as usize].urls[0].host_name();
            host.name = name.unwrap().to_owned();
        }
    }
}

fn tables_add(
    world: &mut World,
    prefixes: Vec<(IpNet, Country)>,
    pairs: Vec<(Country, Country)>,
    names: &BTreeSet<String>,
) {
    let mut seen = BTreeSet::new();
    world.netblock_countries = prefixes;
    world.netblock_countries.retain(|(prefix, _)| seen.insert(prefix.to_string()));
    world.continent_redirects = pairs.into_iter().map(|(a, b)| (a, Continent(b.0))).collect();
    world.continent_redirects.retain(|(country, _)| seen.insert(country.to_string()));
    for (index, name) in names.iter().enumerate() {
        let hosts = (0..world.hosts.len().min(index + 1)).rev();
        let hosts = hosts.map(|host| HostIndex(u32::try_from(host).unwrap())).collect();
        world.locations.push(Location { name: name.clone(), hosts });
        world.repository_redirects.push(RepositoryRedirect { from: name.clone(), to: "x".into() });
        world.repositories_disabled.push(name.clone());
        if let Some(last) = world.directories.len().checked_sub(1) {
            world.repositories.push(Repository {
                prefix: name.clone(),
                arch: "x86_64".into(),
                directory: Some(DirectoryIndex(u32::try_from(last).unwrap())),
            });
        }
    }
}

fn host() -> impl Strategy<Value = HostDraw> {
    let numbers = (any::<u32>(), proptest::option::of(1..=u32::MAX), any::<bool>());
    let sets =
        (btree_set(1..=u32::MAX, 0..3), btree_set(prefix(), 0..3), btree_set(country(), 0..3));
    (proptest::option::of(country()), numbers, sets, [1usize..4, 1usize..4]).prop_map(
        |(country, numbers, sets, urls)| HostDraw {
            country,
            bandwidth_mbit_s: numbers.0,
            connections_max: numbers.1,
            internet2: numbers.2,
            asns: sets.0,
            netblocks: sets.1,
            countries_allowed: sets.2,
            urls,
        },
    )
}

fn directory() -> impl Strategy<Value = DirectoryDraw> {
    let carriers = vec(proptest::option::of(any::<bool>()), 6);
    let files = btree_set("[a-zA-Z0-9. é]{1,8}", 0..3);
    (0..CATEGORIES, carriers, files, vec(detail(), 1..3)).prop_map(
        |(category, carriers, files, mut details)| {
            details.sort_by_key(|detail| std::cmp::Reverse(detail.timestamp_unix_s));
            details.dedup();
            DirectoryDraw { category, carriers, files, details }
        },
    )
}

fn detail() -> impl Strategy<Value = FileDetail> {
    let hash = |digits: &'static str| proptest::option::of(digits);
    let number = || proptest::option::of(1..=u64::from(u32::MAX));
    (
        number(),
        number(),
        hash("[0-9a-f]{32}"),
        hash("[0-9a-f]{40}"),
        hash("[0-9a-f]{64}"),
        hash("[0-9a-f]{128}"),
    )
        .prop_map(|(timestamp_unix_s, size_bytes, md5, sha1, sha256, sha512)| FileDetail {
            timestamp_unix_s,
            size_bytes,
            md5,
            sha1,
            sha256,
            sha512,
        })
}

fn country() -> impl Strategy<Value = Country> {
    "[A-Z]{2}".prop_map(|code| Country::parse(&code).unwrap())
}

fn prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<[u8; 4]>(), 0u8..=32).prop_map(|(bits, length)| (bits.into(), length));
    let v6 = (any::<[u8; 16]>(), 0u8..=128).prop_map(|(bits, length)| (bits.into(), length));
    prop_oneof![v4, v6].prop_map(|(address, length)| IpNet::new(address, length).unwrap().trunc())
}
