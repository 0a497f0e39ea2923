//! A new snapshot is taken over; a bad one is not.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Result;
use heliostat_testing_e2e::{Connection, Director, wait_until};
use rustix::process::Signal;

use crate::fixture::{MIRRORLIST, compile_one, replace, snapshot_of};

#[test]
fn a_replaced_file_is_taken_over_by_itself() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let director = Director::start_ready(folder.path(), &snapshot, &[])?;
    assert!(director.get(MIRRORLIST)?.body.contains("first.example"));
    replace(&compile_one("second", folder.path(), "next")?, &snapshot)?;
    shows(&director, "second.example")
}

#[test]
fn sighup_takes_over_a_file_that_was_written_in_place() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let link = folder.path().join("current.snapshot");
    std::os::unix::fs::symlink(&snapshot, &link)?;
    let director = Director::start_ready(folder.path(), &link, &[])?;
    let next = compile_one("second", folder.path(), "next")?;
    let other = folder.path().join("other");
    std::os::unix::fs::symlink(&next, &other)?;
    replace(&other, &link)?;
    director.signal(Signal::HUP)?;
    shows(&director, "second.example")
}

#[test]
fn bad_snapshots_are_refused_and_the_old_one_stays() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let good = fs::read(&snapshot)?;
    let director = Director::start_ready(folder.path(), &snapshot, &[])?;
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x40;
    let bad: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("no snapshot", b"This is no snapshot.\n"),
        ("cut in half", &good[..middle]),
        ("without its last byte", &good[..good.len() - 1]),
        ("one bit flipped", &flipped),
    ];
    for (what, bytes) in bad {
        let said_before = director.said().len();
        put(folder.path(), &snapshot, bytes)?;
        director.signal(Signal::HUP)?;
        wait_until(what, || Ok((director.said().len() > said_before).then_some(())))?;
        assert!(director.get(MIRRORLIST)?.body.contains("first.example"), "{what}");
        assert_eq!(director.get("/readyz")?.status, 200, "{what}");
    }
    replace(&compile_one("second", folder.path(), "next")?, &snapshot)?;
    shows(&director, "second.example")
}

#[test]
fn no_request_fails_while_snapshots_come_and_go() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let director = Director::start_ready(folder.path(), &snapshot, &[])?;
    let (address, done) = (director.address, AtomicBool::new(false));
    let client = || -> Result<u64> {
        let mut connection = Connection::open(address)?;
        let mut answers = 0;
        while !done.load(Ordering::Relaxed) {
            let response = connection.get(MIRRORLIST)?;
            assert_eq!(response.status, 200);
            let named = ["first.example", "second.example"].map(|n| response.body.contains(n));
            assert!(named[0] != named[1], "not one snapshot: {}", response.body);
            answers += 1;
        }
        Ok(answers)
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(client)).collect();
        let result = (0..10).try_for_each(|round| {
            let mirror = if round % 2 == 0 { "second" } else { "first" };
            replace(&compile_one(mirror, folder.path(), "next")?, &snapshot)?;
            shows(&director, &format!("{mirror}.example"))
        });
        done.store(true, Ordering::Relaxed);
        for client in clients {
            let answers = client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
            assert!(answers > 0);
        }
        result
    })
}

/// Waits until answers name a mirror.
fn shows(director: &Director, name: &str) -> Result<()> {
    wait_until(name, || Ok(director.get(MIRRORLIST)?.body.contains(name).then_some(())))
}

/// Puts bytes in a snapshot's place as a whole.
fn put(folder: &Path, place: &Path, bytes: &[u8]) -> Result<()> {
    let aside = folder.join("aside");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&aside)?;
    file.write_all(bytes)?;
    replace(&aside, place)
}
