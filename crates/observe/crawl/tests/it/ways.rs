//! Every way to a mirror: rsync, pages, buckets, files one by one; and ways that lead elsewhere.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use heliostat_catalog::looks::Family;
use heliostat_catalog::probe::Verdict;
use heliostat_catalog::states::MirrorState;
use heliostat_model::Scheme;
use heliostat_observe_crawl::CrawlSettings;
use heliostat_observe_probe::Reach;
use heliostat_testing_fleet::{Away, Fleet, Manner, Post, Primary, Style, Tree};

use crate::rig::{Rig, primary, settings};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("one_listing_of_a_module_serves_all_categories", one_listing_of_a_module),
    ("rsync_tells_versions_by_their_second", rsync_tells_versions_by_their_second),
    ("without_pages_files_are_asked_for", without_pages_files_are_asked_for),
    ("a_bucket_is_listed_by_its_keys", a_bucket_is_listed_by_its_keys),
    ("redirects_lead_nowhere_private", redirects_lead_nowhere_private),
    ("peace_is_given_when_it_is_asked_for", peace_is_given_when_it_is_asked_for),
    ("each_url_has_its_own_probe", each_url_has_its_own_probe),
    ("some_paths_are_looked_at_alone", some_paths_are_looked_at_alone),
];

/// A daemon of rsync that serves a folder as the module `pub`.
struct Rsyncd {
    url: String,
    child: Child,
    log: std::path::PathBuf,
    _folder: tempfile::TempDir,
}

impl Rsyncd {
    fn start(root: &Path) -> Rsyncd {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (config, log) = (folder.path().join("rsyncd.conf"), folder.path().join("log"));
        let text = format!(
            "use chroot = no\nlog file = {}\n[pub]\npath = {}\nread only = yes\nuid = 0\ngid = 0\n",
            log.display(),
            root.display()
        );
        fs::write(&config, text).unwrap();
        let child = Command::new("rsync")
            .args(["--daemon", "--no-detach", "--address=127.0.0.1"])
            .args([format!("--port={port}"), format!("--config={}", config.display())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::sleep(Duration::from_millis(10));
        }
        Rsyncd { url: format!("rsync://127.0.0.1:{port}/pub"), child, log, _folder: folder }
    }

    /// How often something was listed.
    fn listings(&self) -> usize {
        fs::read_to_string(&self.log).unwrap_or_default().matches("rsync on pub").count()
    }
}

impl Drop for Rsyncd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn has_rsync() -> bool {
    let has = Command::new("rsync").arg("--version").stdout(Stdio::null()).status().is_ok();
    if !has {
        eprintln!("skipped: there is no rsync here");
    }
    has
}

/// Two categories in one module are looked at together, and neither takes the other's for its own.
fn one_listing_of_a_module() {
    if !has_rsync() {
        return;
    }
    let (_, newest) = primary();
    let mut extra = Tree::new();
    for (path, age_s) in [("9/a.rpm", 100), ("9/b.rpm", 200), ("README", 300)] {
        extra.insert(path, path.repeat(9), crate::rig::now_unix_s() as i64 - age_s);
    }
    let mut rig = Rig::new();
    rig.category("Extra", "pub/extra");
    rig.scan(&newest);
    rig.scan_of("Extra", &extra);
    let root = tempfile::tempdir().unwrap();
    newest.without("iso").write(&root.path().join("linux")).unwrap();
    extra.write(&root.path().join("deep/extra")).unwrap();
    fs::write(root.path().join("linux/more.txt"), "what nobody asked for").unwrap();
    let server = Rsyncd::start(root.path());
    let (linux, deep) = (format!("{}/linux", server.url), format!("{}/deep/extra", server.url));
    let copies: &[(&str, &[&str])] = &[("Linux", &[&linux]), ("Extra", &[&deep])];
    let id = rig.host("both", copies);
    let summary = rig.crawl();
    let parts = &summary.hosts[0].parts;
    assert!(parts.iter().all(|part| part.scheme == Some(Scheme::Rsync)), "{parts:?}");
    assert_eq!(server.listings(), 1);
    assert_eq!(rig.paths(id, MirrorState::Missing), ["pub/linux/iso"]);
    let current = rig.paths(id, MirrorState::Current).len();
    assert_eq!(current, newest.folder_count() - 1);
    let extra_id = rig.mirror("both", "Extra");
    assert_eq!(rig.paths(extra_id, MirrorState::Current), ["pub/extra", "pub/extra/9"]);
    let (_, look) = rig.states(extra_id)["pub/extra/9"];
    assert_eq!(look.unwrap().scheme, Scheme::Rsync);
    // A path that is not there is missing; the other one is what it was.
    fs::remove_dir_all(root.path().join("deep")).unwrap();
    rig.crawl();
    assert_eq!(rig.paths(extra_id, MirrorState::Missing), ["pub/extra", "pub/extra/9"]);
    assert_eq!(rig.paths(id, MirrorState::Current).len(), current);
    // A server that is gone changes nothing.
    drop(server);
    let summary = rig.crawl();
    assert!(summary.hosts[0].parts[0].ended.is_some());
    assert_eq!(rig.paths(id, MirrorState::Current).len(), current);
}

fn rsync_tells_versions_by_their_second() {
    if !has_rsync() {
        return;
    }
    let (primary, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&primary.behind(1));
    rig.scan(&newest);
    let root = tempfile::tempdir().unwrap();
    primary.behind(1).write(root.path()).unwrap();
    let server = Rsyncd::start(root.path());
    let id = rig.host("stale", &[("Linux", &[&server.url])]);
    rig.crawl();
    let updates = format!("pub/linux/{}/repodata", Primary::UPDATES);
    let (state, look) = rig.states(id)[&updates];
    assert_eq!((state, look.unwrap().behind), (MirrorState::Behind, 1));
    newest.write(root.path()).unwrap();
    rig.crawl();
    assert_eq!(rig.paths(id, MirrorState::Current).len(), newest.folder_count());
}

fn without_pages_files_are_asked_for() {
    let (primary, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&primary.behind(1));
    rig.scan(&newest);
    let fleet = Fleet::start([
        Post::new("fine", newest.clone()).style(Style::None),
        Post::new("stale", primary.behind(1)).style(Style::None),
        Post::new("partial", Arc::new(newest.without("iso"))).style(Style::None),
    ])
    .unwrap();
    let ids: Vec<i64> = fleet
        .mirrors()
        .iter()
        .map(|mirror| rig.host(mirror.name(), &[("Linux", &[&mirror.url()])]))
        .collect();
    rig.crawl();
    let all = newest.folder_count();
    assert_eq!(rig.paths(ids[0], MirrorState::Current).len(), all, "{:?}", rig.states(ids[0]));
    let updates = format!("pub/linux/{}/repodata", Primary::UPDATES);
    let (state, look) = rig.states(ids[1])[&updates];
    assert_eq!((state, look.unwrap().behind), (MirrorState::Behind, 1));
    assert_eq!(rig.paths(ids[2], MirrorState::Missing), ["pub/linux/iso"]);
    assert!(fleet.mirror("fine").unwrap().counts().heads > 5);
}

fn a_bucket_is_listed_by_its_keys() {
    let (primary, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&primary.behind(1));
    rig.scan(&newest);
    let fleet = Fleet::start([
        Post::new("fine", newest.clone()).style(Style::Bucket),
        Post::new("partial", Arc::new(newest.without("iso"))).style(Style::Bucket),
    ])
    .unwrap();
    let ids: Vec<i64> = fleet
        .mirrors()
        .iter()
        .map(|mirror| rig.host(mirror.name(), &[("Linux", &[&mirror.url()])]))
        .collect();
    rig.crawl();
    // Folders with nothing in them but folders are none to a bucket; those on the way are there.
    let all = newest.folder_count();
    assert_eq!(rig.paths(ids[0], MirrorState::Current).len(), all, "{:?}", rig.states(ids[0]));
    assert_eq!(rig.paths(ids[1], MirrorState::Missing), ["pub/linux/iso"]);
}

fn redirects_lead_nowhere_private() {
    let (_, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&newest);
    let aways = [Away::Private, Away::Metadata, Away::Loop, Away::Chain, Away::Scheme];
    let posts = aways.iter().map(|away| {
        Post::new(format!("{away:?}"), newest.clone()).manner(Manner::Redirects(*away))
    });
    let fleet = Fleet::start(posts.chain([Post::new("fine", newest.clone())])).unwrap();
    let mut ids = Vec::new();
    for mirror in fleet.mirrors() {
        ids.push(rig.host(mirror.name(), &[("Linux", &[&mirror.url()])]));
    }
    let summary = rig.crawl();
    let (fine, others) = ids.split_last().unwrap();
    for &id in others {
        assert_eq!(rig.paths(id, MirrorState::Unknown).len(), newest.folder_count());
    }
    assert_eq!(rig.paths(*fine, MirrorState::Current).len(), newest.folder_count());
    let private = summary.hosts.iter().find(|host| host.name == "Private").unwrap();
    let told = format!("{:?}", private.parts);
    assert!(told.contains("reach") && told.contains("10."), "{told}");
    // Without leave, nothing on this machine is asked for anything.
    let before = fleet.mirror("fine").unwrap().counts().requests;
    let public = CrawlSettings { reach: Reach::Public, ..settings() };
    let public = CrawlSettings { wish: named("fine"), ..public };
    let summary = rig.crawl_with(&public);
    assert_eq!(summary.counts.current, 0);
    assert_eq!(fleet.mirror("fine").unwrap().counts().requests, before);
    if has_rsync() {
        let id = rig.host("rsync", &[("Linux", &["rsync://127.0.0.1:9/pub"])]);
        let summary = rig.crawl_with(&CrawlSettings { wish: named("rsync"), ..public });
        let told = format!("{:?}", summary.hosts[0].parts);
        assert!(told.contains("127.0.0.1 is no address of the public network"), "{told}");
        assert_eq!(rig.paths(id, MirrorState::Missing).len(), 0);
    }
}

fn named(name: &str) -> heliostat_observe_crawl::Wish {
    heliostat_observe_crawl::Wish { hosts: vec![name.to_owned()], ..Default::default() }
}

fn peace_is_given_when_it_is_asked_for() {
    let (_, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&newest);
    let busy = Manner::Busy { status: 503, retry_after_s: 3600 };
    let fleet = Fleet::start([Post::new("busy", newest.clone()).manner(busy)]).unwrap();
    let mirror = &fleet.mirrors()[0];
    let id = rig.host("busy", &[("Linux", &[&mirror.url()])]);
    let summary = rig.crawl();
    assert_eq!(summary.hosts[0].later_s, Some(3600));
    let asked = mirror.counts().requests;
    assert!(asked <= 2, "{asked}");
    mirror.behave(Manner::Honest);
    let summary = rig.crawl();
    assert_eq!((summary.hosts.len(), summary.left_alone), (0, 1));
    assert_eq!(mirror.counts().requests, asked, "it is left alone");
    // Whoever names it knows better.
    let summary = rig.crawl_with(&CrawlSettings { wish: named("busy"), ..settings() });
    assert_eq!(summary.hosts.len(), 1);
    assert_eq!(rig.paths(id, MirrorState::Current).len(), newest.folder_count());
}

fn each_url_has_its_own_probe() {
    let (primary, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&primary.behind(1));
    rig.scan(&newest);
    let fleet = Fleet::start([
        Post::new("fresh", newest.clone()),
        Post::new("stale", Arc::new(Tree::new())),
    ])
    .unwrap();
    let urls: Vec<String> = fleet.mirrors().iter().map(|mirror| mirror.url()).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    rig.host("two", &[("Linux", &urls)]);
    rig.crawl();
    let probes = rig.catalog.read(|view| view.probe_list(None, 0, 10)).unwrap();
    let told: Vec<_> =
        probes.iter().map(|probe| (probe.url.as_str(), probe.family, probe.verdict)).collect();
    let v4 = Some(Family::V4.number());
    assert!(told.contains(&(urls[0], v4, Verdict::Good)), "{told:?}");
    assert!(told.contains(&(urls[1], v4, Verdict::Bad)), "{told:?}");
}

fn some_paths_are_looked_at_alone() {
    let (_, newest) = primary();
    let mut rig = Rig::new();
    rig.scan(&newest);
    let fleet = Fleet::start([Post::new("one", newest.clone())]).unwrap();
    let mirror = &fleet.mirrors()[0];
    let id = rig.host("one", &[("Linux", &[&mirror.url()])]);
    let iso = CrawlSettings { paths: vec!["pub/linux/iso".to_owned()], ..settings() };
    rig.crawl_with(&iso);
    assert_eq!(rig.paths(id, MirrorState::Current), ["pub/linux/iso"]);
    assert_eq!(mirror.counts().requests, 1);
    assert!(mirror.lose("iso"));
    rig.crawl_with(&iso);
    assert_eq!(rig.paths(id, MirrorState::Missing), ["pub/linux/iso"]);
}
