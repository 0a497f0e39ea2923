//! All rules, over the whole tree.

use std::fmt;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::code::Code;
use super::tree::{SourceFile, tracked};
use super::{arrows, dependency, link, manifest, opening, place, safety, size, words};
use crate::cargo::{Depth, metadata, root};

/// A rule that does not hold somewhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The file, relative to the root.
    pub(crate) path: String,
    /// The line, counted from one; zero when the file as a whole is meant.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) what: String,
}

impl Finding {
    /// About a line of a file.
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// Prints what [`check`] finds.
pub(crate) fn run() -> Result<ExitCode> {
    let findings = check()?;
    findings.iter().for_each(|finding| println!("{finding}"));
    println!("tidy: {} findings", findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Applies every rule to every file.
pub(crate) fn check() -> Result<Vec<Finding>> {
    let files = tracked(root())?;
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path);
        file.map(|file| file.text.as_str()).with_context(|| format!("there is no {path}"))
    };
    let exists = |path: &str| root().join(path).exists();
    let mut findings: Vec<Finding> = files.iter().flat_map(check_file).collect();
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    findings.extend(documents.flat_map(|file| link::check(&file.path, &file.text, &exists)));
    let workspace = metadata(Depth::Workspace)?;
    findings.extend(arrows::compare(text("ARCHITECTURE.md")?, &workspace));
    findings.extend(dependency::check(text("deny.toml")?, &metadata(Depth::All)?)?);
    Ok(findings)
}

/// Applies the rules that look at one file alone.
fn check_file(file: &SourceFile) -> Vec<Finding> {
    let SourceFile { path, text } = file;
    let mut findings = place::check(path, text);
    findings.extend(words::left_behind(path, text));
    if path.ends_with("Cargo.toml") {
        findings.extend(manifest::check(path, text));
    }
    if path.ends_with(".rs") {
        findings.extend(opening::check(path, text));
        match Code::parse(text) {
            Ok(code) => findings.extend(check_code(path, &code)),
            Err(what) => findings.push(Finding::new(path, 0, what)),
        }
    }
    findings
}

/// Applies the rules that look at Rust.
fn check_code(path: &str, code: &Code) -> Vec<Finding> {
    let mut findings = size::functions(path, code);
    findings.extend(size::file(path, code));
    findings.extend(safety::places(path, code));
    findings.extend(safety::roots(path, code));
    findings.extend(words::allowed(path, code));
    findings
}
