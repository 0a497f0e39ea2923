//! Products, looks, probes and what else is history, on both engines.

use heliostat_model::Scheme;

use super::suite::{behind, network, repository};
use super::{NOW, catalog, refused, write};
use crate::category::Category;
use crate::directory::{Directory, FileDetail};
use crate::host::{Host, MirrorUrl};
use crate::looks::{Family, Look, LookRun, LooksBuilder};
use crate::probe::{Health, KnownFile, Probe, Verdict};
use crate::product::{Product, Version};
use crate::propagation::Propagation;
use crate::repository::Repository;
use crate::statistic::{Dimension, Statistic};
use crate::{Catalog, Error, Filter, Place, Txn};

fn version(txn: &mut Txn<'_>) -> Result<Version, Error> {
    let product = Product { id: 0, name: "Fedora".to_owned(), source: String::new() };
    txn.product_insert(product)?;
    txn.version_insert(Version {
        id: 0,
        product: "Fedora".to_owned(),
        name: "40".to_owned(),
        development: true,
        source: String::new(),
    })
}

pub(super) fn versions_come_and_go(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    let version = write(&mut catalog, version);
    assert_eq!(catalog.read(|view| view.version_find("Fedora/40")).unwrap(), version);
    let again = version.clone();
    assert!(refused(&mut catalog, |txn| txn.version_insert(again)).contains("there is one"));
    for (name, reason) in [("", "is empty"), ("a/b", "has a slash"), ("a\u{7}b", "control")] {
        let product = Product { id: 0, name: name.to_owned(), source: String::new() };
        assert!(refused(&mut catalog, |txn| txn.product_insert(product)).contains(reason));
        let wrong = Version { id: 0, name: name.to_owned(), ..version.clone() };
        assert!(refused(&mut catalog, |txn| txn.version_insert(wrong)).contains(reason));
    }
    let before = write(&mut catalog, repository);
    let of_it = Repository { version: Some("Fedora/40".to_owned()), ..before.clone() };
    write(&mut catalog, |txn| txn.repository_update(&before, &of_it));
    assert_eq!(catalog.read(|view| view.repository_list()).unwrap(), std::slice::from_ref(&of_it));
    let epel = catalog.read(|view| view.category_find("EPEL")).unwrap();
    let of_it_too = Category { product: Some("Fedora".to_owned()), ..epel };
    write(&mut catalog, |txn| txn.category_update("EPEL", &of_it_too));
    assert_eq!(catalog.read(|view| view.category_find("EPEL")).unwrap(), of_it_too);
    let why = refused(&mut catalog, |txn| txn.version_remove(&version));
    assert!(why.contains("1 repositories are of it"), "{why}");
    let product = catalog.read(|view| view.product_find("Fedora")).unwrap();
    let why = refused(&mut catalog, |txn| txn.product_remove(&product));
    assert!(why.contains("1 versions, and 1 categories"), "{why}");
    let lost = Repository { version: Some("Fedora/99".to_owned()), ..of_it.clone() };
    let why = refused(&mut catalog, |txn| txn.repository_update(&of_it, &lost));
    assert_eq!(why, "there is no version Fedora/99");
    write(&mut catalog, |txn| {
        txn.repository_update(&of_it, &before)?;
        txn.category_update("EPEL", &Category { product: None, ..of_it_too.clone() })?;
        let released = Version { development: false, name: "41".to_owned(), ..version.clone() };
        txn.version_update(&version, &released)?;
        txn.version_remove(&released)?;
        txn.product_remove(&product)
    });
    assert_eq!(catalog.read(|view| view.product_list()).unwrap(), []);
}

pub(super) fn looks_are_kept_as_they_were(place: &Place) {
    let mut catalog = catalog(place);
    let mirror_id = write(&mut catalog, network).mirrors[0].id;
    let revision = revision(&mut catalog);
    let look = Look { at_unix_s: NOW, scheme: Scheme::Rsync, family: Some(Family::V6), behind: 0 };
    let mut builder = LooksBuilder::default();
    builder.push_run(LookRun { first: 0, end: 30_000, look: Some(look) });
    builder.push(30_001, Look { behind: 2, ..look });
    let looks = builder.finish();
    assert!(looks.bytes().len() < 40, "runs are small");
    write(&mut catalog, |txn| txn.looks_set(mirror_id, &looks));
    assert_eq!(catalog.read(|view| view.looks_find(mirror_id)).unwrap(), looks);
    assert_eq!(catalog.read(|view| view.looks_list()).unwrap()[&mirror_id], looks);
    assert_eq!(self::revision(&mut catalog), revision, "nothing to publish");
    let gone = catalog.write(&super::actor(), crate::Ending::Commit, |txn| {
        txn.looks_set(mirror_id + 1_000, &looks)
    });
    assert!(gone.is_err(), "there is no such mirror");
}

fn revision(catalog: &mut Catalog) -> i64 {
    catalog.read(|view| view.state()).unwrap().revision
}

pub(super) fn a_bad_url_leaves_the_world_and_comes_back(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    let mirror = &host.mirrors[0];
    let health = |good: bool, number: usize, probed_unix_s: u64| Health {
        mirror_id: mirror.id,
        number: mirror.urls[number].number,
        good,
        score: if good { 100 } else { 20 },
        failures: u32::from(!good),
        since_unix_s: NOW,
        probed_unix_s,
        reason: "404 for the canary".to_owned(),
    };
    let urls = |catalog: &mut Catalog| {
        let world = catalog.read(|view| view.world()).unwrap();
        world.mirrors.iter().map(|mirror| mirror.urls.len()).sum::<usize>()
    };
    let set = |catalog: &mut Catalog, health: Health| {
        write(catalog, |txn| txn.health_set("mirror.example", &health));
    };
    let rsync = usize::from(mirror.urls[0].url.starts_with("https"));
    let first = revision(&mut catalog);
    set(&mut catalog, health(true, rsync, NOW));
    assert_eq!((urls(&mut catalog), revision(&mut catalog)), (2, first));
    set(&mut catalog, health(false, rsync, NOW + 1));
    assert_eq!((urls(&mut catalog), revision(&mut catalog)), (1, first + 1));
    set(&mut catalog, health(false, rsync, NOW + 2));
    assert_eq!(revision(&mut catalog), first + 1, "it is as bad as before");
    assert_eq!(catalog.read(|view| view.health_list()).unwrap(), [health(false, rsync, NOW + 2)]);
    // An edit of its host does not bring it back, and the switches are untouched.
    let edited = Host { bandwidth_mbit_s: 7, ..host.clone() };
    write(&mut catalog, |txn| txn.host_update(&host, edited));
    assert_eq!(urls(&mut catalog), 1);
    assert!(catalog.read(|view| view.host_by_id(host.id)).unwrap().active_owner);
    set(&mut catalog, health(true, rsync, NOW + 3));
    assert_eq!((urls(&mut catalog), revision(&mut catalog)), (2, first + 3));
    let filter = Filter { resource: Some("health".to_owned()), ..Filter::default() };
    let trail = catalog.read(|view| view.audit_list(&filter, 10)).unwrap();
    assert_eq!(trail.len(), 2);
    let wrong = Health { probed_unix_s: NOW - 1, ..health(true, rsync, NOW) };
    assert!(refused(&mut catalog, |txn| txn.health_set("x", &wrong)).contains("no sense"));
    // All at once: only what changes is noted, and what is not named is forgotten.
    let all = [0, 1].map(|number| ("x".to_owned(), health(number == rsync, number, NOW + 4)));
    write(&mut catalog, |txn| txn.healths_set(&[mirror.id], &all));
    assert_eq!(revision(&mut catalog), first + 4);
    assert_eq!(catalog.read(|view| view.health_list()).unwrap().len(), 2);
    write(&mut catalog, |txn| txn.healths_set(&[mirror.id], &all[rsync..=rsync]));
    assert_eq!(catalog.read(|view| view.health_list()).unwrap().len(), 1);
    assert_eq!((urls(&mut catalog), revision(&mut catalog)), (2, first + 5));
    let wrong = [("x".to_owned(), wrong)];
    assert!(refused(&mut catalog, |txn| txn.healths_set(&[], &wrong)).contains("no sense"));
}

pub(super) fn the_last_mirrors_stay_however_bad(place: &Place) {
    let mut catalog = catalog(place);
    let mut hosts = vec![write(&mut catalog, network)];
    for number in 1..6 {
        let mut host = Host::new("University", format!("mirror{number}.example"));
        host.private = number == 5;
        let url = format!("https://mirror{number}.example/epel");
        host.mirrors = hosts[0].mirrors.clone();
        host.mirrors[0].id = 0;
        host.mirrors[0].urls = vec![MirrorUrl { number: -1, url, private: false }];
        let states = catalog.read(|view| view.states_find(hosts[0].mirrors[0].id)).unwrap();
        hosts.push(write(&mut catalog, |txn| {
            let host = txn.host_insert(host)?;
            txn.states_set(host.mirrors[0].id, &host.name, &states)?;
            Ok(host)
        }));
    }
    let bad = |host: &Host, score: u8, since: u64| {
        let mirror = &host.mirrors[0];
        let https = mirror.urls.iter().find(|url| url.url.starts_with("https")).unwrap();
        let health = Health {
            mirror_id: mirror.id,
            number: https.number,
            good: false,
            score,
            failures: 6,
            since_unix_s: NOW + since,
            probed_unix_s: NOW + 60,
            reason: "no answer".to_owned(),
        };
        (host.name.clone(), health)
    };
    let carriers = |catalog: &mut Catalog, bad: &[(String, Health)]| {
        let ids: Vec<i64> = hosts.iter().map(|host| host.mirrors[0].id).collect();
        write(catalog, |txn| txn.healths_set(&ids, bad));
        let world = catalog.read(|view| view.world()).unwrap();
        let directory = &world.directories[0];
        let names = [directory.public, directory.private].map(|set| {
            let mirrors = world.mirror_sets[set.0 as usize].iter();
            let hosts = mirrors.map(|at| world.mirrors[at.0 as usize].host);
            hosts.map(|at| world.hosts[at.0 as usize].name.clone()).collect::<Vec<_>>().join(" ")
        });
        (names.join(" | "), world.mirrors.len())
    };
    let some: Vec<_> = hosts[..3].iter().map(|host| bad(host, 50, 0)).collect();
    let (left, mirrors) = carriers(&mut catalog, &some);
    assert_eq!((left.as_str(), mirrors), ("mirror3.example mirror4.example | mirror5.example", 3));
    let scores = [(75, 1), (0, 9), (50, 1), (50, 2), (75, 0)];
    let all: Vec<_> =
        hosts.iter().zip(scores).map(|(host, (score, since))| bad(host, score, since)).collect();
    let (left, mirrors) = carriers(&mut catalog, &all);
    let least = "mirror.example mirror3.example mirror4.example | mirror5.example";
    assert_eq!((left.as_str(), mirrors), (least, 4), "the best scores, then the newest");
    let all: Vec<_> = hosts.iter().map(|host| bad(host, 50, 0)).collect();
    let (left, _) = carriers(&mut catalog, &all);
    let first = "mirror.example mirror1.example mirror2.example | ";
    assert_eq!(left, first, "a private one is for its own networks, which have the public ones");
}

pub(super) fn known_files_are_told_with_their_directories(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    let detail = |size: i64| FileDetail { size_bytes: Some(size), ..FileDetail::default() };
    let before = catalog.read(|view| view.directory_find("pub/epel/9/repodata")).unwrap();
    let mut directory = before.clone();
    directory.files.insert("repomd.xml".to_owned(), vec![detail(7), detail(6)]);
    directory.files.insert("a".to_owned(), vec![FileDetail::default()]);
    write(&mut catalog, |txn| txn.directory_update(&before, &directory));
    let mut found = Vec::new();
    let take = |file: KnownFile| {
        found.push((file.directory_id, file.subpath, file.name, file.rank, file.size_bytes));
        Ok(())
    };
    catalog.read(|view| view.known_files_each(take)).unwrap();
    let row =
        |rank, size| (before.id, "9/repodata".to_owned(), "repomd.xml".to_owned(), rank, size);
    assert_eq!(found, [row(0, 7), row(1, 6)], "what has no length cannot be asked for");
}

pub(super) fn probes_are_kept_and_forgotten(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    let probe = |at_unix_s: u64, verdict: Verdict| Probe {
        id: 0,
        host_id: host.id,
        url: "https://mirror.example/epel".to_owned(),
        family: Some(6),
        at_unix_s,
        verdict,
        reason: "no answer in 10 s".to_owned(),
        duration_ms: 10_000,
        score: 40,
    };
    let mut probes = [(1, Verdict::Good), (2, Verdict::Bad), (2, Verdict::Unknown)]
        .map(|(second, verdict)| probe(NOW + second, verdict));
    write(&mut catalog, |txn| txn.probes_insert(&mut probes));
    probes.reverse();
    let list = |catalog: &mut Catalog, host, since, count| {
        catalog.read(|view| view.probe_list(host, since, count)).unwrap()
    };
    assert_eq!(list(&mut catalog, None, 0, 10), probes);
    assert_eq!(list(&mut catalog, Some(host.id), NOW + 2, 1), probes[..1]);
    assert_eq!(list(&mut catalog, Some(host.id + 1), 0, 10), []);
    assert_eq!(write(&mut catalog, |txn| txn.probes_expire(NOW + 2)), 1);
    assert_eq!(list(&mut catalog, None, 0, 10), probes[..2]);
    type Spoil = fn(&mut Probe);
    let wrong: [(Spoil, &str); 4] = [
        (|probe| probe.url = "gopher://mirror.example".to_owned(), "no URL"),
        (|probe| probe.reason = "\u{1b}[2J".to_owned(), "control characters"),
        (|probe| probe.family = Some(5), "4 or 6"),
        (|probe| probe.score = 101, "more than 100"),
    ];
    for (spoil, reason) in wrong {
        let mut spoiled = [probe(NOW, Verdict::Good)];
        spoil(&mut spoiled[0]);
        let why = refused(&mut catalog, |txn| txn.probes_insert(&mut spoiled));
        assert!(why.contains(reason), "{why}");
    }
    write(&mut catalog, |txn| txn.host_remove(&host));
    assert_eq!(list(&mut catalog, None, 0, 10), [], "history goes with its host");
}

pub(super) fn releases_spread(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    let repository_id = write(&mut catalog, repository).id;
    let at = |second: u64, same: u32| Propagation {
        repository_id,
        at_unix_s: NOW + second,
        same,
        one_behind: 3,
        unknown: 1,
        ..Propagation::default()
    };
    write(&mut catalog, |txn| txn.propagation_set(&[at(0, 1), at(60, 2)]));
    write(&mut catalog, |txn| txn.propagation_set(&[at(60, 5)]));
    let list = |catalog: &mut Catalog, since| {
        catalog.read(|view| view.propagation_list(repository_id, since)).unwrap()
    };
    assert_eq!(list(&mut catalog, 0), [at(0, 1), at(60, 5)]);
    assert_eq!(list(&mut catalog, NOW + 1), [at(60, 5)]);
    assert_eq!(catalog.read(|view| view.propagation_newest()).unwrap(), [at(60, 5)]);
    assert_eq!(write(&mut catalog, |txn| txn.propagation_expire(NOW + 60)), 1);
    assert_eq!(list(&mut catalog, 0), [at(60, 5)]);
}

pub(super) fn answers_add_up(place: &Place) {
    let mut catalog = catalog(place);
    let counted = |day: u32, name: &str, answers: u64| Statistic {
        day,
        dimension: Dimension::Country,
        name: name.to_owned(),
        answers,
    };
    let first = [counted(20_000, "SE", 5), counted(20_000, "N/A", 7), counted(20_001, "SE", 1)];
    write(&mut catalog, |txn| txn.statistic_add(&first));
    write(&mut catalog, |txn| txn.statistic_add(&[counted(20_000, "SE", 5)]));
    let list = |catalog: &mut Catalog, dimension, first, last| {
        catalog.read(|view| view.statistic_list(dimension, first, last)).unwrap()
    };
    let day = [counted(20_000, "SE", 10), counted(20_000, "N/A", 7)];
    assert_eq!(list(&mut catalog, Dimension::Country, 20_000, 20_000), day);
    assert_eq!(list(&mut catalog, Dimension::Country, 20_001, 20_009), first[2..]);
    for dimension in Dimension::ALL {
        let found = list(&mut catalog, dimension, 0, u32::MAX).len();
        assert_eq!(found, if dimension == Dimension::Country { 3 } else { 0 });
        let one = Statistic { dimension, ..counted(1, "x", 1) };
        write(&mut catalog, |txn| txn.statistic_add(&[one]));
    }
    let wrong = [counted(1, "a\nb", 1)];
    assert!(refused(&mut catalog, |txn| txn.statistic_add(&wrong)).contains("control"));
    assert_eq!(write(&mut catalog, |txn| txn.statistic_expire(20_001)), 9);
}

pub(super) fn files_are_kept_with_what_they_were(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    let before = catalog.read(|view| view.directory_find("pub/epel/9/repodata")).unwrap();
    let detail = |digit: &str, timestamp_unix_s| FileDetail {
        timestamp_unix_s: Some(timestamp_unix_s),
        size_bytes: Some(4_100),
        md5: Some(digit.repeat(32)),
        sha1: Some(digit.repeat(40)),
        sha256: Some(digit.repeat(64)),
        sha512: Some(digit.repeat(128)),
    };
    let details = vec![detail("b", 2), detail("a", 1)];
    let files = [("repomd.xml".to_owned(), details)].into();
    let after = Directory { files, ..before.clone() };
    write(&mut catalog, |txn| txn.directory_update(&before, &after));
    assert_eq!(catalog.read(|view| view.directory_find(&before.name)).unwrap(), after);
    let renamed = Directory { name: "pub/epel/x".to_owned(), ..after.clone() };
    let why = refused(&mut catalog, |txn| txn.directory_update(&after, &renamed));
    assert!(why.contains("cannot be changed"), "{why}");
    for (name, hash, reason) in [
        ("..", "a", "no name of a file"),
        ("a/b", "a", "no name of a file"),
        ("x\u{0}", "a", "control characters"),
        ("x", "g", "hexadecimal"),
    ] {
        let files = [(name.to_owned(), vec![detail(hash, 1)])].into();
        let wrong = Directory { files, ..after.clone() };
        let why = refused(&mut catalog, |txn| txn.directory_update(&after, &wrong));
        assert!(why.contains(reason), "{why}");
    }
    write(&mut catalog, |txn| txn.directory_remove(&after));
    assert!(catalog.read(|view| view.directory_find(&before.name)).is_err());
}

pub(super) fn the_schema_guards_history(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    let (mirror, id) = (host.mirrors[0].id, host.id);
    for wrong in [
        "INSERT INTO version (id, product_id, name, development, source) \
         VALUES (1, 99, '40', TRUE, '')"
            .to_owned(),
        "UPDATE category SET product_id = 99".to_owned(),
        format!(
            "INSERT INTO url_health (mirror_id, number, good, score, failures, since_unix_s, \
             probed_unix_s, reason) VALUES ({mirror}, 1, TRUE, 101, 0, 1, 1, '')"
        ),
        format!(
            "INSERT INTO url_health (mirror_id, number, good, score, failures, since_unix_s, \
             probed_unix_s, reason) VALUES ({mirror}, 1, TRUE, 100, 0, 2, 1, '')"
        ),
        format!(
            "INSERT INTO probe (id, host_id, url, at_unix_s, verdict, reason, duration_ms, score) \
             VALUES (1, {id}, 'x', 1, 'perhaps', '', 1, 1)"
        ),
        "INSERT INTO statistic (day, dimension, name, answers) VALUES (1, 'client', 'x', 1)"
            .to_owned(),
        "INSERT INTO propagation (repository_id, at_unix_s, same, one_behind, two_behind, older, \
         unknown) VALUES (99, 1, 1, 1, 1, 1, 1)"
            .to_owned(),
    ] {
        assert!(behind(place, &wrong).is_err(), "the schema let it in: {wrong}");
    }
}
