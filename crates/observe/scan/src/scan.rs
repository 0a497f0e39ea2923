//! The whole scan.
//!
//! The walk and the looking at metadata run on a runtime; the catalog is written by the thread that
//! called, and by nobody else.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use heliostat_catalog::scan::Scanned;
use heliostat_catalog::{Actor, Catalog};
use heliostat_observe_probe::{FetchLimits, Fetcher, ProbeSettings, Prober, Reach};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::{JoinHandle, JoinSet};

use crate::error::Error;
use crate::extent::Extent;
use crate::folder::{Folder, Known, Sight};
use crate::images::images;
use crate::look::{Changed, Looked, look};
use crate::origin::Origin;
use crate::record::{Recorder, below};
use crate::walk::{Walk, walk};

/// What to scan, and how.
#[derive(Clone, Debug)]
pub struct ScanSettings {
    /// The category's name.
    pub category: String,
    /// Where its primary copy is.
    pub origin: Origin,
    /// How much of it to look at.
    pub extent: Extent,
    /// Look at everything, changed or not.
    pub full: bool,
    /// Also when almost everything is gone.
    pub force: bool,
    /// Hash images.
    pub images: bool,
    /// The workers that look at metadata.
    pub probe: ProbeSettings,
    /// What servers are told who asks.
    pub agent: String,
    /// Who scans, and when.
    pub actor: Actor,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// Directories seen, and those of them that had changed.
    Directories {
        /// Seen.
        seen: u64,
        /// Changed.
        read: u64,
    },
    /// Bytes of images that were hashed.
    Images {
        /// The image that is being hashed.
        path: &'a str,
        /// Hashed.
        hashed_bytes: u64,
        /// Of how many.
        total_bytes: u64,
    },
}

/// Something that is wrong with the master tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub path: String,
    /// What; if it is a limit, with its name.
    pub what: String,
}

/// What a scan has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Directories that are there.
    pub directories: u64,
    /// Directories that had changed.
    pub read: u64,
    /// Directories that are new.
    pub added: u64,
    /// Directories that are gone since this scan.
    pub gone: u64,
    /// Directories that had been gone for long, and are removed.
    pub forgotten: u64,
    /// Files in the directories that had changed.
    pub files: u64,
    /// Repositories that are new.
    pub repositories: u64,
    /// Packages of repositories that had changed.
    pub packages: u64,
    /// New versions of files that clients verify.
    pub versions: u64,
    /// Images that were hashed.
    pub images: u64,
    /// What is wrong, the first of it.
    pub problems: Vec<Problem>,
    /// How much is wrong.
    pub problems_total: u64,
}

impl Summary {
    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems_total += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }
}

/// Scans a category's primary copy, and tells the catalog what it holds.
///
/// # Errors
///
/// When the listing cannot be had to its end, or the catalog cannot be written. What was learned by
/// then is kept, and nothing is taken for gone.
pub fn scan(
    catalog: &mut Catalog,
    settings: &ScanSettings,
    watch: &mut dyn FnMut(Progress<'_>),
) -> Result<Summary, Error> {
    let category = catalog.read(|view| view.category_find(&settings.category))?;
    let known = catalog.read(|view| view.scan_list(category.id))?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime =
        runtime.map_err(|source| Error::Folder { path: "the runtime".to_owned(), source })?;
    let walking = {
        let _inside = runtime.enter();
        Arc::new(walking(settings, &category.top, &known)?)
    };
    let mut recorder = Recorder::new(catalog, category, settings.actor.clone())?;
    let mut summary = Summary::default();
    let (to, folders) = channel(64);
    let walk = runtime.spawn(walk(walking.clone(), to));
    let scan = Running { runtime: &runtime, walking: &walking, settings };
    let seen = scan.take(folders, &mut recorder, &mut summary, watch);
    // Also after an error: what was learned is kept.
    let seen = seen.and_then(|seen| recorder.commit(&mut summary).map(|()| seen))?;
    scan.ended(walk)?;
    let gone = gone(&known, &seen, &recorder, settings)?;
    let whole = settings.extent == Extent::Whole;
    recorder.finish(&gone, &settings.origin.to_string(), whole, &mut summary)?;
    summary.directories = seen.len() as u64;
    if settings.images {
        images(&mut recorder, &settings.actor, &walking, &runtime, watch, &mut summary)?;
    }
    runtime.block_on(walking.prober.drain());
    Ok(summary)
}

fn walking(settings: &ScanSettings, top: &str, known: &[Scanned]) -> Result<Walk, Error> {
    let prober = Prober::start(settings.probe.clone());
    let prober =
        prober.map_err(|error| Error::Worker(heliostat_observe_probe::Failure::Worker(error)))?;
    // The operator names the origin, and may name a neighbour.
    let limits = FetchLimits::new(Reach::Anywhere);
    let url = settings.origin.to_string();
    let fetcher = Fetcher::new(&settings.agent, limits);
    let fetcher = fetcher.map_err(|source| Error::Fetch { url, source })?;
    let marks = known.iter().filter(|_| !settings.full).filter(|known| known.gone_unix_s.is_none());
    let marks =
        marks.filter_map(|known| Some((below(top, &known.name)?.to_owned(), known.mark.clone())));
    let marks = marks.map(|(path, mark)| match settings.extent.names(&path) {
        // What somebody named is read, whatever it looks like; it is known all the same.
        true => (path, String::new()),
        false => (path, mark),
    });
    Ok(Walk {
        origin: settings.origin.clone(),
        extent: settings.extent.clone(),
        known: Known::new(marks),
        prober,
        fetcher,
        now_unix_s: settings.actor.now_unix_s as i64,
    })
}

/// The paths that were there and are not any more.
fn gone(
    known: &[Scanned],
    seen: &HashSet<String>,
    recorder: &Recorder<'_>,
    settings: &ScanSettings,
) -> Result<Vec<String>, Error> {
    let top = &recorder.category.top;
    let paths = known.iter().filter_map(|known| Some((below(top, &known.name)?, known)));
    let within: Vec<_> = paths.filter(|(path, _)| settings.extent.covers(path)).collect();
    let gone = within.iter().filter(|(path, _)| !seen.contains(*path));
    let newly = gone.clone().filter(|(_, known)| known.gone_unix_s.is_none()).count();
    if newly > EMPTIED_MIN && newly * 2 > within.len() && !settings.force {
        return Err(Error::Emptied { gone: newly, known: within.len() });
    }
    Ok(gone.map(|(path, _)| (*path).to_owned()).collect())
}

/// A scan under way.
struct Running<'a> {
    runtime: &'a Runtime,
    walking: &'a Arc<Walk>,
    settings: &'a ScanSettings,
}

/// What comes next.
enum Next {
    Folder(Folder),
    Looked(Looked),
    /// Nothing for a while: time to write what there is.
    Pause,
    End,
}

impl Running<'_> {
    /// Takes directories as they come; gives the paths of all that were there.
    fn take(
        &self,
        mut folders: Receiver<Folder>,
        recorder: &mut Recorder<'_>,
        summary: &mut Summary,
        watch: &mut dyn FnMut(Progress<'_>),
    ) -> Result<HashSet<String>, Error> {
        let (mut seen, mut looks) = (HashSet::new(), JoinSet::new());
        loop {
            match self.runtime.block_on(soon(&mut folders, &mut looks)) {
                Next::End => return Ok(seen),
                Next::Pause => recorder.commit(summary)?,
                Next::Looked(mut looked) => {
                    looked.problems.drain(..).for_each(|problem| summary.problem(problem));
                    summary.packages += looked.packages;
                    summary.files += looked.files.len() as u64;
                    recorder.take(looked, summary)?;
                }
                Next::Folder(folder) => {
                    if let Some(changed) = self.changed(&folder, recorder, summary)? {
                        summary.read += 1;
                        let (walk, category) =
                            (self.walking.clone(), self.settings.category.clone());
                        let work = async move { look(&walk, &category, changed).await };
                        looks.spawn_on(work, self.runtime.handle());
                    }
                    seen.insert(folder.path);
                }
            }
            watch(Progress::Directories { seen: seen.len() as u64, read: summary.read });
        }
    }

    /// What has changed of a directory, if anything has.
    fn changed(
        &self,
        folder: &Folder,
        recorder: &mut Recorder<'_>,
        summary: &mut Summary,
    ) -> Result<Option<Changed>, Error> {
        let Sight::Read { mark, files } = &folder.sight else { return Ok(None) };
        let known = self.walking.known.mark(&folder.path);
        if !mark.is_empty() && known == Some(mark) {
            return Ok(None);
        }
        let (before, history) = match recorder.id(&folder.path) {
            Some(id) => {
                recorder.catalog.read(|view| Ok((view.scan_files(id)?, view.history(id)?)))?
            }
            None => Default::default(),
        };
        let (path, mark, files) = (folder.path.clone(), mark.clone(), files.clone());
        let timestamp_unix_s = folder.timestamp_unix_s;
        if !mark.is_empty() && known.is_some_and(|known| digest_of(known) == digest_of(&mark)) {
            // Its files are as they were; only the time to look at the next time is another.
            let looked =
                Looked { path, mark, timestamp_unix_s, files: before, ..Looked::default() };
            recorder.take(looked, summary)?;
            return Ok(None);
        }
        // What was wrong the last time is looked at again, known or not.
        let anew = self.settings.full || known.is_none();
        let history = if anew { Default::default() } else { history };
        Ok(Some(Changed { path, mark, timestamp_unix_s, files, before, history }))
    }

    /// Waits for the walk's own word.
    fn ended(&self, walk: JoinHandle<Result<(), Error>>) -> Result<(), Error> {
        self.runtime.block_on(walk).unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(Error::Folder { path: "the walk".to_owned(), source })
        })
    }
}

async fn soon(folders: &mut Receiver<Folder>, looks: &mut JoinSet<Looked>) -> Next {
    tokio::time::timeout(PAUSE, next(folders, looks)).await.unwrap_or(Next::Pause)
}

async fn next(folders: &mut Receiver<Folder>, looks: &mut JoinSet<Looked>) -> Next {
    loop {
        let looking = !looks.is_empty();
        let room = looks.len() < LOOKS_AT_ONCE;
        tokio::select! {
            biased;
            done = looks.join_next(), if looking => match done {
                Some(Ok(looked)) => return Next::Looked(looked),
                // It was cancelled with the runtime, or it panicked: its directory has no mark.
                _ => continue,
            },
            folder = folders.recv(), if room => match folder {
                Some(folder) => return Next::Folder(folder),
                None if !looking => return Next::End,
                // All have come; those that are looked at remain.
                None => match looks.join_next().await {
                    Some(Ok(looked)) => return Next::Looked(looked),
                    _ => continue,
                },
            },
        }
    }
}

/// The last word of a mark, which is of the files alone.
fn digest_of(mark: &str) -> &str {
    mark.rsplit(' ').next().unwrap_or_default()
}

/// Directories whose metadata is looked at at once.
const LOOKS_AT_ONCE: usize = 4;

/// How long an origin may be silent before what was learned is written.
const PAUSE: Duration = Duration::from_millis(500);

/// What is wrong is told up to here, and counted beyond.
const PROBLEMS_MAX: usize = 100;

/// So few directories may always go.
const EMPTIED_MIN: usize = 10;
