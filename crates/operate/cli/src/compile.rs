//! Other systems' data to a snapshot.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_admission::Capacity;
use heliostat_exchange::almalinux::{Documents, documents_read};
use heliostat_exchange::{Import, Problems, mirrormanager};
use heliostat_model::World;
use heliostat_publish::memory::{self, Room, Shortage};
use heliostat_publish::{Stamp, compile, publish};
use heliostat_snapshot::Outline;

use crate::Error;
use crate::args::{CompileOutput, CompileSource};
use crate::progress;
use crate::table::thousands;

/// Reads, compiles and writes.
pub(crate) fn run(source: &CompileSource, out: &mut impl Write) -> Result<(), Error> {
    let _room = room(source)?;
    match source {
        CompileSource::Mirrormanager { cache, netblocks, countries, output } => {
            let import = mirrormanager_import(cache)?;
            finish(import, netblocks.as_deref(), countries.as_deref(), output, out)
        }
        CompileSource::Almalinux { folder, netblocks, countries, output } => {
            let wrong = |source| Error::Almalinux { path: folder.clone(), source };
            let documents = Documents::load(folder).map_err(wrong)?;
            let import = documents_read(&documents, unix_s()).map_err(wrong)?;
            finish(import, netblocks.as_deref(), countries.as_deref(), output, out)
        }
    }
}

/// Room for all that compiling takes, before anything is read.
fn room(source: &CompileSource) -> Result<Option<Room>, Error> {
    let (input, netblocks, countries, output) = match source {
        CompileSource::Mirrormanager { cache, netblocks, countries, output } => {
            (cache, netblocks, countries, output)
        }
        CompileSource::Almalinux { folder, netblocks, countries, output } => {
            (folder, netblocks, countries, output)
        }
    };
    let tables = [netblocks, countries].into_iter().flatten().map(|path| size(path)).sum();
    let needed = memory::peak(size(input), tables);
    let detect = || Some(Capacity::detect().ok()?.limited_to(None, output.memory));
    let patience = Duration::from_secs(output.memory_wait_s);
    let waiting = |shortage: &Shortage| {
        // Who cannot hear it is waited for all the same.
        let _ = writeln!(std::io::stderr(), "waiting for memory: {shortage}");
    };
    let room = memory::room(needed, patience, detect, waiting)?;
    if room.is_none() {
        let what = "warning: what memory there is cannot be found out; going on without";
        writeln!(std::io::stderr(), "{what}")?;
    }
    Ok(room)
}

/// Bytes of a file, or of all files in a folder; what cannot be read is told when it is.
fn size(path: &Path) -> u64 {
    let Ok(facts) = std::fs::metadata(path) else { return 0 };
    if !facts.is_dir() {
        return facts.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name() != ".git").map(|entry| size(&entry.path())).sum()
}

fn mirrormanager_import(path: &Path) -> Result<Import, Error> {
    let bytes = read(path)?;
    let bar = progress::bytes("reading", bytes.len() as u64);
    let import = mirrormanager::cache_read(&bytes, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    import.map_err(|source| Error::Cache { path: path.to_owned(), source })
}

/// Adds the address tables, says what is wrong, and writes the snapshot.
fn finish(
    import: Import,
    netblocks: Option<&Path>,
    countries: Option<&Path>,
    output: &CompileOutput,
    out: &mut impl Write,
) -> Result<(), Error> {
    let Import { mut world, mut problems } = import;
    if let Some(path) = netblocks {
        let mut found = Problems::new();
        world.netblock_asns = mirrormanager::netblocks_read(&read(path)?, &mut found);
        problems.append(found);
    }
    if let Some(path) = countries {
        let mut found = Problems::new();
        let table = mirrormanager::countries_read(&read(path)?, &mut found);
        world.country_continents = table.continents;
        problems.append(found);
    }
    report(&problems)?;
    if output.strict && !problems.is_empty() {
        return Err(Error::Strict { count: problems.total() });
    }
    write(&world, output, out)
}

fn write(world: &World, output: &CompileOutput, out: &mut impl Write) -> Result<(), Error> {
    let compiled_unix_s = unix_s();
    // A number that fell would look like an old file to whoever compares.
    let replaced = Outline::read(&output.output).map_or(0, |o| o.header.generation.get());
    let stamp = Stamp {
        generation: output.generation.unwrap_or_else(|| compiled_unix_s.max(replaced + 1)),
        created_unix_s: world.created_unix_s,
        compiled_unix_s,
    };
    let bar = progress::stages();
    let summary =
        publish(&output.output, |file| compile(world, stamp, file, |stage| bar.set_message(stage)));
    bar.finish_and_clear();
    let summary = summary?;
    writeln!(
        out,
        "{}: generation {}, {} hosts, {} mirrors, {} directories, {} repositories, {} prefixes, \
         {} bytes",
        output.output.display(),
        stamp.generation,
        thousands(summary.hosts as u64),
        thousands(summary.mirrors as u64),
        thousands(summary.directories as u64),
        thousands(summary.repositories as u64),
        thousands(summary.prefixes as u64),
        thousands(summary.file_bytes),
    )?;
    Ok(())
}

/// Says what is wrong with the data, a few of each kind.
fn report(problems: &Problems) -> Result<(), Error> {
    let mut err = std::io::stderr().lock();
    for problem in problems.kept() {
        writeln!(err, "warning: {problem}")?;
    }
    let unsaid = problems.total() - problems.kept().len() as u64;
    if unsaid > 0 {
        writeln!(err, "warning: and {} more of the same kinds", thousands(unsaid))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}

fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
