//! A folder or an object store, with the same layout and the same rules.

use std::fs::File;
use std::path::{Path, PathBuf};

use heliostat_snapshot::Snapshot;
use heliostat_snapshot::format::Header;

use crate::folder::Folder;
use crate::objects::Objects;
use crate::pointer::{Generation, Pointer};
use crate::{Access, Error, Location};

/// A place for generations.
#[derive(Debug)]
pub struct Store {
    location: Location,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Folder(Folder),
    Objects(Box<Objects>),
}

/// Which pointer it was: an ETag, or in a folder a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub(crate) String);

/// What came of looking at the pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is the one that was known.
    Same,
    /// There is none.
    Missing,
    /// Another one.
    New(Pointer, Version),
}

impl Store {
    /// A store, without asking it anything yet.
    ///
    /// # Errors
    ///
    /// When a bucket cannot be reached as told.
    pub fn new(location: &Location, access: &Access) -> Result<Store, Error> {
        let place = match location {
            Location::Folder(path) => Place::Folder(Folder::new(path)),
            Location::Bucket { bucket, prefix } => {
                let name = location.to_string();
                Place::Objects(Box::new(Objects::new(name, bucket, prefix, access)?))
            }
        };
        Ok(Store { location: location.clone(), place })
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Looks at the pointer; one that is known is not sent again.
    ///
    /// # Errors
    ///
    /// When the store is away, or its pointer makes no sense.
    pub fn look(&self, known: Option<&Version>) -> Result<Seen, Error> {
        match &self.place {
            Place::Folder(folder) => folder.look(known),
            Place::Objects(objects) => objects.look(known),
        }
    }

    /// The pointer, if there is one.
    ///
    /// # Errors
    ///
    /// When the store is away, or its pointer makes no sense.
    pub fn pointer(&self) -> Result<Option<(Pointer, Version)>, Error> {
        Ok(match self.look(None)? {
            Seen::New(pointer, version) => Some((pointer, version)),
            Seen::Same | Seen::Missing => None,
        })
    }

    /// Copies a generation out of the store and checks it: what is there afterwards is what the
    /// pointer means, whole.
    ///
    /// # Errors
    ///
    /// When it cannot be copied, is damaged, or is another one.
    pub fn fetch(&self, wanted: &Generation, to: &Path) -> Result<Header, Error> {
        let unwritten = |source| Error::Folder { path: to.to_owned(), source };
        let mut file = File::create(to).map_err(unwritten)?;
        self.get(&wanted.file, wanted.file_bytes, &mut file)?;
        file.sync_all().map_err(unwritten)?;
        let generation = wanted.generation;
        let snapshot = Snapshot::open(to)
            .map_err(|source| Error::Damaged { generation, source: Box::new(source) })?;
        let header = *snapshot.header();
        if wanted.is(&header) { Ok(header) } else { Err(Error::Mistaken { generation }) }
    }

    /// Replaces the pointer if it is still the one that was seen.
    pub(crate) fn replace(
        &self,
        seen: Option<&Version>,
        pointer: &Pointer,
    ) -> Result<Version, Error> {
        match &self.place {
            Place::Folder(folder) => folder.replace(seen, pointer),
            Place::Objects(objects) => objects.replace(seen, pointer),
        }
    }

    /// Does what an interrupted replacement left to do.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        match &self.place {
            Place::Folder(folder) => folder.settle(),
            Place::Objects(_) => Ok(()),
        }
    }

    /// Where a file is written that is to be put into the store.
    pub(crate) fn workshop(&self) -> Result<PathBuf, Error> {
        match &self.place {
            Place::Folder(folder) => folder.make(),
            Place::Objects(_) => Ok(std::env::temp_dir()),
        }
    }

    /// Puts a finished file into the store; it is gone from where it was.
    pub(crate) fn put(&self, file: &Path, name: &str) -> Result<(), Error> {
        match &self.place {
            Place::Folder(folder) => folder.put(file, name),
            Place::Objects(objects) => {
                let done = objects.put(file, name);
                // What cannot be removed from the temporary folder harms nobody.
                let _ = std::fs::remove_file(file);
                done
            }
        }
    }

    /// Copies a file out of the store, but no more than so many bytes.
    pub(crate) fn get(&self, name: &str, bytes_max: u64, to: &mut File) -> Result<(), Error> {
        match &self.place {
            Place::Folder(folder) => folder.get(name, bytes_max, to),
            Place::Objects(objects) => objects.get(name, bytes_max, to),
        }
    }

    /// The names of all files of generations.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        match &self.place {
            Place::Folder(folder) => folder.names(),
            Place::Objects(objects) => objects.names(),
        }
    }

    /// Removes files.
    pub(crate) fn remove(&self, names: &[String]) -> Result<(), Error> {
        match &self.place {
            Place::Folder(folder) => folder.remove(names),
            Place::Objects(objects) => objects.remove(names),
        }
    }
}
