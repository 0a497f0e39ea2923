//! Filling the catalog, and making snapshots of it.

use std::io::Write;
use std::time::Duration;

use heliostat_catalog::import::Origin;
use heliostat_catalog::{Catalog, Ending};
use heliostat_exchange::Import;
use heliostat_publish::{Generations, POINTER};

use super::args::{ImportOptions, ImportSource, InitArgs, PublishArgs, RollbackArgs};
use super::{actor, difference, open};
use crate::compile::described;
use crate::{Error, clock, progress, source};

/// Makes an empty catalog.
pub(crate) fn init(args: &InitArgs, out: &mut impl Write) -> Result<(), Error> {
    let place = args.catalog.place()?;
    Catalog::create(&place, clock::now_unix_s())?;
    writeln!(out, "made the catalog {place}; fill it with `heliostat import`")?;
    Ok(())
}

/// Brings another system's data into the catalog.
pub(crate) fn import(from: &ImportSource, out: &mut impl Write) -> Result<(), Error> {
    let (import, tables, options, origin) = match from {
        ImportSource::Mirrormanager { files, options } => {
            let origin =
                Origin { continent_redirects: true, ..origin("mirrormanager", "MirrorManager") };
            (source::mirrormanager(files)?, &files.tables, options, origin)
        }
        ImportSource::Almalinux { files, options } => {
            (source::almalinux(files)?, &files.tables, options, origin("almalinux", "AlmaLinux"))
        }
    };
    let origin = Origin {
        continents: tables.countries.is_some(),
        routes: tables.netblocks.is_some(),
        ..origin
    };
    source::report(&import.problems)?;
    if options.strict && !import.problems.is_empty() {
        return Err(Error::Strict { count: import.problems.total() });
    }
    take(&import, &origin, options, out)
}

fn origin<'a>(name: &'a str, site: &'a str) -> Origin<'a> {
    Origin { name, site, continents: false, continent_redirects: false, routes: false }
}

fn take(
    import: &Import,
    origin: &Origin<'_>,
    options: &ImportOptions,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut catalog = open(&options.catalog)?;
    let ending = if options.dry_run { Ending::DryRun } else { Ending::Commit };
    let bar = progress::stages();
    bar.set_message("importing");
    let imported = catalog.write(&actor("import"), ending, |txn| {
        let imported = txn.import(&import.world, origin)?;
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

/// Compiles the catalog into snapshots.
pub(crate) fn publish(args: &PublishArgs, out: &mut impl Write) -> Result<(), Error> {
    let generations = Generations::open(&args.to)?;
    let mut catalog = open(&args.catalog)?;
    let mut revision = publish_once(&mut catalog, &generations, args, out)?;
    if args.once {
        return Ok(());
    }
    loop {
        std::thread::sleep(Duration::from_secs(args.interval_s));
        match renewed(&mut catalog, revision, &generations, args, out) {
            Ok(now) => revision = now,
            // What is served stays; the catalog may be back at the next look.
            Err(error @ (Error::Catalog(_) | Error::Generations(_))) => {
                let cause = std::error::Error::source(&error);
                let cause = cause.map(ToString::to_string).unwrap_or_default();
                writeln!(std::io::stderr().lock(), "warning: not published: {error}: {cause}")?;
                catalog = open(&args.catalog).unwrap_or(catalog);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Publishes if the catalog has changed since a revision, and gives the revision that is published.
fn renewed(
    catalog: &mut Catalog,
    revision: i64,
    generations: &Generations,
    args: &PublishArgs,
    out: &mut impl Write,
) -> Result<i64, Error> {
    if catalog.read(|view| view.state())?.revision == revision {
        return Ok(revision);
    }
    publish_once(catalog, generations, args, out)
}

fn publish_once(
    catalog: &mut Catalog,
    generations: &Generations,
    args: &PublishArgs,
    out: &mut impl Write,
) -> Result<i64, Error> {
    let bar = progress::stages();
    bar.set_message("reading");
    let (revision, world) = catalog.read(|view| Ok((view.state()?.revision, view.world()?)))?;
    let keep = usize::from(args.keep);
    let published =
        generations.publish(&world, clock::now_unix_s(), keep, |stage| bar.set_message(stage));
    bar.finish_and_clear();
    let published = published?;
    let pointer = generations.folder().join(POINTER);
    let what = described(&published.summary);
    writeln!(out, "{}: generation {}, {what}", pointer.display(), published.generation)?;
    out.flush()?;
    Ok(revision)
}

/// Publishes an old generation anew.
pub(crate) fn rollback(args: &RollbackArgs, out: &mut impl Write) -> Result<(), Error> {
    let generations = Generations::open(&args.to)?;
    let next = generations.rollback(args.generation, usize::from(args.keep))?;
    let pointer = generations.folder().join(POINTER);
    let of = args.generation;
    writeln!(out, "{}: generation {next}, which is generation {of} again", pointer.display())?;
    Ok(())
}

/// How many changes of one sort a dry run prints.
const LINES_PER_SORT: usize = 20;
