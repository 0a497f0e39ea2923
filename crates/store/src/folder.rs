//! A folder as a store.
//!
//! The pointer is replaced under a lock by a rename, after it was compared with what the publisher
//! had seen. Beside it a symbolic link leads to the newest file, for servers that are given a file;
//! the pointer is what counts, and whoever publishes next moves a link that was left behind.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::pointer::{POINTER, POINTER_BYTES_MAX, Pointer, number};
use crate::store::{Seen, Version};
use crate::{Error, LINK};

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(crate) fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned() }
    }

    /// Makes it, if need be.
    pub(crate) fn make(&self) -> Result<PathBuf, Error> {
        fs::create_dir_all(&self.path).map_err(|source| self.wrong(source))?;
        Ok(self.path.clone())
    }

    pub(crate) fn look(&self, known: Option<&Version>) -> Result<Seen, Error> {
        let bytes = match self.pointer_bytes() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.path.is_dir() => {
                return Ok(Seen::Missing);
            }
            Err(source) => return Err(self.wrong_at(POINTER, source)),
        };
        let version = version(&bytes);
        if known == Some(&version) {
            return Ok(Seen::Same);
        }
        Ok(Seen::New(Pointer::read(&bytes)?, version))
    }

    pub(crate) fn replace(
        &self,
        seen: Option<&Version>,
        pointer: &Pointer,
    ) -> Result<Version, Error> {
        let bytes = pointer.bytes();
        let _lock = self.lock()?;
        let now = match self.pointer_bytes() {
            Ok(bytes) => Some(version(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(self.wrong_at(POINTER, source)),
        };
        if now.as_ref() != seen {
            return Err(Error::Overtaken);
        }
        heliostat_publish::publish(&self.path.join(POINTER), |file| file.write_all(&bytes))?;
        self.link(pointer)?;
        Ok(version(&bytes))
    }

    /// Moves the link to where the pointer leads, if it was left behind.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        let _lock = self.lock()?;
        match self.look(None)? {
            Seen::New(pointer, _) => self.link(&pointer),
            Seen::Same | Seen::Missing => Ok(()),
        }
    }

    pub(crate) fn put(&self, file: &Path, name: &str) -> Result<(), Error> {
        let put = || {
            fs::rename(file, self.path.join(name))?;
            File::open(&self.path)?.sync_all()
        };
        put().map_err(|source| match source.kind() {
            // Whoever published this number meanwhile has swept it away.
            io::ErrorKind::NotFound if !file.exists() => Error::Overtaken,
            _ => self.wrong_at(name, source),
        })
    }

    pub(crate) fn get(&self, name: &str, bytes_max: u64, to: &mut File) -> Result<(), Error> {
        let copied = File::open(self.path.join(name))
            .and_then(|file| io::copy(&mut file.take(bytes_max), to));
        copied.map(|_| ()).map_err(|source| self.wrong_at(name, source))
    }

    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let entries = fs::read_dir(&self.path).map_err(|source| self.wrong(source))?;
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect::<io::Result<_>>().map_err(|source| self.wrong(source))
    }

    pub(crate) fn remove(&self, names: &[String]) -> Result<(), Error> {
        for name in names {
            match fs::remove_file(self.path.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                done => done.map_err(|source| self.wrong_at(name, source))?,
            }
        }
        Ok(())
    }

    fn pointer_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = File::open(self.path.join(POINTER))?;
        file.take(POINTER_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Leads the link to the newest file, in one step.
    fn link(&self, pointer: &Pointer) -> Result<(), Error> {
        let Some(newest) = pointer.newest() else { return Ok(()) };
        let link = self.path.join(LINK);
        let aside = self.path.join(format!(".{LINK}.tmp"));
        let moved = || -> io::Result<()> {
            if fs::read_link(&link).is_ok_and(|target| target == Path::new(&newest.file)) {
                return Ok(());
            }
            // What an interrupted move left is in the way.
            match fs::remove_file(&aside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            symlink(&newest.file, &aside)?;
            fs::rename(&aside, &link)?;
            File::open(&self.path)?.sync_all()
        };
        moved().map_err(|source| self.wrong_at(LINK, source))
    }

    /// One replacement at a time; the system lets go of the lock when its process ends.
    fn lock(&self) -> Result<File, Error> {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let file = options.open(self.path.join(LOCK));
        let locked = file.and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| self.wrong_at(LOCK, source))
    }

    fn wrong(&self, source: io::Error) -> Error {
        Error::Folder { path: self.path.clone(), source }
    }

    fn wrong_at(&self, name: &str, source: io::Error) -> Error {
        Error::Folder { path: self.path.join(name), source }
    }
}

/// The generation that a file of any kind belongs to: a finished one, or one that is being made.
pub(crate) fn belongs_to(name: &str) -> Option<u64> {
    if let Some(number) = number(name) {
        return Some(number);
    }
    let rest = name.strip_suffix(".tmp").or_else(|| name.strip_suffix(MAKING))?;
    let rest = rest.trim_start_matches('.').strip_prefix(crate::pointer::BEFORE)?;
    rest.split('.').next()?.parse().ok()
}

fn version(bytes: &[u8]) -> Version {
    Version(blake3::hash(bytes).to_hex().to_string())
}

/// The end of the name of a file that is being made.
pub(crate) const MAKING: &str = ".making";

const LOCK: &str = ".lock";
