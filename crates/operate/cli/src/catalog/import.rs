//! Other systems' data into the catalog.

use std::io::Write;

use heliostat_catalog::import::Origin;
use heliostat_catalog::{Catalog, Ending};
use heliostat_exchange::{Import, ProblemKind, Problems};
use heliostat_publish::memory::{self, Format, Room};

use super::args::{ImportOptions, ImportSource, MirrormanagerSource};
use super::{actor, difference, open};
use crate::networks::Lookup;
use crate::source::ListSort;
use crate::{Error, clock, progress, room, source};

/// Brings another system's data into the catalog.
pub(crate) fn import(from: &ImportSource, out: &mut impl Write) -> Result<(), Error> {
    let (mut catalog, _room) = open_with_room(from)?;
    let (import, tables, options, origin) = match from {
        ImportSource::Mirrormanager { from, options } => {
            let origin =
                Origin { continent_redirects: true, ..origin("mirrormanager", "MirrorManager") };
            (mirrormanager(from)?, &from.tables, options, origin)
        }
        ImportSource::Almalinux { files, options } => {
            // Its files have names, and their order is no number.
            let origin = list_origin("almalinux", "AlmaLinux");
            (source::almalinux(files)?, &files.tables, options, origin)
        }
        ImportSource::Mirrorbits { files, options } => {
            let import = source::list(files, ListSort::Mirrorbits)?;
            (import, &files.tables, options, list_origin("mirrorbits", "mirrorbits"))
        }
        ImportSource::Mirrorbrain { files, options } => {
            let import = source::list(files, ListSort::Mirrorbrain)?;
            (import, &files.tables, options, list_origin("mirrorbrain", "MirrorBrain"))
        }
        ImportSource::DebianMirrors { files, options } => {
            let import = source::list(files, ListSort::Debian)?;
            (import, &files.tables, options, list_origin("debian-mirrors", "Debian"))
        }
    };
    let origin = Origin {
        continents: tables.countries.is_some(),
        routes: tables.netblocks.is_some(),
        ..origin
    };
    source::report(&import.problems)?;
    if import.problems.kept().iter().any(|problem| problem.kind == ProblemKind::Truncated) {
        let what =
            "it breaks off, and what is missing would be taken for gone; nothing was written";
        return Err(Error::Nothing(what.to_owned()));
    }
    if options.strict && !import.problems.is_empty() {
        return Err(Error::Strict { count: import.problems.total() });
    }
    take(&mut catalog, &import, &origin, options, out)
}

/// The catalog, and room for all that importing into it takes, before the source is read.
fn open_with_room(from: &ImportSource) -> Result<(Catalog, Option<Room>), Error> {
    let (format, input, tables, options) = match from {
        // How much its database holds is not known before it is read.
        ImportSource::Mirrormanager { from, options } => {
            (Format::Protobuf, from.place.cache.as_deref(), &from.tables, options)
        }
        ImportSource::Almalinux { files, options } => {
            (Format::Text, Some(&*files.folder), &files.tables, options)
        }
        ImportSource::Mirrorbits { files, options }
        | ImportSource::Mirrorbrain { files, options }
        | ImportSource::DebianMirrors { files, options } => {
            (Format::Text, Some(&*files.list), &files.tables, options)
        }
    };
    let mut catalog = open(&options.catalog)?;
    let there = room::weight(&mut catalog)?;
    let needed = memory::peak_of_import(room::peak(format, input, tables), there);
    let room = room::room(needed, &options.memory)?;
    Ok((catalog, room))
}

/// MirrorManager's cache or database.
fn mirrormanager(from: &MirrormanagerSource) -> Result<Import, Error> {
    match (from.place.url()?, &from.place.cache) {
        (_, Some(cache)) => source::mirrormanager(cache, &from.tables),
        (None, None) => Err(Error::Nothing("give --cache FILE or --postgres URL".to_owned())),
        (Some(url), None) => {
            let (mut networks, now) = (Lookup::new(), clock::now_unix_s());
            let found = heliostat_catalog::mirrormanager::read(&url, &mut networks, now)?;
            let mut problems = Problems::new();
            for problem in found.problems {
                let (place, what) = problem.split_once(": ").unwrap_or(("", &problem));
                let (place, what) = (place.to_owned(), what.to_owned());
                problems.add(ProblemKind::BadLine, || place, || what);
            }
            let import = Import { world: found.world, problems, facts: found.facts };
            source::with_tables(import, &from.tables)
        }
    }
}

fn origin<'a>(name: &'a str, site: &'a str) -> Origin<'a> {
    let (continents, continent_redirects, routes) = (false, false, false);
    Origin { name, site, numbered: true, continents, continent_redirects, routes }
}

/// A list of mirrors has names and no numbers.
fn list_origin<'a>(name: &'a str, site: &'a str) -> Origin<'a> {
    Origin { numbered: false, ..origin(name, site) }
}

fn take(
    catalog: &mut Catalog,
    import: &Import,
    origin: &Origin<'_>,
    options: &ImportOptions,
    out: &mut impl Write,
) -> Result<(), Error> {
    let ending = if options.dry_run { Ending::DryRun } else { Ending::Commit };
    let bar = progress::stages();
    bar.set_message("importing");
    let imported = catalog.write(&actor("import"), ending, |txn| {
        let imported = txn.import_with(&import.world, &import.facts, origin)?;
        if options.strict && !imported.left_out.is_empty() {
            txn.abandon();
        }
        Ok(imported)
    });
    bar.finish_and_clear();
    let (imported, changes) = imported?;
    {
        let mut err = std::io::stderr().lock();
        for left in &imported.left_out {
            writeln!(err, "warning: {left}")?;
        }
    }
    if options.strict && !imported.left_out.is_empty() {
        return Err(Error::Strict { count: imported.left_out.len() as u64 });
    }
    if options.json {
        return difference::json_lines(&changes, out);
    }
    if changes.is_empty() {
        writeln!(out, "nothing changed")?;
        return Ok(());
    }
    if options.dry_run {
        difference::lines(&changes, LINES_PER_SORT, out)?;
        writeln!(out)?;
    }
    difference::totals(&changes, out)?;
    if options.dry_run {
        writeln!(out, "\nnothing was changed, because of --dry-run")?;
    }
    Ok(())
}

/// How many changes of one sort a dry run prints.
const LINES_PER_SORT: usize = 20;
