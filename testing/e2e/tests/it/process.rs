//! Starts, is ready, drains, ends.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use heliostat_testing_e2e::{Connection, CutShort, Director, Stopped, missing, skip, wait_until};

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
fn sigterm_cuts_no_answer_short_and_exits_with_zero() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let director = Director::start_ready(folder.path(), &snapshot, &[])?;
    let (address, answers) = (director.address, AtomicU32::new(0));
    let stopped = thread::scope(|scope| -> Result<Stopped> {
        let client = || answers_whole(address, &answers);
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        wait_until("answers", || Ok((answers.load(Ordering::Relaxed) > 100).then_some(())))?;
        let stopped = director.stop()?;
        for client in clients {
            client.join().map_err(|_| anyhow!("a client panicked"))??;
        }
        Ok(stopped)
    })?;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.said);
    assert!(Connection::open(address).is_err(), "somebody still listens");
    Ok(())
}

#[test]
fn sigterm_does_not_wait_for_idle_connections() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    // Longer than the test's own patience: waiting for them would fail it.
    let options = ["--drain-timeout-s", "600"];
    let director = Director::start_ready(folder.path(), &snapshot, &options)?;
    let unused = Connection::open(director.address)?;
    let mut used = Connection::open(director.address)?;
    assert_eq!(used.get(MIRRORLIST)?.status, 200);
    let stopped = director.stop()?;
    assert!(stopped.status.success(), "{}\n{}", stopped.status, stopped.said);
    drop(unused);
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
fn http_2_is_spoken_to_those_who_know() -> Result<()> {
    if let Some(why) = missing(&["curl"]) {
        return skip("process::http_2_is_spoken_to_those_who_know", &why);
    }
    let (folder, snapshot) = snapshot_of("first")?;
    let director = Director::start_ready(folder.path(), &snapshot, &[])?;
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--http2-prior-knowledge"])
        .args(["--write-out", "%{http_version} %{http_code}", &director.url(MIRRORLIST)])
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("first.example") && said.ends_with("2 200"), "{said}");
    Ok(())
}

#[test]
fn an_unknown_option_is_an_error_that_names_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let error = Director::start(folder.path(), &["--no-such-option"]).err().context("it runs")?;
    assert!(format!("{error:#}").contains("--no-such-option"), "{error:#}");
    Ok(())
}

/// Asks on one connection until it ends; it may end between answers, never within one.
fn answers_whole(address: SocketAddr, answers: &AtomicU32) -> Result<()> {
    let mut connection = Connection::open(address)?;
    loop {
        match connection.get(MIRRORLIST) {
            Ok(response) => ensure!(response.status == 200, "{response:?}"),
            Err(error) if error.is::<CutShort>() => return Err(error),
            Err(_) => return Ok(()),
        }
        answers.fetch_add(1, Ordering::Relaxed);
    }
}
