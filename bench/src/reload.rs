//! Replacing the snapshot under full load, and how fast a server starts and notices.
//!
//! Two snapshots take turns under one name, each put there by a rename. Clients must not notice
//! but for the time of creation in the answers that they asked it of.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use heliostat_snapshot::Snapshot;
use heliostat_testing_world::Endpoint;

use crate::client::{Connection, runtime};
use crate::compile::Compiled;
use crate::inputs::Inputs;
use crate::machine::{Machine, pinned};
use crate::servers::{Server, heliostat};
use crate::steady::{self, Effort, Run, disturbance, run_quiet};
use crate::table::{Table, median, percentile, short};
use crate::targets::request;
use crate::usage;

/// A server whose snapshot can be replaced.
#[derive(Debug)]
pub struct Live {
    /// The server.
    pub server: Server,
    /// The name under which it looks for its snapshot.
    path: PathBuf,
    spares: [PathBuf; 2],
    replaced: usize,
}

impl Live {
    /// Starts a server with the first snapshot.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn start(inputs: &Inputs, compiled: &Compiled, machine: &Machine) -> Result<Live> {
        let path = inputs.folder.join("live.snapshot");
        let spares = [compiled.snapshot.clone(), compiled.snapshot_next.clone()];
        put(&spares[0], &path)?;
        let server = heliostat(inputs, &path, machine)?;
        Ok(Live { server, path, spares, replaced: 0 })
    }

    /// Puts the other snapshot under the name.
    fn replace(&mut self) -> Result<Instant> {
        self.replaced += 1;
        put(&self.spares[self.replaced % 2], &self.path)
    }
}

/// Puts a file under another name as well, atomically; returns when.
fn put(from: &Path, to: &Path) -> Result<Instant> {
    let aside = to.with_extension("aside");
    // Left over when an earlier run was killed.
    let _ = fs::remove_file(&aside);
    fs::hard_link(from, &aside).with_context(|| format!("{}", aside.display()))?;
    fs::rename(&aside, to).with_context(|| format!("{}", to.display()))?;
    Ok(Instant::now())
}

/// Item 3: runs without and with a replacement every second, in turn.
///
/// # Errors
///
/// When wrk or the server fails.
pub fn table_under_load(
    live: &mut Live,
    inputs: &Inputs,
    effort: Effort,
    machine: &Machine,
) -> Result<Table> {
    let Effort { rounds, seconds, tries } = effort;
    let targets = inputs.targets(Endpoint::Mirrorlist);
    let (mut still, mut moving) = (Vec::new(), Vec::new());
    let (mut most_kib, mut replaced) = (0, 0);
    let pid = live.server.child.pid();
    let mut before_kib = None;
    for round in 0..rounds {
        eprintln!("replacing under load, round {} of {rounds} ...", round + 1);
        let load = |server: &Server| {
            steady::run(server, targets, CONNECTIONS, seconds, &inputs.folder, machine)
        };
        still.push(run_quiet(tries, || load(&live.server))?);
        // Buffers of the connections are part of full load, so they count as before.
        before_kib = before_kib.or(Some(usage::memory(pid)?.private_kib));
        let first = live.replaced;
        moving.push(run_quiet(tries, || {
            let (run, kib) = while_replacing(live, machine, load)?;
            most_kib = most_kib.max(kib);
            Ok(run)
        })?);
        replaced += live.replaced - first;
    }
    let after_kib = usage::memory(pid)?.private_kib;
    let before_kib = before_kib.unwrap_or(after_kib);
    Ok(table(&still, &moving, replaced, [before_kib, most_kib, after_kib].map(|kib| kib as f64)))
}

fn table(still: &[Run], moving: &[Run], replaced: usize, private_kib: [f64; 3]) -> Table {
    let mut table = Table::new(
        "3. A new snapshot every second under full load",
        &["", "answers/s", "CPU µs", "p99 ms", "max ms", "failed"],
    );
    for (name, runs) in [("no reload", still), ("reload every second", moving)] {
        let of = |figure: fn(&Run) -> f64| short(median(runs.iter().map(figure)));
        table.row([
            name.to_owned(),
            of(|run| run.answers_per_s),
            of(|run| run.cpu_us),
            of(|run| run.p99_ms),
            of(|run| run.max_ms),
            runs.iter().map(|run| run.failed).sum::<u64>().to_string(),
        ]);
    }
    let pairs = still.iter().zip(moving);
    let slower = median(pairs.map(|(s, m)| s.answers_per_s / m.answers_per_s));
    let failed: u64 = moving.iter().map(|run| run.failed).sum();
    let [before, most, after] = private_kib;
    table.note(disturbance(still.iter().chain(moving)));
    table.note(format!("Replaced {replaced} times at {CONNECTIONS} connections."));
    table.goal("Failed requests", failed as f64, 0.0);
    table.goal("Throughput without reloads over that with (1 / 0.95)", slower, 1.0 / 0.95);
    table.note(format!(
        "Private memory in MB: {} before, {} at most while reloading, {} after.",
        short(before / 1e3),
        short(most / 1e3),
        short(after / 1e3)
    ));
    table.goal("Growth of private memory in percent", (after / before - 1.0) * 100.0, 5.0);
    table
}

/// Puts a new snapshot in place every second while a load runs; also returns the most private
/// memory that was seen meanwhile.
fn while_replacing(
    live: &mut Live,
    machine: &Machine,
    load: impl FnOnce(&Server) -> Result<Run>,
) -> Result<(Run, u64)> {
    let over = AtomicBool::new(false);
    let Live { server, path, spares, replaced } = live;
    let pid = server.child.pid();
    thread::scope(|scope| {
        let replacer = scope.spawn(|| {
            pinned(machine.load_cpu, || {
                let (mut most_kib, mut ticks) = (0, 0_u32);
                while !over.load(Ordering::Relaxed) {
                    if ticks.is_multiple_of(10) {
                        *replaced += 1;
                        put(&spares[*replaced % 2], path)?;
                    }
                    ticks += 1;
                    thread::sleep(Duration::from_millis(100));
                    most_kib = most_kib.max(usage::memory(pid)?.private_kib);
                }
                Ok(most_kib)
            })
        });
        let run = load(server);
        over.store(true, Ordering::Relaxed);
        match replacer.join() {
            Ok(most_kib) => Ok((run?, most_kib?)),
            Err(_) => bail!("replacing panicked"),
        }
    })
}

/// Item 4: start, memory, and the time from a rename to the first answer from the new file.
///
/// # Errors
///
/// When the server fails or never notices.
pub fn table_start(
    mut live: Live,
    compiled: &Compiled,
    target: &str,
    (rounds, machine): (usize, &Machine),
) -> Result<Table> {
    let private_mb = usage::memory(live.server.child.pid())?.private_kib as f64 * 1024.0 / 1e6;
    let target = format!("{target}&time=1");
    let runtime = runtime()?;
    let swaps: Vec<f64> = pinned(machine.load_cpu, || {
        runtime.block_on(async {
            let mut swaps = Vec::new();
            for round in 0..rounds {
                // Not in step with whatever period the server looks in.
                tokio::time::sleep(Duration::from_millis(300 + 37 * round as u64)).await;
                swaps.push(swap_ms(&mut live, &target).await?);
            }
            Ok(swaps)
        })
    })?;
    let opens = pinned(machine.load_cpu, || open_ms(&compiled.snapshot, rounds))?;
    let started_ms = live.server.started_after.as_secs_f64() * 1e3;
    let mut table =
        Table::new("4. Start, memory, and noticing a new snapshot", &["what", "median", "worst"]);
    let row = |name: &str, all: &[f64]| {
        [name.to_owned(), short(median(all.iter().copied())), short(percentile(all, 100.0))]
    };
    table.row(row("rename to first answer from the new file, ms", &swaps));
    table.row(row("opening with all checks, ms", &opens));
    table.row(row("start to first answer, country database included, ms", &[started_ms]));
    table.row(row("private memory after start, MB", &[private_mb]));
    table.goal("Rename to first answer, worst, ms", percentile(&swaps, 100.0), 200.0);
    table.goal("Opening, median, ms", median(opens.iter().copied()), 150.0);
    table.goal("Private memory, MB (the peer: 743)", private_mb, 60.0);
    Ok(table)
}

/// Milliseconds from a rename to the first answer that names another time of creation.
async fn swap_ms(live: &mut Live, target: &str) -> Result<f64> {
    let mut connection = Connection::open(live.server.address).await?;
    let request = request(target, "192.0.2.1", true);
    let before = creation(&mut connection, &request).await?;
    let renamed = live.replace()?;
    while renamed.elapsed() < SWAP_MAX {
        if creation(&mut connection, &request).await? != before {
            return Ok(renamed.elapsed().as_secs_f64() * 1e3);
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
    bail!("the new snapshot was not noticed in {} s", SWAP_MAX.as_secs())
}

/// The line of an answer that names the time of creation.
async fn creation(connection: &mut Connection, request: &[u8]) -> Result<String> {
    let reply = connection.fetch(request).await?;
    let body = String::from_utf8_lossy(&reply.body);
    let line = body.lines().find(|line| line.contains("database creation time"));
    Ok(line.context("no time of creation in the answer")?.to_owned())
}

fn open_ms(path: &Path, rounds: usize) -> Result<Vec<f64>> {
    (0..rounds)
        .map(|_| {
            let begun = Instant::now();
            let snapshot = Snapshot::open(path)?;
            let elapsed = begun.elapsed();
            drop(snapshot);
            Ok(elapsed.as_secs_f64() * 1e3)
        })
        .collect()
}

const CONNECTIONS: usize = 100;
const SWAP_MAX: Duration = Duration::from_secs(10);
