//! Other systems' data to a snapshot.

use std::io::Write;

use heliostat_exchange::Import;
use heliostat_model::World;
use heliostat_publish::memory::{Format, Room};
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
    let (format, input, tables, output) = match from {
        CompileSource::Mirrormanager { files, output } => {
            (Format::Protobuf, &files.cache, &files.tables, output)
        }
        CompileSource::Almalinux { files, output } => {
            (Format::Text, &files.folder, &files.tables, output)
        }
        CompileSource::Mirrorbits { files, output }
        | CompileSource::Mirrorbrain { files, output }
        | CompileSource::DebianMirrors { files, output } => {
            (Format::Text, &files.list, &files.tables, output)
        }
    };
    crate::room::room(crate::room::peak(format, Some(input), tables), &output.memory)
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
