//! A catalog, a master tree, and mirrors of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_admission::{Bytes, MilliCpu, Need};
use heliostat_catalog::category::Category;
use heliostat_catalog::directory::{Directory, FileDetail};
use heliostat_catalog::host::{Host, Mirror, MirrorUrl};
use heliostat_catalog::looks::Look;
use heliostat_catalog::scan::SeenFile;
use heliostat_catalog::site::Site;
use heliostat_catalog::states::MirrorState;
use heliostat_catalog::{Actor, Catalog, Ending, Place};
use heliostat_observe_crawl::{CrawlSettings, PaceSettings, Summary, Wish, crawl};
use heliostat_observe_probe::{ProbeSettings, Reach};
use heliostat_observe_scan::{Extent, Origin, ScanSettings, scan};
use heliostat_testing_fleet::{Content, Tree};
use heliostat_workers::Program;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// A catalog, a master tree, and mirrors of it.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) catalog: Catalog,
}

impl Rig {
    pub(crate) fn new() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let place: Place = folder.path().join("catalog.db").to_str().unwrap().parse().unwrap();
        let mut catalog = Catalog::create(&place, now_unix_s()).unwrap();
        let (site, _) = catalog
            .write(&actor(), Ending::Commit, |txn| {
                let site = txn.site_insert(Site::new("Mirrors"))?;
                Ok(site)
            })
            .unwrap();
        assert_eq!(site.name, "Mirrors");
        let mut rig = Rig { folder, catalog };
        rig.category("Linux", "pub/linux");
        rig
    }

    pub(crate) fn category(&mut self, name: &str, top: &str) {
        let category = Category {
            id: 0,
            name: name.to_owned(),
            top: top.to_owned(),
            product: None,
            source: String::new(),
        };
        self.catalog.write(&actor(), Ending::Commit, |txn| txn.category_insert(category)).unwrap();
    }

    /// Scans the master tree.
    pub(crate) fn scan(&mut self, tree: &Tree) {
        self.scan_of("Linux", tree);
    }

    pub(crate) fn scan_of(&mut self, category: &str, tree: &Tree) {
        let folder = self.folder.path().join(category);
        std::fs::create_dir_all(&folder).unwrap();
        tree.write(&folder).unwrap();
        let settings = ScanSettings {
            category: category.to_owned(),
            origin: Origin::Folder(folder),
            extent: Extent::Whole,
            full: true,
            force: true,
            images: false,
            probe: probe(),
            agent: "test".to_owned(),
            actor: actor(),
        };
        let summary = scan(&mut self.catalog, &settings, &mut |_| {}).unwrap();
        assert_eq!(summary.problems, []);
    }

    /// Tells the catalog what a scan would have found, of a tree that is too large to be written.
    pub(crate) fn know(&mut self, tree: &Tree) {
        let mut folders = BTreeMap::<String, Option<i64>>::from([(String::new(), None)]);
        let mut waiting = vec![String::new()];
        while let Some(above) = waiting.pop() {
            for (name, unix_s) in &tree.folder(&above).unwrap().folders {
                let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
                folders.insert(path.clone(), Some(*unix_s));
                waiting.push(path);
            }
        }
        let made = self.catalog.write(&actor(), Ending::Commit, |txn| {
            let category_id = txn.view().category_find("Linux")?.id;
            let mut made: Vec<Directory> =
                folders.keys().map(|path| directory(category_id, path)).collect();
            txn.directories_insert(&mut made)?;
            for known in &made {
                let held = tree.folder(&known.subpath).unwrap();
                let seen = held.files.iter().map(|(name, file)| SeenFile {
                    name: name.clone(),
                    size_bytes: Some(file.length()),
                    timestamp_unix_s: Some(file.modified_unix_s),
                    volatile: name == "repomd.xml",
                    link: false,
                });
                let seen: Vec<SeenFile> = seen.collect();
                txn.scan_set(known.id, ("test", folders[&known.subpath]), &seen)?;
                if let Some(file) = held.files.get("repomd.xml")
                    && let Content::Bytes(bytes) = &file.content
                {
                    let hash = Sha256::digest(bytes);
                    let version = FileDetail {
                        timestamp_unix_s: Some(file.modified_unix_s),
                        size_bytes: Some(file.length() as i64),
                        sha256: Some(hash.iter().map(|byte| format!("{byte:02x}")).collect()),
                        ..FileDetail::default()
                    };
                    txn.history_set((known.id, &known.name), "repomd.xml", &[version])?;
                }
            }
            Ok(())
        });
        made.unwrap();
    }

    /// Adds a host with one copy of each of these categories.
    pub(crate) fn host(&mut self, name: &str, copies: &[(&str, &[&str])]) -> i64 {
        let mut host = Host::new("Mirrors", name);
        host.mirrors = copies
            .iter()
            .map(|(category, urls)| Mirror {
                id: 0,
                category: (*category).to_owned(),
                always_current: false,
                urls: urls
                    .iter()
                    .map(|url| MirrorUrl { number: -1, url: (*url).to_owned(), private: false })
                    .collect(),
            })
            .collect();
        let (host, _) =
            self.catalog.write(&actor(), Ending::Commit, |txn| txn.host_insert(host)).unwrap();
        host.mirrors[0].id
    }

    /// The number of a host's copy of a category.
    pub(crate) fn mirror(&mut self, name: &str, category: &str) -> i64 {
        let hosts = self.catalog.read(|view| view.host_list()).unwrap();
        let host = hosts.iter().find(|host| host.name == name).unwrap();
        host.mirrors.iter().find(|mirror| mirror.category == category).unwrap().id
    }

    /// Changes a host as its owner may.
    pub(crate) fn edit(&mut self, name: &str, change: impl FnOnce(&mut Host)) {
        let hosts = self.catalog.read(|view| view.host_list()).unwrap();
        let before = hosts.into_iter().find(|host| host.name == name).unwrap();
        let mut after = before.clone();
        change(&mut after);
        self.catalog
            .write(&actor(), Ending::Commit, |txn| txn.host_update(&before, after))
            .unwrap();
    }

    pub(crate) fn crawl(&mut self) -> Summary {
        self.crawl_with(&settings())
    }

    pub(crate) fn crawl_with(&mut self, settings: &CrawlSettings) -> Summary {
        crawl(&mut self.catalog, settings, &mut |_| {}).unwrap()
    }

    /// What a mirror has, by path, and how it was looked at.
    pub(crate) fn states(
        &mut self,
        mirror_id: i64,
    ) -> BTreeMap<String, (MirrorState, Option<Look>)> {
        self.catalog
            .read(|view| {
                let (states, looks) = (view.states_find(mirror_id)?, view.looks_find(mirror_id)?);
                let directories = view.directory_list()?.into_iter();
                let found = directories
                    .map(|dir| (dir.name, (states.state(dir.id), looks.look(dir.id))))
                    .collect();
                Ok(found)
            })
            .unwrap()
    }

    /// The directories that a mirror has in a state.
    pub(crate) fn paths(&mut self, mirror_id: i64, wanted: MirrorState) -> Vec<String> {
        let states = self.states(mirror_id).into_iter();
        states.filter(|(_, (state, _))| *state == wanted).map(|(path, _)| path).collect()
    }
}

fn directory(category_id: i64, path: &str) -> Directory {
    let name = if path.is_empty() { "pub/linux".to_owned() } else { format!("pub/linux/{path}") };
    let (subpath, source, files) = (path.to_owned(), String::new(), BTreeMap::new());
    Directory { id: 0, category_id, name, subpath, source, files }
}

pub(crate) fn settings() -> CrawlSettings {
    CrawlSettings {
        wish: Wish::default(),
        paths: Vec::new(),
        every: None,
        reach: Reach::Loopback,
        hosts_at_once: 16,
        pace: PaceSettings { requests_per_s: 10_000, ..PaceSettings::default() },
        recheck_share: 0,
        probe: probe(),
        agent: "test".to_owned(),
        actor: "crawl:test".to_owned(),
        now_unix_s,
        holder: "test".to_owned(),
        is_gone: |_| false,
    }
}

pub(crate) fn probe() -> ProbeSettings {
    ProbeSettings {
        program: Program::itself(["worker"]),
        budget: Need::new(Bytes::new(128 << 20), MilliCpu::cpus(2)),
        wait: Duration::from_secs(30),
    }
}

pub(crate) fn actor() -> Actor {
    Actor { name: "cli:operator".to_owned(), now_unix_s: now_unix_s() }
}

pub(crate) fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A tree and its text.
pub(crate) fn primary() -> (heliostat_testing_fleet::Primary, Arc<Tree>) {
    let mut primary = heliostat_testing_fleet::Primary::small(now_unix_s() as i64 - 7200);
    primary.release(now_unix_s() as i64 - 3600);
    let newest = primary.newest();
    (primary, newest)
}
