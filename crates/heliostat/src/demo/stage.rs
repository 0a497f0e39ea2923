//! Where it plays: a catalog, a primary copy on disk, and the director's own commands.
//!
//! What observes is not built in here: it is the same commands that an operator would run, each a
//! process of its own, so what the demo shows is what there is.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, ensure};
use heliostat_testing_fleet::{Fleet, Primary};

use super::cast::{self, ROLES};

/// Everything but the server.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) primary: Primary,
    pub(super) fleet: Fleet,
    pub(super) director: Director,
    tree: PathBuf,
}

/// The director's commands, with this demo's catalog.
#[derive(Clone, Debug)]
pub(super) struct Director {
    pub(super) catalog: PathBuf,
    pub(super) snapshots: PathBuf,
    program: PathBuf,
    folder: PathBuf,
}

impl Stage {
    /// Makes the primary copy, starts its mirrors, and tells a new catalog of them.
    pub(super) fn set(folder: &Path, now_unix_s: i64) -> anyhow::Result<Stage> {
        let mut primary = Primary::small(now_unix_s - 60);
        let first = primary.newest();
        primary.release(now_unix_s - 10);
        let tree = folder.join("primary");
        std::fs::create_dir_all(&tree)?;
        first.write(&tree).context("cannot write the primary copy")?;
        let fleet = cast::start(&primary).context("cannot start the mirrors")?;
        let director = Director {
            catalog: folder.join("catalog.db"),
            snapshots: folder.join("snapshots"),
            program: std::env::current_exe().context("where is this program?")?,
            folder: folder.to_owned(),
        };
        director.run(&["init"])?;
        director.run(&["category", "add", "Linux", "--set", "top=pub/linux"])?;
        director.run(&["site", "add", "demo"])?;
        for (role, mirror) in ROLES.iter().zip(fleet.mirrors()) {
            let mirrors = format!(
                "mirrors=[{{category = \"Linux\", always_current = {}, urls = [{{url = \"{}\"}}]}}]",
                role.is_source(),
                mirror.url()
            );
            let country = format!("country={}", role.country);
            let sets = ["--set", "site=demo", "--set", &country, "--set", &mirrors];
            director.run(&[&["host", "add", role.name][..], &sets].concat())?;
        }
        let stage = Stage { primary, fleet, director, tree };
        // What mirrors may still have is known from the release before.
        stage.scan(true)?;
        stage.primary.newest().write(&stage.tree).context("cannot write the primary copy")?;
        stage.scan(false)?;
        Ok(stage)
    }

    /// Releases a new version at the primary copy, and has the director look at it.
    pub(super) fn release(&mut self, now_unix_s: i64) -> anyhow::Result<u32> {
        let number = self.primary.release(now_unix_s);
        self.primary.newest().write(&self.tree).context("cannot write the primary copy")?;
        for (role, mirror) in ROLES.iter().zip(self.fleet.mirrors()) {
            if role.is_source() {
                mirror.take(self.primary.newest());
            }
        }
        self.scan(false)?;
        Ok(number)
    }

    fn scan(&self, first: bool) -> anyhow::Result<()> {
        let from = self.tree.to_str().context("the folder's name is no text")?;
        let origin = ["--category", "Linux", "--from", from];
        let origin = if first { &origin[..] } else { &[] };
        self.director.run(&[&["scan"], origin].concat())?;
        Ok(())
    }
}

impl Director {
    /// Runs a command to its end; gives what it printed.
    pub(super) fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self
            .command(arguments)
            .output()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "heliostat {}: {}", arguments.join(" "), said.trim());
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--catalog").arg(&self.catalog);
        // What the operator has set for real work is not meant here.
        let settings = std::env::vars_os().map(|(name, _)| name);
        for name in settings.filter(|name| name.to_string_lossy().starts_with("HELIOSTAT_")) {
            command.env_remove(name);
        }
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Looks at every mirror, and publishes what came of it.
    pub(super) fn look(&self) -> anyhow::Result<()> {
        let mut crawl = vec!["crawl", "--once", "--allow-loopback", "--requests-per-s", "1000"];
        // Whoever is named is looked at whether it is its turn or not.
        let hosts = ROLES.iter().filter(|role| !role.is_source());
        crawl.extend(hosts.flat_map(|role| ["--host", role.name]));
        // Everything each time: there is not much.
        crawl.extend(["--recheck", "1"]);
        self.run(&crawl)?;
        self.publish()
    }

    pub(super) fn publish(&self) -> anyhow::Result<()> {
        let to = self.snapshots.to_str().context("the folder's name is no text")?;
        self.run(&["publish", "--once", "--to", to]).map(drop)
    }
}

/// The light looks at every mirror: one process, because its rounds remember each other. It ends with
/// this.
#[derive(Debug)]
pub(super) struct Watch(Child);

impl Watch {
    pub(super) fn start(director: &Director) -> anyhow::Result<Watch> {
        let mut command = director.command(&["health", "--allow-loopback"]);
        command.args(["--interval-s", ROUND_S]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start the light looks")?;
        let said = child.stdout.take();
        let watch = Watch(child);
        if let Some(mut said) = said {
            // What it says is in the table; where nobody reads any more, it ends by itself.
            let drain = move || std::io::copy(&mut said, &mut std::io::sink());
            std::thread::Builder::new().name("watch".to_owned()).spawn(drain)?;
        }
        Ok(watch)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Looks and publishes, again and again, on a thread.
#[derive(Debug)]
pub(super) struct Observer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Observer {
    pub(super) fn start(director: Director) -> std::io::Result<Observer> {
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("observer".to_owned()).spawn(move || {
            while !theirs.load(Ordering::Acquire) {
                if let Err(error) = director.look()
                    && !theirs.load(Ordering::Acquire)
                {
                    // The next look may go better.
                    let _ = writeln!(std::io::stderr().lock(), "warning: {error:#}");
                }
                std::thread::sleep(PAUSE);
            }
        })?;
        Ok(Observer { stop, thread: Some(thread) })
    }
}

impl Drop for Observer {
    /// Ends with the look that is under way.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Between the beginnings of two rounds of light looks.
const ROUND_S: &str = "2";
