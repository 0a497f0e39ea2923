//! What rounds make of mirrors.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use heliostat_catalog::host::MirrorUrl;
use heliostat_catalog::probe::Health;
use heliostat_catalog::{Actor, Catalog, Ending, Place};
use heliostat_observe_health::notify::Recipients;
use heliostat_observe_health::{Found, HealthSettings, Patience, Rounds, Summary};
use heliostat_observe_probe::{Family, Reach};

use crate::net::{Does, NOW, Net, address, catalog, has};

/// A network of so many mirrors, and rounds of looks at them.
pub(crate) struct World {
    pub(crate) net: Arc<Net>,
    port: u16,
    pub(crate) catalog: Catalog,
    rounds: Rounds,
    minute: u64,
    _folder: tempfile::TempDir,
}

fn settings() -> HealthSettings {
    // As patient as ever, by the count; but nobody waits here.
    let patience = Patience { spread_s: 0, again_ms: [1, 2, 3, 4, 5], ..Patience::default() };
    let look = Duration::from_millis(700);
    let pace = Duration::ZERO;
    HealthSettings {
        patience,
        look,
        look_again: look,
        pace,
        ..HealthSettings::new(Reach::Loopback)
    }
}

impl World {
    pub(crate) fn new(hosts: usize) -> World {
        World::telling(hosts, Recipients::default())
    }

    /// One of which somebody is told.
    pub(crate) fn telling(hosts: usize, tells: Recipients) -> World {
        let (net, port) = Net::start(Duration::ZERO);
        let folder = tempfile::tempdir().expect("a folder");
        let catalog = catalog(&Place::File(folder.path().join("catalog.db")), hosts, 1, port);
        let rounds = Rounds::new(HealthSettings { tells, ..settings() }).expect("rounds");
        World { net, port, catalog, rounds, minute: 0, _folder: folder }
    }

    pub(crate) fn round(&mut self) -> Summary {
        self.minute += 1;
        let now_unix_ms = (NOW + self.minute * 60) * 1_000;
        self.rounds.run_once(&mut self.catalog, "test", now_unix_ms).expect("a round")
    }

    /// What changed in a round, for people.
    fn changes(&mut self) -> Vec<String> {
        let summary = self.round();
        let said = |change: &heliostat_observe_health::Change| {
            let what = if change.good { "back".to_owned() } else { change.reason.clone() };
            format!("{}: {what}", change.host)
        };
        summary.changes.iter().map(said).collect()
    }

    /// The hosts whose mirrors clients are given.
    fn given(&mut self) -> Vec<String> {
        let world = self.catalog.read(|view| view.world()).expect("a world");
        let hosts =
            world.mirrors.iter().map(|mirror| world.hosts[mirror.host.0 as usize].name.clone());
        hosts.collect()
    }

    fn health(&mut self) -> Vec<Health> {
        self.catalog.read(|view| view.health_list()).expect("health")
    }

    fn edit(&mut self, name: &str, edit: impl FnOnce(&mut heliostat_catalog::host::Host)) {
        let actor = Actor { name: "test".to_owned(), now_unix_s: NOW };
        let done = self.catalog.write(&actor, Ending::Commit, |txn| {
            let before = txn.view().host_find(name)?;
            let mut after = before.clone();
            edit(&mut after);
            txn.host_update(&before, after)
        });
        done.expect("an edit");
    }
}

#[test]
fn a_dead_mirror_leaves_and_comes_back_after_verified_looks() {
    let mut world = World::new(5);
    assert_eq!(world.changes(), [""; 0]);
    assert_eq!(world.given().len(), 5);
    world.net.does(2, Does::Dies);
    let changes = world.changes();
    assert!(changes[0].starts_with("mirror2.example: the connection broke"), "{changes:?}");
    assert_eq!(changes.len(), 1);
    assert_eq!(
        world.given(),
        ["mirror0.example", "mirror1.example", "mirror3.example", "mirror4.example"]
    );
    let health = world.health();
    assert_eq!(
        health.iter().map(|health| health.good).collect::<Vec<_>>(),
        [true, true, false, true, true]
    );
    assert!(health[2].reason.starts_with("the connection broke") && health[2].failures == 6);
    // Its page is there again, but not what should be on it.
    world.net.does(2, Does::Parks);
    assert_eq!(world.changes(), [""; 0]);
    assert_eq!(world.changes(), [""; 0]);
    world.net.does(2, Does::Right);
    assert_eq!(world.changes(), [""; 0]);
    assert_eq!(world.changes(), [""; 0]);
    assert_eq!(world.given().len(), 4);
    assert_eq!(world.changes(), ["mirror2.example: back"]);
    assert_eq!(world.given().len(), 5);
    // Nobody has touched its owner's switch, nor the administrators'.
    let host = world.catalog.read(|view| view.host_find("mirror2.example")).expect("it");
    assert!(host.active_owner && host.active_admin);
    // The history has the first look at each, and then only what changed.
    let probes = world.catalog.read(|view| view.probe_list(Some(host.id), 0, 99)).expect("probes");
    let verdicts: Vec<_> = probes.iter().rev().map(|probe| probe.verdict.as_str()).collect();
    assert_eq!(verdicts, ["good", "bad", "good"]);
    assert_eq!(world.rounds.contact(host.id), "admin2@example.org");
}

#[test]
fn every_way_to_fail_leaves_and_costs_nobody_else() {
    let mut world = World::new(20);
    world.round();
    let faults = [
        (Does::Dies, "the connection broke"),
        (Does::Says(500, ""), "500 for "),
        (
            Does::Says(302, "location: http://10.0.0.1/\r\n"),
            "it leads to 10.0.0.1, which is no address",
        ),
        (
            Does::Says(301, "location: http://169.254.169.254/meta\r\n"),
            "it leads to 169.254.169.254",
        ),
        (Does::Says(302, "location: /linux/0/repomd.xml\r\n"), "too many redirects"),
        (Does::Says(404, ""), "404 for "),
        (Does::Parks, "is another one, nor is any of 2 other files"),
        (Does::Hangs, "no answer in "),
        (Does::Floods, "is another one, nor is any of 2 other files"),
    ];
    for (number, (does, _)) in faults.iter().enumerate() {
        world.net.does(number, does.clone());
    }
    let changes = world.changes();
    assert_eq!(changes.len(), faults.len(), "{changes:#?}");
    for (number, (does, why)) in faults.iter().enumerate() {
        let change = changes.iter().find(|said| said.starts_with(&format!("mirror{number}.")));
        assert!(change.is_some_and(|said| said.contains(why)), "{does:?}: {change:?}");
    }
    assert_eq!(world.given().len(), 20 - faults.len());
    // Where nobody listens.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("one")
        .port();
    world.edit("mirror15.example", |host| {
        host.mirrors[0].urls[0].url = format!("http://127.0.0.1:{port}/linux");
    });
    world.edit("mirror16.example", |host| {
        host.mirrors[0].urls[0].url = "http://no-such-name.invalid/linux".to_owned();
    });
    let tls = format!("https://{}:{}/linux", address(17), world.port);
    world.edit("mirror17.example", |host| {
        host.mirrors[0].urls[0].url = tls;
    });
    let changes = world.changes();
    assert_eq!(changes[0], "mirror15.example: no connection: Connection refused");
    assert!(changes[1].starts_with("mirror16.example: its name does not resolve: "), "{changes:?}");
    assert!(changes[2].starts_with("mirror17.example: TLS: "), "{changes:?}");
}

#[test]
fn one_file_that_is_old_or_missing_is_a_sign_and_no_death() {
    let mut world = World::new(3);
    world.net.does(0, Does::Older("1"));
    world.net.does(1, Does::Lacks("1"));
    let mut signs: Vec<_> = (0..3).flat_map(|_| world.round().signs).collect();
    signs.sort_by_key(|sign| sign.mirror_id);
    let found: Vec<_> = signs.iter().map(|sign| (sign.path.as_str(), &sign.found)).collect();
    assert_eq!(found, [("1/repomd.xml", &Found::Older), ("1/repomd.xml", &Found::Absent)]);
    assert_eq!(world.given().len(), 3);
    assert!(world.health().iter().all(|health| health.good && health.failures == 0));
}

#[test]
fn most_at_once_is_our_own_network_and_counts_for_nothing() {
    let mut world = World::new(9);
    world.round();
    let before = world.health();
    (0..5).for_each(|number| world.net.does(number, Does::Dies));
    for _ in 0..12 {
        let summary = world.round();
        assert_eq!((summary.ours.as_slice(), summary.changes.len()), (&[Family::V4][..], 0));
    }
    let (scores, good) = (|health: &Health| (health.score, health.failures), |h: &Health| h.good);
    assert!(world.health().iter().all(good));
    assert!(world.health().iter().map(scores).eq(before.iter().map(scores)));
    // But a network over which the others answer for a quarter of an hour is not out.
    let left: usize = (0..5).map(|_| world.round().changes.len()).sum();
    assert_eq!(left, 5);
    assert_eq!(world.given().len(), 4);
    // When nobody at all answers, it stays ours for as long as that takes.
    (5..9).for_each(|number| world.net.does(number, Does::Dies));
    for _ in 0..30 {
        assert_eq!(world.round().changes.len(), 0);
    }
    assert_eq!(world.given().len(), 4);
}

#[test]
fn without_names_at_the_start_nobody_is_left_out() {
    let mut world = World::new(4);
    for number in 0..4 {
        world.edit(&format!("mirror{number}.example"), |host| {
            host.mirrors[0].urls[0].url = format!("http://mirror{number}.invalid/linux");
        });
    }
    let summary = world.round();
    assert_eq!((summary.ours.as_slice(), summary.changes.len()), (&[Family::V4][..], 0));
    assert_eq!(world.given().len(), 4);
}

#[test]
fn the_last_mirrors_are_kept_and_that_is_said() {
    let mut world = World::new(2);
    world.round();
    (0..2).for_each(|number| world.net.does(number, Does::Says(500, "")));
    let summary = world.round();
    assert_eq!((summary.changes.len(), summary.bad), (2, 2));
    assert_eq!(summary.without, ["Linux"]);
    assert_eq!(world.given().len(), 2, "a bad mirror is better than none");
    world.net.does(1, Does::Right);
    let left: Vec<_> = (0..3).flat_map(|_| world.round().without).collect();
    assert_eq!(left, ["Linux", "Linux"]);
    assert_eq!(world.given(), ["mirror1.example"]);
}

#[test]
fn who_wants_to_be_left_alone_is() {
    let mut world = World::new(4);
    world.round();
    world.net.does(0, Does::Says(503, "retry-after: 200\r\n"));
    world.net.does(1, Does::Says(429, "retry-after: 200\r\n"));
    world.net.does(2, Does::Says(429, "retry-after: Fri, 31 Dec 9999 23:59:59 GMT\r\n"));
    let before: Vec<_> = (0..3).map(|number| world.net.asked(number)).collect();
    assert_eq!(world.changes(), [""; 0], "it may have been a moment");
    assert_eq!(world.changes(), ["mirror0.example: 503: it is closed, it says"]);
    world.changes();
    let asked: Vec<_> = (0..3).map(|number| world.net.asked(number)).collect();
    assert!(asked.iter().zip(&before).all(|(now, before)| now - before == 1), "once in 200 s");
    (0..3).for_each(|number| world.net.does(number, Does::Right));
    assert_eq!(world.changes(), [""; 0], "it is not asked yet");
    let back: Vec<_> = (0..3).flat_map(|_| world.changes()).collect();
    assert_eq!(back, ["mirror0.example: back"]);
    assert!(world.net.asked(1) > asked[1] && world.net.asked(2) == asked[2], "for ten minutes");
    (0..5).for_each(|_| drop(world.round()));
    assert!(world.net.asked(2) > asked[2], "nobody is forgotten for good");
}

#[test]
fn a_new_process_goes_on_where_the_old_one_was() {
    let mut world = World::new(4);
    world.round();
    world.net.does(3, Does::Says(500, ""));
    assert_eq!(world.changes().len(), 1);
    world.rounds = Rounds::new(settings()).expect("rounds");
    assert_eq!(world.changes(), [""; 0], "it is known to be bad");
    assert_eq!(world.given().len(), 3);
    world.net.does(3, Does::Right);
    assert_eq!((0..2).flat_map(|_| world.changes()).count(), 0);
    assert_eq!(world.changes(), ["mirror3.example: back"]);
    // Another URL under the same number is another matter.
    world.net.does(3, Does::Says(500, ""));
    assert_eq!(world.changes().len(), 1);
    let url = format!("http://{}:{}/linux", address(77), world.port);
    world.edit("mirror3.example", |host| host.mirrors[0].urls[0].url = url);
    assert_eq!(world.changes(), [""; 0]);
    assert_eq!(world.given().len(), 4);
}

#[test]
fn who_is_not_for_the_public_is_left_alone() {
    let mut world = World::new(5);
    world.edit("mirror0.example", |host| host.active_owner = false);
    world.edit("mirror1.example", |host| host.active_admin = false);
    world.edit("mirror2.example", |host| host.private = true);
    world.edit("mirror3.example", |host| host.mirrors[0].urls[0].private = true);
    world.round();
    let asked: Vec<_> = (0..5).map(|number| world.net.asked(number)).collect();
    assert_eq!(asked, [0, 0, 0, 0, 1]);
}

#[test]
fn other_schemes_go_with_the_host() {
    let mut world = World::new(3);
    let rsync =
        MirrorUrl { number: -1, url: "rsync://mirror0.example/linux".to_owned(), private: false };
    world.edit("mirror0.example", |host| host.mirrors[0].urls.push(rsync));
    world.round();
    world.net.does(0, Does::Dies);
    world.round();
    let health: Vec<_> = world.health().into_iter().filter(|health| !health.good).collect();
    assert_eq!(health.len(), 2);
    assert!(
        health.iter().any(|health| health.reason.starts_with("as its other URLs: the connection"))
    );
    assert_eq!(world.given().len(), 2);
}

#[test]
fn families_are_seen_apart() {
    if !has("::1".parse().expect("an address")) {
        eprintln!("skipped: this machine has no ::1");
        return;
    }
    let mut world = World::new(3);
    // A name with both; nobody listens on IPv6.
    let url = format!("http://localhost:{}/linux", world.port);
    world.edit("mirror0.example", |host| host.mirrors[0].urls[0].url = url);
    world.edit("mirror1.example", |host| {
        host.mirrors[0].urls[0].url = "http://[::1]:1/linux".to_owned();
    });
    let summary = world.round();
    let change = |host: &str| summary.changes.iter().find(|change| change.host.starts_with(host));
    assert!(
        change("mirror1").is_some_and(|change| !change.only_noted && change.family == Family::V6)
    );
    let both = std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 0)).expect("addresses");
    if both.filter(|address| address.is_ipv6()).count() == 0 {
        eprintln!("skipped: localhost has no IPv6 here");
        return;
    }
    assert!(
        change("mirror0").is_some_and(|change| change.only_noted && change.family == Family::V6)
    );
    assert_eq!(world.given(), ["mirror0.example", "mirror2.example"]);
    let noted = world.health().into_iter().find(|health| health.reason.starts_with("over IPv6: "));
    assert!(noted.is_some_and(|health| health.good));
}

#[test]
fn connections_are_bounded_and_kept_per_host() {
    let (net, port) = Net::start(Duration::from_millis(2));
    let folder = tempfile::tempdir().expect("a folder");
    let mut catalog = catalog(&Place::File(folder.path().join("catalog.db")), 60, 4, port);
    let settings = HealthSettings { connections_max: 5, ..settings() };
    let mut rounds = Rounds::new(settings).expect("rounds");
    let summary = rounds.run_once(&mut catalog, "test", NOW * 1_000).expect("a round");
    assert_eq!((summary.hosts, summary.urls, summary.looks, summary.bad), (60, 240, 240, 0));
    assert!((0..60).all(|number| net.asked(number) == 4));
    // Idle ones are kept for a moment; busy ones are five, and each host has one.
    assert!(net.open_max.load(Ordering::Relaxed) <= 60);
}
