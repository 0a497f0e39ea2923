//! A cache, through the catalog, is the cache: answers are those of the cache compiled directly.

use std::net::IpAddr;

use heliostat_exchange::mirrormanager::{cache_read, cache_write};
use heliostat_model::{
    Asn, Code, Continent, Country, Directory, DirectoryIndex, File, FileDetail, Host, HostIndex,
    Location, Mirror, MirrorIndex, MirrorSetIndex, Repository, RepositoryRedirect, Url, World,
};
use heliostat_publish::{Stamp, compile};
use heliostat_serve::{Ask, Form, Policy, Scratch, answer};
use heliostat_snapshot::Snapshot;
use heliostat_testing_world::{Scale, generate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{actor, catalog};
use crate::import::Origin;
use crate::{Catalog, Ending, Place};

const ORIGIN: Origin<'_> = Origin {
    name: "mirrormanager",
    site: "MirrorManager",
    numbered: true,
    continents: true,
    continent_redirects: true,
    routes: true,
};

/// The largest world that tests have: the snapshot is the same, byte for byte.
pub(super) fn a_generated_cache_comes_through(place: &Place) {
    let mut catalog = catalog(place);
    let made = generate(Scale::Small, 7);
    let mut world = through_a_cache(&made);
    // The two tables that are files of their own.
    world.netblock_asns = made.netblock_asns;
    world.country_continents = made.country_continents;
    assert_eq!(import(&mut catalog, &world), Vec::<String>::new());
    let stored = catalog.read(|view| view.world()).unwrap();
    assert!(snapshot(&stored) == snapshot(&world));
    unchanged(&mut catalog, &world);
}

/// Small worlds of any shape: also byte for byte.
pub(super) fn any_cache_comes_through(place: &Place) {
    let mut catalogs = Catalogs::new(place);
    run(12, &worlds(), |world| {
        let world = through_a_cache(&world);
        let mut catalog = catalogs.next();
        import(&mut catalog, &world);
        let stored = catalog.read(|view| view.world()).unwrap();
        prop_assert!(snapshot(&stored) == snapshot(&world), "{stored:#?}\n{world:#?}");
        Ok(())
    });
}

/// Whatever was there before, answers are those of the last import.
pub(super) fn any_cache_replaces_any_other(place: &Place) {
    let mut catalog = catalog(place);
    run(24, &worlds(), |world| {
        let world = through_a_cache(&world);
        import(&mut catalog, &world);
        let stored = catalog.read(|view| view.world()).unwrap();
        prop_assert_eq!(answers(&stored), answers(&world));
        unchanged(&mut catalog, &world);
        Ok(())
    });
}

/// Imports, and says what was left out.
fn import(catalog: &mut Catalog, world: &World) -> Vec<String> {
    let imported = catalog.write(&actor(), Ending::Commit, |txn| txn.import(world, &ORIGIN));
    imported.unwrap().0.left_out
}

/// The second time there is nothing to do.
fn unchanged(catalog: &mut Catalog, world: &World) {
    let again = catalog.write(&actor(), Ending::Commit, |txn| txn.import(world, &ORIGIN));
    assert_eq!(again.unwrap().1, []);
}

fn through_a_cache(world: &World) -> World {
    let mut bytes = Vec::new();
    cache_write(world, &mut bytes).unwrap();
    cache_read(&bytes, &mut |_| {}).unwrap().world
}

fn snapshot(world: &World) -> Vec<u8> {
    let stamp = Stamp { generation: 1, created_unix_s: world.created_unix_s, compiled_unix_s: 2 };
    let mut bytes = Vec::new();
    compile(world, stamp, &mut bytes, |_| {}).unwrap();
    bytes
}

/// The answers to everything that can be asked of a small world.
fn answers(world: &World) -> Vec<String> {
    let snapshot = Snapshot::from_bytes(snapshot(world)).unwrap();
    let mut scratch = Scratch::default();
    let mut given = Vec::new();
    let mut queries: Vec<String> = Vec::new();
    for prefix in PREFIXES {
        for arch in ARCHES {
            queries.push(format!("repo={prefix}&arch={arch}"));
            queries.push(format!("repo={prefix}&arch={arch}&country=SE&protocol=http,rsync"));
        }
    }
    queries.extend(NAMES.iter().map(|name| format!("path={name}")));
    queries.extend(NAMES.iter().map(|name| format!("path={name}/a.iso&location=here")));
    for query in &queries {
        for address in ["192.0.2.1", "198.51.100.9", "2001:db8::1"] {
            for form in [Form::Mirrorlist, Form::Metalink] {
                for claimed in [false, true] {
                    let address: IpAddr = address.parse().unwrap();
                    let mut ask = Ask::new(form, address);
                    ask.read(query.as_bytes(), false).unwrap();
                    (ask.claimed, ask.time, ask.list) = (claimed, true, true);
                    ask.policy = Policy::default();
                    let answer = answer(&snapshot, &ask, &mut scratch);
                    let body = String::from_utf8_lossy(&scratch.body);
                    given.push(format!("{query} {address} {:?}\n{body}", answer.outcome));
                }
            }
        }
    }
    given
}

/// Runs a property so many times.
fn run<T: std::fmt::Debug>(
    cases: u32,
    strategy: &impl Strategy<Value = T>,
    property: impl FnMut(T) -> Result<(), TestCaseError>,
) {
    let property = std::cell::RefCell::new(property);
    let config =
        Config { cases, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(strategy, |value| (property.borrow_mut())(value));
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// A new catalog each time: files beside the first, or the same schema emptied.
struct Catalogs<'a> {
    place: &'a Place,
    made: u32,
}

impl<'a> Catalogs<'a> {
    fn new(place: &'a Place) -> Catalogs<'a> {
        Catalogs { place, made: 0 }
    }

    fn next(&mut self) -> Catalog {
        self.made += 1;
        match self.place {
            Place::File(path) => {
                catalog(&Place::File(path.with_extension(format!("{}.db", self.made))))
            }
            Place::Server(url) => {
                let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
                let empty = "DO $$ DECLARE own text := current_schema(); BEGIN \
                             EXECUTE format('DROP SCHEMA %I CASCADE', own); \
                             EXECUTE format('CREATE SCHEMA %I', own); END $$";
                client.batch_execute(empty).unwrap();
                catalog(self.place)
            }
        }
    }
}

/// Worlds of a few hosts and directories, in all the shapes that a cache can say.
fn worlds() -> impl Strategy<Value = World> {
    let hosts = prop::collection::btree_map(1..9_u64, host(), 1..5);
    let directories = prop::collection::btree_map(0..NAMES.len(), directory(), 0..6);
    let repositories = prop::collection::vec((0..3_usize, 0..2_usize, 0..NAMES.len()), 0..5);
    let redirects = prop::collection::btree_map(0..2_usize, 2..4_usize, 0..3);
    let countries = prop::collection::btree_map(0..3_usize, 0..3_usize, 0..3);
    let rest = (redirects, countries, any::<[bool; 6]>(), 1..1_000_000_u64);
    (hosts, directories, repositories, rest).prop_map(|(hosts, directories, repositories, rest)| {
        let (redirects, countries, flags, time) = rest;
        let mut world = World::new("MirrorManager cache", time);
        let mut url_id = 0;
        for (id, (host, mirrors)) in hosts {
            let index = HostIndex(world.hosts.len() as u32);
            world.hosts.push(Host { id, ..host });
            for schemes in mirrors {
                let urls = schemes.into_iter().map(|(scheme, path)| {
                    url_id += 1;
                    Url::parse(url_id, &format!("{scheme}://h{id}.example/{path}")).unwrap()
                });
                let urls: Vec<Url> = urls.collect();
                world.mirrors.push(Mirror { host: index, urls });
            }
        }
        for (at, (subpath, members, files)) in directories {
            add_directory(&mut world, NAMES[at], subpath, members, files);
        }
        add_names(&mut world, &repositories, flags);
        for (from, to) in redirects {
            let (from, to) = (PREFIXES[from].to_owned(), PREFIXES[to].to_owned());
            world.repository_redirects.push(RepositoryRedirect { from, to });
        }
        for (prefix, country) in countries {
            let prefix = PREFIXES_V[prefix].parse().unwrap();
            world.netblock_countries.push((prefix, code(country)));
        }
        world
    })
}

fn add_directory(
    world: &mut World,
    name: &str,
    subpath: u8,
    members: Vec<u8>,
    files: Vec<(u8, u32)>,
) {
    let subpath = match subpath {
        0 => String::new(),
        1 => name.to_owned(),
        2 => "elsewhere/x".to_owned(),
        _ => name.split_once('/').map_or(String::new(), |(_, below)| below.to_owned()),
    };
    let (mut public, mut private) = (Vec::new(), Vec::new());
    let mut hosts = std::collections::BTreeSet::new();
    for (at, &member) in (0..).zip(&members).take(world.mirrors.len()) {
        let mirror = &world.mirrors[at as usize];
        if member > 1 && !mirror.urls.is_empty() && hosts.insert(mirror.host) {
            let set = if member == 2 { &mut private } else { &mut public };
            set.push(MirrorIndex(at));
        }
    }
    let mut set = |members: Vec<MirrorIndex>| {
        let known = world.mirror_sets.iter().position(|known| **known == *members);
        MirrorSetIndex(known.unwrap_or_else(|| {
            world.mirror_sets.push(members.into());
            world.mirror_sets.len() - 1
        }) as u32)
    };
    let (public, private) = (set(public), set(private));
    let files = files.into_iter().map(|(hash, time)| FileDetail {
        timestamp_unix_s: Some(u64::from(time) + 1),
        size_bytes: Some(5),
        sha256: Some(format!("{hash:064X}")),
        ..FileDetail::default()
    });
    let details: Vec<FileDetail> = files.collect();
    let files = if details.is_empty() {
        Vec::new()
    } else {
        vec![File { name: "repomd.xml".to_owned(), details }]
    };
    world.directories.push(Directory { name: name.to_owned(), subpath, public, private, files });
}

fn add_names(world: &mut World, repositories: &[(usize, usize, usize)], flags: [bool; 6]) {
    for &(prefix, arch, directory) in repositories {
        let (prefix, arch) = (PREFIXES[prefix].to_owned(), ARCHES[arch].to_owned());
        if world.repositories.iter().any(|r| r.prefix == prefix && r.arch == arch) {
            continue;
        }
        let at = world.directories.iter().position(|d| d.name == NAMES[directory]);
        let directory = at.map(|at| DirectoryIndex(at as u32));
        world.repositories.push(Repository { prefix, arch, directory });
    }
    if flags[0] {
        world.repositories_disabled.push(PREFIXES[2].to_owned());
    }
    if flags[1] {
        let hosts = (0..world.hosts.len() as u32).rev().map(HostIndex).collect();
        world.locations.push(Location { name: "here".to_owned(), hosts });
    }
    if flags[2] {
        let continent = Continent(Code::parse("EU").unwrap());
        world.continent_redirects.push((code(1), continent));
    }
}

/// A host without its number, and the URLs of each of its mirrors.
type Made = (Host, Vec<Vec<(&'static str, u8)>>);

fn host() -> impl Strategy<Value = Made> {
    let url = (prop::sample::select(vec!["http", "https", "ftp", "rsync"]), 0..3_u8);
    let mirrors = prop::collection::vec(prop::collection::vec(url, 0..3), 0..3);
    let lists = (
        prop::collection::btree_set(1..4_u32, 0..3),
        prop::collection::btree_set(0..3_usize, 0..2),
        prop::collection::btree_set(0..3_usize, 0..2),
    );
    let facts = (prop::option::of(0..3_usize), 0..3_u32, prop::option::of(0..3_u32));
    (mirrors, lists, facts).prop_map(|(mirrors, (asns, netblocks, allowed), facts)| {
        let mut host = Host::new(0, "");
        host.country = facts.0.map(code);
        host.bandwidth_mbit_s = facts.1 * 50;
        host.connections_max = facts.2;
        host.asns = asns.into_iter().map(Asn).collect();
        host.netblocks = netblocks.into_iter().map(|at| PREFIXES_V[at].parse().unwrap()).collect();
        host.countries_allowed = allowed.into_iter().map(code).collect();
        (host, mirrors)
    })
}

/// Subpath, what each mirror has to do with it, and versions of its file.
fn directory() -> impl Strategy<Value = (u8, Vec<u8>, Vec<(u8, u32)>)> {
    let members = prop::collection::vec(0..5_u8, 8);
    let files = prop::collection::vec((any::<u8>(), 0..9_u32), 0..3);
    (0..5_u8, members, files)
}

fn code(at: usize) -> Country {
    Country::parse(["SE", "A1", "JP"][at]).unwrap()
}

const NAMES: [&str; 6] =
    ["pub", "pub/a", "pub/a/repodata", "pub/b/c", "other/deep/er", "pub/a/b/repodata"];
const PREFIXES: [&str; 4] = ["fedora-40", "epel-9", "fedora-source-41", "rawhide"];
const ARCHES: [&str; 2] = ["x86_64", "source"];
const PREFIXES_V: [&str; 3] = ["192.0.2.0/24", "198.51.0.0/16", "2001:db8::/32"];
