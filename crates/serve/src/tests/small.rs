//! A world of eight hosts with one of everything, and a way to ask it.

use std::net::IpAddr;

use heliostat_model::{
    Asn, Continent, Country, Directory, DirectoryIndex, File, FileDetail, Host, HostIndex,
    Location, Mirror, MirrorIndex, MirrorSetIndex, Repository, RepositoryRedirect, Url, World,
};
use heliostat_publish::{Stamp, compile};
use heliostat_snapshot::{Code, Snapshot};

use crate::ask::{Ask, Form};
use crate::{Answer, Scratch, answer};

/// A client in Sweden, on no mirror's network.
pub(super) const SWEDE: &str = "192.0.2.1";
/// A client in Germany.
pub(super) const GERMAN: &str = "198.51.100.1";
/// A client in Brazil, where there is no mirror, nor on its continent.
pub(super) const BRAZILIAN: &str = "203.0.113.1";
/// A client on the network of the private host, in the United States.
pub(super) const INSIDER: &str = "10.1.2.3";
/// A client of AS 64500, in Germany.
pub(super) const CUSTOMER: &str = "100.64.0.1";
/// A client of the monopoly host.
pub(super) const CAPTIVE: &str = "172.16.0.1";
/// A client of whom nothing is known.
pub(super) const STRANGER: &str = "240.0.0.1";

/// The world; its hosts are numbered as they come.
pub(crate) fn world() -> World {
    let mut world = World::new("test", 1_700_000_000);
    host(
        &mut world,
        "one.se",
        "SE",
        1000,
        &["http://one.se/fedora", "https://one.se/fedora", "rsync://one.se/fedora"],
    );
    host(&mut world, "two.se", "SE", 10, &["ftp://two.se/pub", "http://two.se/pub"]);
    host(&mut world, "three.de", "DE", 100, &["https://three.de/x&y", "https://again.three.de"]);
    host(&mut world, "four.us", "US", 100, &["http://four.us/"]);
    host(&mut world, "five.no", "NO", 100, &["https://five.no/only-norway"]);
    host(&mut world, "six.rsync", "DE", 100, &["rsync://six.rsync/fedora"]);
    host(&mut world, "inside.us", "US", 100, &["http://inside.us/mirror"]);
    host(&mut world, "captor.us", "US", 100, &["http://captor.us/mirror"]);
    world.hosts[4].countries_allowed = vec![country("NO")];
    world.hosts[2].asns = vec![Asn(64500)];
    world.hosts[6].private = true;
    world.hosts[6].netblocks = vec!["10.0.0.0/8".parse().unwrap()];
    world.hosts[3].netblocks = vec!["10.1.0.0/16".parse().unwrap()];
    world.hosts[7].private = true;
    world.hosts[7].monopoly = true;
    world.hosts[7].netblocks = vec!["172.16.0.0/12".parse().unwrap()];
    world.mirror_sets.push((0..6).map(MirrorIndex).collect());
    world.mirror_sets.push([MirrorIndex(6), MirrorIndex(7)].into());
    tree(&mut world);
    for (code, continent) in
        [("SE", "EU"), ("DE", "EU"), ("NO", "EU"), ("US", "NA"), ("BR", "SA"), ("DK", "EU")]
    {
        world.country_continents.push((country(code), Continent(Code::parse(continent).unwrap())));
    }
    for (prefix, code) in [
        ("192.0.2.0/24", "SE"),
        ("198.51.100.0/24", "DE"),
        ("203.0.113.0/24", "BR"),
        ("10.0.0.0/8", "US"),
        ("100.64.0.0/10", "DE"),
        ("172.16.0.0/12", "US"),
    ] {
        world.netblock_countries.push((prefix.parse().unwrap(), country(code)));
    }
    world.netblock_asns.push(("100.64.0.0/16".parse().unwrap(), Asn(64500)));
    world.locations.push(Location { name: "lab".into(), hosts: vec![HostIndex(3), HostIndex(6)] });
    world
}

fn tree(world: &mut World) {
    let details = |n: u64| FileDetail {
        timestamp_unix_s: Some(1_700_000_000 - n),
        size_bytes: Some(4100 + n),
        md5: Some(format!("{n:032x}")),
        sha256: Some(format!("{n:064x}")),
        ..FileDetail::default()
    };
    let directory = |name: &str, files| Directory {
        name: format!("pub/fedora/{name}"),
        subpath: name.to_owned(),
        public: MirrorSetIndex(1),
        private: MirrorSetIndex(2),
        files,
    };
    let repomd = File { name: "repomd.xml".into(), details: vec![details(0), details(1)] };
    world.directories = vec![
        directory("40/x86_64/os", vec![]),
        directory("40/x86_64/os/repodata", vec![repomd]),
        directory("40/source", vec![]),
        directory("a b", vec![]),
    ];
    for (prefix, arch, at) in
        [("fedora-40", "x86_64", 0), ("fedora-source-40", "source", 2), ("old-1", "x86_64", 0)]
    {
        world.repositories.push(Repository {
            prefix: prefix.into(),
            arch: arch.into(),
            directory: Some(DirectoryIndex(at)),
        });
    }
    let redirect = |from: &str, to: &str| RepositoryRedirect { from: from.into(), to: to.into() };
    world.repository_redirects = vec![
        redirect("fedora-latest", "fedora-40"),
        redirect("twice", "fedora-latest"),
        redirect("gone", "old-1"),
    ];
    world.repositories_disabled = vec!["old-1".into()];
}

fn host(world: &mut World, name: &str, code: &str, bandwidth_mbit_s: u32, urls: &[&str]) {
    let index = world.hosts.len() as u32;
    let mut host = Host::new(u64::from(index) + 1, name);
    host.country = Some(country(code));
    host.bandwidth_mbit_s = bandwidth_mbit_s;
    world.hosts.push(host);
    let urls = urls.iter().zip(1..).map(|(text, id)| Url::parse(id, text).unwrap()).collect();
    world.mirrors.push(Mirror { host: HostIndex(index), urls });
}

pub(super) fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

/// A world as a snapshot.
pub(crate) fn snapshot(world: &World) -> Snapshot {
    let stamp = Stamp {
        generation: 7,
        created_unix_s: world.created_unix_s,
        compiled_unix_s: world.created_unix_s,
    };
    let mut bytes = Vec::new();
    compile(world, stamp, &mut bytes, |_| {}).unwrap();
    Snapshot::from_bytes(bytes).unwrap()
}

/// Asks the small world.
pub(super) fn ask(form: Form, query: &str, client: &str) -> (Answer, String) {
    ask_of(&snapshot(&world()), form, query, client)
}

/// Asks a snapshot.
pub(super) fn ask_of(
    snapshot: &Snapshot,
    form: Form,
    query: &str,
    client: &str,
) -> (Answer, String) {
    let mut ask = Ask::new(form, client.parse::<IpAddr>().unwrap());
    ask.read(query.as_bytes(), true).unwrap();
    ask.now_unix_s = 1_700_001_000;
    ask.seed = 1;
    let mut scratch = Scratch::default();
    let answer = answer(snapshot, &ask, &mut scratch);
    (answer, String::from_utf8(scratch.body).unwrap())
}

/// The host names of a mirrorlist, in its order.
pub(super) fn hosts(query: &str, client: &str) -> Vec<String> {
    let (_, text) = ask(Form::Mirrorlist, query, client);
    let names = text.lines().filter(|line| !line.starts_with('#'));
    names.map(|line| line.split('/').nth(2).unwrap_or_default().to_owned()).collect()
}
