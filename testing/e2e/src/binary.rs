//! The binary under test.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// Where it is: `HELIOSTAT_BINARY`, or built now, in the profile of this test.
///
/// # Errors
///
/// When it cannot be built.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = env::var_os("HELIOSTAT_BINARY") {
        return Ok(path.into());
    }
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.clone().map_err(anyhow::Error::msg)
}

/// Runs it to its end and returns what it printed.
///
/// # Errors
///
/// When it fails; the error carries what it said.
pub fn run<A: AsRef<OsStr>>(arguments: &[A]) -> Result<String> {
    let output = Command::new(binary()?).args(arguments).output().context("cannot start")?;
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "heliostat: {}\n{out}{err}", output.status);
    Ok(out.into_owned())
}

/// Tests lie in `target/<profile>/deps`, binaries one folder above.
fn build() -> Result<PathBuf> {
    let test = env::current_exe().context("where are we?")?;
    let folder = test.parent().and_then(|deps| deps.parent()).context("no target folder")?;
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "heliostat", "--bin", "heliostat"]);
    // The program that parses strangers' bytes is looked for beside it.
    cargo.args(["--package", "heliostat-observe-probe-worker", "--bin", "heliostat-probe"]);
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    if let Some(target) = folder.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let status = cargo.status().context("cannot start cargo")?;
    ensure!(status.success(), "cargo build: {status}");
    Ok(folder.join("heliostat"))
}
