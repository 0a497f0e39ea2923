//! Putting a file under its name: written aside, synced, renamed, and the folder synced.
//!
//! At every moment, also after a crash or a power cut, the name leads to a whole file or to none.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that could not be put under its name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The temporary file could not be made.
    #[error("cannot create {path}")]
    Create {
        /// The temporary file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The contents could not be written.
    #[error("cannot write {path}")]
    Write {
        /// The temporary file; it has been removed.
        path: PathBuf,
        /// What the system or the compiler said.
        source: io::Error,
    },
    /// The temporary file could not be renamed.
    #[error("cannot rename {from} to {to}")]
    Rename {
        /// The temporary file; it has been removed.
        from: PathBuf,
        /// The name it should have got.
        to: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder could not be synced: the file is there, but a power cut may undo its rename.
    #[error("cannot sync the folder {path}")]
    Sync {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes a file through `write` and puts it under `path`, replacing what was there.
///
/// # Errors
///
/// The step that failed; `path` then still leads to what it led to before, and the temporary
/// file is gone.
pub fn publish<T>(
    path: &Path,
    write: impl FnOnce(&mut Blocks) -> io::Result<T>,
) -> Result<T, Error> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = folder.join(name);
    let file = File::create(&temporary)
        .map_err(|source| Error::Create { path: temporary.clone(), source })?;
    let written = write_synced(file, write)
        .map_err(|source| Error::Write { path: temporary.clone(), source });
    let renamed = written.and_then(|value| {
        fs::rename(&temporary, path).map(|()| value).map_err(|source| Error::Rename {
            from: temporary.clone(),
            to: path.to_owned(),
            source,
        })
    });
    if renamed.is_err() {
        // Nothing better can be done about a second failure; the first one is reported.
        let _ = fs::remove_file(&temporary);
    }
    let value = renamed?;
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| Error::Sync { path: folder.to_owned(), source })?;
    Ok(value)
}

fn write_synced<T>(file: File, write: impl FnOnce(&mut Blocks) -> io::Result<T>) -> io::Result<T> {
    let mut out = Blocks { file, block: Vec::with_capacity(BLOCK_BYTES) };
    let value = write(&mut out)?;
    out.flush()?;
    out.file.sync_all()?;
    Ok(value)
}

/// A file that is written in whole blocks, each at a multiple of its size.
///
/// Linux keeps what one call writes in one piece of memory if it can. A reader that maps the file
/// then gets it in huge pages, which `write` calls of any other size would have cut up.
#[derive(Debug)]
pub struct Blocks {
    file: File,
    block: Vec<u8>,
}

impl Write for Blocks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK_BYTES {
            self.flush()?;
        }
        let taken = bytes.len().min(BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    /// Also ends the block, so it is for the end of the file.
    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.block)?;
        self.block.clear();
        Ok(())
    }
}

/// A huge page of x86-64 and most of aarch64.
const BLOCK_BYTES: usize = 2 << 20;
