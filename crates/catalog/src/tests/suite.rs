//! What must hold, whatever the engine.

use heliostat_model::{Asn, IpNet};

use super::{NOW, actor, catalog, refused, write};
use crate::catalog::create_old;
use crate::category::Category;
use crate::country::Country;
use crate::directory::Directory;
use crate::host::{Host, Mirror, MirrorUrl};
use crate::import::Origin;
use crate::location::Location;
use crate::netblock::NetblockCountry;
use crate::product::{Product, Version};
use crate::repository::{Disabled, Redirect, Repository};
use crate::site::Site;
use crate::states::{MirrorState, StatesBuilder};
use crate::{Action, Catalog, Ending, Error, Filter, Place, Txn, Weight};

/// Runs statements behind the catalog's back.
pub(super) fn behind(place: &Place, sql: &str) -> Result<(), String> {
    match place {
        Place::File(path) => {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
            connection.execute_batch(sql).map_err(|error| error.to_string())
        }
        Place::Server(url) => postgres::Client::connect(url, postgres::NoTls)
            .unwrap()
            .batch_execute(sql)
            .map_err(|error| error.to_string()),
    }
}

/// Asks for a column of numbers behind the catalog's back.
pub(super) fn numbers(place: &Place, sql: &str) -> Vec<i64> {
    match place {
        Place::File(path) => {
            let connection = rusqlite::Connection::open(path).unwrap();
            let mut statement = connection.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }
        Place::Server(url) => {
            let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
            client.query(sql, &[]).unwrap().iter().map(|row| row.get(0)).collect()
        }
    }
}

/// EPEL's repository of 9 for x86-64.
pub(super) fn repository(txn: &mut Txn<'_>) -> Result<Repository, Error> {
    txn.repository_insert(Repository {
        id: 0,
        prefix: "epel-9".to_owned(),
        arch: "x86_64".to_owned(),
        directory: Some("pub/epel/9".to_owned()),
        version: None,
        source: String::new(),
    })
}

/// A site, a category and a host that carries it.
pub(super) fn network(txn: &mut Txn<'_>) -> Result<Host, Error> {
    txn.site_insert(Site::new("University"))?;
    let (name, top) = ("EPEL".to_owned(), "pub/epel".to_owned());
    let category =
        txn.category_insert(Category { id: 0, name, top, product: None, source: String::new() })?;
    txn.country_set(&Country { code: "SE".to_owned(), continent: None, served_as: None })?;
    let mut directories = ["", "9", "9/repodata"].map(|subpath| Directory {
        id: 0,
        category_id: category.id,
        name: format!("pub/epel/{subpath}").trim_end_matches('/').to_owned(),
        subpath: subpath.to_owned(),
        source: String::new(),
        files: Default::default(),
    });
    txn.directories_insert(&mut directories)?;
    let mut host = Host::new("University", "mirror.example");
    host.country = Some("SE".to_owned());
    host.netblocks = vec!["192.0.2.0/24".to_owned()];
    host.asns = vec![64_500, 64_499];
    host.mirrors = vec![mirror(&["https://mirror.example/epel", "rsync://mirror.example/epel"])];
    let host = txn.host_insert(host)?;
    let mut states = StatesBuilder::default();
    directories.iter().for_each(|directory| states.push(directory.id, MirrorState::Current));
    txn.states_set(host.mirrors[0].id, "mirror.example", &states.finish())?;
    Ok(host)
}

fn mirror(urls: &[&str]) -> Mirror {
    let url = |url: &&str| MirrorUrl { number: -1, url: (*url).to_owned(), private: false };
    let urls = urls.iter().map(url).collect();
    Mirror { id: 0, category: "EPEL".to_owned(), always_current: false, urls }
}

pub(super) fn a_catalog_is_made_once(place: &Place) {
    assert!(matches!(Catalog::open(place, NOW), Err(Error::Missing { .. })));
    drop(catalog(place));
    assert!(matches!(Catalog::create(place, NOW), Err(Error::Exists { .. })));
    let mut opened = Catalog::open(place, NOW).unwrap();
    let state = opened.read(|view| view.state()).unwrap();
    assert_eq!((state.revision, state.source.as_str()), (0, "catalog"));
    let mut world = opened.read(|view| view.world()).unwrap();
    // Every country of ISO 3166, and nothing else.
    assert_eq!(std::mem::take(&mut world.country_continents).len(), 249);
    assert_eq!(world, heliostat_model::World::new("catalog", 0));
}

pub(super) fn a_newer_catalog_is_refused_and_untouched(place: &Place) {
    drop(catalog(place));
    let newer = "INSERT INTO migration (version, name, hash, applied_unix_s) \
                 VALUES (99, 'tomorrow', 'x', 1)";
    behind(place, newer).unwrap();
    let before = contents(place);
    assert!(matches!(Catalog::open(place, NOW), Err(Error::Newer { found: 99, .. })));
    assert!(matches!(Catalog::create(place, NOW), Err(Error::Newer { found: 99, .. })));
    assert_eq!(contents(place), before);
    behind(place, "UPDATE migration SET version = 0, hash = 'x' WHERE version = 99").unwrap();
    assert!(matches!(Catalog::open(place, NOW), Err(Error::Altered { version: 0 })));
}

/// The bytes of a file; nothing of a server, whose files change by themselves.
fn contents(place: &Place) -> Vec<u8> {
    match place {
        Place::File(path) => std::fs::read(path).unwrap(),
        Place::Server(_) => Vec::new(),
    }
}

pub(super) fn somebody_elses_database_is_refused(place: &Place) {
    behind(place, "CREATE TABLE host (id INTEGER PRIMARY KEY)").unwrap();
    assert!(matches!(Catalog::open(place, NOW), Err(Error::Foreign)));
    assert!(matches!(Catalog::create(place, NOW), Err(Error::Foreign)));
}

pub(super) fn an_older_catalog_comes_forward(place: &Place) {
    create_old(place, 1, NOW).unwrap();
    behind(place, "INSERT INTO country (code, continent) VALUES ('SE', 'AF')").unwrap();
    let old = "INSERT INTO category (id, name, top, source) VALUES (7, 'EPEL', 'pub/epel', '')";
    behind(place, old).unwrap();
    let mut catalog = Catalog::open(place, NOW).unwrap();
    let mut continent = |code| catalog.read(|view| view.country_find(code)).unwrap().continent;
    assert_eq!(continent("SE").as_deref(), Some("AF"), "what was said stays said");
    assert_eq!(continent("NO").as_deref(), Some("EU"));
    assert_eq!(catalog.read(|view| view.category_find("EPEL")).unwrap().id, 7);
    assert_eq!(catalog.read(|view| view.version_list()).unwrap(), []);
    let edited = Category { name: "Extras".to_owned(), ..categories(&mut catalog)[0].clone() };
    write(&mut catalog, |txn| txn.category_update("EPEL", &edited));
    drop(catalog);
    assert_eq!(categories(&mut Catalog::open(place, NOW).unwrap()), [edited]);
}

fn categories(catalog: &mut Catalog) -> Vec<Category> {
    catalog.read(|view| view.category_list()).unwrap()
}

pub(super) fn countries_come_and_go(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    let country = |code: &str, continent: &str| Country {
        code: code.to_owned(),
        continent: Some(continent.to_owned()),
        served_as: None,
    };
    write(&mut catalog, |txn| txn.country_insert(&country("XK", "EU")));
    let why = refused(&mut catalog, |txn| txn.country_insert(&country("XK", "EU")));
    assert_eq!(why, "country XK: it is there already");
    let why = refused(&mut catalog, |txn| txn.country_insert(&country("Kosovo", "EU")));
    assert!(why.contains("not two capital letters"), "{why}");
    let (before, after) = (country("XK", "EU"), country("XK", "AS"));
    write(&mut catalog, |txn| txn.country_update(&before, &after));
    assert_eq!(catalog.read(|view| view.country_find("XK")).unwrap(), after);
    let why = refused(&mut catalog, |txn| txn.country_update(&after, &country("XL", "AS")));
    assert!(why.contains("its code cannot be changed"), "{why}");
    write(&mut catalog, |txn| txn.country_remove(&after));
    assert!(catalog.read(|view| view.country_find("XK")).is_err());
    let sweden = catalog.read(|view| view.country_find("SE")).unwrap();
    let why = refused(&mut catalog, |txn| txn.country_remove(&sweden));
    assert_eq!(why, "country SE: 1 hosts lie in it");
}

pub(super) fn sites_come_and_go(place: &Place) {
    let mut catalog = catalog(place);
    let site = write(&mut catalog, |txn| txn.site_insert(Site::new("Company")));
    let taken = refused(&mut catalog, |txn| txn.site_insert(Site::new("Company")));
    assert_eq!(taken, "site Company: the name is taken");
    let edited = Site { name: "Firm".to_owned(), private: true, ..site };
    write(&mut catalog, |txn| txn.site_update("Company", &edited));
    assert_eq!(catalog.read(|view| view.site_list()).unwrap(), [edited]);
    let unknown = catalog.read(|view| view.site_find("Company")).unwrap_err();
    assert_eq!(unknown.to_string(), "there is no site Company");
    write(&mut catalog, network);
    let busy = refused(&mut catalog, |txn| txn.site_remove("University"));
    assert_eq!(busy, "site University: it has 1 hosts; remove or move them first");
    write(&mut catalog, |txn| txn.site_remove("Firm"));
    assert_eq!(catalog.read(|view| view.site_list()).unwrap().len(), 1);
}

pub(super) fn hosts_come_and_go(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    assert_eq!(host.asns, [64_499, 64_500]);
    assert!(host.mirrors[0].urls.iter().all(|url| url.number > 0));
    let number = host.id.to_string();
    for name in ["mirror.example", number.as_str()] {
        assert_eq!(catalog.read(|view| view.host_find(name)).unwrap(), host);
    }
    let again = host.clone();
    let taken = refused(&mut catalog, |txn| txn.host_insert(Host { id: 0, ..again }));
    assert!(taken.contains("University has it already"), "{taken}");
    let mut edited = host.clone();
    edited.name = "m.example".to_owned();
    edited.bandwidth_mbit_s = 9_000;
    edited.netblocks.push("2001:db8::/32".to_owned());
    edited.mirrors[0].urls[0].private = true;
    edited.mirrors.push(mirror(&["http://m.example/epel"]));
    let edited = write(&mut catalog, |txn| txn.host_update(&host, edited));
    assert_eq!(catalog.read(|view| view.host_list()).unwrap(), std::slice::from_ref(&edited));
    write(&mut catalog, |txn| txn.host_remove(&edited));
    assert_eq!(catalog.read(|view| view.host_list()).unwrap(), []);
    for table in ["mirror", "mirror_url", "mirror_state", "host_asn", "host_netblock"] {
        let sql = format!("INSERT INTO country (code) SELECT 'XX' FROM {table}");
        behind(place, &sql).unwrap();
    }
    assert!(catalog.read(|view| view.country_find("XX")).is_err(), "something stayed behind");
}

pub(super) fn a_host_that_makes_no_sense_is_refused(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    type Spoil = fn(&mut Host);
    let changes: [(Spoil, &str); 13] = [
        (|host| host.name = String::new(), "the name is empty"),
        (|host| host.name = " a".to_owned(), "blanks around it"),
        (|host| host.name = "a\u{1b}[2J".to_owned(), "control characters"),
        (|host| host.name = "a".repeat(256), "longer than 255 bytes"),
        (|host| host.site = "Nobody".to_owned(), "there is no site Nobody"),
        (|host| host.country = Some("XX".to_owned()), "there is no country XX"),
        (|host| host.country = Some("se".to_owned()), "not two capital letters"),
        (|host| host.latitude_deg = Some(59.3), "go together"),
        (|host| (host.latitude_deg, host.longitude_deg) = (Some(91.0), Some(0.0)), "no place"),
        (|host| host.netblocks = vec!["192.0.2.1/24".to_owned()], "must be written 192.0.2.0/24"),
        (|host| host.netblocks = vec!["mirror.example".to_owned()], "no prefix"),
        (|host| host.mirrors = vec![mirror(&["gopher://a.example/"])], "no URL"),
        (|host| host.mirrors = vec![mirror(&["http://a.example/x/"])], "must be written"),
    ];
    for (change, reason) in changes {
        let mut host = Host::new("University", "new.example");
        change(&mut host);
        let why = refused(&mut catalog, |txn| txn.host_insert(host));
        assert!(why.contains(reason), "{why}");
    }
    let mut strange = Host::new("University", "new.example");
    strange.mirrors = vec![Mirror { category: "None".to_owned(), ..mirror(&[]) }];
    let why = refused(&mut catalog, |txn| txn.host_insert(strange));
    assert_eq!(why, "there is no category None");
}

pub(super) fn states_survive_an_edit_of_their_host(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    let id = host.mirrors[0].id;
    let before = catalog.read(|view| view.states_find(id)).unwrap();
    assert_eq!(before.counts(), [3, 0, 0, 0]);
    let mut edited = host.clone();
    edited.mirrors[0].urls.pop();
    write(&mut catalog, |txn| txn.host_update(&host, edited));
    assert_eq!(catalog.read(|view| view.states_find(id)).unwrap(), before);
}

pub(super) fn redirects_do_not_lead_in_circles(place: &Place) {
    let mut catalog = catalog(place);
    let redirect = |name: &str, target: &str| Redirect {
        name: name.to_owned(),
        target: target.to_owned(),
        source: String::new(),
    };
    write(&mut catalog, |txn| {
        txn.redirect_insert(&redirect("a", "b"))?;
        txn.redirect_insert(&redirect("b", "c"))
    });
    for (from, to, way) in [("c", "a", "c -> a -> b -> c"), ("d", "d", "d -> d")] {
        let why = refused(&mut catalog, |txn| txn.redirect_insert(&redirect(from, to)));
        assert!(why.ends_with(way), "{why}");
    }
    let why = refused(&mut catalog, |txn| txn.redirect_insert(&redirect("a", "z")));
    assert!(why.contains("redirected to b already"), "{why}");
}

pub(super) fn names_lead_elsewhere_and_are_switched_off(place: &Place) {
    let mut catalog = catalog(place);
    let redirect = |name: &str, target: &str| Redirect {
        name: name.to_owned(),
        target: target.to_owned(),
        source: String::new(),
    };
    let (a, b) = (redirect("a", "b"), redirect("b", "c"));
    write(&mut catalog, |txn| {
        txn.redirect_insert(&a)?;
        txn.redirect_insert(&b)
    });
    let why = refused(&mut catalog, |txn| txn.redirect_update(&b, &redirect("b", "a")));
    assert!(why.ends_with("b -> a -> b"), "{why}");
    let why = refused(&mut catalog, |txn| txn.redirect_update(&b, &redirect("x", "a")));
    assert!(why.contains("cannot be changed"), "{why}");
    write(&mut catalog, |txn| txn.redirect_update(&b, &redirect("b", "d")));
    assert_eq!(catalog.read(|view| view.redirect_find("b")).unwrap(), redirect("b", "d"));
    assert!(catalog.read(|view| view.redirect_find("c")).is_err());
    let off = Disabled { prefix: "fedora-38".to_owned(), source: String::new() };
    write(&mut catalog, |txn| txn.disabled_insert(&off));
    assert_eq!(catalog.read(|view| view.disabled_find("fedora-38")).unwrap(), off);
    let why = refused(&mut catalog, |txn| txn.disabled_insert(&off));
    assert!(why.starts_with("disabled fedora-38"), "{why}");
    write(&mut catalog, |txn| txn.disabled_remove(&off));
    assert!(catalog.read(|view| view.disabled_find("fedora-38")).is_err());
}

pub(super) fn locations_name_hosts(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    let location = |hosts: &[i64]| Location {
        id: 0,
        name: "lab".to_owned(),
        hosts: hosts.to_vec(),
        source: String::new(),
    };
    let added = write(&mut catalog, |txn| txn.location_insert(location(&[host.id])));
    assert_eq!(catalog.read(|view| view.location_find("lab")).unwrap(), added);
    let why = refused(&mut catalog, |txn| txn.location_insert(location(&[])));
    assert!(why.contains("the name is taken"), "{why}");
    let lost = Location { hosts: vec![99], ..added.clone() };
    let why = refused(&mut catalog, |txn| txn.location_update(&added, &lost));
    assert!(why.contains("there is no host 99"), "{why}");
    write(&mut catalog, |txn| txn.location_remove(&added));
    assert_eq!(catalog.read(|view| view.location_list()).unwrap(), []);
}

pub(super) fn netblocks_are_canonical(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    let netblock = |prefix: &str, country: &str| NetblockCountry {
        prefix: prefix.to_owned(),
        country: country.to_owned(),
        source: String::new(),
    };
    write(&mut catalog, |txn| txn.netblock_insert(&netblock("2001:db8::/32", "SE")));
    for (prefix, country, reason) in [
        ("2001:DB8::/32", "SE", "must be written 2001:db8::/32"),
        ("2001:db8::/32", "SE", "it is in SE already"),
        ("192.0.2.0/33", "SE", "no prefix"),
        ("192.0.2.0/24", "XX", "there is no country XX"),
    ] {
        let why = refused(&mut catalog, |txn| txn.netblock_insert(&netblock(prefix, country)));
        assert!(why.contains(reason), "{why}");
    }
}

pub(super) fn hostile_texts_are_only_texts(place: &Place) {
    let mut catalog = catalog(place);
    for name in ["'; DROP TABLE site; --", "\"x\"", "?1 $1 @id", "a%_\\", "日本 🪞"] {
        let site = write(&mut catalog, |txn| txn.site_insert(Site::new(name)));
        assert_eq!(catalog.read(|view| view.site_find(name)).unwrap(), site);
        assert!(catalog.read(|view| view.host_find(name)).is_err());
    }
    assert_eq!(catalog.read(|view| view.site_list()).unwrap().len(), 5);
    for top in ["../etc", "a/../b", "/a", "a//b", "a/", "a\0b"] {
        let category = Category {
            id: 0,
            name: "x".to_owned(),
            top: top.to_owned(),
            product: None,
            source: String::new(),
        };
        assert!(refused(&mut catalog, |txn| txn.category_insert(category)).contains("the top"));
    }
}

type Insert = fn(&mut Txn<'_>, String) -> Result<(), Error>;
/// Adds a thing of each sort under a name.
const INSERTS: [(&str, Insert); 11] = [
    ("site", |txn, name| txn.site_insert(Site::new(name)).map(drop)),
    ("host", |txn, name| txn.host_insert(Host::new("University", name)).map(drop)),
    ("category", |txn, name| {
        let (top, product, source) = ("x".to_owned(), None, String::new());
        txn.category_insert(Category { id: 0, name, top, product, source }).map(drop)
    }),
    ("product", |txn, name| {
        txn.product_insert(Product { id: 0, name, source: String::new() }).map(drop)
    }),
    ("version", |txn, name| {
        let product = Product { id: 0, name: "P".to_owned(), source: String::new() };
        let product = txn.product_insert(product)?.name;
        let (development, source) = (false, String::new());
        txn.version_insert(Version { id: 0, product, name, development, source }).map(drop)
    }),
    ("repository", |txn, prefix| {
        let (arch, source) = ("x86_64".to_owned(), String::new());
        let (directory, version) = (None, None);
        let new = Repository { id: 0, prefix, arch, directory, version, source };
        txn.repository_insert(new).map(drop)
    }),
    ("repository", |txn, arch| {
        let (prefix, source) = ("x".to_owned(), String::new());
        let (directory, version) = (None, None);
        let new = Repository { id: 0, prefix, arch, directory, version, source };
        txn.repository_insert(new).map(drop)
    }),
    ("redirect", |txn, name| {
        let (target, source) = ("x".to_owned(), String::new());
        txn.redirect_insert(&Redirect { name, target, source })
    }),
    ("redirect", |txn, target| {
        let (name, source) = ("x".to_owned(), String::new());
        txn.redirect_insert(&Redirect { name, target, source })
    }),
    ("disabled", |txn, prefix| txn.disabled_insert(&Disabled { prefix, source: String::new() })),
    ("location", |txn, name| {
        let (hosts, source) = (Vec::new(), String::new());
        txn.location_insert(Location { id: 0, name, hosts, source }).map(drop)
    }),
];

/// Every sort of thing refuses a name that hides, never ends, or is none, and says why.
pub(super) fn bad_names_are_refused_everywhere(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    let before = catalog.read(|view| view.state()).unwrap();
    for (what, insert) in INSERTS {
        for (name, reason) in [
            (String::new(), "is empty"),
            ("a\u{0}b".to_owned(), "control characters"),
            ("a\u{1b}[2Jb".to_owned(), "control characters"),
            ("x".repeat(5_000), "longer than"),
        ] {
            let why = refused(&mut catalog, |txn| insert(txn, name));
            assert!(why.contains(reason), "{what}: {why}");
            assert!(!why.contains('\u{1b}') && why.len() < 400, "{what}: {why}");
        }
    }
    assert_eq!(catalog.read(|view| view.state()).unwrap(), before, "nothing is left of it");
}

pub(super) fn directories_do_not_lead_out(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, network);
    let epel = catalog.read(|view| view.category_find("EPEL")).unwrap();
    for (name, reason) in [
        ("pub/epel/../../etc", "goes up"),
        ("/etc", "slash too many"),
        ("pub//epel", "slash too many"),
        ("pub/epel/\u{7}", "control characters"),
        ("pub/epel/9", "there is one"),
    ] {
        let directory = Directory {
            id: 0,
            category_id: epel.id,
            name: name.to_owned(),
            subpath: String::new(),
            source: String::new(),
            files: Default::default(),
        };
        let why = refused(&mut catalog, |txn| txn.directory_insert(directory));
        assert!(why.contains(reason), "{why}");
    }
    assert_eq!(catalog.read(|view| view.directory_list()).unwrap().len(), 3);
}

pub(super) fn every_change_is_in_the_trail(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    let edited = Host { bandwidth_mbit_s: 7, ..host.clone() };
    let edited = write(&mut catalog, |txn| txn.host_update(&host, edited));
    write(&mut catalog, |txn| txn.host_update(&edited, edited.clone()));
    write(&mut catalog, |txn| txn.host_remove(&edited));
    let filter = Filter { resource: Some("host".to_owned()), ..Filter::default() };
    let trail = catalog.read(|view| view.audit_list(&filter, 10)).unwrap();
    let actions: Vec<Action> = trail.iter().map(|entry| entry.action).collect();
    assert_eq!(actions, [Action::Remove, Action::Edit, Action::Add]);
    assert!(trail.iter().all(|e| e.who == "test" && e.at_unix_s == NOW && e.name == host.name));
    let document =
        |text: &Option<String>| -> Host { serde_json::from_str(text.as_deref().unwrap()).unwrap() };
    assert_eq!((document(&trail[1].before), document(&trail[1].after)), (host, edited));
    let all = catalog.read(|view| view.audit_list(&Filter::default(), 1_000)).unwrap();
    assert!(all.len() > 6 && all.is_sorted_by(|a, b| a.id > b.id));
    let late = Filter { since_unix_s: NOW + 1, ..Filter::default() };
    assert_eq!(catalog.read(|view| view.audit_list(&late, 10)).unwrap(), []);
}

pub(super) fn a_dry_run_changes_nothing(place: &Place) {
    let mut catalog = catalog(place);
    let (_, changes) = catalog.write(&actor(), Ending::DryRun, network).unwrap();
    assert!(changes.iter().any(|change| change.resource == "host"));
    assert_eq!(catalog.read(|view| view.site_list()).unwrap(), []);
    assert_eq!(catalog.read(|view| view.state()).unwrap().revision, 0);
    let trail = catalog.read(|view| view.audit_list(&Filter::default(), 10)).unwrap();
    assert_eq!(trail, []);
}

pub(super) fn a_failed_change_leaves_nothing(place: &Place) {
    let mut catalog = catalog(place);
    let failed = refused(&mut catalog, |txn| {
        txn.site_insert(Site::new("first"))?;
        txn.site_insert(Site::new("first"))
    });
    assert!(failed.contains("taken"));
    assert_eq!(catalog.read(|view| view.site_list()).unwrap(), []);
    // The connection is good for the next one.
    write(&mut catalog, |txn| txn.site_insert(Site::new("second")));
    assert_eq!(catalog.read(|view| view.state()).unwrap().revision, 1);
}

pub(super) fn a_reader_sees_one_moment(place: &Place) {
    let mut reader = catalog(place);
    let mut writer = Catalog::open(place, NOW).unwrap();
    reader
        .read(|view| {
            assert_eq!(view.site_list()?, []);
            write(&mut writer, |txn| txn.site_insert(Site::new("meanwhile")));
            assert_eq!(view.site_list()?, []);
            Ok(())
        })
        .unwrap();
    assert_eq!(reader.read(|view| view.site_list()).unwrap().len(), 1);
}

pub(super) fn who_is_switched_off_is_not_in_the_world(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    let site = catalog.read(|view| view.site_find("University")).unwrap();
    let world = catalog.read(|view| view.world()).unwrap();
    assert_eq!((world.hosts.len(), world.mirrors[0].urls.len()), (1, 2));
    let weight = catalog.read(|view| view.weight()).unwrap();
    assert_eq!(weight, Weight { directories: 3, carried: 3, routes_bytes: 0 });
    assert_eq!(world.mirror_sets.len(), 2);
    assert!(world.directories.iter().all(|d| d.public.0 == 1 && d.private.0 == 0));
    for (admin, owner) in [(true, false), (false, true)] {
        let off = Site { active_admin: admin, active_owner: owner, ..site.clone() };
        write(&mut catalog, |txn| txn.site_update("University", &off));
        assert_eq!(catalog.read(|view| view.world()).unwrap().hosts, []);
        write(&mut catalog, |txn| txn.site_update("University", &site));
        let off = Host { active_admin: admin, active_owner: owner, ..host.clone() };
        let off = write(&mut catalog, |txn| txn.host_update(&host, off));
        assert_eq!(catalog.read(|view| view.world()).unwrap().mirrors, []);
        write(&mut catalog, |txn| txn.host_update(&off, host.clone()));
    }
    let private = Site { private: true, ..site.clone() };
    write(&mut catalog, |txn| txn.site_update("University", &private));
    let world = catalog.read(|view| view.world()).unwrap();
    assert!(world.hosts[0].private);
    assert!(world.directories.iter().all(|d| d.public.0 == 0 && d.private.0 == 1));
}

pub(super) fn an_import_leaves_people_alone(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    write(&mut catalog, repository);
    let mut world = heliostat_testing_world::generate(heliostat_testing_world::Scale::Small, 1);
    world.netblock_asns.clear();
    let origin = Origin {
        name: "other",
        site: "Other",
        numbered: true,
        continents: false,
        continent_redirects: false,
        routes: false,
    };
    let (imported, _) =
        catalog.write(&actor(), Ending::Commit, |txn| txn.import(&world, &origin)).unwrap();
    let why = "repository epel-9 x86_64: there is one that people made; left alone";
    assert!(imported.left_out.iter().any(|left| left == why), "{:?}", imported.left_out);
    // What people set stays at the next import, what the source knows does not.
    let theirs = catalog.read(|view| view.host_list()).unwrap();
    let theirs = theirs.into_iter().find(|host| host.source == "other").unwrap();
    let edited =
        Host { active_admin: false, notes: "asked".to_owned(), private: true, ..theirs.clone() };
    write(&mut catalog, |txn| txn.host_update(&theirs, edited.clone()));
    world.hosts.iter_mut().for_each(|host| host.bandwidth_mbit_s = 3);
    write(&mut catalog, |txn| txn.import(&world, &origin));
    let after = catalog.read(|view| view.host_list()).unwrap();
    let after = after.into_iter().find(|host| host.id == theirs.id).unwrap();
    assert_eq!(after, Host { bandwidth_mbit_s: 3, private: theirs.private, ..edited });
    let nothing = heliostat_model::World::new("nothing", 0);
    write(&mut catalog, |txn| txn.import(&nothing, &origin));
    assert_eq!(catalog.read(|view| view.host_list()).unwrap(), [host]);
    let names = catalog.read(|view| view.directory_list()).unwrap();
    assert_eq!(names.len(), 3);
}

pub(super) fn routes_are_kept_compactly(place: &Place) {
    let mut catalog = catalog(place);
    let route = |prefix: &str, asn| (prefix.parse::<IpNet>().unwrap(), Asn(asn));
    let routes = [
        route("2001:db8::1/128", 3),
        route("192.0.2.0/24", 1),
        route("192.0.2.0/24", 2),
        route("::/0", 4),
        route("0.0.0.0/0", u32::MAX),
    ];
    write(&mut catalog, |txn| txn.routes_replace(&routes));
    let stored = catalog.read(|view| view.route_list()).unwrap();
    let expected = [
        route("0.0.0.0/0", u32::MAX),
        route("192.0.2.0/24", 2),
        route("::/0", 4),
        route("2001:db8::1/128", 3),
    ];
    assert_eq!(stored, expected);
    // Of each the length, the address and the number.
    assert_eq!(catalog.read(|view| view.weight()).unwrap().routes_bytes, 2 * 9 + 2 * 21);
    let again = catalog.write(&actor(), Ending::Commit, |txn| txn.routes_replace(&stored));
    assert_eq!(again.unwrap().1, []);
    let many: Vec<_> = (0..120_000_u32)
        .map(|n| (IpNet::new(std::net::Ipv4Addr::from(n << 8).into(), 24).unwrap(), Asn(n)))
        .collect();
    write(&mut catalog, |txn| txn.routes_replace(&many));
    assert_eq!(catalog.read(|view| view.route_list()).unwrap(), many);
}

pub(super) fn the_schema_guards_itself(place: &Place) {
    let mut catalog = catalog(place);
    let host = write(&mut catalog, network);
    let id = host.id;
    for wrong in [
        "UPDATE catalog_state SET id = 2".to_owned(),
        "INSERT INTO country (code) VALUES ('sweden')".to_owned(),
        "INSERT INTO country (code) VALUES ('s1')".to_owned(),
        "UPDATE host SET country = 'ZZ'".to_owned(),
        "UPDATE host SET latitude_deg = 12.5".to_owned(),
        "UPDATE host SET name = ''".to_owned(),
        "UPDATE host SET site_id = 12345".to_owned(),
        format!("INSERT INTO host_asn (host_id, asn, peer) VALUES ({id}, -1, FALSE)"),
        format!("INSERT INTO host_netblock (host_id, prefix) VALUES ({id}, 'x')"),
        "INSERT INTO host_netblock (host_id, prefix) VALUES (9999, '192.0.2.0/24')".to_owned(),
        "UPDATE mirror_url SET url = 'mirror.example'".to_owned(),
        "INSERT INTO repository_redirect (name, target, source) VALUES ('a', 'a', '')".to_owned(),
        "INSERT INTO account (id, name, role, active, password_hash, contact) \
         VALUES (1, 'a', 'admin', TRUE, 'secret', '')"
            .to_owned(),
        "INSERT INTO account (id, name, role, active, password_hash, contact) \
         VALUES (1, 'a', 'admin', TRUE, '$argon2id$', '')"
            .to_owned(),
        "INSERT INTO account (id, name, role, active, contact) VALUES (1, 'a', 'god', TRUE, '')"
            .to_owned(),
        "UPDATE audit SET who = ''".to_owned(),
        "UPDATE audit SET after = NULL".to_owned(),
        "INSERT INTO directory (id, category_id, name, subpath, source) \
         SELECT 99, category_id, name, subpath, source FROM directory"
            .to_owned(),
    ] {
        assert!(behind(place, &wrong).is_err(), "the schema let it in: {wrong}");
    }
}
