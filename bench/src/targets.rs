//! Requests of many clients: random repositories, random addresses.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use heliostat_model::World;
use heliostat_testing_world::{Endpoint, client_addresses, queries};

/// Request targets, and for whom a proxy asks.
#[derive(Clone, Debug)]
pub struct Targets {
    lines: Vec<(String, String)>,
}

impl Targets {
    /// So many requests of an endpoint.
    pub fn of(world: &World, endpoint: Endpoint, count: usize, seed: u64) -> Targets {
        let clients = client_addresses(seed).map(|client| client.to_string());
        Targets { lines: queries(world, Some(endpoint), seed).zip(clients).take(count).collect() }
    }

    /// Reads what [`Targets::write`] wrote.
    ///
    /// # Errors
    ///
    /// When there is no such file.
    pub fn read(path: &Path) -> Result<Targets> {
        let text = fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let split = |line: &str| line.split_once(' ').map(|(t, c)| (t.to_owned(), c.to_owned()));
        Ok(Targets { lines: text.lines().filter_map(split).collect() })
    }

    /// Writes a line per request.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut text = String::new();
        for (target, client) in &self.lines {
            writeln!(text, "{target} {client}")?;
        }
        fs::write(path, text).with_context(|| format!("{}", path.display()))
    }

    /// The first target.
    pub fn first(&self) -> Option<&str> {
        self.lines.first().map(|(target, _)| target.as_str())
    }

    /// The requests as a proxy sends them: on a connection that it keeps, or not.
    pub fn requests(&self, keep: bool) -> Vec<Vec<u8>> {
        self.lines.iter().map(|(target, client)| request(target, client, keep)).collect()
    }
}

/// One request as it goes over the wire.
pub fn request(target: &str, client: &str, keep: bool) -> Vec<u8> {
    let connection = if keep { "keep-alive" } else { "close" };
    format!(
        "GET {target} HTTP/1.1\r\nHost: mirrors.example.net\r\nUser-Agent: {USER_AGENT}\r\n\
         Accept: */*\r\nX-Forwarded-For: {client}\r\nConnection: {connection}\r\n\r\n"
    )
    .into_bytes()
}

/// What clients call themselves.
pub const USER_AGENT: &str = "libdnf (Fedora Linux 40; workstation; Linux.x86_64)";
