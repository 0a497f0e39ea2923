//! The primary copy scanned, its mirrors crawled, published, served and asked, by the real program.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{Director, run, wait_until};
use heliostat_testing_fleet::{Fleet, Manner, Post, Primary};
use serde_json::Value;

#[test]
fn answers_follow_what_mirrors_have() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = folder.path().join("catalog.db");
    let catalog = catalog.to_str().context("no text")?.to_owned();
    let call = |arguments: &[&str]| run(&[arguments, &["--catalog", &catalog]].concat());
    let now_unix_s = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
    let mut primary = Primary::small(now_unix_s - 7200);
    primary.release(now_unix_s - 3600);
    let origin = folder.path().join("primary");
    std::fs::create_dir_all(&origin)?;
    let origin_text = origin.to_str().context("no text")?;

    call(&["init"])?;
    call(&["category", "add", "Linux", "--set", "top=pub/linux"])?;
    // Two scans, so that the release before the last one is known.
    for behind in [1, 0] {
        primary.behind(behind).write(&origin)?;
        call(&["scan", "--full", "--category", "Linux", "--from", origin_text])?;
    }
    let newest = primary.newest();
    let fleet = Fleet::start([
        Post::new("fine", newest.clone()),
        Post::new("stale", primary.behind(1)),
        Post::new("partial", Arc::new(newest.without("iso"))),
        Post::new("dead", newest.clone()).manner(Manner::Refuses),
    ])?;
    call(&["site", "add", "Mirrors"])?;
    for mirror in fleet.mirrors() {
        let mirrors =
            format!("mirrors=[{{category = \"Linux\", urls = [{{url = \"{}\"}}]}}]", mirror.url());
        let sets = ["--set", "site=Mirrors", "--set", &mirrors];
        call(&[&["host", "add", mirror.name()][..], &sets].concat())?;
    }
    let crawl = ["crawl", "--once", "--allow-loopback", "--requests-per-s", "1000"];
    let told = call(&crawl)?;
    for name in ["fine", "stale", "partial", "dead"] {
        ensure!(told.contains(name), "{told}");
    }
    let to = folder.path().join("to");
    let publish = ["publish", "--once", "--to", to.to_str().context("no text")?];
    call(&publish)?;
    let director = Director::start_ready(folder.path(), &to.join("current.snapshot"), &[])?;
    let url = |name: &str| fleet.mirror(name).map(|mirror| mirror.url()).unwrap_or_default();
    let has = |path: &str| -> Result<Vec<&'static str>> {
        let body = director.get(&format!("/mirrorlist?path=pub/linux/{path}"))?.body;
        let names = ["fine", "stale", "partial", "dead"];
        Ok(names.into_iter().filter(|name| body.contains(&url(name))).collect())
    };
    let updates = format!("{}/repodata", Primary::UPDATES);
    assert_eq!(has("iso")?, ["fine", "stale"]);
    assert_eq!(has(&updates)?, ["fine", "partial"]);
    assert_eq!(has(Primary::UPDATES)?, ["fine", "partial"], "a repository is what its metadata is");
    assert_eq!(has(Primary::RELEASE)?, ["fine", "stale", "partial"]);

    // The stale one takes the release, the fine one loses it; answers follow.
    fleet.mirror("stale").context("no mirror")?.take(newest);
    ensure!(fleet.mirror("fine").context("no mirror")?.lose(Primary::UPDATES));
    let told = call(&[&crawl[..], &["--json"]].concat())?;
    let told: Value = serde_json::from_str(&told)?;
    assert_eq!(told["hosts"].as_array().map(Vec::len), Some(3), "{told}");
    assert_eq!(told["left_alone"], 1, "the dead one");
    call(&publish)?;
    wait_until("the new answers", || {
        let now = (has(&updates)?, has("iso")?);
        Ok((now == (vec!["stale", "partial"], vec!["fine", "stale"])).then_some(()))
    })?;
    let error = call(&["crawl", "--once", "--host", "nobody"]).unwrap_err().to_string();
    assert!(error.contains("nobody: there is no such host"), "{error}");
    Ok(())
}
