//! A mirror dies and comes back, while the real program looks at it: answers follow.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{Director, binary, run, wait_until};
use heliostat_testing_fleet::{Fleet, Manner, Post, Primary};

#[test]
fn a_dead_mirror_leaves_answers_and_comes_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = folder.path().join("catalog.db");
    let catalog = catalog.to_str().context("no text")?.to_owned();
    let call = |arguments: &[&str]| run(&[arguments, &["--catalog", &catalog]].concat());
    let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
    let primary = Primary::small(now_unix_s - 3600);
    let origin = folder.path().join("primary");
    fs::create_dir_all(&origin)?;
    primary.newest().write(&origin)?;
    call(&["init"])?;
    call(&["category", "add", "Linux", "--set", "top=pub/linux"])?;
    call(&["scan", "--category", "Linux", "--from", origin.to_str().context("no text")?])?;
    let names = ["steady", "calm", "mortal"];
    let fleet = Fleet::start(names.map(|name| Post::new(name, primary.newest())))?;
    call(&["site", "add", "Mirrors"])?;
    for mirror in fleet.mirrors() {
        let mirrors =
            format!("mirrors=[{{category = \"Linux\", urls = [{{url = \"{}\"}}]}}]", mirror.url());
        let sets = ["--set", "site=Mirrors", "--set", &mirrors];
        call(&[&["host", "add", mirror.name()][..], &sets].concat())?;
    }
    call(&["crawl", "--once", "--allow-loopback", "--requests-per-s", "1000"])?;
    let to = folder.path().join("to");
    let publish = ["publish", "--once", "--to", to.to_str().context("no text")?];
    call(&publish)?;
    let director = Director::start_ready(folder.path(), &to.join("current.snapshot"), &[])?;
    let url = |name: &str| fleet.mirror(name).map(|mirror| mirror.url()).unwrap_or_default();
    let answered = || -> Result<Vec<&'static str>> {
        let target = format!("/mirrorlist?path=pub/linux/{}/repodata", Primary::UPDATES);
        let body = director.get(&target)?.body;
        Ok(names.into_iter().filter(|name| body.contains(&url(name))).collect())
    };
    ensure!(answered()? == names, "{:?}", answered()?);

    // Nobody crawls from here on.
    let watch = Watch::start(&catalog, &folder.path().join("said"))?;
    let mortal = fleet.mirror("mortal").context("no mirror")?;
    let line = |end: &str| format!("mortal: {} {end}", url("mortal"));
    for (manner, end, expected) in [
        (Manner::Refuses, line("is left out: "), &names[..2]),
        (Manner::Honest, line("is back\n"), &names[..]),
    ] {
        mortal.behave(manner);
        wait_until(&end, || Ok(watch.said()?.contains(&end).then_some(())))?;
        call(&publish)?;
        wait_until("answers follow", || Ok((answered()? == expected).then_some(())))?;
    }
    let said = watch.said()?;
    ensure!(!said.contains("steady: ") && !said.contains("calm: "), "{said}");
    Ok(())
}

/// `heliostat health`, one round after the other.
struct Watch {
    child: Child,
    said: PathBuf,
}

impl Watch {
    fn start(catalog: &str, said: &Path) -> Result<Watch> {
        let file = File::create(said)?;
        let child = Command::new(binary()?)
            .args(["health", "--allow-loopback", "--interval-s", "1", "--catalog", catalog])
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .context("cannot start the looks")?;
        Ok(Watch { child, said: said.to_owned() })
    }

    fn said(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.said)?)
    }
}

impl Drop for Watch {
    /// A failed test leaves no process behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
