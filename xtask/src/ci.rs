//! Everything that a change must pass, in the order in which it is cheap to fail.

use std::process::ExitCode;

use anyhow::Result;

use crate::cargo::cargo;
use crate::step::Steps;
use crate::{deny, test};

/// Runs every check, also after one has failed, and names those that did.
pub(crate) fn run(options: &test::Options) -> Result<ExitCode> {
    let mut steps = Steps::default();
    let mut skipped = Vec::new();
    steps.run("lock file", &mut cargo(LOCKED))?;
    steps.run("format", &mut cargo(FORMAT))?;
    steps.run("lints", &mut cargo(LINTS))?;
    steps.run("documentation", cargo(DOCUMENTATION).env("RUSTDOCFLAGS", "-D warnings"))?;
    skipped.extend(deny::add_to(&mut steps)?);
    test::finish(steps, skipped, options)
}

/// Fails when `Cargo.lock` does not fit the manifests.
const LOCKED: &[&str] = &["fetch", "--quiet", "--locked"];
const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const LINTS: &[&str] =
    &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
const DOCUMENTATION: &[&str] = &["doc", "--quiet", "--workspace", "--no-deps"];
