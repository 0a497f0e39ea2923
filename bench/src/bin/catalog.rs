//! Import and publish at the scale of a real network: seconds and megabytes.
//!
//! `cargo xtask bench catalog` runs it, on SQLite, and on PostgreSQL when it is given a database.
#![forbid(unsafe_code)]

use std::env;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use heliostat_bench::compile::timed;
use heliostat_bench::inputs::Inputs;
use heliostat_bench::machine::Machine;
use heliostat_bench::table::{Table, short};
use heliostat_testing_world::Scale;

/// Import, publish and a command, on one core.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench catalog")]
struct Options {
    /// `small`, `fedora`, `triple` or `large`: 3 and 10 times Fedora.
    #[arg(long, default_value = "fedora")]
    scale: String,
    /// An empty database on a PostgreSQL server; a file beside the build's output otherwise.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
}

fn main() -> Result<()> {
    let options = Options::parse();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = ["build", "--release", "--quiet", "--package", "heliostat", "--bin", "heliostat"];
    ensure!(Command::new(cargo).args(build).status()?.success(), "cargo build failed");
    let scale = Scale::parse(&options.scale);
    let scale = scale.with_context(|| format!("there is no scale {}", options.scale))?;
    let folder = env::current_exe()?.with_file_name("bench-inputs");
    let inputs = Inputs::make(&folder, scale)?;
    let machine = Machine::look()?;
    let work = tempfile::tempdir()?;
    let place = options.postgres.unwrap_or_else(|| text(work.path().join("catalog.db")));
    let commands = commands(&inputs, &place, &text(work.path().join("to")));
    let (title, heading) = ("Catalog, one core", ["command", "wall s", "CPU s", "peak MB"]);
    let mut table = Table::new(title, &heading);
    for (name, arguments, goals) in commands {
        let run = timed(&arguments, &work.path().join("log"), &machine)?;
        table.row([name.to_owned(), short(run.wall_s), short(run.cpu_s), short(run.peak_mb)]);
        if let Some((seconds, megabytes)) = goals.filter(|_| scale == Scale::Fedora) {
            table.goal(&format!("Seconds of {name}"), run.wall_s, seconds);
            table.goal(&format!("MB of {name}"), run.peak_mb, megabytes);
        }
    }
    let about = machine.about();
    writeln!(io::stdout().lock(), "# The catalog, {scale} world\n\n{about}\n\n{table}")?;
    Ok(())
}

/// A command, its arguments, and what it may take: seconds and megabytes.
type Measured = (&'static str, Vec<String>, Option<(f64, f64)>);

fn commands(inputs: &Inputs, place: &str, to: &str) -> Vec<Measured> {
    let catalog = ["--catalog".to_owned(), place.to_owned()];
    let with = |arguments: &[&str]| -> Vec<String> {
        arguments.iter().map(|&argument| argument.to_owned()).chain(catalog.clone()).collect()
    };
    let [cache, next] = [&inputs.cache, &inputs.cache_next].map(|path| text(path.clone()));
    let (netblocks, countries) = (text(inputs.netblocks.clone()), text(inputs.countries.clone()));
    let tables = ["--netblocks", &netblocks, "--countries", &countries];
    let import =
        |cache: &str| with(&[&["import", "mirrormanager", "--cache", cache], &tables[..]].concat());
    let publish = with(&["publish", "--once", "--to", to]);
    let publish_s = if place.starts_with("postgres") { 8.0 } else { 5.0 };
    let command = Some((0.05, 400.0));
    vec![
        ("init", with(&["init"]), None),
        ("import", import(&cache), Some((30.0, 500.0))),
        ("import again", import(&cache), None),
        ("import of the next cache", import(&next), None),
        ("publish", publish.clone(), Some((publish_s, 400.0))),
        (
            "change of one host",
            with(&["host", "edit", HOST, "--set", "bandwidth_mbit_s=7"]),
            command,
        ),
        ("publish after it", publish, Some((1.5, 400.0))),
        ("host list", with(&["host", "list"]), command),
        ("host show", with(&["host", "show", HOST]), command),
        ("repo list", with(&["repo", "list"]), command),
        ("netblock list", with(&["netblock", "list"]), command),
        ("audit", with(&["audit"]), command),
    ]
}

fn text(path: PathBuf) -> String {
    path.display().to_string()
}

/// A host that every generated world has, by its number.
const HOST: &str = "1";
