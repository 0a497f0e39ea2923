//! The cache as a world.

use heliostat_model::{Facts, HostIndex, Location, Repository, RepositoryRedirect, World};
use thiserror::Error;

use super::directories::Directories;
use super::entry::Entry;
use super::files::{Files, TIMESTAMP_MAX};
use super::mirrors::position;
use super::schema::Field;
use super::tables::Tables;
use super::wire::{Fields, Value, signed};
use crate::Import;
use crate::problem::{Fault, ProblemKind, Problems, shown};

/// Why bytes are not a cache at all.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheError {
    /// the file is empty
    #[error("the file is empty")]
    Empty,
    /// the file holds neither a time nor a directory, so it is no MirrorManager cache
    #[error("the file holds neither a time nor a directory, so it is no MirrorManager cache")]
    NotACache,
    /// the file is larger than the 2 GiB that a protobuf message may have
    #[error("the file is larger than the 2 GiB that a protobuf message may have")]
    TooLarge,
}

/// Reads a cache. `progress` is told now and then how many bytes are done.
///
/// ```
/// use heliostat_exchange::mirrormanager::{CacheError, cache_read};
/// let import = cache_read(b"\x08\x01", &mut |_| {}).unwrap();
/// assert_eq!(import.world.created_unix_s, 1);
/// assert_eq!(cache_read(b"<html>", &mut |_| {}).unwrap_err(), CacheError::NotACache);
/// ```
///
/// # Errors
///
/// When the bytes are something else altogether. What is merely wrong in places, a file that breaks
/// off included, is in [`Import::problems`].
pub fn cache_read(bytes: &[u8], progress: &mut dyn FnMut(u64)) -> Result<Import, CacheError> {
    if bytes.is_empty() {
        return Err(CacheError::Empty);
    }
    if bytes.len() > CACHE_BYTES_MAX {
        return Err(CacheError::TooLarge);
    }
    let mut problems = Problems::new();
    let mut progress = Progress { tell: progress, done: 0, told: 0 };
    // Directories name hosts, URLs and files, and nobody says that those must come first: so the
    // tables are read in a first round, and the directories, all but remembered, in a second.
    let mut parts = tables_read(bytes, &mut problems, &mut progress);
    let mut directories = Directories::new();
    for &(index, message) in &parts.directories {
        let entry = Entry { field: Field::MirrorList, index, message };
        let read = directories.read(entry, &mut parts.tables, &mut parts.files, &mut problems);
        if let Err(fault) = read {
            problems.fault(fault, || entry.place());
        }
        progress.advance(message.len());
    }
    if parts.time.is_none() && directories.directories.is_empty() {
        return Err(CacheError::NotACache);
    }
    Ok(finish(parts, directories, problems))
}

/// What the first round finds.
#[derive(Debug, Default)]
struct Parts<'a> {
    time: Option<u64>,
    tables: Tables<'a>,
    files: Files<'a>,
    directories: Vec<(u64, &'a [u8])>,
}

fn tables_read<'a>(
    bytes: &'a [u8],
    problems: &mut Problems,
    progress: &mut Progress<'_>,
) -> Parts<'a> {
    let mut parts = Parts::default();
    let mut counts = [0; Field::COUNT];
    let mut fields = Fields::new(bytes);
    loop {
        let start = bytes.len() - fields.remaining();
        let (field, value) = match fields.next() {
            None => break,
            Some(Ok((number, value))) => match Field::of(number) {
                None => continue,
                Some(field) => (field, value),
            },
            Some(Err(fault)) => {
                problems.fault(fault, || format!("byte {start}"));
                break;
            }
        };
        let index = counts[field as usize - 1];
        counts[field as usize - 1] += 1;
        let read = match (field, value) {
            (Field::Time, value) => parts.time(value),
            (Field::MirrorList, Value::Bytes(message)) => {
                parts.directories.push((index, message));
                continue;
            }
            (field, value) => value.bytes().and_then(|message| {
                progress.advance(message.len());
                parts.entry(Entry { field, index, message }, problems)
            }),
        };
        if let Err(fault) = read {
            let message = value.bytes().unwrap_or_default();
            problems.fault(fault, || Entry { field, index, message }.place());
        }
    }
    if parts.time.is_none() {
        problems.add(
            ProblemKind::MissingField,
            || Field::Time.name().to_owned(),
            || "it does not say when it was made".to_owned(),
        );
    }
    parts
}

impl<'a> Parts<'a> {
    fn entry(&mut self, entry: Entry<'a>, problems: &mut Problems) -> Result<(), Fault> {
        match entry.field {
            Field::FileDetails => self.files.read(entry, problems),
            _ => self.tables.read(entry, problems),
        }
    }

    fn time(&mut self, value: Value<'_>) -> Result<(), Fault> {
        let time = value.int()?;
        if time > TIMESTAMP_MAX {
            let what = format!("{} is no time", signed(time));
            return Err(Fault::new(ProblemKind::OutOfRange, what));
        }
        match self.time.replace(time) {
            Some(first) if first != time => {
                self.time = Some(first);
                let what = format!("comes again with another value; {first} counts");
                Err(Fault::new(ProblemKind::Duplicate, what))
            }
            _ => Ok(()),
        }
    }
}

fn finish(parts: Parts<'_>, directories: Directories<'_>, mut problems: Problems) -> Import {
    let Parts { time, tables, files, .. } = parts;
    let mut world = World::new("MirrorManager cache", time.unwrap_or(0));
    if directories.unordered > 0 {
        problems.add(
            ProblemKind::NotDone,
            || "OrderedMirrorList".to_owned(),
            || format!("off for {}; lists are ordered all the same", directories.unordered),
        );
    }
    files.finish(&mut problems);
    for ((prefix, arch), name) in &tables.repositories {
        let directory = directories.by_name.get(name).copied();
        if directory.is_none() {
            problems.add(
                ProblemKind::UnknownName,
                || format!("{} {prefix}+{arch}", Field::RepoArchToDirectory.name()),
                || format!("MirrorListCache has no directory {}", shown(name.as_bytes())),
            );
        }
        let (prefix, arch) = ((*prefix).to_owned(), (*arch).to_owned());
        world.repositories.push(Repository { prefix, arch, directory });
    }
    let (mirrors, mirror_sets) = directories.mirrors.finish();
    (world.mirrors, world.mirror_sets) = (mirrors, mirror_sets);
    world.directories = directories.directories;
    finish_tables(&mut world, tables, &mut problems);
    Import { world, problems, facts: Facts::default() }
}

fn finish_tables(world: &mut World, mut tables: Tables<'_>, problems: &mut Problems) {
    let locations = std::mem::take(&mut tables.locations);
    let found: Vec<(&str, Vec<Option<HostIndex>>)> = locations
        .into_iter()
        .map(|(name, ids)| (name, ids.into_iter().map(|id| tables.hosts.find(id)).collect()))
        .collect();
    let (hosts, moved) = tables.hosts.finish(&world.mirrors, problems);
    let new = |old: HostIndex| moved[old.0 as usize];
    for (name, hosts) in found {
        let known: Vec<HostIndex> = hosts.iter().filter_map(|host| new((*host)?)).collect();
        if known.len() < hosts.len() {
            problems.add(
                ProblemKind::UnknownName,
                || format!("{} {name}", Field::Location.name()),
                || format!("{} of the hosts it names are unknown", hosts.len() - known.len()),
            );
        }
        world.locations.push(Location { name: name.to_owned(), hosts: known });
    }
    for mirror in &mut world.mirrors {
        // A mirror's host is real, because it carries something.
        mirror.host = new(mirror.host).unwrap_or(HostIndex(position(hosts.len())));
    }
    world.hosts = hosts;
    world.repository_redirects = tables
        .repository_redirects
        .into_iter()
        .map(|(from, to)| RepositoryRedirect { from: from.to_owned(), to: to.to_owned() })
        .collect();
    world.repositories_disabled =
        tables.repositories_disabled.into_iter().map(str::to_owned).collect();
    world.continent_redirects = tables.continent_redirects.into_iter().collect();
    world.netblock_countries = tables.netblock_countries.into_iter().collect();
}

/// Tells the caller how far the work is, but not for every byte.
struct Progress<'a> {
    tell: &'a mut dyn FnMut(u64),
    done: u64,
    told: u64,
}

impl Progress<'_> {
    fn advance(&mut self, bytes: usize) {
        self.done += bytes as u64;
        if self.done - self.told >= PROGRESS_STEP_BYTES {
            self.told = self.done;
            (self.tell)(self.done);
        }
    }
}

/// How often progress is told.
const PROGRESS_STEP_BYTES: u64 = 1 << 20;

/// Protobuf's own limit for one message. It keeps every position below 2³².
const CACHE_BYTES_MAX: usize = (1 << 31) - 1;
