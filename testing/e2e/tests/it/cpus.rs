//! The CPUs change under a server that is busy: its threads follow, and no request fails.
//!
//! With `HELIOSTAT_TIMED=1` the threads must also be where they belong within two seconds; on a
//! machine that others use as well, that is not the server's to promise.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use heliostat_testing_e2e::{
    Connection, Cpuset, Director, address_unused, cpus_allowed, get, mask_set, run, skip, tasks,
    wait_until,
};

use crate::fixture::{METALINK, MIRRORLIST, snapshot_of};

#[test]
fn threads_follow_masks_that_are_set_from_outside() -> Result<()> {
    let Some(cpus) = two_cpus("cpus::threads_follow_masks_that_are_set_from_outside")? else {
        return Ok(());
    };
    let busy = Busy::start()?;
    let process = busy.director.process()?;
    busy.under_load(cpus, |cpus| mask_set(process, cpus))
}

#[test]
fn threads_follow_the_cpuset_of_the_container() -> Result<()> {
    let name = "cpus::threads_follow_the_cpuset_of_the_container";
    let Some(cpus) = two_cpus(name)? else { return Ok(()) };
    let cpuset = match Cpuset::make(&cpus) {
        Ok(cpuset) => cpuset,
        Err(why) => return skip(name, &format!("{why:#}")),
    };
    let busy = Busy::start()?;
    cpuset.take_in(busy.director.process()?)?;
    busy.under_load(cpus, |cpus| cpuset.allow(cpus))
}

#[test]
fn a_fixed_number_of_threads_stays_that_number() -> Result<()> {
    let Some(cpus) = two_cpus("cpus::a_fixed_number_of_threads_stays_that_number")? else {
        return Ok(());
    };
    let (folder, snapshot) = snapshot_of("first")?;
    let director = Director::start_ready(folder.path(), &snapshot, &["--threads", "3"])?;
    let process = director.process()?;
    mask_set(process, &cpus[..1])?;
    for _ in 0..20 {
        assert_eq!(director.get(MIRRORLIST)?.status, 200);
    }
    let serving = tasks(process)?.into_iter().filter(|task| is_serving(&task.name));
    assert_eq!(serving.map(|task| task.cpus).collect::<Vec<_>>(), vec![cpus[..1].to_vec(); 3]);
    Ok(())
}

#[test]
fn the_command_prints_what_there_is() -> Result<()> {
    let cpus = cpus_allowed()?;
    let printed = run(&["cpus"])?;
    for what in ["possible CPUs", "allowed CPUs", "operations by", "ids in use", "fence", "pins"] {
        ensure!(printed.contains(what), "no {what} in\n{printed}");
    }
    let json: String = run(&["cpus", "--json"])?.split_whitespace().collect();
    ensure!(json.contains(&format!("\"serving_threads\":{},", cpus.len())), "{json}");
    ensure!(json.contains("\"ids_in_use\":") && json.contains("\"restartable\":"), "{json}");
    Ok(())
}

/// Two CPUs that this test may use, or a line about why not.
fn two_cpus(test: &str) -> Result<Option<[usize; 2]>> {
    let cpus = cpus_allowed()?;
    let Some(two) = cpus.first_chunk() else {
        skip(test, "needs two CPUs")?;
        return Ok(None);
    };
    Ok(Some(*two))
}

/// A server with clients.
struct Busy {
    director: Director,
    metrics: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Busy {
    fn start() -> Result<Busy> {
        let (folder, snapshot) = snapshot_of("first")?;
        let metrics = address_unused();
        let options = ["--metrics-listen", &metrics.to_string()];
        let director = Director::start_ready(folder.path(), &snapshot, &options)?;
        Ok(Busy { director, metrics, _folder: folder })
    }

    /// Asks without a pause while the CPUs change from two to one and back, three times.
    fn under_load(self, both: [usize; 2], allow: impl Fn(&[usize]) -> Result<()>) -> Result<()> {
        allow(&both)?;
        self.settles(&both)?;
        let (done, answers, address) = (AtomicBool::new(false), AtomicU64::new(0), self.address());
        let before = self.counted()?;
        thread::scope(|scope| {
            let clients: Vec<_> = CLIENTS
                .iter()
                .map(|client| scope.spawn(|| client(address, &done, &answers)))
                .collect();
            let changed = (0..3).try_for_each(|round| {
                let mut resting = Resting::open(address)?;
                allow(&both[round % 2..][..1])?;
                self.settles(&both[round % 2..][..1])?;
                resting.ask(&answers)?;
                // Some of these come to listeners of the retired thread; somebody must be there.
                Resting::open(address)?.ask(&answers)?;
                allow(&both)?;
                self.settles(&both)?;
                wait_until("retired threads end", || {
                    Ok((self.metric("heliostat_threads{state=\"retiring\"}")? == 0).then_some(()))
                })
            });
            done.store(true, Ordering::Relaxed);
            for client in clients {
                client.join().map_err(|_| anyhow!("a client panicked"))??;
            }
            changed
        })?;
        let expected = answers.load(Ordering::Relaxed);
        ensure!(expected > 100, "only {expected} answers");
        ensure!(self.counted()? - before == expected, "{} for {expected}", self.counted()?);
        ensure!(self.metric("heliostat_answers_other_total")? == 0);
        ensure!(self.metric("heliostat_cpu_changes_total")? >= 6);
        let stopped = self.director.stop()?;
        ensure!(stopped.status.success(), "{}\n{}", stopped.status, stopped.said);
        Ok(())
    }

    fn address(&self) -> SocketAddr {
        self.director.address
    }

    /// Waits until there is one serving thread on each of these CPUs, and no thread elsewhere.
    fn settles(&self, cpus: &[usize]) -> Result<()> {
        let process = self.director.process()?;
        let begun = Instant::now();
        wait_until(&format!("threads on {cpus:?}"), || {
            let threads = self.metric("heliostat_threads{state=\"serving\"}")?;
            let mut on: BTreeMap<usize, usize> = BTreeMap::new();
            let mut strays = 0;
            for task in tasks(process)?.into_iter().filter(|task| is_serving(&task.name)) {
                match task.cpus[..] {
                    [cpu] if cpus.contains(&cpu) => *on.entry(cpu).or_default() += 1,
                    _ => strays += usize::from(task.cpus.iter().any(|cpu| !cpus.contains(cpu))),
                }
            }
            let all = cpus.iter().all(|cpu| on.contains_key(cpu));
            Ok((all && strays == 0 && threads == cpus.len() as u64).then_some(()))
        })?;
        let took = begun.elapsed();
        eprintln!("threads on {cpus:?} after {} ms", took.as_millis());
        let timed = std::env::var_os("HELIOSTAT_TIMED").is_some();
        ensure!(!timed || took <= Duration::from_secs(2), "{took:?} until threads on {cpus:?}");
        Ok(())
    }

    /// The value of one line of the metrics.
    fn metric(&self, name: &str) -> Result<u64> {
        let page = get(self.metrics, "/metrics")?.body;
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).with_context(|| format!("no {name} in\n{page}"))
    }

    /// How many answers were counted, whatever they were about.
    fn counted(&self) -> Result<u64> {
        let page = get(self.metrics, "/metrics")?.body;
        let lines = page.lines().filter(|line| line.starts_with("heliostat_answers_total{"));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }
}

fn is_serving(name: &str) -> bool {
    name.strip_prefix("serve-").is_some_and(|number| number.parse::<u32>().is_ok())
}

/// What a client does until it is done, counting its answers.
type Client = fn(SocketAddr, &AtomicBool, &AtomicU64) -> Result<()>;

const CLIENTS: [Client; 4] = [fresh, kept, fresh, kept];

/// A client that connects for each question.
fn fresh(address: SocketAddr, done: &AtomicBool, answers: &AtomicU64) -> Result<()> {
    while !done.load(Ordering::Relaxed) {
        let response = get(address, METALINK)?;
        ensure!(response.status == 200, "{response:?}");
        answers.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// A client that keeps its connection until it is told that it ends.
fn kept(address: SocketAddr, done: &AtomicBool, answers: &AtomicU64) -> Result<()> {
    let mut connection = Connection::open(address)?;
    while !done.load(Ordering::Relaxed) {
        let response = connection.get(MIRRORLIST)?;
        ensure!(response.status == 200, "{response:?}");
        answers.fetch_add(1, Ordering::Relaxed);
        if response.header("connection") == Some("close") {
            connection = Connection::open(address)?;
        }
    }
    Ok(())
}

/// Connections on which nothing is asked while the CPUs change.
struct Resting(Vec<Connection>);

impl Resting {
    fn open(address: SocketAddr) -> Result<Resting> {
        Ok(Resting((0..16).map(|_| Connection::open(address)).collect::<Result<_>>()?))
    }

    /// Asks on each once: those of a retired thread answer too, and say that it was the last.
    fn ask(&mut self, answers: &AtomicU64) -> Result<()> {
        for connection in &mut self.0 {
            let response = connection.get(MIRRORLIST)?;
            ensure!(response.status == 200, "{response:?}");
            answers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
