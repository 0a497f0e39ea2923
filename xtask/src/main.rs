//! The project's own tasks, run as `cargo xtask <task>`.
//!
//! What a person types and what the gate of a change runs is the same code: `.ci/run` calls
//! `cargo xtask ci`, and that ends in `cargo xtask test`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a task talks to the person who runs it")]

/// What `cargo xtask` understands.
mod task;
/// Runs every test and says what it skipped.
mod test;
/// Everything that a change must pass.
mod ci;
/// Licences, bans and sources of dependencies.
mod deny;
/// Runs the libFuzzer targets.
mod fuzz;
/// Runs the tests of one library in every way.
mod percpu;
/// Runs the long tests of `lib/workers`.
mod workers;
/// Runs the benches.
mod bench;
/// The rules of this tree that no compiler knows.
mod tidy;
/// One visible step of a task.
mod step;
/// How many tests ran, added up over runners.
mod tally;
/// What was left out, and why.
mod skips;
/// Programs that a task needs, and the packages that hold them.
mod needs;
/// Cargo, and what it knows about this workspace.
mod cargo;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match task::Task::parse().run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
