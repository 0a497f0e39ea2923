//! Tests that cannot run say so.
//!
//! Runners swallow what passing tests print, so a skipped test also leaves a line in the file that
//! `HELIOSTAT_SKIPS` names; `cargo xtask test` shows those lines at its end.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

use anyhow::{Context, Result};

/// Records that a test does not run, and why.
///
/// # Errors
///
/// When the file of skips cannot be written: better a failed test than a silent one.
pub fn skip(what: &str, why: &str) -> Result<()> {
    eprintln!("skipped: {what}: {why}");
    let Some(file) = env::var_os("HELIOSTAT_SKIPS") else { return Ok(()) };
    let line = format!("{what}\t{why}\n");
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(&file)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// Why a test cannot run that needs these programs: the first that is not on the search path.
pub fn missing(programs: &[&str]) -> Option<String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = |program: &str| env::split_paths(&path).any(|dir| dir.join(program).is_file());
    let absent = programs.iter().find(|program| !found(program))?;
    Some(format!("{absent} is not installed"))
}
