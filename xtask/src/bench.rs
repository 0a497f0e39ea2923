//! Runs the benches of `bench/`, each with its own command.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;

use crate::cargo::cargo;
use crate::needs;
use crate::step::hand_over;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// `serve` (the whole server under load), `catalog` (import and publish), or a bench of `bench/benches/` by its name.
    #[arg(default_value = "serve")]
    bench: String,
    /// Handed on to the bench.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Installs what the bench needs, where that is possible, and runs it.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.bench == "serve" {
        needs::provide(needs::BENCH_SERVE, true);
    }
    hand_over(&mut command(options))
}

fn command(options: &Options) -> Command {
    let binary = format!("heliostat-bench-{}", options.bench);
    let mut command = if ["serve", "catalog"].contains(&options.bench.as_str()) {
        cargo(&["run", "--release", "-p", "heliostat-bench", "--bin", &binary])
    } else {
        cargo(&["bench", "-p", "heliostat-bench", "--bench", &options.bench])
    };
    command.arg("--").args(&options.arguments);
    command
}

#[cfg(test)]
mod tests {
    use super::{Options, command};
    use crate::step::shown;

    #[test]
    fn benches_are_found_by_name() {
        let shown = |bench: &str| {
            shown(&command(&Options { bench: bench.into(), arguments: vec!["--short".into()] }))
        };
        assert!(shown("serve").ends_with("--bin heliostat-bench-serve -- --short"));
        assert!(shown("catalog").ends_with("--bin heliostat-bench-catalog -- --short"));
        assert!(shown("prefixmap").ends_with("--bench prefixmap -- --short"));
    }
}
