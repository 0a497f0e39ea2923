//! A folder of this machine.
//!
//! The names in it are the operator's own, so nothing has to be parsed. A directory whose time has
//! not changed has the same names in it, and is not read; those with files that change under their
//! name are read all the same. A time within the last seconds is worth nothing: a file may come
//! within the same tick.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use heliostat_catalog::scan::SeenFile;
use tokio::sync::mpsc::Sender;

use super::Walk;
use crate::error::Error;
use crate::extent::Part;
use crate::folder::{Folder, Sight, digest, is_plain, joined};

pub(super) async fn walk(root: PathBuf, walk: Arc<Walk>, to: Sender<Folder>) -> Result<(), Error> {
    let work = move || folders(&root, &walk, &to);
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(unreadable("", io::Error::other(error))),
    }
}

fn folders(root: &Path, walk: &Walk, to: &Sender<Folder>) -> Result<(), Error> {
    let real = root.canonicalize().map_err(|error| unreadable("", error))?;
    let mut waiting = walk.extent.parts();
    while let Some(Part { path, deep }) = waiting.pop() {
        let at = root.join(&path);
        let read = match fs::symlink_metadata(&at) {
            Ok(found) if found.is_dir() || path.is_empty() => folder(&at, &path, &real, walk),
            // It went away between its parent's turn and its own.
            Ok(_) => continue,
            Err(error) if is_absent(&error) && !path.is_empty() => continue,
            Err(error) => Err(error),
        };
        let (folder, below) = read.map_err(|error| unreadable(&path, error))?;
        if deep {
            waiting.extend(below.into_iter().map(|path| Part { path, deep }));
        }
        if to.blocking_send(folder).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// A directory, and those in it.
fn folder(at: &Path, path: &str, real: &Path, walk: &Walk) -> io::Result<(Folder, Vec<String>)> {
    let own = fs::metadata(at)?;
    let time = format!("l{}.{:09}", own.mtime(), own.mtime_nsec());
    let timestamp_unix_s = Some(own.mtime());
    let settled = own.mtime() < walk.now_unix_s - UNSETTLED_S;
    // Indexes are replaced under their name; where the replacement is a rename, the time tells.
    let indexed = path.rsplit('/').next() == Some("repodata") || path.contains("dists");
    if let Some(mark) = walk.known.mark(path)
        && !indexed
        && mark.strip_prefix(&time).is_some_and(|rest| rest.starts_with(' '))
    {
        let folder = Folder { path: path.to_owned(), timestamp_unix_s, sight: Sight::Unchanged };
        return Ok((folder, walk.known.below(path)));
    }
    let (mut files, mut below) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(at)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        if !is_plain(&name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            below.push(joined(path, &name));
        } else if let Some(file) = file(&entry, name, real)? {
            files.push(file);
        }
    }
    files.sort();
    below.sort_by(|a, b| b.cmp(a));
    let time = if settled { time } else { "l".to_owned() };
    let mark = format!("{time} {}", digest(&files));
    let sight = Sight::Read { mark, files };
    Ok((Folder { path: path.to_owned(), timestamp_unix_s, sight }, below))
}

/// A file; a link to a file of the same tree counts as one.
fn file(entry: &DirEntry, name: String, real: &Path) -> io::Result<Option<SeenFile>> {
    let seen = |found: &Metadata, link| SeenFile {
        name: name.clone(),
        size_bytes: Some(found.len()),
        timestamp_unix_s: Some(found.mtime()),
        volatile: false,
        link,
    };
    let own = match entry.metadata() {
        Ok(own) => own,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if own.is_file() {
        return Ok(Some(seen(&own, false)));
    }
    if !own.is_symlink() {
        return Ok(None);
    }
    let target = entry.path().canonicalize().ok().filter(|target| target.starts_with(real));
    let target = target.and_then(|target| fs::metadata(target).ok());
    match target {
        Some(target) if target.is_file() => Ok(Some(seen(&target, false))),
        _ => Ok(Some(SeenFile { size_bytes: None, ..seen(&own, true) })),
    }
}

/// It is not there, or what should be above it is a file.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn unreadable(path: &str, source: io::Error) -> Error {
    Error::Folder { path: path.to_owned(), source }
}

/// Clocks of file systems and of programs that write into them may differ by so much.
const UNSETTLED_S: i64 = 2;
