//! Releases, archives and emergencies, on both engines.

use super::{catalog, refused, write};
use crate::category::Category;
use crate::directory::{Directory, FileDetail};
use crate::product::{Product, Version};
use crate::release::Moved;
use crate::repository::Repository;
use crate::{Catalog, Error, Filter, Place, Txn};

/// A version in development with two repositories, and the directories that it will move to.
fn tree(txn: &mut Txn<'_>) -> Result<(), Error> {
    let source = String::new();
    txn.product_insert(Product { id: 0, name: "Fedora".to_owned(), source: source.clone() })?;
    let (product, name) = ("Fedora".to_owned(), "40".to_owned());
    txn.version_insert(Version { id: 0, product, name, development: true, source })?;
    for (name, top, directories) in [
        (
            "Linux",
            "pub/linux",
            &[
                "development/40/x86_64",
                "development/40/aarch64",
                "releases/40/x86_64",
                "releases/40/aarch64",
                "releases/40/x86_64/repodata",
                "releases/40/x86_64-debug",
            ][..],
        ),
        ("Archive", "pub/archive", &["linux/releases/40/x86_64"]),
    ] {
        let (name, top, source) = (name.to_owned(), top.to_owned(), String::new());
        let category = Category { id: 0, name, top, product: None, source };
        let category = txn.category_insert(category)?;
        let file =
            |digit: &str| FileDetail { sha256: Some(digit.repeat(64)), ..FileDetail::default() };
        for subpath in directories {
            txn.directory_insert(Directory {
                id: 0,
                category_id: category.id,
                name: format!("{}/{subpath}", category.top),
                subpath: (*subpath).to_owned(),
                source: String::new(),
                files: [("repomd.xml".to_owned(), vec![file("b"), file("a")])].into(),
            })?;
        }
    }
    for arch in ["x86_64", "aarch64"] {
        txn.repository_insert(Repository {
            id: 0,
            prefix: "fedora-40".to_owned(),
            arch: arch.to_owned(),
            directory: Some(format!("pub/linux/development/40/{arch}")),
            version: Some("Fedora/40".to_owned()),
            source: String::new(),
        })?;
    }
    Ok(())
}

fn directories(catalog: &mut Catalog) -> Vec<String> {
    let all = catalog.read(|view| view.repository_list()).unwrap();
    all.into_iter().filter_map(|repository| repository.directory).collect()
}

pub(super) fn a_version_is_released_and_archived(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, tree);
    let release = |txn: &mut Txn<'_>| txn.release("Fedora/40", "development", "releases");
    assert_eq!(write(&mut catalog, release), 2);
    let released = ["pub/linux/releases/40/x86_64", "pub/linux/releases/40/aarch64"];
    assert_eq!(directories(&mut catalog), released);
    assert!(!catalog.read(|view| view.version_find("Fedora/40")).unwrap().development);
    assert!(refused(&mut catalog, release).contains("released already"));
    // One directory is not in the archive yet: nothing moves.
    let whole = Moved::Version("Fedora/40".to_owned());
    let why = refused(&mut catalog, |txn| txn.archive(&whole, "Archive"));
    assert!(why.contains("no directory pub/archive/linux/releases/40/aarch64"), "{why}");
    assert_eq!(directories(&mut catalog), released);
    let one = Moved::Repository("fedora-40".to_owned(), "x86_64".to_owned());
    assert_eq!(write(&mut catalog, |txn| txn.archive(&one, "Archive")), 1);
    assert_eq!(directories(&mut catalog)[0], "pub/archive/linux/releases/40/x86_64");
    assert_eq!(write(&mut catalog, |txn| txn.archive(&one, "Archive")), 0, "it is there");
    let lost = Moved::Version("Fedora/99".to_owned());
    assert!(refused(&mut catalog, |txn| txn.archive(&lost, "Archive")).contains("no version"));
    assert!(refused(&mut catalog, |txn| txn.archive(&one, "Attic")).contains("no category"));
    let filter = Filter { resource: Some("repository".to_owned()), ..Filter::default() };
    let trail = catalog.read(|view| view.audit_list(&filter, 100)).unwrap();
    assert_eq!(trail.len(), 2 + 2 + 1);
}

pub(super) fn an_emergency_leaves_the_newest_files(place: &Place) {
    let mut catalog = catalog(place);
    write(&mut catalog, tree);
    write(&mut catalog, |txn| txn.release("Fedora/40", "development", "releases"));
    // The repository's directory and what is below it; not its neighbour of a longer name.
    assert_eq!(write(&mut catalog, |txn| txn.expire("Fedora/40")), 3);
    let counts: Vec<(String, usize)> = catalog
        .read(|view| view.directory_list())
        .unwrap()
        .into_iter()
        .map(|directory| (directory.name, directory.files["repomd.xml"].len()))
        .filter(|(name, _)| name.contains("linux/releases/40/x86_64") && !name.contains("archive"))
        .collect();
    let name = |end: &str| format!("pub/linux/releases/40/x86_64{end}");
    assert_eq!(counts, [(name(""), 1), (name("/repodata"), 1), (name("-debug"), 2)]);
    assert_eq!(write(&mut catalog, |txn| txn.expire("Fedora/40")), 0);
    assert!(refused(&mut catalog, |txn| txn.expire("Fedora/99")).contains("no version"));
}
