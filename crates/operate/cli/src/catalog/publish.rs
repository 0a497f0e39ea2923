//! The catalog into snapshots, once or at every change, on any number of machines.
//!
//! Whoever finds that the newest generation is not what the catalog says asks for the lease
//! `publish`, looks again, publishes, and gives the lease back. So any number of publishers may run:
//! one of them does the work, and when it dies, another one does. What a publisher that slept
//! through all of that writes is refused by the store.

use std::io::Write;
use std::time::{Duration, Instant};

use heliostat_catalog::{Catalog, Lease, Place, Taken};
use heliostat_publish::memory;
use heliostat_store::{Store, Work};

use super::args::{PublishArgs, RollbackArgs};
use super::heart::{Heart, told};
use super::{holder, open};
use crate::args::MemoryOptions;
use crate::compile::described;
use crate::{Error, clock, progress, room};

/// Compiles the catalog into snapshots.
pub(crate) fn publish(args: &PublishArgs, out: &mut impl Write) -> Result<(), Error> {
    let store = args.store.open_as(&args.to, args.s3_unconditional)?;
    let mut publisher = Publisher {
        catalog: open(&args.catalog)?,
        place: args.catalog.place()?,
        store,
        holder: holder::holder(),
        time: Duration::from_secs(args.lease_s),
        keep: usize::from(args.keep),
        memory: args.memory,
    };
    if args.once { publisher.once(out) } else { publisher.forever(args, out) }
}

/// Publishes an old generation anew.
pub(crate) fn rollback(args: &RollbackArgs, out: &mut impl Write) -> Result<(), Error> {
    let store = args.store.open_as(&args.to, args.s3_unconditional)?;
    let (of, keep) = (args.generation, usize::from(args.keep));
    let next = store.rollback(of, keep, clock::now_unix_s())?;
    writeln!(out, "{}: generation {next}, which is generation {of} again", store.location())?;
    Ok(())
}

struct Publisher {
    catalog: Catalog,
    place: Place,
    store: Store,
    holder: String,
    /// How long the lease lasts without being put off.
    time: Duration,
    keep: usize,
    memory: MemoryOptions,
}

/// What came of one look.
enum Turn {
    /// The newest generation is what the catalog says, or has become so.
    Done,
    /// Somebody else publishes; ask again after this time at most.
    Theirs(String, Duration),
}

impl Publisher {
    /// Publishes, whether anything changed or not.
    fn once(&mut self, out: &mut impl Write) -> Result<(), Error> {
        let begun = Instant::now();
        let mut told = false;
        loop {
            match self.turn(true, out) {
                Ok(Turn::Done) => return Ok(()),
                Ok(Turn::Theirs(holder, left)) => {
                    if begun.elapsed() > PATIENCE {
                        return Err(Error::Leased { holder });
                    }
                    if !std::mem::replace(&mut told, true) {
                        writeln!(std::io::stderr().lock(), "waiting for {holder}, who publishes")?;
                    }
                    std::thread::sleep(left.clamp(ASK_AGAIN_MIN, ASK_AGAIN_MAX));
                }
                Err(Error::Store(error)) if error.is_conflict() && begun.elapsed() < PATIENCE => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Publishes at every change of the catalog.
    fn forever(&mut self, args: &PublishArgs, out: &mut impl Write) -> Result<(), Error> {
        let interval = Duration::from_secs(args.interval_s);
        loop {
            let went = self.turn(false, out).and_then(|turn| {
                match turn {
                    Turn::Done => self.catalog.wait(interval)?,
                    Turn::Theirs(_, left) => {
                        let longest = interval.max(ASK_AGAIN_MIN);
                        std::thread::sleep(left.clamp(ASK_AGAIN_MIN, longest));
                    }
                }
                Ok(())
            });
            match went {
                Ok(()) => {}
                // What is served stays; catalog, store and memory may be back at the next look.
                Err(error @ (Error::Catalog(_) | Error::Store(_) | Error::Memory(_))) => {
                    let cause = std::error::Error::source(&error);
                    let cause = cause.map(ToString::to_string).unwrap_or_default();
                    writeln!(std::io::stderr().lock(), "warning: not published: {error}: {cause}")?;
                    std::thread::sleep(interval);
                    if let Ok(catalog) = open(&args.catalog) {
                        self.catalog = catalog;
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks whether there is anything to publish, and does it if nobody else does.
    fn turn(&mut self, always: bool, out: &mut impl Write) -> Result<Turn, Error> {
        let (fence, is_new) = self.look()?;
        if !is_new && !always {
            return Ok(Turn::Done);
        }
        // Before the lease: nobody waits for one who waits for memory.
        let needed = memory::peak_of_catalog(room::weight(&mut self.catalog)?);
        let _room = room::room(needed, &self.memory)?;
        let taken =
            self.catalog.lease_take(LEASE, &self.holder, self.time, fence, holder::is_gone)?;
        let lease = match taken {
            Taken::Theirs { holder, left } => return Ok(Turn::Theirs(holder, left)),
            Taken::Ours(lease) => lease,
        };
        // Whoever had the lease until now may have published just this.
        let (_, is_new) = self.look()?;
        let published = if is_new || always { self.publish(&lease, out) } else { Ok(()) };
        let released = self.catalog.lease_release(&lease);
        published?;
        told(released)?;
        Ok(Turn::Done)
    }

    /// What the fence must be above, and whether the catalog says something else than the
    /// newest generation.
    fn look(&mut self) -> Result<(u64, bool), Error> {
        let mark = self.catalog.read(|view| view.mark())?;
        let pointer = self.store.pointer().or_else(missing)?.map(|(pointer, _)| pointer);
        // Above every generation, too: should the store be lost, numbers go on from the fence.
        let newest = pointer.as_ref().and_then(|pointer| pointer.newest());
        let newest = newest.map_or(0, |newest| newest.generation);
        let fence = pointer.as_ref().map_or(0, |pointer| pointer.fence).max(newest);
        Ok((fence, pointer.and_then(|pointer| pointer.catalog).as_ref() != Some(&mark)))
    }

    fn publish(&mut self, lease: &Lease, out: &mut impl Write) -> Result<(), Error> {
        let heart = Heart::start(self.place.clone(), lease.clone(), self.time)?;
        let bar = progress::stages();
        bar.set_message("reading");
        let (mark, world) = self.catalog.read(|view| Ok((view.mark()?, view.world()?)))?;
        let work = Work {
            now_unix_s: clock::now_unix_s(),
            keep: self.keep,
            fence: lease.fence,
            catalog: Some(mark),
        };
        let published = self.store.publish(&world, &work, |stage| bar.set_message(stage));
        bar.finish_and_clear();
        heart.stop();
        let published = published?;
        let what = described(&published.summary);
        let generation = published.generation.generation;
        writeln!(out, "{}: generation {generation}, {what}", self.store.location())?;
        out.flush()?;
        if let Some(error) = published.unswept {
            let mut err = std::io::stderr().lock();
            writeln!(err, "warning: older generations were not removed: {error}")?;
        }
        Ok(())
    }
}

/// A folder that is not there yet is made when something is put into it.
fn missing<T>(error: heliostat_store::Error) -> Result<Option<T>, heliostat_store::Error> {
    match &error {
        heliostat_store::Error::Folder { source, .. }
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            Ok(None)
        }
        _ => Err(error),
    }
}

/// The name of the lease.
const LEASE: &str = "publish";

/// How long `--once` waits for another publisher.
const PATIENCE: Duration = Duration::from_secs(600);

/// How soon, and how late, a lease is asked for again.
const ASK_AGAIN_MIN: Duration = Duration::from_millis(50);
const ASK_AGAIN_MAX: Duration = Duration::from_secs(1);
