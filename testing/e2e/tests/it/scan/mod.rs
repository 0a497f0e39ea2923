//! The primary copy, scanned by the real program with real workers, from a folder, over HTTP and
//! over rsync; published and served.

/// A primary copy in a folder.
mod tree;
/// A server that lists folders, and counts, stalls and lies on demand.
mod pages;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{Director, binary, missing, run, sha256, skip, wait_until};
use serde_json::Value;
use tempfile::TempDir;

use pages::Pages;
use tree::{Rsyncd, Tree};

/// A catalog with one category, and what scans of it say.
struct Rig {
    folder: TempDir,
    catalog: String,
}

impl Rig {
    fn new() -> Result<Rig> {
        let folder = tempfile::tempdir()?;
        let catalog = text(&folder.path().join("catalog.db"))?.to_owned();
        run(&["init", "--catalog", &catalog])?;
        run(&["category", "--catalog", &catalog, "add", "Linux", "--set", "top=pub/linux"])?;
        Ok(Rig { folder, catalog })
    }

    fn call(&self, arguments: &[&str]) -> Result<String> {
        run(&[arguments, &["--catalog", &self.catalog]].concat())
    }

    fn scan(&self, arguments: &[&str]) -> Result<Scanned> {
        let said = self.call(&[&["scan", "--json"][..], arguments].concat())?;
        Ok(Scanned(serde_json::from_str(&said).with_context(|| said.clone())?))
    }

    fn scan_from(&self, origin: &str) -> Result<Scanned> {
        self.scan(&["--category", "Linux", "--from", origin])
    }

    /// What is known of files' content: path and SHA-256 of every version.
    fn versions(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let listed = self.call(&["directory", "list", "--json"])?;
        let listed: Value = serde_json::from_str(&listed)?;
        let mut found = BTreeMap::new();
        for directory in listed.as_array().context("no list")? {
            let name = directory["name"].as_str().unwrap_or_default();
            let shown = self.call(&["directory", "show", name, "--json"])?;
            let shown: Value = serde_json::from_str(&shown)?;
            for (file, versions) in shown["files"].as_object().context("no files")? {
                let hashes = versions.as_array().context("no versions")?.iter();
                let hashes = hashes.filter_map(|v| v["sha256"].as_str().map(str::to_owned));
                found.insert(format!("{name}/{file}"), hashes.collect());
            }
        }
        Ok(found)
    }
}

#[derive(Debug)]
struct Scanned(Value);

impl Scanned {
    fn number(&self, name: &str) -> u64 {
        self.0["scanned"][0][name].as_u64().unwrap_or(u64::MAX)
    }

    fn problems(&self) -> String {
        self.0["scanned"][0]["problems"].to_string()
    }
}

#[test]
fn a_tree_is_scanned_published_and_served() -> Result<()> {
    let what = "a scanned tree is served";
    if let Some(why) = missing(&["createrepo_c"]) {
        return skip(what, &why);
    }
    let (rig, tree) = (Rig::new()?, Tree::make()?);
    let scanned = rig.scan_from(tree.text()?)?;
    assert_eq!(scanned.0["scanned"][0]["problems_total"], 0, "{}", scanned.problems());
    assert_eq!((scanned.number("repositories"), scanned.number("packages")), (3, 2));
    assert_eq!(scanned.number("images"), 1);
    let again = rig.scan(&[])?;
    assert_eq!((again.number("changed"), again.number("versions")), (0, 0));

    rig.call(&["site", "add", "University"])?;
    let mirrors = "mirrors=[{category = \"Linux\", always_current = true, \
                   urls = [{url = \"http://mirror1.example.org/linux\"}]}]";
    let sets = ["--set", "site=University", "--set", mirrors];
    rig.call(&[&["host", "add", "mirror1.example.org"][..], &sets].concat())?;
    let to = rig.folder.path().join("to");
    let publish = ["publish", "--once", "--to", text(&to)?];
    rig.call(&publish)?;
    let current = to.join("current.snapshot");
    let director = Director::start_ready(rig.folder.path(), &current, &[])?;
    let metalink = "/metalink?repo=linux-40&arch=x86_64";
    let first = fs::read(tree.repomd())?;
    let body = director.get(metalink)?.body;
    assert!(body.contains(&format!("<size>{}</size>", first.len())), "{body}");
    for (program, name) in [("md5sum", "md5"), ("sha1sum", "sha1"), ("sha512sum", "sha512")] {
        let hash = tree.hash(program, &tree.repomd())?;
        assert!(body.contains(&format!("<hash type=\"{name}\">{hash}</hash>")), "{body}");
    }
    assert!(body.contains(&sha256(&first)?) && !body.contains("alternate"), "{body}");
    let list = director.get("/mirrorlist?repo=linux-stable&arch=amd64")?.body;
    assert!(list.contains("http://mirror1.example.org/linux/debian/dists/stable"), "{list}");
    let image = director.get("/metalink?path=pub/linux/iso/a.iso")?.body;
    assert!(image.contains(&sha256(&fs::read(tree.path("iso/a.iso"))?)?), "{image}");

    // A release: the one before it is an alternate for those that lag.
    tree.release(1)?;
    let scanned = rig.scan(&[])?;
    assert_eq!(scanned.number("versions"), 1, "{}", scanned.0);
    rig.call(&publish)?;
    let second = sha256(&fs::read(tree.repomd())?)?;
    let body = wait_until("the release", || {
        let body = director.get(metalink)?.body;
        Ok(body.contains(&second).then_some(body))
    })?;
    let (_, alternates) = body.split_once("alternates").context("no alternates")?;
    assert!(alternates.contains(&sha256(&first)?), "{body}");

    let announced = rig.call(&["scan", "--announce", "pub/linux/40"])?;
    assert!(announced.contains("held by 1 of 1 mirrors (100 %)"), "{announced}");
    let error = rig.call(&["scan", "--announce", "pub/linux/99"]).unwrap_err().to_string();
    assert!(error.contains("there is no directory pub/linux/99"), "{error}");
    Ok(())
}

#[test]
fn every_origin_shows_the_same() -> Result<()> {
    let (rig, tree) = (Rig::new()?, Tree::make_plain()?);
    rig.scan_from(tree.text()?)?;
    let versions = rig.versions()?;
    ensure!(versions.len() == 3, "{versions:?}");

    let pages = Pages::serve(tree.root())?;
    let http = Rig::new()?;
    let first = http.scan(&["--category", "Linux", "--from", &pages.url, "--images", "--full"])?;
    assert_eq!(first.0["scanned"][0]["problems_total"], 0, "{}", first.problems());
    let pages_first = pages.count("/");
    let mut expected = versions.clone();
    // A page shows neither second nor zone, so the image's hashes stay those of the file beside it.
    let image = "pub/linux/iso/a.iso";
    assert_eq!(http.versions()?.remove(image), expected.get(image).cloned());
    expected.remove(image);
    let mut found = http.versions()?;
    found.remove(image);
    assert_eq!(found, expected);
    let again = http.scan(&[])?;
    assert_eq!((again.number("changed"), again.number("versions")), (0, 0));
    let pages_again = pages.count("/") - pages_first;
    assert!(pages_again < pages_first, "leaves are fetched again: {pages_again} of {pages_first}");

    if let Some(why) = missing(&["rsync"]) {
        return skip("rsync shows what a folder shows", &why);
    }
    let server = Rsyncd::start(tree.root())?;
    let rsync = Rig::new()?;
    let first = rsync.scan_from(&server.url)?;
    assert_eq!(first.0["scanned"][0]["problems_total"], 0, "{}", first.problems());
    assert_eq!(rsync.versions()?, versions);
    assert_eq!(rsync.scan(&[])?.number("changed"), 0);
    let error = rsync.scan_from(&format!("{}-not", server.url)).unwrap_err().to_string();
    assert!(error.contains("rsync ended with"), "{error}");
    Ok(())
}

/// A publisher names what it has changed: nothing else is looked at, wherever the primary copy is.
#[test]
fn only_what_is_named_is_looked_at() -> Result<()> {
    let tree = Tree::make_plain()?;
    tree.write("other/a.txt", b"other")?;
    tree.settle()?;
    let pages = Pages::serve(tree.root())?;
    let mut origins = vec![tree.text()?.to_owned(), pages.url.clone()];
    let rsync = match missing(&["rsync"]) {
        Some(why) => {
            skip("rsync is asked for what is named", &why)?;
            None
        }
        None => Some(Rsyncd::start(tree.root())?),
    };
    origins.extend(rsync.as_ref().map(|server| server.url.clone()));
    let rigs: Vec<Rig> = origins.iter().map(|_| Rig::new()).collect::<Result<_>>()?;
    for (rig, origin) in rigs.iter().zip(&origins) {
        rig.scan_from(origin)?;
    }
    // A file in a known directory, a file in new ones, something that was removed, and something
    // that nobody names.
    tree.write("iso/SHA256SUMS", format!("{}  b.iso\n", "1".repeat(64)).as_bytes())?;
    tree.write("41/new/CHECKSUM", b"nothing\n")?;
    tree.write("other/b.txt", b"not named")?;
    fs::remove_dir_all(tree.path("debian"))?;
    let paths = "pub/linux/iso/SHA256SUMS\npub/linux/41/new/CHECKSUM\npub/linux/debian/\nother/x\n";
    for (rig, origin) in rigs.iter().zip(&origins) {
        let file = rig.folder.path().join("paths");
        fs::write(&file, paths)?;
        let other = pages.count("/other/");
        let said = rig.call(&["notify", "--paths", text(&file)?, "--json"])?;
        let said: Value = serde_json::from_str(&said)?;
        let of = &said["scanned"][0];
        ensure!(of["added"] == 2, "{origin}: the new ones: {said}");
        ensure!(of["gone"].as_u64() > Some(1), "{origin}: the removed ones: {said}");
        ensure!(of["directories"].as_u64() < Some(6), "{origin}: {said}");
        ensure!(said["nowhere"] == serde_json::json!(["other/x"]), "{origin}: {said}");
        ensure!(pages.count("/other/") == other, "{origin}: what nobody names is not asked for");
        let versions = rig.versions()?;
        ensure!(versions.contains_key("pub/linux/iso/SHA256SUMS"), "{origin}: {versions:?}");
        ensure!(versions["pub/linux/iso/SHA256SUMS"].len() > 1, "{origin}: {versions:?}");
        // The whole scan finds the rest, and nothing that was wrong.
        let scanned = rig.scan(&[])?;
        ensure!(scanned.number("gone") == 0, "{origin}: {}", scanned.0);
    }
    Ok(())
}

/// What was learned before the end is there, and is not learned again.
#[test]
fn a_killed_scan_goes_on() -> Result<()> {
    let (rig, tree) = (Rig::new()?, Tree::make_plain()?);
    for number in 0..60 {
        tree.write(&format!("many/{number:02}/a.rpm"), b"a package")?;
    }
    tree.settle()?;
    let pages = Pages::serve(tree.root())?;
    pages.stall("/many/30/");
    let arguments = ["scan", "--category", "Linux", "--from", &pages.url];
    let mut child = Command::new(binary()?)
        .args(arguments)
        .args(["--catalog", &rig.catalog])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let known = || -> Result<usize> {
        Ok(rig.call(&["directory", "list"])?.matches("pub/linux/many/").count())
    };
    let learned = wait_until("something learned", || Ok(Some(known()?).filter(|&n| n > 20)));
    // One scan of a category at a time, whoever starts it.
    let refused = rig.scan_from(&pages.url).unwrap_err().to_string();
    child.kill()?;
    child.wait()?;
    assert!(refused.contains("Linux is being scanned by"), "{refused}");
    let learned = learned?;
    assert!(known()? >= learned && learned < 60);
    let before = pages.count("/many/59/");
    pages.stall("-");
    let scanned = rig.scan_from(&pages.url)?;
    assert_eq!(scanned.number("problems_total"), 0, "{}", scanned.problems());
    assert_eq!((known()?, before), (60, 1), "pages are taken from the end on");
    assert_eq!(pages.count("/many/59/"), 1, "what was learned is not asked for again");
    Ok(())
}

#[test]
fn an_emptied_tree_is_a_mistake() -> Result<()> {
    let (rig, tree) = (Rig::new()?, Tree::make_plain()?);
    for number in 0..20 {
        tree.write(&format!("many/{number}/a"), b"a")?;
    }
    rig.scan_from(tree.text()?)?;
    fs::remove_dir_all(tree.path("many"))?;
    let error = rig.scan(&[]).unwrap_err().to_string();
    assert!(error.contains("are gone; nothing was marked as gone"), "{error}");
    assert_eq!(rig.scan(&["--force"])?.number("gone"), 21);
    // What comes back is there again.
    tree.write("many/1/a", b"a")?;
    rig.scan(&[])?;
    let share = rig.call(&["scan", "--announce", "pub/linux/many"])?;
    assert!(share.contains("pub/linux/many: 2 directories"), "{share}");
    fs::remove_dir_all(tree.root())?;
    let error = rig.scan(&[]).unwrap_err().to_string();
    assert!(error.contains("cannot read"), "{error}");
    Ok(())
}

/// Each is told by the name of its limit, costs nothing but itself, and is looked at again.
#[test]
fn hostile_metadata_costs_only_itself() -> Result<()> {
    let (rig, tree) = (Rig::new()?, Tree::make_plain()?);
    let bomb = tree.gzip(&vec![b' '; 8 << 20])?;
    let entity = b"<!DOCTYPE r [<!ENTITY a \"b\">]><repomd>&a;</repomd>";
    let deep = format!("<repomd>{}", "<a>".repeat(50));
    let lie =
        "<repomd><data type=\"primary\"><location href=\"repodata/no.xml.gz\"/></data></repomd>";
    for (folder, content) in [
        ("bomb", bomb.as_slice()),
        ("entity", entity),
        ("deep", deep.as_bytes()),
        ("lie", lie.as_bytes()),
        ("garbage", b"\x1f\x8b\x08\0\xff\xff"),
    ] {
        tree.write(&format!("evil/{folder}/repodata/repomd.xml"), content)?;
    }
    tree.write("evil/sums/SHA256SUMS", b"no checksums at all\n")?;
    tree.settle()?;
    for _ in 0..2 {
        let scanned = rig.scan_from(tree.text()?)?;
        assert_eq!(scanned.number("problems_total"), 6, "{}", scanned.problems());
        let told = scanned.problems();
        for limit in ["token_bytes_max", "entities", "depth_max", "not there", "format"] {
            assert!(told.contains(limit), "{limit}: {told}");
        }
    }
    assert!(rig.versions()?.contains_key("pub/linux/iso/SHA256SUMS"), "others are unaffected");
    tree.write("evil/sums/SHA256SUMS", format!("{}  a\n", "0".repeat(64)).as_bytes())?;
    assert_eq!(rig.scan(&[])?.number("problems_total"), 5);
    Ok(())
}

/// The program that parses strangers' bytes knows no database, no network and no configuration.
#[test]
fn the_worker_has_nothing_to_lose() -> Result<()> {
    let folder = binary()?.parent().context("no folder")?.to_owned();
    let worker = fs::read(folder.join("heliostat-probe"))?;
    let has = |word: &str| worker.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(has("BEGIN PGP SIGNED MESSAGE"), "it parses");
    for word in ["sqlite3_", "SELECT ", "rustls", "reqwest", "hyper::", "getaddrinfo", ".toml"] {
        assert!(!has(word), "the worker has {word}");
    }
    Ok(())
}

#[test]
fn without_the_worker_nothing_is_parsed() -> Result<()> {
    let (rig, tree) = (Rig::new()?, Tree::make_plain()?);
    let scanned = rig.scan(&[
        "--category",
        "Linux",
        "--from",
        tree.text()?,
        "--probe",
        "/nonexistent/heliostat-probe",
    ])?;
    assert!(scanned.number("problems_total") >= 2, "{}", scanned.problems());
    assert!(scanned.problems().contains("no worker"), "{}", scanned.problems());
    let error = rig.scan_from("pub/linux").unwrap_err().to_string();
    assert!(error.contains("neither a folder"), "{error}");
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is no text")
}
