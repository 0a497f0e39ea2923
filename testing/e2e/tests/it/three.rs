//! Three machines, each with a publisher and a server, over one PostgreSQL and one bucket.
//!
//! Whatever dies or is cut off, and wherever it was in its work: every question gets an answer all the
//! time, and every change becomes exactly one generation.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{
    Director, Gate, Postgres, S3, Way, binary, get, run, skip, wait_until,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::fixture::{MIRRORLIST, cache_of};
use crate::follow::{Place, serves, text};

#[test]
fn three_machines_lose_nothing() -> Result<()> {
    let (mut database, service) = match (Postgres::start()?, S3::start()?) {
        (Ok(database), Ok(service)) => (database, service),
        (Err(why), _) | (_, Err(why)) => return skip("three machines lose nothing", &why),
    };
    let gate = Gate::before(service.address)?;
    let folder = tempfile::tempdir()?;
    let mut network = Network::start(folder.path(), &database, &service, &gate)?;
    network.is_at(1)?;
    let askers = Askers::start(&network.nodes);

    // Without any trouble, every change is one generation.
    network.change()?;
    network.is_at(2)?;

    // The one that publishes is killed while it does: another one takes over.
    for (generation, sending) in (3..).zip([UPLOAD, PART, POINTER]) {
        let leader = network.caught(&gate, sending)?;
        network.kill(leader)?;
        // What was on its way arrives after its sender's death.
        gate.goes(Way::Open);
        network.is_at(generation)?;
        network.revive(folder.path(), leader)?;
    }

    // It sleeps through the end of its lease: another one takes over, and what it writes when it
    // wakes up counts for nothing.
    let leader = network.caught(&gate, UPLOAD)?;
    network.signal(leader, Signal::STOP)?;
    gate.goes(Way::Open);
    network.is_at(6)?;
    network.signal(leader, Signal::CONT)?;
    network.change()?;
    network.is_at(7)?;

    // The database goes while somebody publishes. It comes back, and everything goes on.
    network.caught(&gate, UPLOAD)?;
    database.cut();
    gate.goes(Way::Open);
    askers.go_on()?;
    database.resume()?;
    network.is_at(8)?;
    network.change()?;
    network.is_at(9)?;

    // The store goes while somebody publishes.
    network.caught(&gate, UPLOAD)?;
    gate.goes(Way::Cut);
    askers.go_on()?;
    network.change()?;
    gate.goes(Way::Open);
    // Both changes may have become one generation: neither was published before.
    network.is_current()?;

    let (asked, failed) = askers.stop();
    ensure!(failed == 0 && asked > 100, "{failed} of {asked} questions got no answer");
    network.was_gapless()
}

/// Three publishers, three servers, and everything that was seen of the store.
struct Network {
    catalog: String,
    store: Place,
    publishers: Vec<Publisher>,
    nodes: Vec<Director>,
    changes: u64,
}

struct Publisher {
    child: Child,
    said: PathBuf,
}

impl Network {
    fn start(folder: &Path, database: &Postgres, service: &S3, gate: &Gate) -> Result<Network> {
        let catalog = database.url("postgres");
        run(&["init", "--catalog", &catalog])?;
        let cache = cache_of("first", folder)?;
        run(&["import", "mirrormanager", "--catalog", &catalog, "--cache", text(&cache)?])?;
        let store = Place::bucket(service, gate)?;
        let nodes = ["a", "b", "c"].map(|cache| store.node(folder, cache));
        let nodes = nodes.into_iter().collect::<Result<_>>()?;
        let mut network = Network { catalog, store, publishers: Vec::new(), nodes, changes: 0 };
        for number in 0..3 {
            let publisher = network.publisher(&folder.join(format!("publisher-{number}")))?;
            network.publishers.push(publisher);
        }
        Ok(network)
    }

    fn publisher(&self, said: &Path) -> Result<Publisher> {
        let words = ["publish", "--to", &self.store.url, "--catalog", &self.catalog];
        let mut command = Command::new(binary()?);
        command.args(self.store.words(&words)).args(["--interval-s", "1", "--lease-s", "2"]);
        command.args(["--keep", "100"]);
        let log = File::options().append(true).create(true).open(said)?;
        let child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
        Ok(Publisher { child, said: said.to_owned() })
    }

    /// Changes something that answers do not show.
    fn change(&mut self) -> Result<()> {
        self.changes += 1;
        let value = format!("bandwidth_mbit_s={}", 1000 + self.changes);
        run(&["host", "edit", "1", "--set", &value, "--catalog", &self.catalog]).map(|_| ())
    }

    /// Changes something, and holds the store up when somebody who publishes that sends these
    /// bytes: who?
    fn caught(&mut self, gate: &Gate, sending: &'static str) -> Result<usize> {
        gate.goes(Way::Until(sending));
        self.change()?;
        wait_until(sending, || Ok((gate.way() == Way::Held).then_some(())))?;
        let holder = self.holder()?.context("nobody holds the lease")?;
        let ours = self.publishers.iter().position(|one| one.child.id() == holder);
        ours.context("a stranger publishes")
    }

    /// The process that has the lease.
    fn holder(&self) -> Result<Option<u32>> {
        let mut client = Command::new("psql");
        client.args(["-XAtq", "-d", &self.catalog, "-c"]);
        let output = client.arg("SELECT holder FROM lease WHERE name = 'publish'").output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(said.split_whitespace().nth(1).and_then(|process| process.parse().ok()))
    }

    fn kill(&mut self, number: usize) -> Result<()> {
        let child = &mut self.publishers[number].child;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    fn revive(&mut self, folder: &Path, number: usize) -> Result<()> {
        self.publishers[number] = self.publisher(&folder.join(format!("publisher-{number}")))?;
        Ok(())
    }

    fn signal(&self, number: usize, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.publishers[number].child.id())?;
        Ok(kill_process(Pid::from_raw(pid).context("no process")?, signal)?)
    }

    /// Waits until every node serves this generation.
    fn is_at(&self, generation: u64) -> Result<()> {
        let all = self.nodes.iter().try_for_each(|node| serves(node, generation, "first"));
        all.with_context(|| self.said())
    }

    /// Waits until every node serves what the catalog says.
    fn is_current(&self) -> Result<()> {
        let newest = wait_until("the newest generation", || {
            let pointer = self.pointer()?;
            let mut client = Command::new("psql");
            let sql = "SELECT revision FROM catalog_state";
            client.args(["-XAtq", "-d", &self.catalog, "-c", sql]);
            let revision = String::from_utf8(client.output()?.stdout)?;
            let mark = pointer["catalog"].as_str().unwrap_or_default();
            let is = mark.split(':').nth(1) == Some(revision.trim());
            Ok(is.then(|| generations(&pointer).last().map(|one| one.0)).flatten())
        })?;
        self.is_at(newest)
    }

    fn pointer(&self) -> Result<Value> {
        let said = run(&self.store.words(&["inspect", &self.store.url, "--json"]))?;
        Ok(serde_json::from_str(&said)?)
    }

    /// Numbers without a gap, each published once, and never two changes that became nothing.
    fn was_gapless(&self) -> Result<()> {
        let found = generations(&self.pointer()?);
        let numbers: Vec<u64> = found.iter().map(|one| one.0).collect();
        ensure!(numbers == (1..=numbers.len() as u64).collect::<Vec<_>>(), "{numbers:?}");
        // One for the import, one for each change; the last two changes may share one.
        let count = numbers.len() as u64;
        ensure!((self.changes..=self.changes + 1).contains(&count), "{count}, {}", self.changes);
        // Each was announced by one publisher, or by none that lived to say so.
        let mut announced = BTreeMap::<u64, usize>::new();
        for line in self.said().lines().filter(|line| line.contains(": generation ")) {
            let number = line.split(": generation ").nth(1).and_then(|rest| rest.split(',').next());
            *announced.entry(number.context("no number")?.parse()?).or_default() += 1;
        }
        ensure!(announced.values().all(|&times| times == 1), "{announced:?}");
        // Every file is there and is what the pointer says.
        run(&self.store.words(&["inspect", &self.store.url, "--verify"])).map(|_| ())
    }

    fn said(&self) -> String {
        let said = self.publishers.iter().map(|one| fs::read_to_string(&one.said));
        said.map(Result::unwrap_or_default).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for publisher in &mut self.publishers {
            let _ = publisher.child.kill();
            let _ = publisher.child.wait();
        }
    }
}

/// What a publisher sends when it begins to upload, uploads, and replaces the pointer (first with its
/// fence).
const UPLOAD: &str = "?uploads";
const PART: &str = "partNumber=1";
const POINTER: &str = "PUT /snapshots/some/prefix/current.json";

fn generations(pointer: &Value) -> Vec<(u64, String)> {
    let list = pointer["generations"].as_array().cloned().unwrap_or_default();
    let one =
        |one: &Value| Some((one["generation"].as_u64()?, one["content_hash"].as_str()?.to_owned()));
    list.iter().filter_map(one).collect()
}

/// Clients that ask all nodes all the time.
struct Askers {
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    asked: AtomicU64,
    failed: AtomicU64,
    stop: AtomicBool,
}

impl Askers {
    fn start(nodes: &[Director]) -> Askers {
        let counts = Arc::new(Counts::default());
        let ask = |node: &Director| {
            let (address, counts) = (node.address, Arc::clone(&counts));
            thread::spawn(move || {
                while !counts.stop.load(Ordering::Relaxed) {
                    let answer = get(address, MIRRORLIST);
                    let good =
                        answer.is_ok_and(|one| one.status == 200 && one.body.contains("first"));
                    counts.failed.fetch_add(u64::from(!good), Ordering::Relaxed);
                    counts.asked.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(10));
                }
            })
        };
        let threads = nodes.iter().map(ask).collect();
        Askers { counts, threads }
    }

    /// Waits for some more answers.
    fn go_on(&self) -> Result<()> {
        let before = self.counts.asked.load(Ordering::Relaxed);
        wait_until("more answers", || {
            Ok((self.counts.asked.load(Ordering::Relaxed) > before + 50).then_some(()))
        })
    }

    fn stop(self) -> (u64, u64) {
        self.counts.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            // A thread that panicked has asked nothing more, and its count shows it.
            let _ = thread.join();
        }
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (count(&self.counts.asked), count(&self.counts.failed))
    }
}
