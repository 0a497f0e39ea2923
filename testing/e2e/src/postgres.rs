//! A PostgreSQL server of the test's own, in a temporary folder, gone with it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::wait_until;

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    folder: tempfile::TempDir,
    port: u16,
    /// Where it listens beside its local socket.
    address: &'static str,
    /// None while it is cut.
    child: Option<Child>,
}

impl Postgres {
    /// Starts one, or says why it cannot be had.
    ///
    /// # Errors
    ///
    /// When it is installed but does not start.
    pub fn start() -> Result<Result<Postgres, String>> {
        let Some(programs) = programs() else {
            return Ok(Err("PostgreSQL is not installed".to_owned()));
        };
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        fs::create_dir(&data)?;
        let user = User::unprivileged();
        if let Some(user) = &user {
            for path in [folder.path(), &data] {
                chown(path, Some(user.id), Some(user.group))?;
            }
        }
        let mut initdb = command(user.as_ref(), &programs.join("initdb"));
        initdb.args(["-U", "heliostat", "-A", "trust", "-E", "UTF8", "--locale=C", "-N", "-D"]);
        let made = initdb.arg(&data).output().context("cannot start initdb")?;
        ensure!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let port = crate::address_unused().port();
        let mut server = Postgres { folder, port, address: "", child: None };
        server.resume()?;
        Ok(Ok(server))
    }

    /// Starts it, also after it was cut.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn resume(&mut self) -> Result<()> {
        let programs = programs().context("PostgreSQL is gone")?;
        let folder = self.folder.path();
        let mut server = command(User::unprivileged().as_ref(), &programs.join("postgres"));
        // Nobody's data is in it, so nothing waits for the disk.
        server.arg("-D").arg(folder.join("data"));
        server.args(["-c", &format!("listen_addresses={}", self.address), "-c", "fsync=off"]);
        server.arg("-k").arg(folder).arg("-p").arg(self.port.to_string());
        let log = fs::File::create(folder.join("log"))?;
        let mut child = server.stdout(Stdio::null()).stderr(log).spawn()?;
        wait_until("PostgreSQL", || {
            if let Some(status) = child.try_wait()? {
                bail!("PostgreSQL ended with {status}: {}", self.said());
            }
            Ok(self.said().contains("ready to accept connections").then_some(()))
        })?;
        self.child = Some(child);
        Ok(())
    }

    /// Ends it at once, with every connection to it.
    pub fn cut(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // The signal that makes the server end at once and take its children with it.
        let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
        let _ = child.wait();
    }

    /// The URL of a database on it.
    pub fn url(&self, database: &str) -> String {
        let folder = self.folder.path().to_string_lossy().replace('/', "%2F");
        format!("postgres://heliostat@{folder}:{}/{database}", self.port)
    }

    /// From the next start on it listens on the network of this machine too.
    pub fn listen(&mut self) {
        self.address = "127.0.0.1";
    }

    /// The URL of a database on it, over that network, by one of the machine's names.
    pub fn network_url(&self, host: &str, password: &str, database: &str) -> String {
        format!("postgres://heliostat:{password}@{host}:{}/{database}", self.port)
    }

    /// Writes a file beside its data, which it alone can read.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.path().join("data").join(name);
        fs::write(&path, bytes)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        let user = User::unprivileged();
        Ok(user.map_or(Ok(()), |user| chown(&path, Some(user.id), Some(user.group)))?)
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Somebody who may run the server: it refuses the superuser.
struct User {
    id: u32,
    group: u32,
}

impl User {
    /// Nobody else when the test is not the superuser's.
    fn unprivileged() -> Option<User> {
        if fs::metadata("/proc/self").ok()?.uid() != 0 {
            return None;
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let find = |name: &str| {
            let mut fields = users.lines().find(|line| line.starts_with(name))?.split(':').skip(2);
            Some(User { id: fields.next()?.parse().ok()?, group: fields.next()?.parse().ok()? })
        };
        find("postgres:").or_else(|| find("nobody:"))
    }
}

/// A program as another user, which ends when the test does.
fn command(user: Option<&User>, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "QUIT"]);
    if let Some(user) = user {
        command.args(["--reuid", &user.id.to_string(), "--regid", &user.group.to_string()]);
        command.arg("--clear-groups");
    }
    command.arg(program).current_dir("/").env_remove("PGDATA").env_remove("PGPORT");
    command
}

/// The folder with the server's programs: Debian keeps them off the search path.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|version| version.path().join("bin"));
    let mut folders = debian.chain(on_path);
    folders.find(|folder| ["initdb", "postgres"].iter().all(|name| folder.join(name).is_file()))
}
