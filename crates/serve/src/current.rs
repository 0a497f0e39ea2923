//! The current snapshot, and how it is replaced.
//!
//! One pointer leads to the snapshot; a serving thread keeps its own copy of that pointer and
//! looks whether it moved before each answer, which costs one load. A request sees one snapshot
//! from beginning to end. The old map is gone when the last thread has let go of it, which an
//! idle thread does within a second.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwapOption, Cache};
use heliostat_snapshot::{CountryTable, Error, LastAddresses, Snapshot};

/// The pointer to the current snapshot.
#[derive(Clone, Debug, Default)]
pub struct Current {
    pointer: Arc<ArcSwapOption<Snapshot>>,
    reloads: Arc<Reloads>,
}

/// How often a new snapshot came.
#[derive(Debug, Default)]
struct Reloads {
    taken: AtomicU64,
    refused: AtomicU64,
}

/// A thread's own copy of the pointer.
pub(crate) type View = Cache<Arc<ArcSwapOption<Snapshot>>, Option<Arc<Snapshot>>>;

impl Current {
    /// No snapshot yet, or a first one.
    pub fn new(snapshot: Option<Snapshot>) -> Current {
        let pointer = Arc::new(ArcSwapOption::new(snapshot.map(Arc::new)));
        Current { pointer, reloads: Arc::default() }
    }

    /// The current snapshot.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.pointer.load_full()
    }

    /// Puts a snapshot in the place of the current one.
    pub fn replace(&self, snapshot: Snapshot) {
        self.pointer.store(Some(Arc::new(snapshot)));
        self.reloads.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a new snapshot was no good, so that the current one stays.
    pub fn refuse(&self) {
        self.reloads.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many snapshots were taken over, and how many were refused.
    pub fn reloads(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.reloads.taken), read(&self.reloads.refused))
    }

    /// A thread's view of the pointer.
    pub(crate) fn view(&self) -> View {
        Cache::new(Arc::clone(&self.pointer))
    }
}

/// Where a snapshot is read from, and what was there last.
#[derive(Debug)]
pub struct Source {
    path: PathBuf,
    countries: Option<Arc<CountryTable>>,
    last: LastAddresses,
    seen: Option<Identity>,
}

/// What tells one file from the next under the same name.
type Identity = (u64, u64, u64, i64, i64);

/// What came of looking for a new snapshot.
#[derive(Debug)]
pub enum Look {
    /// The file is the one that was read last.
    Same,
    /// There is no file.
    Missing,
    /// A new file, opened and checked, and how long that took.
    New(Box<Snapshot>, Duration),
    /// A new file that is no good; the current snapshot stays.
    Bad(Error),
    /// A new file that there is no room to check now; it is looked at again.
    NoRoom,
}

impl Source {
    /// A file that need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Source {
        Source { path: path.into(), countries: None, last: LastAddresses::default(), seen: None }
    }

    /// With a country database, which every snapshot is opened with.
    #[must_use]
    pub fn with_countries(self, countries: Option<Arc<CountryTable>>) -> Source {
        Source { countries, ..self }
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file if it is not the one that was read last; with `again`, even then.
    pub fn look(&mut self, again: bool) -> Look {
        self.look_with(again, |_| Some(()))
    }

    /// The same, if there is room to check a file of so many bytes. What `room` gives is held until
    /// the file has been checked.
    pub fn look_with<R>(&mut self, again: bool, room: impl FnOnce(u64) -> Option<R>) -> Look {
        let identity = match identity(&self.path) {
            Ok(identity) => identity,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Look::Missing,
            Err(source) => return Look::Bad(Error::Read { path: self.path.clone(), source }),
        };
        if self.seen == Some(identity) && !again {
            return Look::Same;
        }
        let (_, _, bytes, ..) = identity;
        let Some(_room) = room(bytes) else { return Look::NoRoom };
        self.seen = Some(identity);
        let begun = Instant::now();
        match Snapshot::open_again(&self.path, self.countries.as_deref(), &mut self.last) {
            Ok(snapshot) => Look::New(Box::new(snapshot), begun.elapsed()),
            Err(error) => Look::Bad(error),
        }
    }
}

fn identity(path: &Path) -> io::Result<Identity> {
    let facts = fs::metadata(path)?;
    Ok((facts.dev(), facts.ino(), facts.len(), facts.mtime(), facts.mtime_nsec()))
}
