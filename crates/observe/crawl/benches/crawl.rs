//! A full crawl of many mirrors of a large tree: how long it takes, in how much memory, with how many
//! requests.
//!
//! `cargo bench -p heliostat-observe-crawl --bench crawl -- 700 30000 10 50`: mirrors, directories,
//! files in each, milliseconds before each answer begins. The mirrors are on this machine, in the
//! process that measures; the crawl is a process of its own with worker processes below it, and what
//! all of them hold in memory is added up ten times a second (shared pages by halves: PSS).

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use heliostat_catalog::category::Category;
use heliostat_catalog::directory::{Directory, FileDetail};
use heliostat_catalog::host::{Host, Mirror, MirrorUrl};
use heliostat_catalog::scan::SeenFile;
use heliostat_catalog::site::Site;
use heliostat_catalog::{Actor, Catalog, Ending, Place};
use heliostat_observe_crawl::{CrawlSettings, PaceSettings, Wish, crawl};
use heliostat_observe_probe::{ProbeSettings, Reach};
use heliostat_testing_fleet::{Content, Fleet, Manner, Post, Style, Tree, generated};
use heliostat_workers::Program;
use sha2::{Digest, Sha256};

fn main() {
    let told: Vec<String> = std::env::args().skip(1).filter(|told| told != "--bench").collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    match told[..] {
        ["worker"] => heliostat_observe_probe_worker::work(),
        ["crawler", catalog] => return crawler(catalog),
        _ => {}
    }
    let number = |at: usize, usual: u64| told.get(at).and_then(|n| n.parse().ok()).unwrap_or(usual);
    let (mirrors, folders, files, ms) =
        (number(0, 20), number(1, 2000), number(2, 10), number(3, 5));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalog.db");
    let tree =
        Arc::new(generated(folders as usize, files as usize, 1, now_unix_s() as i64 - 86_400));
    let manner = Manner::Late(Duration::from_millis(ms));
    let posts = (0..mirrors).map(|number| {
        let post = Post::new(format!("mirror{number}"), tree.clone()).style(Style::Nginx);
        post.manner(manner).without_paths()
    });
    let fleet = Fleet::start(posts).expect("mirrors");
    fill(&path, &tree, &fleet);
    let count = tree.files().count() as u64;
    say(&format!("{mirrors} mirrors, {} directories, {count} files", tree.folder_count()));
    for round in ["first crawl", "next crawl"] {
        let before = requests(&fleet);
        let (seconds, bytes) = measured(&path);
        let each = (requests(&fleet) - before) as f64 / mirrors as f64;
        say(&format!(
            "{round}: {seconds:.1} s, at most {} MiB in all processes, {each:.0} requests for one \
             mirror, {:.2} % of one per file",
            bytes >> 20,
            each * 100.0 / count as f64
        ));
    }
}

fn requests(fleet: &Fleet) -> u64 {
    fleet.mirrors().iter().map(|mirror| mirror.counts().requests).sum()
}

/// A crawl as a process, and what it and those below it held at most.
fn measured(catalog: &Path) -> (f64, u64) {
    let begun = Instant::now();
    let own = std::env::current_exe().expect("this program");
    let mut child = Command::new(own)
        .arg("crawler")
        .arg(catalog)
        .stdin(Stdio::null())
        .spawn()
        .expect("a crawler");
    let mut most = 0;
    loop {
        if let Some(status) = child.try_wait().expect("a crawler") {
            assert!(status.success(), "{status}");
            return (begun.elapsed().as_secs_f64(), most);
        }
        most = most.max(held(child.id()));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a process and those below it hold.
fn held(process: u32) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
    let rollup = rollup.unwrap_or_default();
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib: u64 = pss.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0);
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    let below = threads.flatten().flat_map(|thread| {
        let children = std::fs::read_to_string(thread.path().join("children"));
        let children = children.unwrap_or_default();
        children.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>()
    });
    (kib << 10) + below.map(held).sum::<u64>()
}

fn crawler(catalog: &str) {
    let place: Place = catalog.parse().expect("a place");
    let mut catalog = Catalog::open(&place, now_unix_s()).expect("the catalog");
    let settings = CrawlSettings {
        wish: Wish::default(),
        paths: Vec::new(),
        every: None,
        reach: Reach::Loopback,
        hosts_at_once: 64,
        pace: PaceSettings { requests_per_s: 100, ..PaceSettings::default() },
        recheck_share: 64,
        probe: ProbeSettings::detect(Program::itself(["worker"])).expect("what there is"),
        agent: "bench".to_owned(),
        actor: "crawl:bench".to_owned(),
        now_unix_s,
        holder: "bench".to_owned(),
        is_gone: |_| true,
    };
    let summary = crawl(&mut catalog, &settings, &mut |_| {}).expect("a crawl");
    say(&format!("{:?}", summary.counts));
}

/// A catalog that knows the tree as a scan would, and the mirrors.
fn fill(path: &Path, tree: &Tree, fleet: &Fleet) {
    let place: Place = path.to_str().expect("a text").parse().expect("a place");
    let mut catalog = Catalog::create(&place, now_unix_s()).expect("a catalog");
    let actor = Actor { name: "cli:operator".to_owned(), now_unix_s: now_unix_s() };
    let mut folders = BTreeMap::<String, Option<i64>>::from([(String::new(), None)]);
    let mut waiting = vec![String::new()];
    while let Some(above) = waiting.pop() {
        for (name, unix_s) in &tree.folder(&above).expect("a folder").folders {
            let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
            folders.insert(path.clone(), Some(*unix_s));
            waiting.push(path);
        }
    }
    let made = catalog.write(&actor, Ending::Commit, |txn| {
        txn.site_insert(Site::new("Mirrors"))?;
        let category = txn.category_insert(Category {
            id: 0,
            name: "Linux".to_owned(),
            top: "pub/linux".to_owned(),
            product: None,
            source: String::new(),
        })?;
        let mut made: Vec<Directory> =
            folders.keys().map(|path| folder(category.id, path)).collect();
        txn.directories_insert(&mut made)?;
        for known in &made {
            let held = tree.folder(&known.subpath).expect("a folder");
            let seen = held.files.iter().map(|(name, file)| SeenFile {
                name: name.clone(),
                size_bytes: Some(file.length()),
                timestamp_unix_s: Some(file.modified_unix_s),
                volatile: name == "repomd.xml",
                link: false,
            });
            let seen: Vec<SeenFile> = seen.collect();
            txn.scan_set(known.id, ("bench", folders[&known.subpath]), &seen)?;
            if let Some(file) = held.files.get("repomd.xml")
                && let Content::Bytes(bytes) = &file.content
            {
                let digits: String =
                    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
                let version = FileDetail {
                    timestamp_unix_s: Some(file.modified_unix_s),
                    size_bytes: Some(file.length() as i64),
                    sha256: Some(digits),
                    ..FileDetail::default()
                };
                txn.history_set((known.id, &known.name), "repomd.xml", &[version])?;
            }
        }
        for mirror in fleet.mirrors() {
            let mut host = Host::new("Mirrors", mirror.name());
            let urls = vec![MirrorUrl { number: -1, url: mirror.url(), private: false }];
            let category = "Linux".to_owned();
            host.mirrors = vec![Mirror { id: 0, category, always_current: false, urls }];
            txn.host_insert(host)?;
        }
        Ok(())
    });
    made.expect("a network");
}

fn folder(category_id: i64, path: &str) -> Directory {
    let name = if path.is_empty() { "pub/linux".to_owned() } else { format!("pub/linux/{path}") };
    let (subpath, source, files) = (path.to_owned(), String::new(), BTreeMap::new());
    Directory { id: 0, category_id, name, subpath, source, files }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
