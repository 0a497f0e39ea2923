//! A release that its publisher tells of is looked for at the mirrors at once, and nothing else is.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{Director, address_unused, binary, run, wait_until};
use heliostat_testing_fleet::{Fleet, Mirror, Post, Primary, Tree};
use serde_json::Value;

#[test]
fn mirrors_are_asked_for_what_was_named_and_answers_follow() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (catalog, origin) = (file("catalog.db"), file("primary"));
    let call = |arguments: &[&str]| run(&[arguments, &["--catalog", &catalog]].concat());
    let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
    let mut primary = Primary::small(now_unix_s - 7200);
    primary.release(now_unix_s - 3600);
    let (old, new) = (primary.behind(1), primary.newest());
    fs::create_dir_all(&origin)?;
    old.write(origin.as_ref())?;
    call(&["init"])?;
    call(&["category", "add", "Linux", "--set", "top=pub/linux"])?;
    call(&["scan", "--full", "--category", "Linux", "--from", &origin])?;
    let names = ["first", "second"];
    let fleet = Fleet::start(names.map(|name| Post::new(name, Arc::clone(&old))))?;
    call(&["site", "add", "Mirrors"])?;
    for mirror in fleet.mirrors() {
        let mirrors =
            format!("mirrors=[{{category = \"Linux\", urls = [{{url = \"{}\"}}]}}]", mirror.url());
        let sets = ["--set", "site=Mirrors", "--set", &mirrors];
        call(&[&["host", "add", mirror.name()][..], &sets].concat())?;
    }
    call(&["crawl", "--once", "--allow-loopback", "--requests-per-s", "1000"])?;
    let to = file("to");
    let publish = || call(&["publish", "--once", "--to", &to]);
    publish()?;
    let current = folder.path().join("to/current.snapshot");
    let director = Director::start_ready(folder.path(), &current, &[])?;
    let named = format!("{}/repodata", Primary::UPDATES);
    let has = |wanted: &[&str]| -> Result<()> {
        wait_until("the answers", || {
            let body = director.get(&format!("/mirrorlist?path=pub/linux/{named}"))?.body;
            let is_there = |mirror: &&Mirror| body.contains(&mirror.url());
            let found: Vec<&str> =
                fleet.mirrors().iter().filter(is_there).map(Mirror::name).collect();
            Ok((found == wanted).then_some(()))
        })
    };
    has(&names)?;

    // A release, which one mirror has and the other has not.
    new.write(origin.as_ref())?;
    let [first, second] = names.map(|name| fleet.mirror(name));
    let (first, second) = (first.context("no mirror")?, second.context("no mirror")?);
    first.take(Arc::clone(&new));
    fs::write(folder.path().join("paths"), format!("pub/linux/{named}\n"))?;
    let notify = ["notify", "--json", "--paths", &file("paths")];
    let before = [first, second].map(|mirror| asked(mirror, &new, &named));
    let said = call(&[&notify[..], &["--allow-loopback"]].concat())?;
    let said: Value = serde_json::from_str(&said)?;
    let (scanned, mirrors) = (&said["scanned"][0], &said["mirrors"]);
    ensure!(scanned["directories"] == 1 && scanned["versions"] == 1, "{said}");
    ensure!(mirrors["hosts"] == 2, "{said}");
    ensure!(mirrors["current"] == 1 && mirrors["behind"] == 1, "{said}");
    for (mirror, before) in [first, second].into_iter().zip(before) {
        only_named(before, asked(mirror, &new, &named))?;
    }
    publish()?;
    has(&["first"])?;

    // The other one has it, too, and the director is told from afar.
    second.take(Arc::clone(&new));
    call(&["user", "add", "publisher", "--set", "role=editor"])?;
    fs::write(folder.path().join("token"), call(&["token", "add", "publisher/primary"])?)?;
    let (_web, address) = Running::web(&catalog)?;
    let before = asked(second, &new, &named);
    let (url, token) = (format!("http://{address}"), file("token"));
    let said = run(&[&notify[..], &["--to", &url, "--token-file", &token]].concat())?;
    let said: Value = serde_json::from_str(&said)?;
    ensure!(said["mirrors"]["current"] == 2, "{said}");
    only_named(before, asked(second, &new, &named))?;
    publish()?;
    has(&names)
}

/// How often a mirror was asked, and how often for a folder or a file in it.
fn asked(mirror: &Mirror, tree: &Tree, folder: &str) -> (u64, u64) {
    let page = format!("{folder}/");
    let files = tree.files().map(|(path, _)| path).filter(|path| path.starts_with(&page));
    let own = files.map(|path| mirror.count_of(&path)).sum::<u64>() + mirror.count_of(&page);
    (mirror.counts().requests, own)
}

fn only_named(before: (u64, u64), after: (u64, u64)) -> Result<()> {
    let (all, own) = (after.0 - before.0, after.1 - before.1);
    ensure!(all > 0 && all == own, "{own} of {all} requests were for what was named");
    Ok(())
}

/// Ends with the test.
struct Running(Child);

impl Running {
    fn web(catalog: &str) -> Result<(Running, String)> {
        let address = address_unused().to_string();
        let mut web = Command::new(binary()?);
        web.args(["web", "--catalog", catalog, "--allow-loopback", "--listen", &address]);
        let web = Running(web.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?);
        wait_until("listening", || Ok(TcpStream::connect(&address).ok()))?;
        Ok((web, address))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
