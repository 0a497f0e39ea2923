//! The program that parses strangers' bytes, built if need be.
//!
//! `cargo run` builds the program that it runs and nothing beside it, and the one that parses
//! strangers' bytes must be another one. So a demo that cargo started asks cargo for it, which takes
//! no time when it is there and fresh. Installed programs lie beside each other.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

/// Sees to it that the program is there.
pub(super) fn ready() -> anyhow::Result<()> {
    let own = env::current_exe().context("where is this program?")?;
    let beside = own.with_file_name(PROGRAM);
    // Both are set by cargo for what it runs.
    let (cargo, manifest) = (env::var_os("CARGO"), env::var_os("CARGO_MANIFEST_DIR"));
    if let (Some(cargo), Some(manifest)) = (cargo, manifest) {
        if !beside.is_file() {
            let text =
                "Building the program that parses strangers' bytes, which is one of its own.";
            writeln!(std::io::stderr().lock(), "{text}")?;
        }
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", PACKAGE, "--bin", PROGRAM]);
        build.arg("--manifest-path").arg(PathBuf::from(manifest).join("Cargo.toml"));
        if let Some(profile) = own.parent() {
            if profile.ends_with("release") {
                build.arg("--release");
            }
            build.arg("--target-dir").arg(profile.parent().unwrap_or(profile));
        }
        let status = build.status().context("cannot start cargo")?;
        ensure!(status.success(), "cargo build: {status}");
    }
    ensure!(
        beside.is_file(),
        "there is no {}, which parses what mirrors send; build it with \
         cargo build --release --package {PACKAGE}",
        beside.display()
    );
    Ok(())
}

const PACKAGE: &str = "heliostat-observe-probe-worker";
const PROGRAM: &str = "heliostat-probe";
