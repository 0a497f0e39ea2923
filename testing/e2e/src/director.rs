//! The director: `heliostat serve`, as a process.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, Result, bail};
use heliostat_exchange::mirrormanager;
use rustix::process::{Pid, Signal, kill_process};

use crate::{Network, Response, binary, get, run, wait_until};

/// A running server.
#[derive(Debug)]
pub struct Director {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    said: PathBuf,
}

/// A server that has ended.
#[derive(Debug)]
pub struct Stopped {
    /// How.
    pub status: ExitStatus,
    /// All that it wrote to its standard error.
    pub said: String,
}

impl Director {
    /// Starts it on an address of its own and waits until it is alive.
    ///
    /// # Errors
    ///
    /// When it ends instead.
    pub fn start(folder: &Path, arguments: &[&str]) -> Result<Director> {
        let address = address_unused();
        let listen = address.to_string();
        let mut command = Command::new(binary()?);
        command.args(["serve", "--listen", &listen]).args(arguments);
        Director::spawn(folder, address, &mut command)
    }

    /// Starts it with a snapshot and waits until it has answers.
    ///
    /// # Errors
    ///
    /// When it ends instead.
    pub fn start_ready(folder: &Path, snapshot: &Path, arguments: &[&str]) -> Result<Director> {
        let snapshot = snapshot.to_str().context("the path is no text")?;
        let director = Director::start(folder, &[&["--snapshot", snapshot], arguments].concat())?;
        wait_until("ready", || Ok((director.get("/readyz")?.status == 200).then_some(())))?;
        Ok(director)
    }

    /// Starts a command that will listen on an address, and waits until it does.
    ///
    /// # Errors
    ///
    /// When it ends instead.
    pub fn spawn(folder: &Path, address: SocketAddr, command: &mut Command) -> Result<Director> {
        let said = folder.join(format!("director-{}.log", address.port()));
        let child = command
            .stdout(Stdio::null())
            .stderr(File::create(&said)?)
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        let mut director = Director { address, child, said };
        wait_until("alive", || {
            if let Some(status) = director.child.try_wait()? {
                bail!("heliostat ended with {status}:\n{}", director.said());
            }
            Ok(get(address, "/healthz").ok())
        })?;
        Ok(director)
    }

    /// One request on a connection of its own.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub fn get(&self, target: &str) -> Result<Response> {
        get(self.address, target).with_context(|| self.said())
    }

    /// What a client would be configured with.
    pub fn url(&self, target: &str) -> String {
        format!("http://{}{target}", self.address)
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill_process(self.pid()?, signal).context("cannot send a signal")
    }

    /// All that it wrote to its standard error so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// Asks it to end, and waits for that.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub fn stop(mut self) -> Result<Stopped> {
        self.signal(Signal::TERM)?;
        let status = wait_until("the director's end", || Ok(self.child.try_wait()?))?;
        Ok(Stopped { status, said: self.said() })
    }

    /// The number of the process.
    ///
    /// # Errors
    ///
    /// When it is larger than the kernel makes them.
    pub fn process(&self) -> Result<i32> {
        Ok(self.pid()?.as_raw_nonzero().get())
    }

    fn pid(&self) -> Result<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")
    }
}

impl Drop for Director {
    /// A failed test leaves no process behind.
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Compiles a network into `<folder>/<name>.snapshot`, through a cache file and the command line.
///
/// # Errors
///
/// When the compiler fails.
pub fn compile(network: &Network, folder: &Path, name: &str) -> Result<PathBuf> {
    let cache = folder.join(format!("{name}.cache"));
    let snapshot = folder.join(format!("{name}.snapshot"));
    let mut file = BufWriter::new(File::create(&cache)?);
    mirrormanager::cache_write(&network.world()?, &mut file)?;
    file.flush()?;
    let (from, to) = (cache.to_string_lossy(), snapshot.to_string_lossy());
    run(&["compile", "mirrormanager", "--cache", &from, "-o", &to])?;
    Ok(snapshot)
}

/// An address on loopback that no other test uses: listeners that share ports would also share
/// one with a stranger without an error, so the address carries the id of this process.
pub fn address_unused() -> SocketAddr {
    static PORT_NEXT: AtomicU16 = AtomicU16::new(18_000);
    let [_, a, b, c] = process::id().to_be_bytes();
    let port = PORT_NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::from((Ipv4Addr::new(127, 64 | (a & 63), b, c), port))
}
