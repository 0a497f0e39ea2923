//! Lists of mirrors, which have names and no numbers, on both engines.

use heliostat_exchange::Import;
use heliostat_exchange::lists::{List, debian_read, mirrorbits_read};

use super::{actor, catalog, write};
use crate::host::Host;
use crate::import::{Imported, Origin};
use crate::{Catalog, Change, Ending, Place};

const ORIGIN: Origin<'_> = Origin {
    name: "debian-mirrors",
    site: "Debian",
    numbered: false,
    continents: false,
    continent_redirects: false,
    routes: false,
};

fn list(text: &str) -> List<'_> {
    List { bytes: text.as_bytes(), name: "list", top: "debian", created_unix_s: 5 }
}

fn import(catalog: &mut Catalog, import: &Import) -> (Imported, Vec<Change>) {
    let take = |txn: &mut crate::Txn<'_>| txn.import_with(&import.world, &import.facts, &ORIGIN);
    catalog.write(&actor(), Ending::Commit, take).unwrap()
}

fn hosts(catalog: &mut Catalog) -> Vec<Host> {
    catalog.read(|view| view.host_list()).unwrap()
}

pub(super) fn a_list_is_known_again_by_its_names(place: &Place) {
    let mut catalog = catalog(place);
    let one =
        "Site: one.example\nCountry: SE Sweden\nArchive-http: /debian/\nSponsor: University\n";
    let two = "Site: two.example\nArchive-https: /debian/\nArchive-rsync: debian\nOld-http: /old\n";
    let first = debian_read(list(&format!("{one}\n{two}"))).unwrap();
    let (imported, _) = import(&mut catalog, &first);
    assert_eq!(imported.left_out, [""; 0]);
    let before = hosts(&mut catalog);
    let sites: Vec<&str> = before.iter().map(|host| host.site.as_str()).collect();
    assert_eq!(sites, ["University", "Debian"]);
    let carried = before[1].mirrors.iter().map(|mirror| mirror.category.as_str());
    assert_eq!(carried.collect::<Vec<_>>(), ["debian", "debian-archive"]);
    assert_eq!(import(&mut catalog, &first).1, []);
    // In another order, with a host before them: who was there keeps the numbers.
    let zero = "Site: zero.example\nArchive-http: /debian/\n";
    let changed = two.replace("debian\n", "debian-all\n");
    let second = debian_read(list(&format!("{zero}\n{changed}\n{one}"))).unwrap();
    let (_, changes) = import(&mut catalog, &second);
    let hosts_changed = changes.iter().filter(|change| change.resource == "host");
    let names: Vec<&str> = hosts_changed.map(|change| change.name.as_str()).collect();
    assert_eq!(names, ["zero.example", "two.example"]);
    let after = hosts(&mut catalog);
    assert_eq!(after[0], before[0]);
    assert_eq!((after[1].id, after[1].mirrors[0].id), (before[1].id, before[1].mirrors[0].id));
    assert_eq!(after[1].mirrors[0].urls[0], before[1].mirrors[0].urls[0]);
    assert_ne!(after[1].mirrors[0].urls[1], before[1].mirrors[0].urls[1]);
    // What people say of what the list does not know stays.
    let off = Host { active_admin: false, notes: "asked".to_owned(), ..after[0].clone() };
    write(&mut catalog, |txn| txn.host_update(&after[0], off.clone()));
    assert_eq!(import(&mut catalog, &second).1, []);
    assert_eq!(hosts(&mut catalog)[0], off);
    import(&mut catalog, &debian_read(list("")).unwrap());
    assert_eq!(hosts(&mut catalog), []);
}

pub(super) fn what_a_list_knows_of_people_is_set(place: &Place) {
    let mut catalog = catalog(place);
    let row = |state: &str| {
        let text = format!(
            "Identifier \tHTTP \tLOCATION \tSTATE\tSINCE\n\
             mirror1 \thttps://mirror1.example/ \tSE (EU) \t{state} \t(today)\n"
        );
        mirrorbits_read(list(&text)).unwrap()
    };
    import(&mut catalog, &row("disabled"));
    assert!(!hosts(&mut catalog)[0].active_admin);
    assert_eq!(catalog.read(|view| view.world()).unwrap().hosts, []);
    import(&mut catalog, &row("up"));
    assert!(hosts(&mut catalog)[0].active_admin);
    let world = catalog.read(|view| view.world()).unwrap();
    assert_eq!(world.directories[0].name, "debian");
    assert_eq!(world.mirrors[0].urls[0].text, "https://mirror1.example");
    // A list that says nothing of a state leaves it.
    let mut quiet = row("up");
    quiet.facts.hosts.clear();
    let host = hosts(&mut catalog).remove(0);
    let off = Host { active_admin: false, ..host.clone() };
    write(&mut catalog, |txn| txn.host_update(&host, off));
    import(&mut catalog, &quiet);
    assert!(!hosts(&mut catalog)[0].active_admin);
}

pub(super) fn foreign_facts_are_refused_one_by_one(place: &Place) {
    let mut catalog = catalog(place);
    let long = "x".repeat(300);
    let text = format!(
        "Site: one.example\nMaintainer: {long}\nArchive-http: /debian/\n\n\
         Site: two.example\nArchive-http: /debian/\n"
    );
    let read = debian_read(list(&text)).unwrap();
    let (imported, _) = import(&mut catalog, &read);
    assert_eq!(imported.left_out.len(), 1, "{:?}", imported.left_out);
    assert!(imported.left_out[0].contains("longer than 255 bytes"), "{:?}", imported.left_out);
    assert_eq!(hosts(&mut catalog).len(), 1);
    let mut wrong = read;
    wrong.facts.hosts[1].site = Some("a\u{1b}b".to_owned());
    let (imported, _) = import(&mut catalog, &wrong);
    let why = imported.left_out.join("; ");
    assert!(why.contains("control characters") && why.contains("there is no site"), "{why}");
}
