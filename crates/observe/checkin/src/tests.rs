//! Reports against a small catalog: what is believed, what it becomes, and what is refused.

use std::collections::BTreeMap;
use std::fs;

use heliostat_catalog::account::{Account, Role};
use heliostat_catalog::category::Category;
use heliostat_catalog::directory::{Directory, FileDetail};
use heliostat_catalog::host::{Host, Mirror};
use heliostat_catalog::scan::SeenFile;
use heliostat_catalog::site::Site;
use heliostat_catalog::states::MirrorState;
use heliostat_catalog::{Actor, Catalog, Ending, Error, Place, Txn};

use crate::{Receipt, Refused, Report, Reported, Speaker, Tree, collect, take};

const NOW: u64 = 1_800_000_000;

struct Rig {
    _folder: tempfile::TempDir,
    catalog: Catalog,
    keeper: Speaker,
    site: Speaker,
}

fn actor() -> Actor {
    Actor { name: "test".to_owned(), now_unix_s: NOW }
}

fn version(digit: char) -> FileDetail {
    FileDetail { sha256: Some(hash(digit)), ..FileDetail::default() }
}

fn hash(digit: char) -> String {
    digit.to_string().repeat(64)
}

impl Rig {
    fn new() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::File(folder.path().join("catalog.db"));
        let mut catalog = Catalog::create(&place, NOW).unwrap();
        let ((account, site), _) = catalog.write(&actor(), Ending::Commit, network).unwrap();
        let (keeper, site) = (Speaker::Token(account, "keeper/mirror".into()), Speaker::Site(site));
        Rig { _folder: folder, catalog, keeper, site }
    }

    fn take(&mut self, speaker: &Speaker, report: &Report) -> Result<Receipt, Refused> {
        let done = self.catalog.write(&actor(), Ending::Commit, |txn| take(txn, speaker, report));
        done.unwrap().0
    }

    fn states(&mut self, host: &str) -> Vec<(MirrorState, u32)> {
        let host = self.catalog.read(|view| view.host_find(host)).unwrap();
        let mirror = host.mirrors[0].id;
        let states = self.catalog.read(|view| view.states_find(mirror)).unwrap();
        let looks = self.catalog.read(|view| view.looks_find(mirror)).unwrap();
        let behind = |at| looks.look(at).map_or(99, |look| look.behind);
        (0..4).map(|at| (states.state(at), behind(at))).collect()
    }
}

/// Directories 0 to 3: the top, one with an index and a history, one with files, one that is gone.
fn network(txn: &mut Txn<'_>) -> Result<(Account, Site), Error> {
    let site = txn.site_insert(Site::new("University"))?;
    txn.site_insert(Site::new("Elsewhere"))?;
    let category = Category {
        id: 0,
        name: "Fedora Linux".into(),
        top: "pub/linux".into(),
        product: None,
        source: String::new(),
    };
    let category = txn.category_insert(category)?;
    let index = BTreeMap::from([("repomd.xml".to_owned(), vec![version('a'), version('b')])]);
    for (path, files) in
        [("", None), ("/os/repodata", Some(index)), ("/iso", None), ("/gone", None)]
    {
        let directory = txn.directory_insert(Directory {
            id: 0,
            category_id: category.id,
            name: format!("pub/linux{path}"),
            subpath: path.trim_start_matches('/').to_owned(),
            source: String::new(),
            files: files.unwrap_or_default(),
        })?;
        match path {
            "/gone" => txn.scan_gone(directory.id, NOW as i64)?,
            _ => {
                let file = |name: &str, bytes, link| SeenFile {
                    name: name.to_owned(),
                    size_bytes: bytes,
                    link,
                    ..SeenFile::default()
                };
                let files = [file("a", Some(10), false), file("link", None, true)];
                txn.scan_set(directory.id, ("mark", None), &files)?;
            }
        }
    }
    for (name, site, private) in [
        ("private", "University", true),
        ("public", "University", false),
        ("twice", "University", true),
        ("other", "Elsewhere", true),
        ("twice", "Elsewhere", true),
    ] {
        let mut host = Host::new(site, name);
        host.private = private;
        let category = "Fedora Linux".to_owned();
        let urls = Vec::new();
        host.mirrors.push(Mirror { id: 0, category, always_current: false, urls });
        txn.host_insert(host)?;
    }
    let sites = vec!["University".to_owned()];
    let keeper = Account { sites, ..Account::new("keeper", Role::Viewer) };
    Ok((txn.account_insert(keeper)?, site))
}

/// A report of folders: path, bytes, and the digit that the index's hash is made of.
fn report(host: &str, folders: &[(&str, Option<u64>, Option<char>)]) -> Report {
    let folder = |&(path, bytes, index): &(&str, Option<u64>, Option<char>)| {
        let index = index.map(|digit| ("repomd.xml".to_owned(), hash(digit)));
        (path.to_owned(), Reported { bytes, indexes: index.into_iter().collect() })
    };
    let folders = folders.iter().map(folder).collect();
    let categories = BTreeMap::from([("fedora linux".to_owned(), folders)]);
    Report { host: host.to_owned(), categories, ..Report::default() }
}

#[test]
fn each_directory_is_compared_with_what_should_be_there() {
    use MirrorState::{Behind, Current, Missing, Unknown};
    let mut rig = Rig::new();
    let keeper = rig.keeper.clone();
    let mut check = |folders: &[(&str, Option<u64>, Option<char>)],
                     expected: [(MirrorState, u32); 2]| {
        let receipt = rig.take(&keeper, &report("private", folders)).unwrap();
        let states = rig.states("private");
        assert_eq!((&states[1..3], states[0].0, states[3].0), (&expected[..], Current, Unknown));
        receipt.categories[0].clone()
    };
    let all =
        [("os/repodata", Some(10), Some('a')), ("iso", Some(99), None), ("gone", Some(1), None)];
    let received = check(&all, [(Current, 0), (Current, 0)]);
    assert_eq!((received.current, received.strange), (3, 1), "what is gone is nobody's");
    check(
        &[("os/repodata", Some(10), Some('b')), ("iso", Some(9), None)],
        [(Behind, 1), (Behind, 0)],
    );
    // An index that nobody knows changes nothing.
    let received = check(&[("os/repodata", Some(10), Some('c'))], [(Behind, 1), (Missing, 0)]);
    assert_eq!((received.unknown, received.missing), (1, 1));
    check(&[("os/repodata", None, None), ("iso", None, None)], [(Current, 0), (Current, 0)]);
}

#[test]
fn who_may_speak_for_which_host() {
    let mut rig = Rig::new();
    let (keeper, site) = (rig.keeper.clone(), rig.site.clone());
    let told = |host: &str| report(host, &[("iso", None, None)]);
    assert!(rig.take(&keeper, &told("public")).is_ok());
    assert!(rig.take(&site, &told("private")).is_ok());
    assert!(matches!(rig.take(&site, &told("public")), Err(Refused::Public { .. })));
    for speaker in [&keeper, &site] {
        assert!(rig.take(speaker, &told("twice")).is_ok(), "the one that is its own");
        for host in ["other", "nobody", "", "99999"] {
            assert!(matches!(rig.take(speaker, &told(host)), Err(Refused::NotYours { .. })));
        }
    }
    let editor = Speaker::Token(Account::new("operator", Role::Editor), "operator/x".into());
    let Err(Refused::Several { numbers, .. }) = rig.take(&editor, &told("twice")) else {
        panic!("which one?");
    };
    assert!(rig.take(&editor, &told(&numbers[0].to_string())).is_ok());
    let mut strange = told("private");
    let folders = strange.categories.remove("fedora linux").unwrap();
    strange.categories.insert("EPEL".to_owned(), folders);
    assert!(matches!(rig.take(&keeper, &strange), Err(Refused::Nothing { .. })));
}

#[test]
fn a_check_in_is_kept_and_the_owner_has_a_switch() {
    let mut rig = Rig::new();
    let site = rig.site.clone();
    let told = Report { active: Some(false), ..report("private", &[("iso", None, None)]) };
    let receipt = rig.take(&site, &told).unwrap();
    assert!(receipt.text().ends_with("checked in successful"), "{}", receipt.text());
    let checkins = rig.catalog.read(|view| view.checkin_list()).unwrap();
    assert_eq!((checkins[0].who.as_str(), checkins[0].at_unix_s), ("site:University", NOW));
    assert!(!rig.catalog.read(|view| view.host_find("private")).unwrap().active_owner);
}

#[test]
fn a_tree_is_collected_as_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("os/repodata")).unwrap();
    fs::write(at("os/repodata/repomd.xml"), "").unwrap();
    fs::write(at("os/a"), "1234").unwrap();
    fs::write(at("os/line\nend"), "12345").unwrap();
    std::os::unix::fs::symlink(at("os/a"), at("os/b")).unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("os/c")).unwrap();
    std::os::unix::fs::symlink(at("os"), at("loop")).unwrap();
    let tree = Tree { category: "Linux".into(), folder: folder.path().to_owned() };
    let found = collect("mirror", &[tree]).unwrap();
    let json = String::from_utf8(found.json.clone()).unwrap();
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(
        json,
        format!(
            r#"{{"version":1,"host":"mirror","categories":{{"Linux":{{"":{{"bytes":0}},"os":{{"bytes":8}},"os/repodata":{{"bytes":0,"indexes":{{"repomd.xml":"{empty}"}}}}}}}}}}"#
        )
    );
    assert_eq!(found.left_out.values().sum::<u64>(), 1);
    assert_eq!((found.folders, found.indexes, found.bytes), (3, 1, 8));
    let nowhere = Tree { category: "Linux".into(), folder: at("nowhere") };
    assert!(collect("mirror", &[nowhere]).is_err());
}
