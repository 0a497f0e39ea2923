//! The last good copy on this machine.
//!
//! It is one file under a name that never changes, replaced by a rename after it was checked whole.
//! With the store away, also after a cold start, answers come from it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use heliostat_snapshot::Snapshot;
use heliostat_snapshot::format::Header;

use crate::pointer::Generation;
use crate::{Error, LINK, Store};

/// A folder with the last good copy.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    /// What the copy is, if there is one.
    copy: Option<Header>,
    _lock: File,
}

impl Cache {
    /// Opens the folder, makes it if need be, and looks at the copy that is there. A damaged one is
    /// removed, and so is what interrupted work left.
    ///
    /// # Errors
    ///
    /// When the folder cannot be used, or another process uses it.
    pub fn open(folder: &Path) -> Result<Cache, Error> {
        let wrong = |source| Error::Folder { path: folder.to_owned(), source };
        fs::create_dir_all(folder).map_err(wrong)?;
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let lock = options.open(folder.join(LOCK)).map_err(wrong)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::CacheInUse { path: folder.to_owned() });
            }
            Err(fs::TryLockError::Error(source)) => return Err(wrong(source)),
        }
        let mut cache = Cache { folder: folder.to_owned(), copy: None, _lock: lock };
        for left in [cache.aside(), cache.path()] {
            let keep = left == cache.path() && cache.recognise();
            match if keep { Ok(()) } else { fs::remove_file(&left) } {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrong(error)),
                _ => {}
            }
        }
        Ok(cache)
    }

    /// The name of the copy, which need not be there yet.
    pub fn path(&self) -> PathBuf {
        self.folder.join(LINK)
    }

    /// What the copy is, if there is one.
    pub fn copy(&self) -> Option<&Header> {
        self.copy.as_ref()
    }

    /// Brings a generation here: aside, checked, then under the name that never changes.
    pub(crate) fn bring(&mut self, store: &Store, wanted: &Generation) -> Result<(), Error> {
        let aside = self.aside();
        let brought = self.bring_aside(store, wanted, &aside);
        if brought.is_err() {
            // What failed is reported; what is left is in nobody's way.
            let _ = fs::remove_file(&aside);
        }
        self.copy = Some(brought?);
        Ok(())
    }

    fn bring_aside(
        &self,
        store: &Store,
        wanted: &Generation,
        aside: &Path,
    ) -> Result<Header, Error> {
        let wrong = |source| Error::Folder { path: aside.to_owned(), source };
        let header = store.fetch(wanted, aside)?;
        fs::rename(aside, self.path()).map_err(wrong)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(wrong)?;
        Ok(header)
    }

    fn recognise(&mut self) -> bool {
        match Snapshot::open(&self.path()) {
            Ok(snapshot) => self.copy = Some(*snapshot.header()),
            Err(error) if self.path().exists() => {
                let path = self.path();
                tracing::warn!(path = %path.display(), %error, "the copy is damaged; removed");
            }
            Err(_) => {}
        }
        self.copy.is_some()
    }

    fn aside(&self) -> PathBuf {
        self.folder.join(format!(".{LINK}.making"))
    }
}

const LOCK: &str = ".lock";
