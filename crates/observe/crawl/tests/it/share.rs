//! Several crawlers, and one that is killed.

use std::process::{Command, Stdio};
use std::time::Duration;

use heliostat_catalog::states::MirrorState;
use heliostat_catalog::{Catalog, Taken};
use heliostat_observe_crawl::{CrawlSettings, crawl};
use heliostat_testing_fleet::{Fleet, Manner, Post};

use crate::rig::{Rig, now_unix_s, primary, settings};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_killed_crawl_keeps_what_it_learned", a_killed_crawl_keeps_what_it_learned),
    ("a_host_belongs_to_one_crawler", a_host_belongs_to_one_crawler),
    ("switches_are_left_alone", switches_are_left_alone),
];

/// A crawler that is a process of its own: one host at a time.
pub(crate) fn crawler(catalog: &str) {
    let mut catalog = Catalog::open(&catalog.parse().unwrap(), now_unix_s()).unwrap();
    let settings = CrawlSettings {
        hosts_at_once: 1,
        holder: format!("crawler {}", std::process::id()),
        ..settings()
    };
    crawl(&mut catalog, &settings, &mut |_| {}).unwrap();
}

fn a_killed_crawl_keeps_what_it_learned() {
    let (_, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&newest);
    // The third one never answers, so the crawl stays with it.
    let fleet = Fleet::start((0..5).map(|number| {
        let manner = if number == 2 { Manner::Silent } else { Manner::Honest };
        Post::new(format!("mirror{number}"), newest.clone()).manner(manner)
    }))
    .unwrap();
    let ids: Vec<i64> = fleet
        .mirrors()
        .iter()
        .map(|mirror| rig.host(mirror.name(), &[("Linux", &[&mirror.url()])]))
        .collect();
    let path = rig.folder.path().join("catalog.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crawler", path.to_str().unwrap()])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while fleet.mirrors()[2].counts().connections == 0 {
        assert_eq!(child.try_wait().unwrap(), None);
        std::thread::sleep(Duration::from_millis(10));
    }
    // What it has learned is written by now, or within the time of one transaction.
    let all = newest.folder_count();
    while rig.paths(ids[1], MirrorState::Current).len() < all {
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before: Vec<u64> = fleet.mirrors().iter().map(|mirror| mirror.counts().requests).collect();
    assert_eq!(rig.paths(ids[0], MirrorState::Current).len(), all);
    assert_eq!(rig.paths(ids[3], MirrorState::Current).len(), 0);

    // The next one begins with those that were not looked at.
    fleet.mirrors()[2].behave(Manner::Honest);
    let again = CrawlSettings { hosts_at_once: 1, is_gone: |_| true, ..settings() };
    let summary = rig.crawl_with(&again);
    let order: Vec<&str> = summary.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(order, ["mirror2", "mirror3", "mirror4", "mirror0", "mirror1"]);
    for &id in &ids {
        assert_eq!(rig.paths(id, MirrorState::Current).len(), all);
    }
    assert!(fleet.mirrors()[4].counts().requests > before[4]);
}

fn a_host_belongs_to_one_crawler() {
    let (_, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&newest);
    let fleet =
        Fleet::start([Post::new("theirs", newest.clone()), Post::new("ours", newest.clone())])
            .unwrap();
    let ids: Vec<i64> = fleet
        .mirrors()
        .iter()
        .map(|mirror| rig.host(mirror.name(), &[("Linux", &[&mirror.url()])]))
        .collect();
    let host = rig.catalog.read(|view| view.host_list()).unwrap();
    let theirs = host.iter().find(|host| host.name == "theirs").unwrap().id;
    let (name, minute) = (format!("crawl {theirs}"), Duration::from_secs(60));
    let taken = rig.catalog.lease_take(&name, "another", minute, 0, |_| false).unwrap();
    let Taken::Ours(lease) = taken else { panic!("nobody has it") };
    let summary = rig.crawl();
    assert_eq!((summary.hosts.len(), summary.elsewhere), (1, 1));
    assert_eq!(rig.paths(ids[0], MirrorState::Current).len(), 0);
    assert_eq!(fleet.mirrors()[0].counts().requests, 0);
    rig.catalog.lease_release(&lease).unwrap();
    let summary = rig.crawl();
    assert_eq!((summary.hosts.len(), summary.elsewhere), (2, 0));
}

fn switches_are_left_alone() {
    let (_, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&newest);
    let fleet = Fleet::start([
        Post::new("off", newest.clone()),
        Post::new("dead", newest.clone()).manner(Manner::Refuses),
    ])
    .unwrap();
    for mirror in fleet.mirrors() {
        rig.host(mirror.name(), &[("Linux", &[&mirror.url()])]);
    }
    rig.edit("off", |host| host.active_owner = false);
    let before = rig.catalog.read(|view| view.host_list()).unwrap();
    for _ in 0..3 {
        rig.crawl();
    }
    assert_eq!(rig.catalog.read(|view| view.host_list()).unwrap(), before);
    assert_eq!(fleet.mirrors()[0].counts().requests, 0, "its owner does not want it to be used");
    let last = rig.catalog.read(|view| view.crawl_list()).unwrap();
    let failures: Vec<u32> = last.values().map(|last| last.failures).collect();
    assert_eq!(failures, [1], "the one that does not answer is left alone for a while");
}
