//! Installs a package with `dnf` past mirrors that are dead, stale or wrong.
//!
//! Two mirrors; the first is always asked first, because the client lies in its netblock. Each
//! case says what was installed and who was asked for what, so that a needless request shows.

use std::fs;

use anyhow::{Context, Result, ensure};
use expect_test::{Expect, expect};
use heliostat_testing_e2e::{
    Director, Dnf, Mirror, Network, PACKAGE, Repository, Source, compile, missing, skip, wait_until,
};
use tempfile::TempDir;

/// What is wrong with the first mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Fine,
    Dead,
    /// Has the repository of yesterday, which the director still lists.
    StaleListed,
    /// Has a repository so old that the director has forgotten it.
    StaleForgotten,
    RepomdSpoiled,
    /// As is the second.
    RepomdSpoiledEverywhere,
    PackageSpoiled,
}

#[test]
fn metalink_all_fine() -> Result<()> {
    check(
        "metalink_all_fine",
        Source::Metalink,
        First::Fine,
        expect![[r#"
        installed 2.0
        first: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        second: 0 repomd, 0 tables, 0 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

#[test]
fn metalink_first_dead() -> Result<()> {
    check(
        "metalink_first_dead",
        Source::Metalink,
        First::Dead,
        expect![[r#"
        installed 2.0
        first: 0 repomd, 0 tables, 0 new package, 0 old, 0 other
        second: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

#[test]
fn metalink_first_stale_but_listed_as_alternate() -> Result<()> {
    let what = "metalink_first_stale_but_listed_as_alternate";
    check(
        what,
        Source::Metalink,
        First::StaleListed,
        expect![[r#"
        installed 1.0
        first: 1 repomd, 2 tables, 0 new package, 1 old, 0 other
        second: 0 repomd, 0 tables, 0 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

#[test]
fn metalink_first_stale_and_forgotten() -> Result<()> {
    let what = "metalink_first_stale_and_forgotten";
    check(
        what,
        Source::Metalink,
        First::StaleForgotten,
        expect![[r#"
        installed 2.0
        first: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        second: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

#[test]
fn metalink_first_has_a_wrong_hash() -> Result<()> {
    let what = "metalink_first_has_a_wrong_hash";
    check(
        what,
        Source::Metalink,
        First::RepomdSpoiled,
        expect![[r#"
        installed 2.0
        first: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        second: 1 repomd, 0 tables, 0 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

#[test]
fn metalink_first_has_a_wrong_package() -> Result<()> {
    let what = "metalink_first_has_a_wrong_package";
    check(
        what,
        Source::Metalink,
        First::PackageSpoiled,
        expect![[r#"
        installed 2.0
        first: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        second: 0 repomd, 0 tables, 1 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

/// Better nothing than something wrong.
#[test]
fn metalink_nobody_has_the_right_hash() -> Result<()> {
    let what = "metalink_nobody_has_the_right_hash";
    check(
        what,
        Source::Metalink,
        First::RepomdSpoiledEverywhere,
        expect![[r#"
        installed nothing
        first: 2 repomd, 0 tables, 0 new package, 0 old, 0 other
        second: 2 repomd, 0 tables, 0 new package, 0 old, 0 other
        director: 1 answers
    "#]],
    )
}

#[test]
fn mirrorlist_all_fine() -> Result<()> {
    check(
        "mirrorlist_all_fine",
        Source::Mirrorlist,
        First::Fine,
        expect![[r#"
        installed 2.0
        first: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        second: 0 repomd, 0 tables, 0 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

#[test]
fn mirrorlist_first_dead() -> Result<()> {
    check(
        "mirrorlist_first_dead",
        Source::Mirrorlist,
        First::Dead,
        expect![[r#"
        installed 2.0
        first: 0 repomd, 0 tables, 0 new package, 0 old, 0 other
        second: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

/// A mirror list has no hashes: the client believes a stale mirror. That is why metalinks exist.
#[test]
fn mirrorlist_first_stale() -> Result<()> {
    let what = "mirrorlist_first_stale";
    check(
        what,
        Source::Mirrorlist,
        First::StaleForgotten,
        expect![[r#"
        installed 1.0
        first: 1 repomd, 2 tables, 0 new package, 1 old, 0 other
        second: 0 repomd, 0 tables, 0 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

#[test]
fn mirrorlist_first_has_a_wrong_package() -> Result<()> {
    let what = "mirrorlist_first_has_a_wrong_package";
    check(
        what,
        Source::Mirrorlist,
        First::PackageSpoiled,
        expect![[r#"
        installed 2.0
        first: 1 repomd, 2 tables, 1 new package, 0 old, 0 other
        second: 0 repomd, 0 tables, 1 new package, 0 old, 0 other
        director: 2 answers
    "#]],
    )
}

/// Sets the stage, lets `dnf` play, and compares what everybody saw.
fn check(what: &str, source: Source, first: First, expected: Expect) -> Result<()> {
    if let Some(why) = missing(&["dnf", "rpmbuild", "createrepo_c"]).or_else(not_root) {
        return skip(&format!("dnf::{what}"), &why);
    }
    let stage = Stage::set(first)?;
    let page = format!("/{}?repo=fedora-40&arch=x86_64", source.as_str());
    let installed = Dnf::new()?.install(source, &stage.director.url(&page))?;
    let (outcome, said) = match &installed.version {
        Some(version) => (format!("installed {version}"), installed.said.as_str()),
        None => ("installed nothing".to_owned(), installed.said.as_str()),
    };
    ensure!(installed.success == installed.version.is_some(), "{outcome}, but dnf said:\n{said}");
    let seen = format!(
        "{outcome}\nfirst: {}\nsecond: {}\ndirector: {} answers\n",
        requests(&stage.first),
        requests(&stage.second),
        stage.answers()?,
    );
    expected.assert_eq(&seen);
    Ok(())
}

/// Two mirrors and their director.
struct Stage {
    first: Mirror,
    second: Mirror,
    director: Director,
    folder: TempDir,
}

impl Stage {
    fn set(first: First) -> Result<Stage> {
        let (old, new) = (Repository::build("1.0")?, Repository::build("2.0")?);
        let first_mirror = match first {
            First::Dead => Mirror::dead(2),
            First::Fine => Mirror::start(2, SERVED, new.clone())?,
            First::StaleListed | First::StaleForgotten => Mirror::start(2, SERVED, old.clone())?,
            First::RepomdSpoiled | First::RepomdSpoiledEverywhere => {
                Mirror::start(2, SERVED, new.clone().with_repomd_spoiled())?
            }
            First::PackageSpoiled => Mirror::start(2, SERVED, new.clone().with_package_spoiled())?,
        };
        let second = match first {
            First::RepomdSpoiledEverywhere => new.clone().with_repomd_spoiled(),
            _ => new.clone(),
        };
        let second = Mirror::start(3, SERVED, second)?;
        let mut network = Network::default()
            .with_mirror("first", &format!("{}/linux", first_mirror.url))
            .with_mirror("second", &format!("{}/linux", second.url))
            .with_repomd(new.repomd())?;
        if first == First::StaleListed {
            network = network.with_repomd(old.repomd())?;
        }
        let folder = tempfile::tempdir()?;
        let snapshot = compile(&network, folder.path(), "world")?;
        let log = folder.path().join("access.log");
        let options = ["--access-log", log.to_str().context("the path is no text")?];
        let director = Director::start_ready(folder.path(), &snapshot, &options)?;
        Ok(Stage { first: first_mirror, second, director, folder })
    }

    /// How many answers the director gave; it is asked to end first, so that its log is whole.
    fn answers(self) -> Result<usize> {
        let log = self.folder.path().join("access.log");
        self.director.stop()?;
        wait_until("the log", || Ok(log.exists().then_some(())))?;
        let log = fs::read_to_string(log)?;
        Ok(log.lines().filter(|line| line.ends_with("REPO: fedora-40; ARCH: x86_64")).count())
    }
}

/// What a mirror was asked for, by kind.
fn requests(mirror: &Mirror) -> String {
    let [repomd, package] = ["repomd.xml", &format!("{PACKAGE}-2.0.rpm")].map(|n| mirror.count(n));
    let (old, tables) = (mirror.count(&format!("{PACKAGE}-1.0.rpm")), mirror.count(".xml.gz"));
    let rest = mirror.count_all() - repomd - package - old - tables;
    format!("{repomd} repomd, {tables} tables, {package} new package, {old} old, {rest} other")
}

fn not_root() -> Option<String> {
    (!rustix::process::geteuid().is_root()).then(|| "dnf installs for root only".to_owned())
}

/// Where the repository lies below a mirror's address.
const SERVED: &str = "linux/releases/40/Everything/x86_64/os";
