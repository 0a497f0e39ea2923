//! Other systems' data to a snapshot.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use heliostat_admission::Capacity;
use heliostat_exchange::Import;
use heliostat_model::World;
use heliostat_publish::memory::{self, Room, Shortage};
use heliostat_publish::{Stamp, Summary, compile, publish};
use heliostat_snapshot::Outline;

use crate::args::{CompileOutput, CompileSource};
use crate::source::ListSort;
use crate::table::thousands;
use crate::{Error, clock, progress, source};

/// Reads, compiles and writes.
pub(crate) fn run(from: &CompileSource, out: &mut impl Write) -> Result<(), Error> {
    let _room = room(from)?;
    let (import, output) = match from {
        CompileSource::Mirrormanager { files, output } => {
            (source::mirrormanager(&files.cache, &files.tables)?, output)
        }
        CompileSource::Almalinux { files, output } => (source::almalinux(files)?, output),
        CompileSource::Mirrorbits { files, output } => {
            (source::list(files, ListSort::Mirrorbits)?, output)
        }
        CompileSource::Mirrorbrain { files, output } => {
            (source::list(files, ListSort::Mirrorbrain)?, output)
        }
        CompileSource::DebianMirrors { files, output } => {
            (source::list(files, ListSort::Debian)?, output)
        }
    };
    let Import { world, problems, .. } = import.switched_off_left_out();
    source::report(&problems)?;
    if output.strict && !problems.is_empty() {
        return Err(Error::Strict { count: problems.total() });
    }
    write(&world, output, out)
}

/// Room for all that compiling takes, before anything is read.
fn room(from: &CompileSource) -> Result<Option<Room>, Error> {
    let (input, tables, output) = match from {
        CompileSource::Mirrormanager { files, output } => (&files.cache, &files.tables, output),
        CompileSource::Almalinux { files, output } => (&files.folder, &files.tables, output),
        CompileSource::Mirrorbits { files, output }
        | CompileSource::Mirrorbrain { files, output }
        | CompileSource::DebianMirrors { files, output } => (&files.list, &files.tables, output),
    };
    let tables = [&tables.netblocks, &tables.countries].into_iter().flatten();
    let tables = tables.map(|path| size(path)).sum();
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

fn write(world: &World, output: &CompileOutput, out: &mut impl Write) -> Result<(), Error> {
    let compiled_unix_s = clock::now_unix_s();
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
    let what = described(&summary?);
    writeln!(out, "{}: generation {}, {what}", output.output.display(), stamp.generation)?;
    Ok(())
}

/// What is in a snapshot, in words.
pub(crate) fn described(summary: &Summary) -> String {
    format!(
        "{} hosts, {} mirrors, {} directories, {} repositories, {} prefixes, {} bytes",
        thousands(summary.hosts as u64),
        thousands(summary.mirrors as u64),
        thousands(summary.directories as u64),
        thousands(summary.repositories as u64),
        thousands(summary.prefixes as u64),
        thousands(summary.file_bytes),
    )
}
