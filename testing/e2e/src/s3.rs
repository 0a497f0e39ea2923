//! An S3 service of the test's own: `moto_server`, which keeps everything in its memory.

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

impl S3 {
    /// The bucket that is there.
    pub const BUCKET: &'static str = "snapshots";

    /// Starts one, or says why it cannot be had.
    ///
    /// # Errors
    ///
    /// When it is installed but does not start.
    pub fn start() -> Result<Result<S3, String>> {
        let Some(program) = program() else {
            return Ok(Err("moto_server is not installed (pip install 'moto[server]')".to_owned()));
        };
        let folder = tempfile::tempdir()?;
        let address = address_unused();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command.args(["-H", &address.ip().to_string(), "-p", &address.port().to_string()]);
        let log = fs::File::create(folder.path().join("log"))?;
        let child = command.stdout(Stdio::null()).stderr(log).spawn()?;
        let mut service = S3 { address, child, folder };
        wait_until("the S3 service", || {
            if let Some(status) = service.child.try_wait()? {
                bail!("moto_server ended with {status}: {}", service.said());
            }
            Ok(service.made().ok())
        })?;
        // Credentials are looked at by their form only.
        let keys = "# of the test\nAWS_ACCESS_KEY_ID=key\nAWS_SECRET_ACCESS_KEY=secret\n\
                    AWS_REGION=us-east-1\n";
        fs::write(service.credentials(), keys)?;
        Ok(Ok(service))
    }

    /// A file of credentials that it accepts.
    pub fn credentials(&self) -> PathBuf {
        self.folder.path().join("credentials")
    }

    fn made(&self) -> Result<()> {
        let mut connection = Connection::open(self.address)?;
        let head = format!("PUT /{} HTTP/1.1\r\nHost: {}\r\n", S3::BUCKET, self.address);
        connection.send(format!("{head}Content-Length: 0\r\n\r\n").as_bytes())?;
        match connection.receive()?.status {
            200 => Ok(()),
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

/// What the test command found or installed, else what is on the search path.
fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let named = env::var_os("HELIOSTAT_S3_SERVER").map(PathBuf::from);
    let found = env::split_paths(&path).map(|folder| folder.join("moto_server"));
    named.into_iter().chain(found).find(|program| program.is_file())
}
