//! Runs every test and says what it skipped.
//!
//! One profile for everything: the binary that end-to-end tests drive is built in the same
//! invocation as the tests, so that no crate is built twice.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::Result;
use clap::Args;

use crate::cargo::{cargo, has_subcommand, target_directory};
use crate::needs;
use crate::skips::{self, Skips};
use crate::step::Steps;

/// How to test.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Never install a program; skip the tests that need it.
    #[arg(long)]
    no_install: bool,
}

/// Runs every test, and nothing else.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    finish(Steps::default(), Vec::new(), options)
}

/// Runs every test as the last steps of a task, and closes the task.
///
/// The last line is the total in the form of the standard runner, whichever runner ran.
pub(crate) fn finish(
    mut steps: Steps,
    skipped: Vec<(&str, &str)>,
    options: &Options,
) -> Result<ExitCode> {
    let started = Instant::now();
    let target = target_directory()?;
    let mut skips = Skips::begin(&target)?;
    skipped.into_iter().for_each(|(what, why)| skips.add(what, why));
    for need in needs::provide(needs::TEST, !options.no_install) {
        println!("    without {} ({}) some tests are skipped", need.program, need.package);
    }
    let s3_servers = std::env::join_paths(needs::s3_servers(&target, !options.no_install))?;
    steps.run("build", &mut cargo(BUILD))?;
    steps.run("examples in documentation", &mut cargo(DOCUMENTATION))?;
    let mut tests = runner();
    tests.env("HELIOSTAT_S3_SERVERS", s3_servers);
    steps.run("tests", with_environment(&mut tests, &target, &skips))?;
    println!();
    skips.close()?;
    let code = steps.close();
    println!("{}", steps.tally.closing_line(!steps.failed.is_empty(), started.elapsed()));
    Ok(code)
}

/// Unit tests, the corpus of `fuzz/`, tidy and `testing/e2e`: all are tests of some package.
fn runner() -> Command {
    if has_subcommand("nextest") {
        cargo(&["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        cargo(&["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"])
    }
}

fn with_environment<'a>(command: &'a mut Command, target: &Path, skips: &Skips) -> &'a mut Command {
    command
        .env("HELIOSTAT_BINARY", target.join("debug/heliostat"))
        .env(skips::VARIABLE, skips.file())
}

const BUILD: &[&str] = &[
    "build",
    "--quiet",
    "--workspace",
    "--tests",
    "--bin",
    "heliostat",
    "--bin",
    "heliostat-probe",
];
const DOCUMENTATION: &[&str] = &["test", "--quiet", "--workspace", "--doc", "--no-fail-fast"];
