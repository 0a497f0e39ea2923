//! Compiling the snapshot: how long, how much memory, on one core.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::child::Child;
use crate::inputs::Inputs;
use crate::machine::Machine;
use crate::servers::built;
use crate::table::{Table, median, short};
use crate::usage;

/// The two snapshots, and what it took to make them.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// From the cache.
    pub snapshot: PathBuf,
    /// From the cache that is a minute younger.
    pub snapshot_next: PathBuf,
    runs: Vec<Run>,
}

/// One run of a command.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// From its start to its end.
    pub wall_s: f64,
    /// Of all its threads.
    pub cpu_s: f64,
    /// Mapped files included.
    pub peak_mb: f64,
}

impl Compiled {
    /// Compiles both caches, the first one `rounds` times.
    ///
    /// # Errors
    ///
    /// When a compilation fails.
    pub fn run(inputs: &Inputs, rounds: usize, machine: &Machine) -> Result<Compiled> {
        let snapshot = inputs.folder.join("first.snapshot");
        let snapshot_next = inputs.folder.join("next.snapshot");
        let mut runs = Vec::new();
        for round in 0..rounds {
            eprintln!("compiling, round {} of {rounds} ...", round + 1);
            runs.push(compile(inputs, &inputs.cache, &snapshot, machine)?);
        }
        compile(inputs, &inputs.cache_next, &snapshot_next, machine)?;
        Ok(Compiled { snapshot, snapshot_next, runs })
    }

    /// Item 5.
    ///
    /// # Errors
    ///
    /// When a file that was just there is gone.
    pub fn table(&self, inputs: &Inputs) -> Result<Table> {
        let mut table = Table::new(
            "5. `compile mirrormanager`, one core",
            &["cache MB", "snapshot MB", "wall s", "CPU s", "peak MB, mapped files included"],
        );
        let megabytes =
            |path: &Path| Ok::<_, anyhow::Error>(fs::metadata(path)?.len() as f64 / 1e6);
        let of = |figure: fn(&Run) -> f64| median(self.runs.iter().map(figure));
        let (wall_s, peak_mb) = (of(|run| run.wall_s), of(|run| run.peak_mb));
        table.row([
            short(megabytes(&inputs.cache)?),
            short(megabytes(&self.snapshot)?),
            short(wall_s),
            short(of(|run| run.cpu_s)),
            short(peak_mb),
        ]);
        table.goal("Seconds", wall_s, 3.0);
        table.goal("Peak MB", peak_mb, 400.0);
        Ok(table)
    }
}

fn compile(inputs: &Inputs, cache: &Path, out: &Path, machine: &Machine) -> Result<Run> {
    let text = |path: &Path| path.display().to_string();
    let arguments = [
        "compile".to_owned(),
        "mirrormanager".to_owned(),
        "--cache".to_owned(),
        text(cache),
        "--netblocks".to_owned(),
        text(&inputs.netblocks),
        "--countries".to_owned(),
        text(&inputs.countries),
        "-o".to_owned(),
        text(out),
    ];
    timed(&arguments, &inputs.folder.join("compile.log"), machine)
}

/// Runs the binary to its end, on one core.
///
/// # Errors
///
/// When it fails; with what it said.
pub fn timed(arguments: &[String], log: &Path, machine: &Machine) -> Result<Run> {
    let program = built("heliostat")?;
    let begun = Instant::now();
    let mut child = Child::start(&program, arguments, machine.server_cpu, Some(log))?;
    let (mut cpu_ns, mut peak_kib) = (0, 0);
    loop {
        // Read before asking whether it has ended: afterwards the figures are gone. Both only
        // rise, so what is missed is what happens in the last millisecond.
        let memory = usage::memory(child.pid()).unwrap_or_default();
        peak_kib = memory.peak_kib.max(peak_kib);
        cpu_ns = usage::cpu_ns(child.pid()).unwrap_or(0).max(cpu_ns);
        match child.ended()? {
            None => thread::sleep(Duration::from_millis(1)),
            Some(0) => break,
            Some(code) => {
                let said = fs::read_to_string(log).context("its log")?;
                bail!("it ended with {code}: {said}");
            }
        }
    }
    Ok(Run {
        wall_s: begun.elapsed().as_secs_f64(),
        cpu_s: cpu_ns as f64 / 1e9,
        peak_mb: peak_kib as f64 * 1024.0 / 1e6,
    })
}
