//! A module of rsync: Debian's rsync fetches the listing, a worker reads it.
//!
//! The listing comes in the order of the tree, so a directory is complete as soon as a line speaks
//! of something that is not below it.

use std::process::Stdio;

use heliostat_catalog::scan::SeenFile;
use heliostat_observe_probe::Found;
use heliostat_observe_probe::wire::{Format, Kind, Task};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::mpsc::Sender;

use super::Walk;
use crate::error::Error;
use crate::extent::Part;
use crate::folder::{Folder, Sight, digest, joined};

/// Lists a part: with what is below it, or its own names only.
pub(super) async fn walk(
    url: &str,
    part: &Part,
    walk: &Walk,
    to: &Sender<Folder>,
) -> Result<(), Error> {
    let (top, deep) = (&part.path, part.deep);
    let url = if top.is_empty() { format!("{url}/") } else { format!("{url}/{top}/") };
    let mut child = Command::new("rsync")
        .args(["--list-only", if deep { "-r" } else { "-d" }, "--links", "--no-motd"])
        .args(["--timeout=60", "--contimeout=20"])
        .args(["--exclude=.~tmp~", "--", &url])
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::RsyncStart)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let said = tokio::spawn(last_words(stderr));
    let mut tree = Tree::new(top.clone(), deep);
    let mut part = Vec::new();
    let mut stdout = stdout.map(|out| out.take(LISTING_BYTES_MAX));
    while let Some(out) = &mut stdout {
        let begin = part.len();
        part.resize(begin + PART_BYTES, 0);
        let read = out.read(&mut part[begin..]).await;
        let read = read.map_err(|source| Error::Folder { path: url.clone(), source })?;
        part.truncate(begin + read);
        if read > 0 && part.len() < PART_BYTES {
            continue;
        }
        // Only whole lines are sent; the last of all may lack its end.
        let end = match memrchr(&part) {
            Some(end) if read > 0 => end + 1,
            _ => part.len(),
        };
        if end > 0 {
            let found = walk.prober.probe_bytes(Task::new(Format::Rsync), &part[..end]).await;
            let listing = |source| Error::Listing { path: url.clone(), source };
            send(tree.take(found.map_err(listing)?), to).await;
            part.drain(..end);
        }
        if read == 0 {
            break;
        }
    }
    let status = child.wait().await.map_err(Error::RsyncStart)?;
    if !status.success() {
        let said = said.await.unwrap_or_default();
        // A part that is not there, or a file.
        if walk.extent.may_lack() && status.code() == Some(PARTIAL) && is_absent(&said) {
            return Ok(());
        }
        return Err(Error::Rsync { status: status.to_string(), said });
    }
    send(tree.end(), to).await;
    Ok(())
}

/// What rsync says of a folder that is not there.
fn is_absent(said: &str) -> bool {
    said.contains("No such file or directory") || said.contains("Not a directory")
}

async fn send(folders: Vec<Folder>, to: &Sender<Folder>) {
    for folder in folders {
        // Whoever took them has gone, and the walk ends with its future.
        let _ = to.send(folder).await;
    }
}

/// The last of what was written to the error stream.
async fn last_words(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut last, mut part) = (Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = stderr.read(&mut part).await {
        last.extend_from_slice(&part[..read]);
        let surplus = last.len().saturating_sub(WORDS_BYTES_MAX);
        last.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&last);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().into()
}

fn memrchr(part: &[u8]) -> Option<usize> {
    part.iter().rposition(|&byte| byte == b'\n')
}

/// A directory that is not complete yet: its path, its own time, its files.
type Open = (String, Option<i64>, Vec<SeenFile>);

/// Directories that are not complete yet: the way from the top to the last line.
struct Tree {
    open: Vec<Open>,
    deep: bool,
}

impl Tree {
    fn new(top: String, deep: bool) -> Tree {
        Tree { open: vec![(top, None, Vec::new())], deep }
    }

    /// Takes lines, and gives the directories that they complete.
    fn take(&mut self, found: Found) -> Vec<Folder> {
        let top = self.open.first().map(|(top, ..)| top.clone()).unwrap_or_default();
        let mut complete = Vec::new();
        for entry in found.entries {
            let path = joined(&top, &entry.path);
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
            while self.open.len() > 1 && self.open.last().is_some_and(|(at, ..)| at != parent) {
                complete.extend(self.open.pop().map(folder));
            }
            if entry.kind == Kind::Directory {
                if !self.deep {
                    continue;
                }
                let time = entry.time.map(|time| time.unix_s);
                self.open.push((path, time, Vec::new()));
            } else if let Some((.., files)) = self.open.last_mut() {
                files.push(SeenFile {
                    name: name.to_owned(),
                    size_bytes: entry.size.and_then(|size| size.bytes()),
                    timestamp_unix_s: entry.time.map(|time| time.unix_s),
                    volatile: false,
                    link: entry.kind == Kind::Link,
                });
            }
        }
        complete
    }

    fn end(self) -> Vec<Folder> {
        self.open.into_iter().rev().map(folder).collect()
    }
}

fn folder((path, timestamp_unix_s, mut files): Open) -> Folder {
    files.sort();
    let mark = format!("r {} {}", timestamp_unix_s.unwrap_or(0), digest(&files));
    Folder { path, timestamp_unix_s, sight: Sight::Read { mark, files } }
}

/// rsync's status when something could not be transferred.
const PARTIAL: i32 = 23;

/// How much of a listing is looked at together.
const PART_BYTES: usize = 1 << 20;

/// Some ten million files.
const LISTING_BYTES_MAX: u64 = 1 << 30;

/// How much of the error stream is kept.
const WORDS_BYTES_MAX: usize = 512;
