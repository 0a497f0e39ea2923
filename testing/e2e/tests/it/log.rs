//! The access log: its line, a new file, a full disk.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use expect_test::expect;
use heliostat_testing_e2e::{Director, wait_until};
use rustix::process::Signal;

use crate::fixture::{MIRRORLIST, replace, snapshot_of};

#[test]
fn a_line_has_the_form_that_statistics_split() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let log = folder.path().join("access.log");
    let director = Director::start_ready(folder.path(), &snapshot, &options(&log)?)?;
    director.get(MIRRORLIST)?;
    director.get("/metalink?repo=fedora-40&arch=x86_64&country=se")?;
    director.get("/mirrorlist?repo=no-such&arch=x86_64")?;
    director.get("/mirrorlist?path=pub/fedora/linux/releases/40/Everything/x86_64/os")?;
    director.stop()?;
    let lines: String = fs::read_to_string(&log)?.lines().map(without_date).collect();
    expect![[r#"
        IP: 127.0.0.1; DATE: YYYY-MM-DD; COUNTRY: N/A; REPO: fedora-40; ARCH: x86_64
        IP: 127.0.0.1; DATE: YYYY-MM-DD; COUNTRY: N/A; REPO: fedora-40; ARCH: x86_64
    "#]]
    .assert_eq(&lines);
    Ok(())
}

#[test]
fn sigusr1_opens_the_file_anew() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let (log, rotated) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    let director = Director::start_ready(folder.path(), &snapshot, &options(&log)?)?;
    director.get(MIRRORLIST)?;
    lines_are(&log, 1)?;
    replace(&log, &rotated)?;
    director.signal(Signal::USR1)?;
    wait_until("the new file", || Ok(log.exists().then_some(())))?;
    director.get(MIRRORLIST)?;
    director.get(MIRRORLIST)?;
    lines_are(&log, 2)?;
    lines_are(&rotated, 1)?;
    assert!(director.stop()?.status.success());
    Ok(())
}

#[test]
fn a_full_disk_drops_lines_and_nothing_else() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let full = Path::new("/dev/full");
    let director = Director::start_ready(folder.path(), &snapshot, &options(full)?)?;
    for _ in 0..500 {
        assert_eq!(director.get(MIRRORLIST)?.status, 200);
    }
    let stopped = director.stop()?;
    assert!(stopped.status.success(), "{}", stopped.status);
    assert!(stopped.said.contains("access log"), "it kept silent:\n{}", stopped.said);
    Ok(())
}

fn options(log: &Path) -> Result<[&str; 2]> {
    Ok(["--access-log", log.to_str().context("the path is no text")?])
}

fn lines_are(log: &Path, expected: usize) -> Result<()> {
    wait_until("lines", || {
        let count = fs::read_to_string(log)?.lines().count();
        Ok((count >= expected).then_some(()))
    })?;
    assert_eq!(fs::read_to_string(log)?.lines().count(), expected);
    Ok(())
}

/// The date is checked for its form and replaced.
fn without_date(line: &str) -> String {
    let mut words: Vec<&str> = line.split(' ').collect();
    if let Some(date) = words.get_mut(3)
        && date.len() == 11
        && date.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b';')
    {
        *date = "YYYY-MM-DD;";
    }
    words.join(" ") + "\n"
}
