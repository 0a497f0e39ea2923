//! Worlds are the same every time, have the promised size and look like the real thing.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use heliostat_model::{Country, DirectoryIndex, IpNet, World};
use maxminddb::{Reader, path};

use crate::random::Random;
use crate::{
    Endpoint, Scale, address_country, client_addresses, country_database, generate, queries,
    query_mix,
};

/// Feeds what is formatted into a hash.
struct Hashed(blake3::Hasher);

impl Write for Hashed {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

fn hash(world: &World) -> String {
    let mut hashed = Hashed(blake3::Hasher::new());
    write!(hashed, "{world:?}").unwrap();
    hashed.0.finalize().to_hex()[..16].to_owned()
}

#[test]
fn the_same_seed_gives_the_same_world_on_every_machine() {
    let world = generate(Scale::Small, 1);
    assert_eq!(hash(&world), SMALL_HASH, "the generator changed: every recorded figure moves");
    assert_eq!(world, generate(Scale::Small, 1));
    assert_ne!(world, generate(Scale::Small, 2));
    let clients: Vec<_> = client_addresses(7).take(100).collect();
    assert_eq!(clients, client_addresses(7).take(100).collect::<Vec<_>>());
    assert_eq!(country_database(Scale::Small, 3), country_database(Scale::Small, 3));
    let queries: Vec<_> = query_mix(&world, 7).take(100).collect();
    assert_eq!(queries, query_mix(&world, 7).take(100).collect::<Vec<_>>());
}

#[test]
fn the_small_world_is_what_a_demo_can_show() {
    let world = check(Scale::Small);
    for (prefix, arch) in [
        ("fedora-40", "x86_64"),
        ("updates-released-f40", "x86_64"),
        ("epel-9", "x86_64"),
        ("rawhide", "aarch64"),
        ("fedora-source-40", "source"),
    ] {
        let known = |r: &&heliostat_model::Repository| r.prefix == prefix && r.arch == arch;
        let repository = world.repositories.iter().find(known).unwrap();
        let DirectoryIndex(directory) = repository.directory.unwrap();
        let directory = &world.directories[directory as usize];
        assert!(world.mirror_sets[directory.public.0 as usize].len() > 10, "{prefix}");
    }
    assert!(world.repositories.iter().any(|r| world.repositories_disabled.contains(&r.prefix)));
}

#[test]
fn larger_worlds_differ_from_fedoras_in_their_counts_only() {
    let fedora = Scale::Fedora.counts();
    for (scale, times) in [(Scale::Triple, 3), (Scale::Large, 10)] {
        let counts = scale.counts();
        assert_eq!(counts.distributions, times);
        assert_eq!(counts.routes, times as usize * fedora.routes);
        assert_eq!(counts.directories, fedora.directories);
    }
}

#[test]
#[ignore = "takes ten seconds and a gigabyte in a release build"]
fn the_large_world_is_whole() {
    check(Scale::Large);
}

#[test]
fn the_world_of_fedoras_size_is_like_fedora() {
    let world = check(Scale::Fedora);
    let pairs = world.directories.iter().map(|d| {
        world.mirror_sets[d.public.0 as usize].len() + world.mirror_sets[d.private.0 as usize].len()
    });
    let carried = pairs.sum::<usize>() / world.directories.len();
    assert!((140..=165).contains(&carried), "{carried} mirrors per directory");
    let offered: Vec<_> = offered(&world, Scale::Fedora, 1).take(3000).collect();
    let mean = offered.iter().sum::<usize>() / offered.len();
    assert!((40..=48).contains(&mean), "an average client is offered {mean} hosts");
    let countries: HashSet<_> = world.hosts.iter().map(|host| host.country).collect();
    assert!((60..=80).contains(&countries.len()), "{} countries", countries.len());
    let covered = client_addresses(1)
        .take(200)
        .filter(|&client| world.netblock_asns.iter().any(|(net, _)| net.contains(&client)))
        .count();
    assert!((110..=170).contains(&covered), "{covered} of 200 clients are in the routing table");
}

/// What holds in every world.
fn check(scale: Scale) -> World {
    let counts = scale.counts();
    let world = generate(scale, 1);
    world.check().unwrap();
    let n = counts.distributions as usize;
    assert_eq!(world.hosts.len(), n * (counts.hosts_public + counts.hosts_private) as usize);
    assert_eq!(world.directories.len(), n * counts.directories);
    assert_eq!(world.repositories.len(), n * counts.repositories);
    assert_eq!(world.netblock_asns.len(), counts.routes);
    assert!(world.netblock_asns.is_sorted_by(|a, b| a.0 < b.0));
    let ipv6 = world.netblock_asns.iter().filter(|(net, _)| matches!(net, IpNet::V6(_))).count();
    assert_eq!(ipv6, counts.routes * 18 / 100);
    let names: HashSet<_> = world.directories.iter().map(|d| &d.name).collect();
    assert_eq!(names.len(), world.directories.len(), "directory names are distinct");
    assert!(world.repositories.iter().all(|r| r.directory.is_some()));
    for host in world.hosts.iter().filter(|host| host.private) {
        assert!(!host.netblocks.is_empty() && !host.asns.is_empty(), "{}", host.name);
    }
    let mut schemes = HashMap::new();
    for url in world.mirrors.iter().flat_map(|mirror| &mirror.urls) {
        *schemes.entry(url.scheme.as_str()).or_insert(0) += 1;
        assert_eq!(heliostat_model::Url::parse(url.id, &url.text).as_ref(), Some(url));
    }
    assert_eq!(schemes.len(), 4, "{schemes:?}");
    let continents = world.continents();
    let reached: HashSet<_> =
        world.hosts.iter().filter_map(|host| continents.get(&host.country?)).collect();
    assert_eq!(reached.len(), 6, "mirrors stand on six continents");
    check_metadata(&world);
    world
}

/// Every repository has metadata whose versions come newest first.
fn check_metadata(world: &World) {
    let by_name: HashMap<_, _> = world.directories.iter().map(|d| (d.name.as_str(), d)).collect();
    for repository in &world.repositories {
        let DirectoryIndex(directory) = repository.directory.unwrap();
        let name = format!("{}/repodata", world.directories[directory as usize].name);
        let [file] = by_name[name.as_str()].files.as_slice() else { panic!("{name}") };
        assert!((1..=4).contains(&file.details.len()), "{name}");
        assert!(file.details.is_sorted_by(|a, b| a.timestamp_unix_s > b.timestamp_unix_s));
        assert!(file.details.iter().all(|detail| detail.hashes().count() == 4));
    }
}

/// The number of hosts that random clients of random repositories are offered through country,
/// continent and, when those are fewer than five, everywhere.
fn offered(world: &World, scale: Scale, seed: u64) -> impl Iterator<Item = usize> {
    let continents = world.continents();
    let mut random = Random::new(seed, "offered");
    client_addresses(seed).map(move |client| {
        let repository = random.pick(&world.repositories).unwrap();
        let DirectoryIndex(directory) = repository.directory.unwrap();
        let set = &world.mirror_sets[world.directories[directory as usize].public.0 as usize];
        let country = address_country(scale, seed, client).unwrap();
        let host = |m: u32| &world.hosts[world.mirrors[m as usize].host.0 as usize];
        let near = |country: Country| continents[&country];
        let count =
            set.iter().filter(|m| host(m.0).country.map(near) == Some(near(country))).count();
        if count < 5 { set.len() } else { count }
    })
}

#[test]
fn clients_ask_for_what_is_there() {
    let world = generate(Scale::Small, 1);
    let both: Vec<_> = query_mix(&world, 1).take(1000).collect();
    let metalinks = both.iter().filter(|target| target.starts_with("/metalink?repo=")).count();
    assert!((400..600).contains(&metalinks), "{metalinks}");
    let mut lists = queries(&world, Some(Endpoint::Mirrorlist), 1).take(1000);
    assert!(lists.all(|target| target.starts_with("/mirrorlist?repo=")));
    let prefix = format!("repo={}&", world.repositories_disabled[0]);
    assert!(both.iter().all(|target| !target.contains(&prefix)));
}

#[test]
fn the_country_database_knows_every_client() {
    for scale in [Scale::Small, Scale::Fedora] {
        let reader = Reader::from_source(country_database(scale, 5)).unwrap();
        reader.verify().unwrap();
        let mut americans = 0;
        for client in client_addresses(9).take(5000) {
            let expected = address_country(scale, 5, client).map(|country| country.to_string());
            let found = reader.lookup(client).unwrap();
            let found: Option<String> = found.decode_path(&path!["country", "iso_code"]).unwrap();
            assert_eq!(found, expected, "{client}");
            americans += usize::from(found.as_deref() == Some("US"));
        }
        assert!((1200..2000).contains(&americans), "{americans} of 5000 at {scale}");
    }
}

const SMALL_HASH: &str = "826fc90de0655142";
