//! Mirrors that are fine, stale, partial, over HTTP.

use heliostat_catalog::states::MirrorState;
use heliostat_testing_fleet::{Fleet, Manner, Post, Primary, Style, generated};

use crate::rig::{Rig, now_unix_s, primary, settings};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("each_mirror_has_what_it_has", each_mirror_has_what_it_has),
    ("what_nobody_can_tell_changes_nothing", what_nobody_can_tell_changes_nothing),
    ("few_requests_are_made_where_there_are_pages", few_requests_are_made_where_there_are_pages),
];

fn each_mirror_has_what_it_has() {
    let (primary, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&primary.behind(1));
    rig.scan(&newest);
    let styles = [Style::Apache, Style::Nginx, Style::Lighttpd, Style::Caddy];
    let posts = styles
        .iter()
        .map(|style| Post::new(format!("fine-{style:?}"), newest.clone()).style(*style));
    let partial = std::sync::Arc::new(newest.without("iso"));
    let fleet = Fleet::start(posts.chain([
        Post::new("stale", primary.behind(1)),
        Post::new("partial", partial),
        Post::new("empty", std::sync::Arc::default()),
        Post::new("lying", newest.clone()).manner(Manner::LiesAboutSizes),
    ]))
    .unwrap();
    let ids: Vec<(String, i64)> = fleet
        .mirrors()
        .iter()
        .map(|mirror| {
            let id = rig.host(mirror.name(), &[("Linux", &[&mirror.url()])]);
            (mirror.name().to_owned(), id)
        })
        .collect();
    let id = |name: &str| ids.iter().find(|(known, _)| known == name).unwrap().1;
    let summary = rig.crawl();
    assert_eq!(summary.hosts.len(), fleet.mirrors().len());
    let all = rig.states(id("stale")).len();
    assert!(all > 20);
    for style in styles {
        let name = format!("fine-{style:?}");
        let current = rig.paths(id(&name), MirrorState::Current);
        assert_eq!(current.len(), all, "{name}: {:?}", rig.states(id(&name)));
    }
    // Both repositories that a release changes are one behind, and so is what they stand for.
    let behind = rig.paths(id("stale"), MirrorState::Behind);
    let updates = format!("pub/linux/{}", Primary::UPDATES);
    assert!(behind.contains(&updates) && behind.contains(&format!("{updates}/repodata")));
    assert!(behind.iter().any(|path| path.contains("debian/dists")), "{behind:?}");
    let looked = rig.states(id("stale"));
    let (_, look) = looked[&format!("{updates}/repodata")];
    assert_eq!(look.unwrap().behind, 1);
    let release = format!("pub/linux/{}/repodata", Primary::RELEASE);
    assert_eq!(looked[&release].0, MirrorState::Current);
    assert_eq!(rig.paths(id("partial"), MirrorState::Missing), ["pub/linux/iso"]);
    assert_eq!(rig.paths(id("partial"), MirrorState::Current).len(), all - 1);
    assert!(rig.paths(id("empty"), MirrorState::Current).len() <= 1, "its top at most");
    assert!(rig.paths(id("lying"), MirrorState::Current).len() < all);

    // The stale one takes the release; the other one loses a part of it.
    fleet.mirror("stale").unwrap().take(newest.clone());
    let fine = fleet.mirror("fine-Nginx").unwrap();
    assert!(fine.lose(Primary::UPDATES));
    rig.crawl();
    assert_eq!(rig.paths(id("stale"), MirrorState::Current).len(), all);
    let missing = rig.paths(id("fine-Nginx"), MirrorState::Missing);
    assert!(missing.contains(&updates) && missing.len() < all / 2, "{missing:?}");
}

fn what_nobody_can_tell_changes_nothing() {
    let (_, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&newest);
    let fleet =
        Fleet::start([Post::new("dies", newest.clone()), Post::new("fails", newest.clone())])
            .unwrap();
    let ids: Vec<i64> = fleet
        .mirrors()
        .iter()
        .map(|mirror| rig.host(mirror.name(), &[("Linux", &[&mirror.url()])]))
        .collect();
    rig.crawl();
    let before: Vec<_> = ids.iter().map(|&id| rig.paths(id, MirrorState::Current)).collect();
    assert!(before[0].len() > 20 && before[0] == before[1]);
    fleet.mirror("dies").unwrap().behave(Manner::Refuses);
    fleet.mirror("fails").unwrap().behave(Manner::Fails { permille: 300, seed: 7 });
    for _ in 0..3 {
        let summary = rig.crawl();
        assert_eq!(summary.counts.behind + summary.counts.missing, 0, "{summary:?}");
    }
    let after: Vec<_> = ids.iter().map(|&id| rig.paths(id, MirrorState::Current)).collect();
    assert_eq!(before, after);
}

fn few_requests_are_made_where_there_are_pages() {
    let now = now_unix_s() as i64 - 86_400;
    let tree = std::sync::Arc::new(generated(600, 30, 1, now));
    let mut rig = Rig::new();
    rig.know(&tree);
    let fleet = Fleet::start([Post::new("large", tree.clone())]).unwrap();
    let mirror = &fleet.mirrors()[0];
    let id = rig.host("large", &[("Linux", &[&mirror.url()])]);
    let summary = rig.crawl();
    assert_eq!((summary.counts.current as usize, summary.counts.unknown), (tree.folder_count(), 0));
    assert_eq!(rig.paths(id, MirrorState::Current).len(), tree.folder_count());
    let (files, requests) = (tree.files().count() as u64, mirror.counts().requests);
    assert!(requests * 100 <= files, "{requests} requests for {files} files");
    // Indexes that were hashed are not asked for again as long as their folder's time is right.
    rig.crawl();
    assert!(mirror.counts().requests - requests < requests);
    let rechecking = heliostat_observe_crawl::CrawlSettings { recheck_share: 10, ..settings() };
    let before = mirror.counts().requests;
    rig.crawl_with(&rechecking);
    assert!(mirror.counts().requests - before > 50, "some have their turn");
}
