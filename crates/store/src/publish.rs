//! Moving the pointer forward.
//!
//! First the publisher writes its fence into the pointer: whoever had the right to publish before it
//! has from then on seen another pointer than the one that is there, and can write no more. Then the
//! next generation is compiled and put under a name of its own, and last the pointer is replaced. A
//! crash anywhere leaves a file that no pointer names; its number is used again.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use heliostat_model::World;
use heliostat_publish::{Stamp, Summary, compile, publish};
use heliostat_snapshot::Outline;
use heliostat_snapshot::encode::restamp;

use crate::folder::{MAKING, belongs_to};
use crate::pointer::{Generation, Pointer, number};
use crate::{Error, Store, Version, random};

/// How to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The time, seconds since 1970.
    pub now_unix_s: u64,
    /// How many generations stay.
    pub keep: usize,
    /// The right to publish: the number of the lease.
    pub fence: u64,
    /// What of the catalog it is.
    pub catalog: Option<String>,
}

/// A generation that became the newest.
#[derive(Debug)]
pub struct Published {
    /// What the pointer says of it.
    pub generation: Generation,
    /// What is in it.
    pub summary: Summary,
    /// Why older generations could not be removed; that harms nobody.
    pub unswept: Option<Error>,
}

impl Store {
    /// Compiles a world into the next generation, makes it the newest, and keeps the last few.
    ///
    /// # Errors
    ///
    /// The step that failed; the generation before then stays the newest.
    pub fn publish(
        &self,
        world: &World,
        work: &Work,
        mut stage: impl FnMut(&'static str),
    ) -> Result<Published, Error> {
        let workshop = self.workshop()?;
        let (seen, version) = self.claim(work.fence)?;
        let next = self.next(&seen)?;
        let making = Making::new(&workshop, next);
        let stamp = Stamp {
            generation: next,
            created_unix_s: world.created_unix_s,
            compiled_unix_s: work.now_unix_s,
        };
        let summary = publish(&making.0, |file| compile(world, stamp, file, &mut stage))?;
        stage("storing");
        let catalog = work.catalog.clone();
        let pointer = Pointer { catalog, again: None, ..seen };
        let (generation, unswept) = self.point(&making, pointer, version.as_ref(), work)?;
        Ok(Published { generation, summary, unswept })
    }

    /// Publishes an old generation anew under the next number.
    ///
    /// # Errors
    ///
    /// When there is no such generation, it is damaged, or the new one cannot be written.
    pub fn rollback(&self, generation: u64, keep: usize, now_unix_s: u64) -> Result<u64, Error> {
        let found = self.pointer()?;
        let (seen, version) = found.map_or((Pointer::EMPTY, None), |(seen, v)| (seen, Some(v)));
        let old = seen.find(generation)?;
        let workshop = self.workshop()?;
        let next = self.next(&seen)?;
        let making = Making::new(&workshop, next);
        self.fetch(old, &making.0)?;
        let mut bytes = fs::read(&making.0)
            .map_err(|source| Error::Folder { path: making.0.clone(), source })?;
        restamp(&mut bytes, next).ok_or(Error::Mistaken { generation })?;
        publish(&making.0, |file| file.write_all(&bytes))?;
        drop(bytes);
        let work = Work { now_unix_s, keep, fence: seen.fence, catalog: seen.catalog.clone() };
        let pointer = Pointer { again: Some(generation), ..seen };
        self.point(&making, pointer, version.as_ref(), &work)?;
        Ok(next)
    }

    /// Writes the fence into the pointer, so that nobody with a smaller one can write any more.
    fn claim(&self, fence: u64) -> Result<(Pointer, Option<Version>), Error> {
        self.settle()?;
        // Without a pointer there is nothing to lock anybody out of: only one can make the first.
        let Some((seen, version)) = self.pointer()? else {
            return Ok((Pointer { fence, ..Pointer::EMPTY }, None));
        };
        if seen.fence > fence {
            return Err(Error::Fenced { ours: fence, theirs: seen.fence });
        }
        if seen.fence == fence {
            return Ok((seen, Some(version)));
        }
        let claimed = Pointer { fence, ..seen };
        let version = self.replace(Some(&version), &claimed)?;
        Ok((claimed, Some(version)))
    }

    /// The next number: above that of the pointer, or, if it is lost, above those of all files, and
    /// not below the fence: whoever publishes asks for a fence above every number that they see.
    fn next(&self, seen: &Pointer) -> Result<u64, Error> {
        if let Some(newest) = seen.newest() {
            return Ok(newest.generation + 1);
        }
        let names = self.names()?;
        Ok(names
            .iter()
            .filter_map(|name| number(name))
            .max()
            .map_or(1, |last| last + 1)
            .max(seen.fence))
    }

    /// Puts a finished file into the store and makes it the newest.
    fn point(
        &self,
        making: &Making,
        mut pointer: Pointer,
        seen: Option<&Version>,
        work: &Work,
    ) -> Result<(Generation, Option<Error>), Error> {
        let outline = Outline::read(&making.0).map_err(|source| match making.0.exists() {
            true => Error::Damaged {
                generation: pointer.newest().map_or(0, |newest| newest.generation) + 1,
                source: Box::new(source),
            },
            // Whoever published this number meanwhile has swept it away.
            false => Error::Overtaken,
        })?;
        let generation = Generation::of(&outline.header, work.now_unix_s);
        self.put(&making.0, &generation.file)?;
        pointer.generations.push(generation.clone());
        let old = pointer.generations.len().saturating_sub(work.keep.max(1));
        pointer.generations.drain(..old);
        self.replace(seen, &pointer)?;
        Ok((generation, self.sweep(&pointer).err()))
    }

    /// Removes what the pointer does not name, but nothing above it: that may be somebody's who is
    /// about to become the next.
    fn sweep(&self, pointer: &Pointer) -> Result<(), Error> {
        let newest = pointer.newest().map_or(0, |newest| newest.generation);
        let named = |name: &String| pointer.generations.iter().any(|one| one.file == *name);
        let old = |name: &String| belongs_to(name).is_some_and(|number| number <= newest);
        let mut names = self.names()?;
        names.retain(|name| old(name) && !named(name));
        self.remove(&names)
    }
}

/// A file that is being made; gone when it was not put into the store.
struct Making(PathBuf);

impl Making {
    fn new(folder: &Path, generation: u64) -> Making {
        // Machines that share a folder have processes of the same number.
        let tag = random();
        Making(folder.join(format!(".heliostat.{generation}.{tag:016x}{MAKING}")))
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // It is there only if something failed, and that is reported.
        let _ = fs::remove_file(&self.0);
    }
}
