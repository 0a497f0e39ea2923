//! Full load over kept connections: what an answer costs, and how long clients wait.
//!
//! The load is wrk with the same list of requests for every server. The cost of an answer is the
//! CPU time that the kernel charged the server's threads with, over the answers: other people's
//! work on the machine moves it less than it moves the answers per second.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::child::{find, output};
use crate::inputs::Inputs;
use crate::machine::Machine;
use crate::servers::{Sample, Server};
use crate::table::{Table, median, percentile, short};
use crate::usage::{self, core_busy_ns};

/// One run of wrk against one server.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Answers per second.
    pub answers_per_s: f64,
    /// Server's CPU time per answer.
    pub cpu_us: f64,
    /// Median wait.
    pub p50_ms: f64,
    /// Wait of the slowest hundredth.
    pub p99_ms: f64,
    /// Longest wait.
    pub max_ms: f64,
    /// Requests that got no answer, or one that is not 200.
    pub failed: u64,
    /// How much of the server's core others took, 0 to 1.
    pub others: f64,
}

/// One load on one server.
///
/// # Errors
///
/// When wrk is missing or fails, or the server is gone.
pub fn run(
    server: &Server,
    targets: &Path,
    connections: usize,
    seconds: u64,
    folder: &Path,
    machine: &Machine,
) -> Result<Run> {
    let wrk = find("wrk").context("wrk is not installed")?;
    let script = folder.join("steady.lua");
    std::fs::write(&script, SCRIPT)?;
    let arguments = [
        "-t1".to_owned(),
        format!("-c{connections}"),
        format!("-d{seconds}s"),
        "--timeout=20s".to_owned(),
        "-s".to_owned(),
        script.display().to_string(),
        format!("http://{}", server.address),
        "--".to_owned(),
        targets.display().to_string(),
    ];
    let pid = server.child.pid();
    let clocks =
        || Ok::<_, anyhow::Error>((usage::cpu_ns(pid)?, core_busy_ns(machine.server_cpu)?));
    let (before, begun) = (clocks()?, Instant::now());
    let printed = output(&wrk, &arguments, machine.load_cpu)?;
    let (after, wall_ns) = (clocks()?, begun.elapsed().as_nanos() as f64);
    let (cpu_ns, busy_ns) = (after.0 - before.0, after.1 - before.1);
    let line = printed.lines().find_map(|line| line.strip_prefix("result "));
    let line = line.with_context(|| format!("wrk printed no result:\n{printed}"))?;
    let figures: Vec<f64> = line.split(' ').filter_map(|figure| figure.parse().ok()).collect();
    let &[answers, duration_us, p50_us, p99_us, max_us, broken, refused] = figures.as_slice()
    else {
        anyhow::bail!("wrk printed {line:?}");
    };
    Ok(Run {
        answers_per_s: answers / (duration_us / 1e6),
        cpu_us: cpu_ns as f64 / 1e3 / answers,
        p50_ms: p50_us / 1e3,
        p99_ms: p99_us / 1e3,
        max_ms: max_us / 1e3,
        failed: (broken + refused) as u64,
        others: (busy_ns.saturating_sub(cpu_ns) as f64 / wall_ns).min(1.0),
    })
}

/// The same up to `tries` times, until nobody disturbs; the least disturbed run counts, and all
/// failed requests do.
///
/// # Errors
///
/// As [`run`].
pub fn run_quiet(tries: usize, mut run: impl FnMut() -> Result<Run>) -> Result<Run> {
    let mut best = run()?;
    for _ in 1..tries {
        if best.others < QUIET {
            break;
        }
        let next = run()?;
        let failed = best.failed + next.failed;
        best = Run { failed, ..if next.others < best.others { next } else { best } };
    }
    Ok(best)
}

/// How often and how long something is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Interleaved rounds.
    pub rounds: usize,
    /// Seconds of each run.
    pub seconds: u64,
    /// How often a run is tried that others disturb.
    pub tries: usize,
}

/// The runs of all servers with one kind of answer at one number of connections.
#[derive(Clone, Debug)]
pub struct Series {
    /// Which answer.
    pub sample: Sample,
    /// How many connections.
    pub connections: usize,
    /// Per server, in the order of the servers, the runs of all rounds.
    pub runs: Vec<Vec<Run>>,
}

impl Series {
    /// Runs all servers in turn, again and again.
    ///
    /// # Errors
    ///
    /// As [`run`].
    pub fn measure(
        servers: &[&Server],
        sample: &Sample,
        targets: &Path,
        connections: usize,
        effort: Effort,
        inputs: &Inputs,
        machine: &Machine,
    ) -> Result<Series> {
        let Effort { rounds, seconds, tries } = effort;
        let mut runs = vec![Vec::new(); servers.len()];
        for round in 0..rounds {
            eprintln!("{} at {connections}, round {} of {rounds} ...", sample.path, round + 1);
            for (server, runs) in servers.iter().zip(&mut runs) {
                let run = || run(server, targets, connections, seconds, &inputs.folder, machine);
                runs.push(run_quiet(tries, run)?);
            }
        }
        Ok(Series { sample: sample.clone(), connections, runs })
    }

    /// The median of a figure of one server.
    pub fn figure(&self, server: usize, figure: fn(&Run) -> f64) -> f64 {
        median(self.runs.get(server).into_iter().flatten().map(figure))
    }

    /// The median over the rounds of a server's figure over another's.
    pub fn ratio(&self, one: usize, other: usize, figure: fn(&Run) -> f64) -> f64 {
        let [ones, others] = [one, other].map(|at| self.runs.get(at).into_iter().flatten());
        median(ones.zip(others).map(|(one, other)| figure(one) / figure(other)))
    }

    fn failed(&self, server: usize) -> u64 {
        self.runs.get(server).into_iter().flatten().map(|run| run.failed).sum()
    }
}

/// Item 1. The servers are Heliostat, the constant one, the one that gathers and, when it is there,
/// nginx.
pub fn table_cpu(all: &[Series]) -> Table {
    let mut table = Table::new(
        "1. CPU time per answer, connections kept",
        &[
            "answer",
            "bytes",
            "connections",
            "Heliostat µs",
            "constant µs",
            "gathered µs",
            "nginx µs",
            "to constant",
            "to nginx",
            "gathered to constant",
            "Heliostat /s",
            "constant /s",
            "gathered /s",
            "nginx /s",
        ],
    );
    for series in all {
        let cpu = |server| short(series.figure(server, |run| run.cpu_us));
        let speed = |server| short(series.figure(server, |run| run.answers_per_s));
        table.row([
            series.sample.path.to_owned(),
            series.sample.body_bytes.to_string(),
            series.connections.to_string(),
            cpu(HELIOSTAT),
            cpu(CONSTANT),
            cpu(GATHERED),
            cpu(NGINX),
            short(series.ratio(HELIOSTAT, CONSTANT, |run| run.cpu_us)),
            short(series.ratio(HELIOSTAT, NGINX, |run| run.cpu_us)),
            short(series.ratio(GATHERED, CONSTANT, |run| run.cpu_us)),
            speed(HELIOSTAT),
            speed(CONSTANT),
            speed(GATHERED),
            speed(NGINX),
        ]);
    }
    table.note(disturbance(all.iter().flat_map(|series| series.runs.iter().flatten())));
    for path in ["/mirrorlist", "/metalink"] {
        let of = || all.iter().filter(|series| series.sample.path == path);
        let ratio =
            |other| median(of().map(|series| series.ratio(HELIOSTAT, other, |run| run.cpu_us)));
        let cpu_us = median(of().map(|series| series.figure(HELIOSTAT, |run| run.cpu_us)));
        table.goal(
            &format!("{path}, ratio to constant, median of the rows"),
            ratio(CONSTANT),
            1.25,
        );
        table.goal(&format!("{path}, ratio to nginx, median of the rows"), ratio(NGINX), 1.0);
        table.note(format!(
            "{path}: {} to {} times less than the {PEER_US_MIN:.0} to {PEER_US_MAX:.0} µs of the \
             production peer (goal 40).",
            short(PEER_US_MIN / cpu_us),
            short(PEER_US_MAX / cpu_us)
        ));
    }
    table
}

/// Item 2.
pub fn table_wait(all: &[Series]) -> Table {
    let mut table = Table::new(
        "2. How long clients wait, p50 / p99 / max in ms",
        &["answer", "connections", "Heliostat", "constant", "nginx", "p99 to constant", "failed"],
    );
    for series in all {
        let wait = |server| {
            let figures: [fn(&Run) -> f64; 3] = [|r| r.p50_ms, |r| r.p99_ms, |r| r.max_ms];
            figures.map(|figure| short(series.figure(server, figure))).join(" / ")
        };
        table.row([
            series.sample.path.to_owned(),
            series.connections.to_string(),
            wait(HELIOSTAT),
            wait(CONSTANT),
            wait(NGINX),
            short(series.ratio(HELIOSTAT, CONSTANT, |run| run.p99_ms)),
            [HELIOSTAT, CONSTANT, NGINX].map(|at| series.failed(at).to_string()).join(" / "),
        ]);
    }
    for series in all.iter().filter(|series| series.connections == 400) {
        let ratio = series.ratio(HELIOSTAT, CONSTANT, |run| run.p99_ms);
        table.goal(&format!("{} at 400, p99 to constant", series.sample.path), ratio, 1.5);
    }
    let failed: u64 = all.iter().map(|series| series.failed(HELIOSTAT)).sum();
    table.goal("Heliostat's failed requests", failed as f64, 0.0);
    table
}

/// How much others got in the way.
pub fn disturbance<'r>(runs: impl Iterator<Item = &'r Run>) -> String {
    let percent: Vec<_> = runs.map(|run| run.others * 100.0).collect();
    format!(
        "Other processes took {} % of the server's core (median of {} runs; worst {} %).",
        short(median(percent.iter().copied())),
        percent.len(),
        short(percentile(&percent, 100.0))
    )
}

/// The places of the servers.
const HELIOSTAT: usize = 0;
const CONSTANT: usize = 1;
const GATHERED: usize = 2;
const NGINX: usize = 3;

/// Below this share of the core, others do not count.
const QUIET: f64 = 0.05;

const SCRIPT: &str = include_str!("steady.lua");

/// What the production peer took for an answer on such a machine.
const PEER_US_MIN: f64 = 630.0;
const PEER_US_MAX: f64 = 780.0;
