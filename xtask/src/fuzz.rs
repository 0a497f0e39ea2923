//! Runs the libFuzzer targets of `fuzz/`, guided by coverage, on stable Rust.
//!
//! `fuzz/README.md` says why each flag is there. The package lies outside of the workspace,
//! because libFuzzer needs a C++ compiler and nobody should need one to test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::cargo::{cargo, root, target_directory};
use crate::step::hand_over;

/// What to fuzz.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// One target; without it every target runs in turn.
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// Builds once and runs what was asked for; the first crash ends it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let folder = target_directory()?.join("fuzz");
    let known = known(&folder)?;
    let targets = match &options.target {
        Some(name) => {
            ensure!(known.contains(name), "no target {name}; there are: {}", known.join(", "));
            vec![name.clone()]
        }
        None => known,
    };
    for target in targets {
        let code = hand_over(&mut fuzzing(&folder, &target, options.seconds)?)?;
        if code != ExitCode::SUCCESS {
            println!("{target}: look into {}", artifacts(&folder, &target).display());
            return Ok(code);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The targets that the binary knows; asking builds it.
fn known(folder: &Path) -> Result<Vec<String>> {
    let output = guided(folder)?.arg("--list").output().context("cannot start cargo")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "cannot build the targets:\n{said}");
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

/// One target with its folders: what is found goes to `target/`, what is kept lies in `fuzz/`.
fn fuzzing(folder: &Path, target: &str, seconds: u64) -> Result<Command> {
    let (found, kept) =
        (folder.join("corpus").join(target), root().join("fuzz/corpus").join(target));
    let artifacts = artifacts(folder, target);
    for folder in [&found, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut command = guided(folder)?;
    command.arg(target).args(LIMITS).arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(found).args(kept.exists().then_some(kept));
    Ok(command)
}

/// The binary of all targets, built with coverage; arguments follow.
fn guided(folder: &Path) -> Result<Command> {
    let mut command = cargo(&["run", "--release", "--manifest-path", "fuzz/guided/Cargo.toml"]);
    command.args(["--target", &host()?, "--target-dir"]).arg(folder).arg("--");
    command.env("RUSTFLAGS", COVERAGE.join(" "));
    Ok(command)
}

fn artifacts(folder: &Path, target: &str) -> PathBuf {
    folder.join("artifacts").join(target)
}

/// The host's own triple, named so that the flags do not reach build scripts.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot start rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not name its host")?.to_owned())
}

const LIMITS: &[&str] = &["-max_len=65536", "-rss_limit_mb=2048"];

const COVERAGE: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
    "--cfg fuzzing",
];
