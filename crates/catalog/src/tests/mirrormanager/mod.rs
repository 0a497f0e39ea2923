//! MirrorManager's own database, as the test makes one, into the catalog.

/// A world as the rows of that database.
mod rows;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use heliostat_exchange::mirrormanager::{cache_read, cache_write};
use heliostat_model::{Facts, IpNet, MirrorSetIndex, World};
use heliostat_testing_e2e as rig;
use heliostat_testing_world::{Scale, generate};

use super::{NOW, actor, catalog};
use crate::import::Origin;
use crate::mirrormanager::{Found, Networks, read};
use crate::{Ending, Error, Place};

/// Prefixes, and the name of one machine.
struct Typed;

impl Networks for Typed {
    fn prefix(&mut self, text: &str) -> Result<IpNet, String> {
        text.parse().map_err(|_| format!("{text} is no prefix"))
    }

    fn networks(&mut self, text: &str) -> Result<Vec<IpNet>, String> {
        match text {
            "mirror.one.example" => Ok(vec!["198.51.100.7/32".parse().unwrap()]),
            "2001:db8::1" => Ok(vec!["2001:db8::1/128".parse().unwrap()]),
            _ => self.prefix(text).map(|prefix| vec![prefix.trunc()]),
        }
    }
}

const ORIGIN: Origin<'_> = Origin {
    name: "mirrormanager",
    site: "MirrorManager",
    numbered: true,
    continents: false,
    continent_redirects: true,
    routes: false,
};

#[test]
fn a_database_of_mirrormanager_is_read_and_not_touched() {
    let server = match rig::Postgres::start().unwrap() {
        Ok(server) => server,
        Err(why) => return rig::skip("MirrorManager's own database", &why).unwrap(),
    };
    let url = server.url("postgres");
    assert!(matches!(read(&url, &mut Typed, NOW), Err(Error::Postgres(_))), "it is empty");
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    client.batch_execute(include_str!("mirrormanager.sql")).unwrap();
    // Who may only read is enough.
    client.batch_execute("ALTER DATABASE postgres SET default_transaction_read_only = on").unwrap();
    let Found { world, facts, problems } = read(&url, &mut Typed, NOW).unwrap();
    world.check().unwrap();
    assert_eq!(
        problems,
        [
            "host 12: \"Sweden\" is no country; left out",
            "host 11: netblock gone.example is no prefix; left out",
            "host_category_url 35: \"gopher://two.example\" is no URL of a known scheme; left out",
            "category 6: it has no directory at its top; left out",
            "directory 4: \"elsewhere\" is not below \"pub/epel\"; left out",
            "netblock_country 2: nothing is no prefix; left out",
        ]
    );
    let folder = tempfile::tempdir().unwrap();
    let mut catalog = catalog(&Place::File(folder.path().join("catalog.db")));
    let mut import = || {
        let take = |txn: &mut crate::Txn<'_>| txn.import_with(&world, &facts, &ORIGIN);
        catalog.write(&actor(), Ending::Commit, take).unwrap()
    };
    assert_eq!(import().0.left_out, [""; 0]);
    assert_eq!(import().1, [], "the second time nothing changes");
    let hosts = catalog.read(|view| view.host_list()).unwrap();
    let said: Vec<_> = hosts
        .iter()
        .map(|host| (host.id, host.site.as_str(), host.active_owner, host.private))
        .collect();
    let expected = [
        (11, "University", true, false),
        (12, "University", true, false),
        (13, "Lab", false, true),
    ];
    assert_eq!(said, expected);
    let one = &hosts[0];
    assert_eq!(
        (one.contact.as_str(), one.notes.as_str()),
        ("operator@one.example", "two lines\nof it")
    );
    assert_eq!(one.netblocks, ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::1/128"]);
    assert_eq!((&one.asns[..], one.connections_max), (&[64_500, 64_502][..], Some(4)));
    assert_eq!(one.mirrors[0].category, "Fedora EPEL");
    assert_eq!(one.mirrors[0].urls[0].number, 31);
    let repository = catalog.read(|view| view.repository_find("epel-9", "x86_64")).unwrap();
    assert_eq!(repository.version.as_deref(), Some("EPEL/9"));
    assert!(catalog.read(|view| view.version_find("EPEL/10")).unwrap().development);
    let answers = catalog.read(|view| view.world()).unwrap();
    let carried = |name: &str| {
        let directory = answers.directories.iter().find(|one| one.name == name).unwrap();
        answers.mirror_sets[directory.public.0 as usize].len()
    };
    assert_eq!([carried("pub/epel"), carried("pub/epel/9")], [1, 2], "Lab's owner switched it off");
    let files = &answers.directories[2].files[0];
    let times: Vec<_> = files.details.iter().map(|detail| detail.timestamp_unix_s).collect();
    assert_eq!(times, [Some(200), Some(100)]);
    assert_eq!(answers.repositories_disabled, ["epel-10"]);
    assert_eq!(answers.repository_redirects.len(), 1);
    assert_eq!(answers.locations[0].hosts.len(), 2);
}

/// The same network, once as a cache and once as the database that the cache is made from: what is
/// compiled from either is the same. `HELIOSTAT_SCALE=fedora` makes it as large as Fedora's.
#[test]
fn a_database_says_what_its_cache_says() {
    let server = match rig::Postgres::start().unwrap() {
        Ok(server) => server,
        Err(why) => return rig::skip("MirrorManager's database beside its cache", &why).unwrap(),
    };
    let scale = std::env::var("HELIOSTAT_SCALE").ok();
    let scale = scale.map_or(Scale::Small, |name| Scale::parse(&name).unwrap());
    let made = generate(scale, 3);
    let url = server.url("postgres");
    let mut client = postgres::Client::connect(&url, postgres::NoTls).unwrap();
    let schema = include_str!("mirrormanager.sql").split_once("\n\n").unwrap().0;
    client.batch_execute(schema).unwrap();
    rows::write(&made, &mut client);
    let begun = std::time::Instant::now();
    let Found { world: of_database, facts, problems } = read(&url, &mut Typed, NOW).unwrap();
    eprintln!("the database was read in {:?}", begun.elapsed());
    assert_eq!(problems, [""; 0]);
    let mut bytes = Vec::new();
    cache_write(&made, &mut bytes).unwrap();
    drop(made);
    let of_cache = cache_read(&bytes, &mut |_| {}).unwrap().world;
    let from_cache = through_a_catalog(&of_cache, &Facts::default());
    let from_database = through_a_catalog(&of_database, &facts);
    assert!(from_cache.len() > 300);
    for (of_database, of_cache) in from_database.iter().zip(&from_cache) {
        assert_eq!(of_database, of_cache);
    }
    assert_eq!(from_database.len(), from_cache.len());
}

/// What a catalog says after an import, in words that depend on no order and on no name of a host.
fn through_a_catalog(world: &World, facts: &Facts) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut catalog = catalog(&Place::File(folder.path().join("catalog.db")));
    let take = |txn: &mut crate::Txn<'_>| txn.import_with(world, facts, &ORIGIN);
    assert_eq!(catalog.write(&actor(), Ending::Commit, take).unwrap().0.left_out, [""; 0]);
    let world = catalog.read(|view| view.world()).unwrap();
    let hosts = world.hosts.iter().map(|host| {
        let heliostat_model::Host { id, country, private, bandwidth_mbit_s, .. } = host;
        let heliostat_model::Host { asns, netblocks, countries_allowed, internet2, .. } = host;
        format!(
            "host {id} {country:?} {private} {bandwidth_mbit_s} {internet2} {:?} {asns:?} \
             {netblocks:?} {countries_allowed:?}",
            host.connections_max
        )
    });
    let sets: Vec<u64> = world
        .mirror_sets
        .iter()
        .map(|set| {
            let mirrors = set.iter().map(|mirror| &world.mirrors[mirror.0 as usize]);
            let host = |host: heliostat_model::HostIndex| world.hosts[host.0 as usize].id;
            let mut carriers: Vec<_> =
                mirrors.map(|mirror| (host(mirror.host), &mirror.urls)).collect();
            carriers.sort_by_key(|(host, _)| *host);
            let mut hasher = DefaultHasher::new();
            carriers.iter().for_each(|carrier| format!("{carrier:?}").hash(&mut hasher));
            hasher.finish()
        })
        .collect();
    let set = |index: MirrorSetIndex| sets[index.0 as usize];
    let directories = world.directories.iter().map(|directory| {
        let heliostat_model::Directory { name, subpath, public, private, files } = directory;
        format!("{name} {subpath} {} {} {files:?}", set(*public), set(*private))
    });
    let repositories = world.repositories.iter().map(|repository| {
        let directory = repository.directory.map(|at| &world.directories[at.0 as usize].name);
        format!("{} {} {directory:?}", repository.prefix, repository.arch)
    });
    let locations = world.locations.iter().map(|location| {
        let hosts = location.hosts.iter().map(|host| world.hosts[host.0 as usize].id);
        let hosts: std::collections::BTreeSet<u64> = hosts.collect();
        format!("{} {hosts:?}", location.name)
    });
    let mut said: Vec<String> =
        hosts.chain(directories).chain(repositories).chain(locations).collect();
    said.extend(world.repository_redirects.iter().map(|one| format!("{one:?}")));
    said.extend(world.repositories_disabled.iter().map(|one| format!("disabled {one}")));
    said.extend(world.netblock_countries.iter().map(|one| format!("{one:?}")));
    said.extend(world.continent_redirects.iter().map(|one| format!("{one:?}")));
    said.sort_unstable();
    said
}
