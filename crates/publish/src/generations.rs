//! A folder of generations, and a pointer to the newest.
//!
//! Each snapshot is a file of its own, `heliostat.<generation>.snapshot`; the pointer is a symbolic
//! link that is replaced in one step. Numbers rise by one. A crash can leave a file to which the
//! pointer was never moved: it was served to nobody, so its number is used again. Going back is
//! going forward, too: an old snapshot is published anew under the next number, so that whoever
//! follows the folder only ever sees numbers rise.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use heliostat_model::World;
use heliostat_snapshot::Snapshot;
use heliostat_snapshot::encode::{Stamp, restamp};

use crate::{Summary, compile, publish};

/// The pointer's name: what a server is told to serve.
pub const POINTER: &str = "current.snapshot";

/// A folder of generations.
#[derive(Debug)]
pub struct Generations {
    folder: PathBuf,
}

/// A snapshot that became the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub generation: u64,
    /// Its file.
    pub path: PathBuf,
    /// What is in it.
    pub summary: Summary,
}

/// What went wrong with a folder of generations.
#[derive(Debug, thiserror::Error)]
pub enum GenerationsError {
    /// The folder cannot be used.
    #[error("cannot use the folder {folder}")]
    Folder {
        /// Which one.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The snapshot was not written.
    #[error("the snapshot was not written; the one before it stays")]
    Write(#[from] crate::Error),
    /// The pointer was not moved.
    #[error("the pointer {pointer} was not moved; the snapshot before it stays")]
    Pointer {
        /// The pointer.
        pointer: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such generation.
    #[error("there is no generation {generation}; there are {known:?}")]
    Unknown {
        /// What was asked for.
        generation: u64,
        /// What there is.
        known: Vec<u64>,
    },
    /// An old generation is damaged.
    #[error("generation {generation} is damaged")]
    Damaged {
        /// Which one.
        generation: u64,
        /// What is wrong with it.
        source: Box<heliostat_snapshot::Error>,
    },
}

impl Generations {
    /// A folder, made if need be.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn open(folder: &Path) -> Result<Generations, GenerationsError> {
        let generations = Generations { folder: folder.to_owned() };
        fs::create_dir_all(folder).map_err(|source| generations.wrong(source))?;
        Ok(generations)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The generations that are there, rising; the last one is the current one.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn list(&self) -> Result<Vec<u64>, GenerationsError> {
        let current = self.current()?;
        let mut found = self.files()?;
        found.retain(|&generation| generation <= current);
        Ok(found)
    }

    /// Compiles a world into the next generation, makes it the current one, and keeps the last few.
    ///
    /// # Errors
    ///
    /// The step that failed; the generation before then stays the current one.
    pub fn publish(
        &self,
        world: &World,
        now_unix_s: u64,
        keep: usize,
        stage: impl FnMut(&'static str),
    ) -> Result<Published, GenerationsError> {
        let _lock = self.lock()?;
        let generation = self.current()? + 1;
        let path = self.path(generation);
        let stamp =
            Stamp { generation, created_unix_s: world.created_unix_s, compiled_unix_s: now_unix_s };
        let summary = publish(&path, |file| compile(world, stamp, file, stage))?;
        self.point(generation)?;
        self.sweep(keep)?;
        Ok(Published { generation, path, summary })
    }

    /// Publishes an old generation anew, and gives its new number.
    ///
    /// # Errors
    ///
    /// When there is no such generation, it is damaged, or the new file cannot be written.
    pub fn rollback(&self, generation: u64, keep: usize) -> Result<u64, GenerationsError> {
        let _lock = self.lock()?;
        let known = self.list()?;
        if !known.contains(&generation) {
            return Err(GenerationsError::Unknown { generation, known });
        }
        let path = self.path(generation);
        Snapshot::open(&path)
            .map_err(|source| GenerationsError::Damaged { generation, source: Box::new(source) })?;
        let next = self.current()? + 1;
        let mut bytes = fs::read(&path).map_err(|source| self.wrong(source))?;
        if restamp(&mut bytes, next).is_none() {
            return Err(GenerationsError::Unknown { generation, known });
        }
        publish(&self.path(next), |file| file.write_all(&bytes))?;
        self.point(next)?;
        self.sweep(keep)?;
        Ok(next)
    }

    /// The current generation; zero when there is none.
    fn current(&self) -> Result<u64, GenerationsError> {
        match fs::read_link(self.folder.join(POINTER)) {
            Ok(target) => Ok(target.to_str().and_then(number).unwrap_or(0)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(source) => Err(self.wrong(source)),
        }
    }

    /// The numbers of all files, whether the pointer ever led to them or not.
    fn files(&self) -> Result<Vec<u64>, GenerationsError> {
        let mut found: Vec<u64> =
            self.names()?.iter().filter_map(|name| number(name.to_str()?)).collect();
        found.sort_unstable();
        Ok(found)
    }

    fn names(&self) -> Result<Vec<std::ffi::OsString>, GenerationsError> {
        let entries = fs::read_dir(&self.folder).map_err(|source| self.wrong(source))?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
        names.collect::<io::Result<_>>().map_err(|source| self.wrong(source))
    }

    fn path(&self, generation: u64) -> PathBuf {
        self.folder.join(format!("{BEFORE}{generation}{AFTER}"))
    }

    /// Moves the pointer in one step.
    fn point(&self, generation: u64) -> Result<(), GenerationsError> {
        let pointer = self.folder.join(POINTER);
        let aside = self.folder.join(format!(".{POINTER}.tmp"));
        let moved = || -> io::Result<()> {
            // What an interrupted move left is in the way.
            match fs::remove_file(&aside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            symlink(format!("{BEFORE}{generation}{AFTER}"), &aside)?;
            fs::rename(&aside, &pointer)?;
            File::open(&self.folder)?.sync_all()
        };
        moved().map_err(|source| GenerationsError::Pointer { pointer: pointer.clone(), source })
    }

    /// Removes what is older than the last few, and what interrupted work left.
    fn sweep(&self, keep: usize) -> Result<(), GenerationsError> {
        let files = self.files()?;
        let old = files.len().saturating_sub(keep.max(1));
        let mut gone: Vec<PathBuf> =
            files[..old].iter().map(|&generation| self.path(generation)).collect();
        // The lock is ours, so no temporary file belongs to work that still goes on.
        let temporary = |name: &&std::ffi::OsString| {
            name.to_str()
                .is_some_and(|name| name.starts_with(".heliostat.") && name.ends_with(".tmp"))
        };
        gone.extend(self.names()?.iter().filter(temporary).map(|name| self.folder.join(name)));
        gone.iter().try_for_each(fs::remove_file).map_err(|source| self.wrong(source))
    }

    /// One publisher at a time; the system lets go of the lock when its process ends.
    fn lock(&self) -> Result<File, GenerationsError> {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let file = options.open(self.folder.join(LOCK));
        let locked = file.and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| self.wrong(source))
    }

    fn wrong(&self, source: io::Error) -> GenerationsError {
        GenerationsError::Folder { folder: self.folder.clone(), source }
    }
}

/// The number in the name of a generation's file.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix(BEFORE)?.strip_suffix(AFTER)?.parse().ok()
}

const BEFORE: &str = "heliostat.";
const AFTER: &str = ".snapshot";
const LOCK: &str = ".lock";
