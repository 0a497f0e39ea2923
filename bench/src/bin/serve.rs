//! Heliostat beside a constant body on the same HTTP stack and beside nginx: one table per item.
//!
//! `cargo xtask bench serve` runs it. It builds what it starts, makes the world once, and prints
//! Markdown; what it could not measure it says.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use heliostat_bench::child::find;
use heliostat_bench::client::{Connection, runtime};
use heliostat_bench::compile::Compiled;
use heliostat_bench::crowd;
use heliostat_bench::inputs::Inputs;
use heliostat_bench::machine::Machine;
use heliostat_bench::reload::{self, Live};
use heliostat_bench::servers::{self, Sample, Server};
use heliostat_bench::steady::{self, Effort, Series};
use heliostat_bench::table::Table;
use heliostat_bench::targets::Targets;
use heliostat_testing_world::{Endpoint, Scale};

/// The whole server under load, beside its peers.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench serve")]
struct Options {
    /// The small world, one short round: to see that the bench works. Its figures mean nothing.
    #[arg(long)]
    quick: bool,
    /// Which items of the list to measure.
    #[arg(long, value_delimiter = ',', default_value = "1,2,3,4,5,7")]
    items: Vec<u32>,
    /// Interleaved rounds of items 1 to 3.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of each run.
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// How often a run is tried that other processes disturb; the quietest one counts.
    #[arg(long, default_value_t = 3)]
    tries: usize,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_value = "10,100,200,400")]
    connections: Vec<usize>,
    /// Where the files are kept; beside the build's output when not given.
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn main() -> Result<()> {
    let mut options = Options::parse();
    if options.quick {
        (options.rounds, options.seconds, options.tries) = (1, 1, 1);
    }
    build()?;
    let folder = options.folder.clone().map_or_else(default_folder, Ok)?;
    let scale = if options.quick { Scale::Small } else { Scale::Fedora };
    let inputs = Inputs::make(&folder, scale)?;
    let machine = Machine::look()?;
    say(&format!("# The server beside its peers, {scale} world\n\n{}\n", machine.about()))?;
    if options.quick {
        say("**A quick run: it shows that the bench works, not how good anything is.**\n")?;
    }
    let mut bench = Bench { options, inputs, machine, tables: BTreeMap::new() };
    let done = bench.run();
    // Also when something failed: what was measured until then is worth showing.
    for table in bench.tables.values() {
        say(&table.to_string())?;
    }
    done
}

/// What is measured, on what, and where.
struct Bench {
    options: Options,
    inputs: Inputs,
    machine: Machine,
    /// By item of the list.
    tables: BTreeMap<u32, Table>,
}

impl Bench {
    fn run(&mut self) -> Result<()> {
        // Compiling comes first: everything else serves what it makes.
        let rounds = if self.wants(&[5]) { self.options.rounds } else { 1 };
        let compiled = Compiled::run(&self.inputs, rounds, &self.machine)?;
        if self.wants(&[1, 2, 7]) {
            self.compare(&compiled)?;
        }
        if self.wants(&[3, 4]) {
            self.replace(&compiled)?;
        }
        if self.wants(&[5]) {
            self.tables.insert(5, compiled.table(&self.inputs)?);
        }
        Ok(())
    }

    /// Items 1, 2 and 7: beside the peers.
    fn compare(&mut self, compiled: &Compiled) -> Result<()> {
        let (inputs, machine) = (self.inputs.clone(), self.machine);
        let (inputs, machine) = (&inputs, &machine);
        let heliostat = servers::heliostat(inputs, &compiled.snapshot, machine)?;
        let samples = [
            sample(&heliostat, inputs, Endpoint::Mirrorlist)?,
            sample(&heliostat, inputs, Endpoint::Metalink)?,
        ];
        let constant = servers::constant(&samples, inputs, machine)?;
        let nginx = servers::nginx(&samples, inputs, machine)?;
        if nginx.is_none() {
            say("**Skipped: nginx is not installed.**\n")?;
        }
        if self.wants(&[1, 2]) {
            let gathered = servers::gathered(&compiled.snapshot, &samples, inputs, machine)?;
            let all: Vec<_> =
                [&heliostat, &constant, &gathered].into_iter().chain(&nginx).collect();
            self.steady(&all, &samples)?;
        }
        if self.wants(&[7]) {
            let all: Vec<_> = [&heliostat, &constant].into_iter().chain(&nginx).collect();
            let plan = if self.options.quick {
                crowd::Plan { fresh: 500, pooled: 3_000, pooled_s: 3 }
            } else {
                crowd::Plan { fresh: 5_000, pooled: 50_000, pooled_s: 60 }
            };
            let targets = Targets::read(inputs.targets(Endpoint::Mirrorlist))?;
            self.tables.insert(7, crowd::table(&all, &targets, plan, machine)?);
        }
        Ok(())
    }

    fn steady(&mut self, servers: &[&Server], samples: &[Sample]) -> Result<()> {
        if find("wrk").is_none() {
            return say("**Skipped: items 1 and 2, because wrk is not installed.**\n");
        }
        let mut all = Vec::new();
        for (sample, endpoint) in samples.iter().zip([Endpoint::Mirrorlist, Endpoint::Metalink]) {
            let targets = self.inputs.targets(endpoint);
            for &connections in &self.options.connections {
                all.push(Series::measure(
                    servers,
                    sample,
                    targets,
                    connections,
                    self.effort(),
                    &self.inputs,
                    &self.machine,
                )?);
            }
        }
        if self.wants(&[1]) {
            self.tables.insert(1, steady::table_cpu(&all));
        }
        if self.wants(&[2]) {
            self.tables.insert(2, steady::table_wait(&all));
        }
        Ok(())
    }

    /// Items 3 and 4: a snapshot in the place of another.
    fn replace(&mut self, compiled: &Compiled) -> Result<()> {
        let (inputs, machine) = (self.inputs.clone(), self.machine);
        let (inputs, machine) = (&inputs, &machine);
        if self.wants(&[4]) {
            let targets = Targets::read(inputs.targets(Endpoint::Mirrorlist))?;
            let target = targets.first().context("no requests")?;
            let live = Live::start(inputs, compiled, machine)?;
            let rounds = if self.options.quick { 3 } else { 20 };
            let table = reload::table_start(live, compiled, target, (rounds, machine))?;
            self.tables.insert(4, table);
        }
        if self.wants(&[3]) {
            if find("wrk").is_none() {
                return say("**Skipped: item 3, because wrk is not installed.**\n");
            }
            let mut live = Live::start(inputs, compiled, machine)?;
            // At least three replacements in each run.
            let effort = Effort { seconds: self.options.seconds.max(3), ..self.effort() };
            let table = reload::table_under_load(&mut live, inputs, effort, machine)?;
            self.tables.insert(3, table);
        }
        Ok(())
    }

    fn effort(&self) -> Effort {
        let Options { rounds, seconds, tries, .. } = self.options;
        Effort { rounds, seconds, tries }
    }

    fn wants(&self, items: &[u32]) -> bool {
        items.iter().any(|item| self.options.items.contains(item))
    }
}

/// Asks for some answers and takes their mean length and the headers of the last.
fn sample(server: &Server, inputs: &Inputs, endpoint: Endpoint) -> Result<Sample> {
    let requests = Targets::read(inputs.targets(endpoint))?.requests(true);
    let (mut bytes, mut urls, mut headers) = (0, 0, Vec::new());
    runtime()?.block_on(async {
        let mut connection = Connection::open(server.address).await?;
        for request in requests.iter().take(SAMPLES) {
            let reply = connection.fetch(request).await?;
            ensure!(reply.status == 200, "{} instead of an answer", reply.status);
            bytes += reply.body.len();
            urls += reply.body.windows(3).filter(|at| at == b"://").count();
            headers = reply
                .headers()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .filter(|(name, _)| {
                    !matches!(name.as_str(), "content-length" | "date" | "connection")
                })
                .collect();
        }
        Ok(())
    })?;
    Ok(Sample { path: endpoint.path(), body_bytes: bytes / SAMPLES, urls: urls / SAMPLES, headers })
}

/// Builds what is started: this command alone was built by the one who runs it.
fn build() -> Result<()> {
    let Some(cargo) = env::var_os("CARGO") else {
        eprintln!("not run by cargo: using the programs beside this one as they are");
        return Ok(());
    };
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let packages = ["-p", "heliostat", "-p", "heliostat-bench", "--bins"];
    let status =
        Command::new(cargo).args(["build", "--profile", profile]).args(packages).status()?;
    ensure!(status.success(), "the servers could not be built");
    Ok(())
}

/// `bench-serve` in the folder that holds the build's output.
fn default_folder() -> Result<PathBuf> {
    let exe = env::current_exe()?;
    let target = exe.parent().and_then(Path::parent).context("no folder for the files")?;
    Ok(target.join("bench-serve"))
}

fn say(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

const SAMPLES: usize = 2_000;
