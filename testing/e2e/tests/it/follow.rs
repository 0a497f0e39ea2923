//! Many machines: nodes that follow a store, a folder or a bucket, and what happens when it goes.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use heliostat_testing_e2e::{
    Director, Gate, PATIENCE, S3, Way, address_unused, binary, run, skip, wait_until,
};

use crate::fixture::{MIRRORLIST, cache_of};

#[test]
fn a_node_follows_a_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let there = folder.path().join("there");
    let store = Place { url: format!("file://{}", text(&there)?), more: Vec::new() };
    let gone = folder.path().join("gone");
    a_node_follows(folder.path(), &store, |away| {
        if away {
            fs::rename(&there, &gone)?;
            // An empty place would only be filled anew.
            return Ok(fs::write(&there, "not mounted")?);
        }
        fs::remove_file(&there)?;
        Ok(fs::rename(&gone, &there)?)
    })?;
    // Whoever is given the file's name sees the same.
    run(&["inspect", "--verify", text(&there.join("current.snapshot"))?])?;
    Ok(())
}

#[test]
fn a_node_follows_a_bucket() -> Result<()> {
    let service = match S3::start()? {
        Ok(service) => service,
        Err(why) => return skip("a node follows a bucket", &why),
    };
    let folder = tempfile::tempdir()?;
    let gate = Gate::before(service.address)?;
    let store = Place::bucket(&service, &gate)?;
    a_node_follows(folder.path(), &store, |away| {
        gate.goes(if away { Way::Cut } else { Way::Open });
        Ok(())
    })?;
    // Secrets that are none are an error that does not show them.
    let wrong = folder.path().join("wrong");
    fs::write(&wrong, "AWS_REGION=x\nhush hush\n")?;
    let error = run(&["inspect", &store.url, "--s3-credentials", text(&wrong)?]);
    let error = error.expect_err("it was understood").to_string();
    assert!(error.contains("line 2: not AWS_NAME=value") && !error.contains("hush"), "{error}");
    Ok(())
}

/// Disks that fill up: the publisher's and the node's. Nothing is lost, and both say what happened.
#[test]
fn full_disks_lose_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (theirs, ours) = (folder.path().join("there"), folder.path().join("here"));
    let disks = match (Disk::mount(&theirs)?, Disk::mount(&ours)?) {
        (Ok(theirs), Ok(ours)) => [theirs, ours],
        (Err(why), _) | (_, Err(why)) => return skip("full disks lose nothing", &why),
    };
    let catalog = folder.path().join("catalog.db");
    let catalog = text(&catalog)?;
    run(&["init", "--catalog", catalog])?;
    let import = |mirror: &str| -> Result<()> {
        let cache = cache_of(mirror, folder.path())?;
        let from = ["import", "mirrormanager", "--catalog", catalog, "--cache", text(&cache)?];
        run(&from).map(|_| ())
    };
    let store = Place { url: text(&theirs)?.to_owned(), more: Vec::new() };
    let publish = || run(&["publish", "--once", "--catalog", catalog, "--to", &store.url]);
    import("first")?;
    publish()?;
    let node = store.node(folder.path(), "here")?;
    serves(&node, 1, "first")?;

    import("second")?;
    disks[0].fill()?;
    let error = publish().expect_err("there was room").to_string();
    assert!(error.contains("the one before it stays"), "{error}");
    assert!(error.contains("No space left on device"), "{error}");
    run(&["inspect", "--verify", text(&theirs)?])?;
    disks[0].empty()?;
    disks[1].fill()?;
    publish()?;
    wait_until("the news", || Ok(node.said().contains("No space left").then_some(())))?;
    serves(&node, 1, "first")?;
    disks[1].empty()?;
    serves(&node, 2, "second")?;
    Ok(())
}

/// A small disk of its own, gone with its test.
struct Disk(PathBuf);

impl Disk {
    /// Mounts one, or says why that cannot be done.
    fn mount(at: &Path) -> Result<Result<Disk, String>> {
        fs::create_dir(at)?;
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(at).output()?;
        if mounted.status.success() {
            return Ok(Ok(Disk(at.to_owned())));
        }
        let said = String::from_utf8_lossy(&mounted.stderr).trim().to_owned();
        Ok(Err(format!("a small disk cannot be mounted: {said}")))
    }

    fn fill(&self) -> Result<()> {
        let error = File::create(self.0.join("filler"))
            .and_then(|mut file| std::io::copy(&mut std::io::repeat(1), &mut file));
        anyhow::ensure!(error.is_err(), "it cannot be filled");
        Ok(())
    }

    fn empty(&self) -> Result<()> {
        Ok(fs::remove_file(self.0.join("filler"))?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that still runs may have a file of it open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// A store, and the options that lead to it.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) more: Vec<String>,
}

impl Place {
    pub(crate) fn bucket(service: &S3, gate: &Gate) -> Result<Place> {
        let keys = text(&service.credentials())?.to_owned();
        let more = ["--s3-credentials", &keys, "--s3-endpoint", &gate.url()];
        let url = format!("s3://{}/some/prefix", S3::BUCKET);
        Ok(Place { url, more: more.map(str::to_owned).to_vec() })
    }

    /// A command about it, with all that it needs.
    pub(crate) fn words<'a>(&'a self, words: &[&'a str]) -> Vec<&'a str> {
        words.iter().copied().chain(self.more.iter().map(String::as_str)).collect()
    }

    /// A server that follows it.
    pub(crate) fn node(&self, folder: &Path, cache: &str) -> Result<Director> {
        let address = address_unused();
        let mut command = Command::new(binary()?);
        command.args(["serve", "--listen", &address.to_string(), "--follow", &self.url]);
        command.args(&self.more).args(["--follow-interval-s", "1"]);
        command.arg("--cache-dir").arg(folder.join(cache));
        Director::spawn(folder, address, &mut command)
    }
}

fn a_node_follows(
    folder: &Path,
    store: &Place,
    goes_away: impl Fn(bool) -> Result<()>,
) -> Result<()> {
    let catalog = folder.join("catalog.db");
    let catalog = text(&catalog)?;
    run(&["init", "--catalog", catalog])?;
    let import = |mirror: &str| -> Result<()> {
        let cache = cache_of(mirror, folder)?;
        let from = ["import", "mirrormanager", "--catalog", catalog, "--cache", text(&cache)?];
        run(&from).map(|_| ())
    };
    let publish = || {
        let words = ["publish", "--once", "--catalog", catalog, "--to", &store.url, "--keep", "2"];
        run(&store.words(&words))
    };
    import("first")?;
    let said = publish()?;
    assert!(said.contains("generation 1, 1 hosts"), "{said}");

    let node = store.node(folder, "here")?;
    serves(&node, 1, "first")?;
    import("second")?;
    publish()?;
    serves(&node, 2, "second")?;
    let back = run(&store.words(&["rollback", "1", "--to", &store.url, "--keep", "2"]))?;
    assert!(back.contains("generation 3, which is generation 1 again"), "{back}");
    serves(&node, 3, "first")?;
    let shown = run(&store.words(&["inspect", &store.url, "--verify"]))?;
    assert!(shown.contains("generation 3 is generation 1 again"), "{shown}");
    assert!(!shown.contains("heliostat.1.") && shown.contains("heliostat.2."), "{shown}");

    // The store goes. Answers go on, also after a cold start, and it is said.
    goes_away(true)?;
    assert!(publish().is_err(), "it was published nowhere");
    wait_until("the news", || Ok(node.said().contains("the store is away").then_some(())))?;
    serves(&node, 3, "first")?;
    let stopped = node.stop()?;
    assert!(stopped.status.success(), "{}", stopped.said);
    let node = store.node(folder, "here")?;
    serves(&node, 3, "first")?;
    let away = "the last good copy serves";
    wait_until("the news", || Ok(node.said().contains(away).then_some(())))?;

    // It comes back, and nothing was lost.
    goes_away(false)?;
    publish()?;
    serves(&node, 4, "second")?;
    assert!(node.said().contains("the store answers again"), "{}", node.said());
    // One copy is one server's.
    let other = store.node(folder, "here").expect_err("two share a copy").to_string();
    assert!(other.contains("--cache-dir of its own"), "{other}");
    Ok(())
}

/// Waits until a node serves a generation with this mirror in it.
pub(crate) fn serves(node: &Director, generation: u64, mirror: &str) -> Result<()> {
    let looked = wait_until(mirror, || {
        let ready = node.get("/readyz")?.body;
        let answer = node.get(MIRRORLIST)?.body;
        let is = ready.contains(&format!("generation {generation}\n"));
        Ok((is && answer.contains(mirror)).then_some(()))
    });
    looked.with_context(|| format!("after {PATIENCE:?}: {}", node.said()))
}

pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is no text")
}
