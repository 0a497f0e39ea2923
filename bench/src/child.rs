//! Processes that die with the bench.
//!
//! A child is killed when its handle is dropped. Where `setpriv` is at hand the kernel also kills
//! it when the bench itself is killed, so that no server is left behind on any way out.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process};

use anyhow::{Context, Result};

use crate::machine::pinned;

/// A running process.
#[derive(Debug)]
pub struct Child {
    process: process::Child,
}

impl Child {
    /// Starts a program on one core. What it prints goes into a file, or nowhere.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start(
        program: &Path,
        arguments: &[String],
        cpu: usize,
        log: Option<&Path>,
    ) -> Result<Child> {
        let mut command = mortal(program);
        command.args(arguments).stdin(Stdio::null());
        match log {
            Some(path) => {
                let file = fs::File::create(path).with_context(|| format!("{}", path.display()))?;
                command.stderr(file.try_clone()?).stdout(file);
            }
            None => {
                command.stdout(Stdio::null()).stderr(Stdio::null());
            }
        }
        let process = pinned(cpu, || {
            command.spawn().with_context(|| format!("starting {}", program.display()))
        })?;
        Ok(Child { process })
    }

    /// Its process number.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its exit code once it has ended; -1 when a signal ended it.
    ///
    /// # Errors
    ///
    /// When it cannot be asked.
    pub fn ended(&mut self) -> Result<Option<i32>> {
        Ok(self.process.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a program to its end on one core and returns what it wrote to its standard output.
///
/// # Errors
///
/// When it cannot be started or fails; with what it wrote to its standard error.
pub fn output(program: &Path, arguments: &[String], cpu: usize) -> Result<String> {
    let mut command = mortal(program);
    command.args(arguments).stdin(Stdio::null());
    let done = pinned(cpu, || {
        command.output().with_context(|| format!("starting {}", program.display()))
    })?;
    anyhow::ensure!(
        done.status.success(),
        "{} {}: {}\n{}",
        program.display(),
        arguments.join(" "),
        done.status,
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Where a program lies.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn mortal(program: &Path) -> Command {
    let Some(setpriv) = find("setpriv") else { return Command::new(program) };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}
