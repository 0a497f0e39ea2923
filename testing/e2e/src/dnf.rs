//! The client: `dnf`, with a root folder of its own.
//!
//! Everything that `dnf` reads and writes lies in a temporary folder: configuration, repositories,
//! caches, logs, and the root into which it installs.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::PACKAGE;

/// A machine to be.
#[derive(Debug)]
pub struct Dnf {
    folder: TempDir,
}

/// How a repository is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `metalink=`, with hashes.
    Metalink,
    /// `mirrorlist=`, without.
    Mirrorlist,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// The version that lies in the root folder, if any does.
    pub version: Option<String>,
    /// Whether `dnf` was content.
    pub success: bool,
    /// All that it said, and its log.
    pub said: String,
}

impl Source {
    /// The name of the option, which is also that of the page.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Metalink => "metalink",
            Source::Mirrorlist => "mirrorlist",
        }
    }
}

impl Dnf {
    /// Prepares the folders.
    ///
    /// # Errors
    ///
    /// When the disk is full.
    pub fn new() -> Result<Dnf> {
        let folder = tempfile::tempdir()?;
        for name in ["repositories", "log", "root"] {
            fs::create_dir(folder.path().join(name))?;
        }
        fs::write(folder.path().join("dnf.conf"), "[main]\n")?;
        Ok(Dnf { folder })
    }

    /// Installs [`PACKAGE`] from the one repository that `url` leads to.
    ///
    /// # Errors
    ///
    /// When `dnf` cannot be started; that it fails is a result.
    pub fn install(&self, source: Source, url: &str) -> Result<Installed> {
        let repository = format!("[test]\nname=test\n{}={url}\nenabled=1\n", source.as_str());
        fs::write(self.path("repositories/test.repo"), repository)?;
        let output = self.command().args(["install", PACKAGE]).output().context("no dnf")?;
        let version = self.path(&format!("root/usr/share/{PACKAGE}/version"));
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said += &String::from_utf8_lossy(&output.stderr);
        Ok(Installed {
            version: fs::read_to_string(version).ok().map(|text| text.trim().to_owned()),
            success: output.status.success(),
            said,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("dnf");
        command.args(["--assumeyes", "--quiet", "--noplugins", "--releasever=40"]);
        command.args(["--forcearch=x86_64", "--installroot"]).arg(self.path("root"));
        command.arg("--config").arg(self.path("dnf.conf"));
        for (option, folder) in FOLDERS {
            command.arg(format!("--setopt={option}={}", self.path(folder).display()));
        }
        command.args(OPTIONS.map(|option| format!("--setopt={option}")));
        for (name, _) in std::env::vars().filter(|(name, _)| name.ends_with("_proxy")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8").current_dir(self.folder.path());
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

const FOLDERS: [(&str, &str); 6] = [
    ("reposdir", "repositories"),
    ("cachedir", "cache"),
    ("system_cachedir", "cache"),
    ("persistdir", "persist"),
    ("logdir", "log"),
    ("varsdir", "vars"),
];

/// No signatures, nothing that draws, and patience with a machine that is busy: a dead mirror
/// refuses at once, so no test waits for a time to pass.
const OPTIONS: [&str; 5] =
    ["gpgcheck=0", "timeout=60", "fastestmirror=0", "install_weak_deps=0", "countme=0"];
