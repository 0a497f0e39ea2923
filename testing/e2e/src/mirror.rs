//! A mirror that counts what it is asked for.
//!
//! One thread accepts, one serves each connection, HTTP/1.1 with keep-alive and nothing more: what
//! a download client needs.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result};

use crate::Repository;

/// A mirror of one repository.
#[derive(Debug)]
pub struct Mirror {
    /// Its base URL, without a slash at its end.
    pub url: String,
    counts: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Mirror {
    /// Listens on `127.0.0.<number>` and serves a repository under `/<folder>/`.
    ///
    /// # Errors
    ///
    /// When it cannot listen.
    pub fn start(number: u8, folder: &str, repository: Repository) -> Result<Mirror> {
        let address = SocketAddr::from(([127, 0, 0, number], 0));
        let listener = TcpListener::bind(address).context("a mirror cannot listen")?;
        let url = format!("http://{}", listener.local_addr()?);
        let counts = Arc::new(Mutex::new(BTreeMap::new()));
        let prefix = format!("/{folder}/");
        let shelf = Arc::new(Shelf { prefix, repository, counts: Arc::clone(&counts) });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = Arc::clone(&shelf);
                thread::spawn(move || shelf.serve(stream));
            }
        });
        Ok(Mirror { url, counts })
    }

    /// A mirror that refuses every connection.
    pub fn dead(number: u8) -> Mirror {
        let url = format!("http://127.0.0.{number}:{PORT_NOBODY_LISTENS_ON}");
        Mirror { url, counts: Arc::default() }
    }

    /// How often a file was asked for whose path ends so.
    pub fn count(&self, ending: &str) -> u32 {
        let counts = self.counts.lock().unwrap_or_else(|poison| poison.into_inner());
        counts.iter().filter(|(path, _)| path.ends_with(ending)).map(|(_, count)| count).sum()
    }

    /// How often anything was asked for.
    pub fn count_all(&self) -> u32 {
        self.count("")
    }
}

/// What a mirror serves, and its book.
#[derive(Debug)]
struct Shelf {
    prefix: String,
    repository: Repository,
    counts: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Shelf {
    /// Answers until the client has had enough.
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let path = request(&mut reader)?;
            let mut counts = self.counts.lock().unwrap_or_else(|poison| poison.into_inner());
            *counts.entry(path.clone()).or_default() += 1;
            drop(counts);
            let name = path.strip_prefix(&self.prefix).unwrap_or_default();
            let answer = match self.repository.files.get(name) {
                Some(bytes) => [head("200 OK", bytes.len()).as_bytes(), bytes].concat(),
                None => head("404 Not Found", 0).into_bytes(),
            };
            reader.get_mut().write_all(&answer).ok()?;
        }
    }
}

/// The path of the next request; its headers do not matter.
fn request(reader: &mut impl BufRead) -> Option<String> {
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|length| *length > 0)?;
    let mut line = String::new();
    while reader.read_line(&mut line).ok()? > 0 && !line.trim_end().is_empty() {
        line.clear();
    }
    first.split(' ').nth(1).map(str::to_owned)
}

fn head(status: &str, length: usize) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n")
}

/// The port of a service that was abandoned decades ago.
const PORT_NOBODY_LISTENS_ON: u16 = 9;
