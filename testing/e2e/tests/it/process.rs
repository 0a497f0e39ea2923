//! Starts, is ready, drains, ends.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use heliostat_testing_e2e::{Connection, Director, wait_until};
use rustix::process::Signal;

use crate::fixture::{METALINK, MIRRORLIST, compile_one, replace, snapshot_of};

#[test]
fn without_a_snapshot_it_says_so_until_there_is_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let place = folder.path().join("later.snapshot");
    let place_text = place.to_str().context("the path is no text")?;
    let director = Director::start(folder.path(), &["--snapshot", place_text])?;
    assert_eq!(director.get("/healthz")?.status, 200);
    assert_eq!(director.get("/readyz")?.status, 503);
    for page in [MIRRORLIST, METALINK] {
        let response = director.get(page)?;
        assert_eq!(response.status, 503, "{page}");
        assert!(response.header("retry-after").is_some(), "{response:?}");
    }
    replace(&compile_one("first", folder.path(), "made")?, &place)?;
    wait_until("ready", || Ok((director.get("/readyz")?.status == 200).then_some(())))?;
    assert!(director.get(MIRRORLIST)?.body.contains("http://first.example/linux/releases"));
    Ok(())
}

#[test]
fn sigterm_answers_what_was_begun_and_exits_with_zero() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let director = Director::start_ready(folder.path(), &snapshot, &[])?;
    let idle = Connection::open(director.address)?;
    let mut begun = Connection::open(director.address)?;
    assert_eq!(begun.get(MIRRORLIST)?.status, 200);
    begun.send(format!("GET {MIRRORLIST} HTTP/1.1\r\nHost: a\r\n").as_bytes())?;
    thread::sleep(Duration::from_millis(200));
    director.signal(Signal::TERM)?;
    thread::sleep(Duration::from_millis(200));
    begun.send(b"\r\n")?;
    let response = begun.receive()?;
    assert_eq!(response.status, 200);
    let started = Instant::now();
    let stopped = director.stop()?;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.said);
    assert!(started.elapsed() < Duration::from_secs(5), "an idle connection held it up");
    drop(idle);
    Ok(())
}

#[test]
fn pipelined_requests_are_answered_in_order() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let director = Director::start_ready(folder.path(), &snapshot, &[])?;
    let mut connection = Connection::open(director.address)?;
    let pages = [MIRRORLIST, "/nothing", METALINK, "/healthz"];
    let requests: String =
        pages.iter().map(|page| format!("GET {page} HTTP/1.1\r\nHost: a\r\n\r\n")).collect();
    connection.send(requests.as_bytes())?;
    let statuses: Vec<u16> =
        pages.iter().map(|_| Ok(connection.receive()?.status)).collect::<Result<_>>()?;
    assert_eq!(statuses, [200, 404, 200, 200]);
    Ok(())
}

#[test]
fn a_bad_snapshot_option_is_an_error_that_names_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let error = Director::start(folder.path(), &["--no-such-option"]).err().context("it runs")?;
    assert!(format!("{error:#}").contains("--no-such-option"), "{error:#}");
    Ok(())
}
