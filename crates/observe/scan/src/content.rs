//! A file's bytes, wherever it lies: hashed, and given to a worker if it is an index.

use std::io::{self, Read};
use std::path::PathBuf;
use std::process::Stdio;

use heliostat_catalog::directory::FileDetail;
use heliostat_catalog::scan::SeenFile;
use heliostat_observe_probe::wire::{Format, Task};
use heliostat_observe_probe::{Document, Failure, FetchError, Found, body_bytes_max};
use tokio::process::Command;

use crate::folder::joined;
use crate::hash::Hashes;
use crate::origin::Origin;
use crate::walk::Walk;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unread {
    #[error("cannot read it")]
    Io(#[from] io::Error),
    #[error("cannot fetch it")]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Probe(#[from] Failure),
    #[error("rsync: {0}")]
    Rsync(String),
}

/// Hashes a file, and has a worker look at it as a format.
pub(crate) async fn read(
    walk: &Walk,
    folder: &str,
    file: &SeenFile,
    format: Option<Format>,
) -> Result<(FileDetail, Option<Found>), Unread> {
    let path = joined(folder, &file.name);
    // What is only hashed goes the same way, and is not looked at.
    let task = Task::new(format.unwrap_or(Format::Checksums));
    let bytes_max = body_bytes_max(task.format);
    let room = file.size_bytes.and_then(|bytes| usize::try_from(bytes).ok());
    let room = room.map_or(bytes_max, |bytes| bytes.min(bytes_max));
    let document = walk.prober.document(task, room).await?;
    let mut hashes = Hashes::default();
    let document = match &walk.origin {
        Origin::Folder(root) => local(root.join(&path), document, &mut hashes)?,
        Origin::Http(url) => {
            let url = Origin::url(url, &path, false);
            http(walk, &url, document, &mut hashes).await?
        }
        Origin::Rsync(url) => rsync(&format!("{url}/{path}"), document, &mut hashes).await?,
    };
    let found = match format {
        Some(_) => Some(walk.prober.probe(document).await?),
        None => None,
    };
    Ok((hashes.finish(file.timestamp_unix_s), found))
}

fn local(path: PathBuf, mut document: Document, hashes: &mut Hashes) -> Result<Document, Unread> {
    let mut file = std::fs::File::open(path)?;
    let mut part = vec![0; PART_BYTES];
    loop {
        let read = file.read(&mut part)?;
        if read == 0 {
            return Ok(document);
        }
        hashes.update(&part[..read]);
        document.push(&part[..read])?;
    }
}

async fn http(
    walk: &Walk,
    url: &str,
    document: Document,
    hashes: &mut Hashes,
) -> Result<Document, Unread> {
    let (mut failed, mut document) = (None, document);
    walk.fetcher
        .parts(url, (0, None), |part| {
            hashes.update(part);
            failed = document.push(part).err();
            failed.is_none()
        })
        .await?;
    failed.map_or(Ok(document), |failure| Err(failure.into()))
}

/// rsync writes files, not streams, so it gets a folder of its own to write into.
async fn rsync(url: &str, document: Document, hashes: &mut Hashes) -> Result<Document, Unread> {
    let folder = tempfile::tempdir()?;
    let target = folder.path().join("file");
    let done = Command::new("rsync")
        .args(["--copy-links", "--no-motd", "--timeout=60", "--contimeout=20", "--whole-file"])
        .arg(format!("--max-size={FETCHED_BYTES_MAX}"))
        .arg("--")
        .arg(url)
        .arg(&target)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    if !done.status.success() || !target.exists() {
        let said = String::from_utf8_lossy(&done.stderr);
        let said = said.chars().filter(|c| !c.is_control()).take(200).collect();
        return Err(Unread::Rsync(said));
    }
    local(target, document, hashes)
}

const PART_BYTES: usize = 64 << 10;

/// No index is larger.
const FETCHED_BYTES_MAX: usize = 256 << 20;

impl Unread {
    /// Whether there is no such file.
    pub(crate) fn is_absent(&self) -> bool {
        match self {
            Unread::Io(error) => error.kind() == io::ErrorKind::NotFound,
            Unread::Fetch(error) => error.is_absent(),
            Unread::Rsync(said) => said.contains("No such file"),
            Unread::Probe(_) => false,
        }
    }

    /// The error and what caused it, on one line.
    pub(crate) fn told(&self) -> String {
        let mut told = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(inner) = cause {
            told = format!("{told}: {inner}");
            cause = inner.source();
        }
        told
    }
}
