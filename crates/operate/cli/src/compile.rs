//! Other systems' data to a snapshot.

use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use heliostat_exchange::almalinux::{Documents, documents_read};
use heliostat_exchange::{Import, Problems, mirrormanager};
use heliostat_model::World;
use heliostat_publish::{Stamp, compile, publish};
use heliostat_snapshot::Outline;

use crate::Error;
use crate::args::{CompileOutput, CompileSource};
use crate::progress;
use crate::table::thousands;

/// Reads, compiles and writes.
pub(crate) fn run(source: &CompileSource, out: &mut impl Write) -> Result<(), Error> {
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
