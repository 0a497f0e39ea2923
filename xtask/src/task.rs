//! What `cargo xtask` understands.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::{bench, ci, fuzz, percpu, test, tidy, workers};

/// The project's own tasks.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub(crate) enum Task {
    /// Run every test: unit, documentation, fuzz corpus, tidy, and real clients end to end.
    ///
    /// Installs the programs that the end-to-end tests need when run as root on Debian, else
    /// prints the line that installs them. What could not be tested is listed at the end.
    Test(test::Options),
    /// Everything that a change must pass: format, lints, documentation, dependencies, tests.
    Ci(test::Options),
    /// Check the rules that no compiler knows: sizes, arrows, words, `unsafe`, licences.
    Tidy,
    /// Fuzz one target, or each in turn.
    Fuzz(fuzz::Options),
    /// Run the tests of lib/percpu in every way they can be run: with restartable sequences,
    /// without, with the twin, with delays, longer, under valgrind, Miri and loom.
    Percpu(percpu::Options),
    /// Run the tests of lib/workers that are too long or too special for every change: the indices
    /// of the ring under Miri, ten thousand cycles of crash, kill, stop and drain.
    Workers(workers::Options),
    /// Run a bench of `bench/`.
    Bench(bench::Options),
}

impl Task {
    /// Does it; the exit code says whether all was well.
    pub(crate) fn run(self) -> Result<ExitCode> {
        match self {
            Task::Test(options) => test::run(&options),
            Task::Ci(options) => ci::run(&options),
            Task::Tidy => tidy::run(),
            Task::Fuzz(options) => fuzz::run(&options),
            Task::Percpu(options) => percpu::run(&options),
            Task::Workers(options) => workers::run(&options),
            Task::Bench(options) => bench::run(&options),
        }
    }
}
