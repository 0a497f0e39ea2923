//! Licences, bans and sources of dependencies, as `deny.toml` says.
//!
//! `cargo-deny` takes minutes to build, so it runs only where it is installed. The tidy test
//! always reads the same `deny.toml` and checks the same three things in its simpler way.

use anyhow::Result;

use crate::cargo::{cargo, has_subcommand};
use crate::step::Steps;

/// Runs `cargo deny`, or returns what was skipped and why.
pub(crate) fn add_to(steps: &mut Steps) -> Result<Option<(&'static str, &'static str)>> {
    if !has_subcommand("deny") {
        return Ok(Some((
            "cargo deny",
            "cargo-deny is not installed; tidy checks deny.toml instead",
        )));
    }
    steps.run("dependencies", &mut cargo(&["deny", "check", "bans", "licenses", "sources"]))?;
    Ok(None)
}
