//! Cargo, and what it knows about this workspace.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// The cargo that runs us, in the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Whether `cargo <name>` exists.
pub(crate) fn has_subcommand(name: &str) -> bool {
    cargo(&[name, "--version"]).output().is_ok_and(|output| output.status.success())
}

/// What `cargo metadata` says; `depth` limits it to the workspace or follows every dependency.
pub(crate) fn metadata(depth: Depth) -> Result<Value> {
    let mut command = cargo(&["metadata", "--format-version", "1"]);
    match depth {
        Depth::Workspace => command.arg("--no-deps"),
        Depth::All => command.args(["--filter-platform", "x86_64-unknown-linux-gnu"]),
    };
    let output = command.output().context("cannot start cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")
}

/// How far [`metadata`] looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The packages of this workspace.
    Workspace,
    /// Those and everything below them.
    All,
}

/// The elements of a JSON array; of anything else, none.
pub(crate) fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> Result<PathBuf> {
    let metadata = metadata(Depth::Workspace)?;
    let path =
        metadata["target_directory"].as_str().context("cargo metadata: no target directory")?;
    Ok(path.into())
}
