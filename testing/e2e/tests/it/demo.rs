//! The three lines of the demo work, as a person would paste them into a shell.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use heliostat_testing_e2e::{binary, missing, skip, wait_until};
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn its_three_lines_work() -> Result<()> {
    if let Some(why) = missing(&["curl"]) {
        return skip("demo::its_three_lines_work", &why);
    }
    let mut demo = Demo::start()?;
    let lines = demo.curl_lines()?;
    assert_eq!(lines.len(), 3, "{lines:?}");
    let answers: Vec<String> = lines.iter().map(|line| paste(line)).collect::<Result<_>>()?;
    assert!(answers[0].starts_with("# repo = "), "{}", answers[0]);
    assert!(answers[1].starts_with("<?xml"), "{}", answers[1]);
    assert!(answers[1].contains("<hash type=\"sha256\">"), "{}", answers[1]);
    assert!(answers[2].starts_with('{'), "{}", answers[2]);
    let watch = demo.watch()?;
    demo.interrupt()?;
    ensure!(!watch.exists(), "{}: what the demo has started outlives it", watch.display());
    Ok(())
}

/// Every promise of the whole circle is kept, or it ends with an error.
#[test]
fn once_closes_the_circle() -> Result<()> {
    let said = Command::new(binary()?)
        .args(["demo", "--once", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .output()
        .context("cannot start the demo")?;
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    ensure!(said.status.success(), "{}: {out}{err}", said.status);
    for line in [
        "Release 3 is at the primary copy, and nowhere else",
        "healthy-1 has taken it",
        "healthy-2 has lost a file of the updates",
        "healthy-3 has died",
        "healthy-2 has its file again",
        "healthy-3 is alive again",
        "The circle is closed",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
    // What the director knows, and whom it answers with.
    let rows: Vec<&str> = out.lines().filter(|line| line.starts_with("stale ")).collect();
    assert!(
        rows.iter().any(|row| row.contains("1 behind") && row.contains("up to date *")),
        "{out}"
    );
    let dead = out.lines().find(|line| line.starts_with("dead ")).context("no row")?;
    assert!(!dead.contains('*'), "{dead}");
    Ok(())
}

#[test]
fn a_second_demo_finds_another_port() -> Result<()> {
    if let Some(why) = missing(&["curl"]) {
        return skip("demo::a_second_demo_finds_another_port", &why);
    }
    let (mut first, mut second) = (Demo::start()?, Demo::start()?);
    let (of_first, of_second) = (first.curl_lines()?, second.curl_lines()?);
    assert_ne!(of_first, of_second);
    paste(&of_first[0])?;
    paste(&of_second[0])?;
    first.interrupt()?;
    second.interrupt()
}

/// A running demo.
struct Demo {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Demo {
    fn start() -> Result<Demo> {
        let mut child = Command::new(binary()?)
            .arg("demo")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the demo")?;
        let output = BufReader::new(child.stdout.take().context("no pipe")?);
        Ok(Demo { child, output })
    }

    /// The lines that begin with `curl`, up to the third.
    fn curl_lines(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        while lines.len() < 3 {
            let mut line = String::new();
            ensure!(self.output.read_line(&mut line)? > 0, "the demo ended after {lines:?}");
            let line = line.trim().trim_start_matches("$ ").to_owned();
            if line.starts_with("curl ") {
                lines.push(line);
            }
        }
        Ok(lines)
    }

    /// Where the kernel shows the demo's `heliostat health`.
    fn watch(&self) -> Result<PathBuf> {
        let parent = format!("\nPPid:\t{}\n", self.child.id());
        for process in fs::read_dir("/proc")? {
            let place = process?.path();
            // Whoever has ended meanwhile is not meant.
            let read = |name| fs::read_to_string(place.join(name)).unwrap_or_default();
            if read("status").contains(&parent) && read("cmdline").contains("\0health\0") {
                return Ok(place);
            }
        }
        bail!("the demo has no process that looks at mirrors")
    }

    /// Presses Ctrl-C.
    fn interrupt(mut self) -> Result<()> {
        let pid = Pid::from_raw(i32::try_from(self.child.id())?).context("no process id")?;
        kill_process(pid, Signal::INT)?;
        let status = wait_until("the demo's end", || Ok(self.child.try_wait()?))?;
        ensure!(status.success(), "{status}");
        Ok(())
    }
}

impl Drop for Demo {
    /// A failed test leaves no process behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs a line in a shell; an answer of 400 or above is an error.
fn paste(line: &str) -> Result<String> {
    let line = line.replacen("curl ", "curl --fail --silent --show-error --noproxy '*' ", 1);
    let output = Command::new("sh").args(["-c", &line]).output().context("cannot start sh")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{line}: {}\n{said}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
