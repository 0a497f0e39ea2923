//! One visible step of a task: a command that is shown, timed, and judged by its exit status.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::tally::Tally;

/// The steps taken so far, and which of them failed.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// Names of the steps that failed, in order.
    pub(crate) failed: Vec<String>,
    /// The tests that ran in any of the steps.
    pub(crate) tally: Tally,
}

impl Steps {
    /// Runs a command as a step; its output is passed on as it comes, and read for test results.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> Result<()> {
        let started = Instant::now();
        println!("\n==> {name}: {}", shown(command));
        io::stdout().flush()?;
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", shown(command)))?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let tally = Mutex::new(&mut self.tally);
        thread::scope(|scope| {
            scope.spawn(|| out.map(|from| pass_on(from, io::stdout(), &tally)));
            scope.spawn(|| err.map(|from| pass_on(from, io::stderr(), &tally)));
        });
        let status = child.wait().with_context(|| format!("cannot wait for {name}"))?;
        let verdict = if status.success() { "ok" } else { "FAILED" };
        println!("    {name}: {verdict} in {:.1} s", started.elapsed().as_secs_f64());
        if !status.success() {
            self.failed.push(name.to_owned());
        }
        Ok(())
    }

    /// Names the steps that failed, and turns them into an exit code.
    pub(crate) fn close(&self) -> ExitCode {
        if self.failed.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!("failed: {}", self.failed.join(", "));
        ExitCode::FAILURE
    }
}

/// Runs a command that owns the terminal, such as a bench: nothing is read from its output.
pub(crate) fn hand_over(command: &mut Command) -> Result<ExitCode> {
    println!("==> {}", shown(command));
    io::stdout().flush()?;
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}

/// Copies lines until the other side closes; a line that is no UTF-8 is passed on all the same.
fn pass_on(from: impl Read, mut to: impl Write, tally: &Mutex<&mut Tally>) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        to.write_all(&line)?;
        to.flush()?;
        if let Ok(mut tally) = tally.lock() {
            tally.read(&String::from_utf8_lossy(&line));
        }
        line.clear();
    }
    Ok(())
}
