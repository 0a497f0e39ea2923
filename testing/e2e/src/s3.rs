//! S3 services of the test's own, from three registries, which agree on most things.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use anyhow::{Result, bail};

use crate::{Connection, address_unused, wait_until};

/// A running service with one bucket.
#[derive(Debug)]
pub struct S3 {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    folder: tempfile::TempDir,
}

/// Whose service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Python's moto: keeps everything in its memory, and heeds conditional writes.
    Moto,
    /// Rust's s3s-fs: keeps everything in files.
    S3sFs,
    /// JavaScript's s3rver: overwrites, whatever a conditional write says.
    S3rver,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 3] = [Service::Moto, Service::S3sFs, Service::S3rver];

    /// Its program, and what installs that.
    const fn program(self) -> (&'static str, &'static str) {
        match self {
            Service::Moto => ("moto_server", "pip install 'moto[server]'"),
            Service::S3sFs => ("s3s-fs", "cargo install s3s-fs --features binary"),
            Service::S3rver => ("s3rver", "npm install s3rver"),
        }
    }
}

impl S3 {
    /// The bucket that is there.
    pub const BUCKET: &'static str = "snapshots";

    /// Starts a service that heeds conditional writes, or says why none can be had.
    ///
    /// # Errors
    ///
    /// When it is installed but does not start.
    pub fn start() -> Result<Result<S3, String>> {
        S3::start_as(Service::Moto)
    }

    /// Starts a service, or says why it cannot be had.
    ///
    /// # Errors
    ///
    /// When it is installed but does not start.
    pub fn start_as(service: Service) -> Result<Result<S3, String>> {
        let (name, how) = service.program();
        let Some(program) = find(name) else {
            return Ok(Err(format!("{name} is not installed ({how})")));
        };
        let folder = tempfile::tempdir()?;
        let data = folder.path().join("data");
        fs::create_dir_all(data.join(S3::BUCKET))?;
        let address = address_unused();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program);
        match service {
            Service::Moto => command.args(["-H", &host, "-p", &port]),
            Service::S3sFs => command
                .args(["--host", &host, "--port", &port])
                .args(["--access-key", KEY, "--secret-key", KEY])
                .arg(&data),
            Service::S3rver => command
                .args(["--address", &host, "--port", &port, "--no-vhost-buckets", "--directory"])
                .arg(&data)
                .args(["--configure-bucket", S3::BUCKET]),
        };
        let log = fs::File::create(folder.path().join("log"))?;
        let child = command.stdout(Stdio::null()).stderr(log).spawn()?;
        let mut running = S3 { address, child, folder };
        wait_until("the S3 service", || {
            if let Some(status) = running.child.try_wait()? {
                bail!("{name} ended with {status}: {}", running.said());
            }
            Ok(running.made(service).ok())
        })?;
        let keys = format!(
            "# of the test\nAWS_ACCESS_KEY_ID={KEY}\nAWS_SECRET_ACCESS_KEY={KEY}\n\
             AWS_REGION=us-east-1\n"
        );
        fs::write(running.credentials(), keys)?;
        Ok(Ok(running))
    }

    /// A file of credentials that it accepts.
    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    /// Moto makes its bucket when it is told to; the others have theirs.
    fn made(&self, service: Service) -> Result<()> {
        let mut connection = Connection::open(self.address)?;
        let head = format!("PUT /{} HTTP/1.1\r\nHost: {}\r\n", S3::BUCKET, self.address);
        connection.send(format!("{head}Content-Length: 0\r\n\r\n").as_bytes())?;
        match connection.receive()?.status {
            200 => Ok(()),
            _ if service != Service::Moto => Ok(()),
            status => bail!("no bucket: {status}"),
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In the folders where the test command installed it, else on the search path.
fn find(program: &str) -> Option<PathBuf> {
    let paths = ["HELIOSTAT_S3_SERVERS", "PATH"].map(|name| env::var_os(name).unwrap_or_default());
    let folders = paths.iter().flat_map(env::split_paths);
    folders.map(|folder| folder.join(program)).find(|program| program.is_file())
}

/// Both halves of what opens it: what s3rver takes cannot be chosen.
const KEY: &str = "S3RVER";
