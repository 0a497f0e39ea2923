//! Runs the tests of `lib/workers` that are too long or too special for every change.

use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};
use clap::Args;

use crate::cargo::{cargo, target_directory};
use crate::percpu::nightly;
use crate::step::Steps;

/// Which tests.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// `miri` or `cycles`; without any, both.
    ways: Vec<String>,
}

/// Runs what was asked for, also after one has failed, and names those that did.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let known = ["miri", "cycles"];
    for name in &options.ways {
        ensure!(known.contains(&name.as_str()), "no way {name}; there are: {}", known.join(", "));
    }
    let mut steps = Steps::default();
    for way in known {
        if options.ways.is_empty() || options.ways.iter().any(|name| name == way) {
            let mut command = if way == "miri" { miri()? } else { cycles() };
            steps.run(way, &mut command)?;
        }
    }
    Ok(steps.close())
}

/// What is unsafe in the ring and needs no kernel: its memory, its indices, both sides at once.
fn miri() -> Result<Command> {
    let mut command = nightly(&["miri", "test", "--package", "heliostat-workers", "--lib"]);
    command.arg("--target-dir").arg(target_directory()?.join("workers-miri"));
    command.args(["--", "link::ring", "region"]);
    // Miri does not look into system calls that are written as machine code.
    command.env("RUSTFLAGS", "--cfg=rustix_use_libc");
    // The memory that stands for a mapping is never given back: both sides have it, neither owns it.
    command.env("MIRIFLAGS", "-Zmiri-disable-isolation -Zmiri-ignore-leaks");
    command.env("PROPTEST_CASES", "8");
    Ok(command)
}

/// Crash, kill -9, SIGSTOP, stop and drain, ten thousand times.
fn cycles() -> Command {
    let mut command = cargo(&["test", "--package", "heliostat-workers", "--test", "it", "cycles"]);
    command.env("HELIOSTAT_WORKERS_ROUNDS", "10000");
    command
}
