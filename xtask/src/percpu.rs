//! Runs the tests of `lib/percpu` in every way they can be run.
//!
//! The library commits by machine code where the kernel allows it and by atomic operations
//! elsewhere. The ordinary test command runs what this machine offers, and without it the storms
//! alone; here the whole suite runs each way. What a way needs and is not there is named and passed
//! over.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};
use clap::Args;

use crate::cargo::{cargo, target_directory};
use crate::needs::on_path;
use crate::step::Steps;

/// Which ways.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these; without any, all in turn.
    ways: Vec<String>,
}

/// Runs the ways that were asked for, also after one has failed, and names those that did.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    for name in &options.ways {
        let known = WAYS.iter().map(|way| way.name).collect::<Vec<_>>().join(", ");
        ensure!(WAYS.iter().any(|way| way.name == name), "no way {name}; there are: {known}");
    }
    let target = target_directory()?;
    let mut steps = Steps::default();
    for way in WAYS {
        if !options.ways.is_empty() && !options.ways.iter().any(|name| name == way.name) {
            continue;
        }
        match way.missing() {
            Some(missing) => println!("\n==> {}: passed over, for want of {missing}", way.name),
            None => steps.run(way.name, &mut way.command(&target))?,
        }
    }
    Ok(steps.close())
}

/// One way to run the tests.
struct Way {
    name: &'static str,
    /// Arguments to cargo before the package.
    cargo: &'static [&'static str],
    /// Arguments to cargo after the package, and to the tests.
    arguments: &'static [&'static str],
    /// Flags for the compiler; each set has a target folder of its own.
    flags: &'static str,
    environment: &'static [(&'static str, &'static str)],
    /// Runs on the nightly toolchain.
    nightly: bool,
    /// The program it needs.
    program: Option<&'static str>,
}

/// What ways have in common unless they say otherwise.
const PLAIN: Way = Way {
    name: "plain",
    cargo: &["test"],
    arguments: &["--lib", "--tests"],
    flags: "",
    environment: &[],
    nightly: false,
    program: None,
};

const WAYS: &[Way] = &[
    PLAIN,
    Way { name: "rseq-off", environment: &[("GLIBC_TUNABLES", "glibc.pthread.rseq=0")], ..PLAIN },
    Way { name: "twin", flags: "--cfg percpu_twin", ..PLAIN },
    Way { name: "delays", flags: "--cfg percpu_delay", arguments: &["--lib"], ..PLAIN },
    Way { name: "long", environment: &[("PERCPU_STORM_SECONDS", "5")], ..PLAIN },
    Way {
        name: "loom",
        cargo: &["test", "--release"],
        arguments: &["--lib"],
        flags: "--cfg loom",
        ..PLAIN
    },
    Way {
        name: "valgrind",
        environment: &[(RUNNER, "valgrind --quiet --error-exitcode=99 --")],
        program: Some("valgrind"),
        ..PLAIN
    },
    Way {
        name: "miri",
        cargo: &["miri", "test"],
        arguments: &["--lib"],
        environment: &[("MIRIFLAGS", "-Zmiri-disable-isolation")],
        nightly: true,
        program: Some("rustup"),
        ..PLAIN
    },
];

impl Way {
    fn command(&self, target: &Path) -> Command {
        let mut command = if self.nightly { nightly(self.cargo) } else { cargo(self.cargo) };
        command.args(["--package", "heliostat-percpu"]).args(self.arguments);
        command.envs(self.environment.iter().copied());
        if !self.flags.is_empty() {
            command.env("RUSTFLAGS", self.flags).arg("--target-dir");
            command.arg(target.join(format!("percpu-{}", self.name)));
        }
        command
    }

    /// What it needs that is not there.
    fn missing(&self) -> Option<String> {
        if let Some(program) = self.program.filter(|program| !on_path(program)) {
            return Some(program.to_owned());
        }
        let there = |command: &mut Command| command.output().is_ok_and(|o| o.status.success());
        let is_there = !self.nightly || there(nightly(self.cargo).arg("--help"));
        (!is_there).then(|| format!("cargo {} on nightly", self.cargo.join(" ")))
    }
}

/// Cargo of the nightly toolchain.
pub(crate) fn nightly(arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).args(arguments).current_dir(crate::cargo::root());
    // What the calling cargo says of itself is not true for the other one.
    command.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    command
}

/// The variable by which cargo runs tests under another program; for this host.
const RUNNER: &str = if cfg!(target_arch = "aarch64") {
    "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER"
} else {
    "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER"
};
