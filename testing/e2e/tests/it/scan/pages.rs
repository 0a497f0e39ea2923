//! A server that lists folders as nginx does, and counts, and stalls on demand.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// The server.
pub(super) struct Pages {
    pub(super) url: String,
    shelf: Arc<Shelf>,
}

struct Shelf {
    root: PathBuf,
    counts: Mutex<BTreeMap<String, usize>>,
    stalled: Mutex<String>,
}

impl Pages {
    pub(super) fn serve(root: &Path) -> Result<Pages> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/linux", listener.local_addr()?);
        let (counts, stalled) = (Mutex::default(), Mutex::new("-".to_owned()));
        let shelf = Arc::new(Shelf { root: root.to_owned(), counts, stalled });
        let own = shelf.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = own.clone();
                thread::spawn(move || shelf.answer(stream));
            }
        });
        Ok(Pages { url, shelf })
    }

    /// How often pages were asked for whose path ends so.
    pub(super) fn count(&self, ending: &str) -> usize {
        let counts = self.shelf.counts.lock().expect("nobody panics with it");
        counts.iter().filter(|(path, _)| path.ends_with(ending)).map(|(_, count)| count).sum()
    }

    /// Whoever asks for this waits for a long time.
    pub(super) fn stall(&self, ending: &str) {
        ending.clone_into(&mut self.shelf.stalled.lock().expect("nobody panics with it"));
    }
}

impl Shelf {
    fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let (mut path, mut range, mut line) = (String::new(), None, String::new());
            while reader.read_line(&mut line)? > 0 && line != "\r\n" {
                if let Some(rest) = line.strip_prefix("GET /linux/") {
                    rest.split(' ').next().unwrap_or_default().clone_into(&mut path);
                }
                if let Some(rest) = line.to_lowercase().strip_prefix("range: bytes=") {
                    let ends = rest.trim().split_once('-');
                    range = ends.map(|(from, to)| (from.parse().ok(), to.parse().ok()));
                }
                line.clear();
            }
            if line.is_empty() {
                return Ok(());
            }
            let full = format!("/{path}");
            *self.counts.lock().expect("nobody panics with it").entry(full.clone()).or_default() +=
                1;
            if full.ends_with(&*self.stalled.lock().expect("nobody panics with it")) {
                thread::sleep(Duration::from_secs(60));
            }
            let at = self.root.join(&path);
            let body = if at.is_dir() {
                page(&at)?.into_bytes()
            } else {
                fs::read(&at).unwrap_or_default()
            };
            let found = at.exists();
            let (status, body) = match range {
                Some((Some(from), to)) if found => {
                    let end = to.map_or(body.len(), |to: usize| (to + 1).min(body.len()));
                    ("206 Partial Content", body.get(from..end).unwrap_or_default().to_vec())
                }
                _ if found => ("200 OK", body),
                _ => ("404 Not Found", Vec::new()),
            };
            write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len())?;
            stream.write_all(&body)?;
        }
    }
}

/// A folder as nginx shows it.
fn page(folder: &Path) -> Result<String> {
    let mut page = "<html><head><title>Index of /</title></head><body><pre>".to_owned();
    page += "<a href=\"../\">../</a>\n";
    let mut entries: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (mark, size) = match entry.metadata()? {
            found if found.is_dir() => ("/", "-".to_owned()),
            found => ("", found.len().to_string()),
        };
        // One time for all: what changes is a file's size.
        page += &format!("<a href=\"{name}{mark}\">{name}{mark}</a>  09-Nov-2024 10:11  {size}\n");
    }
    Ok(page + "</pre></body></html>")
}
