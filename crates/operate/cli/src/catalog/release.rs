//! What happens to a whole version at once.

use std::io::Write;

use clap::Args;
use heliostat_catalog::release::Moved;
use heliostat_catalog::{Ending, Txn};

use super::args::CatalogArgs;
use super::{actor, difference, open};
use crate::Error;

/// Arguments of `move-to-archive`.
#[derive(Debug, Args)]
#[group(id = "moved", required = true, multiple = false)]
pub struct ArchiveArgs {
    #[command(flatten)]
    catalog: CatalogArgs,
    /// Every repository of this version: `Fedora/38`.
    #[arg(long, value_name = "PRODUCT/VERSION", group = "moved")]
    of_version: Option<String>,
    /// This repository: `fedora-38/x86_64`.
    #[arg(long, value_name = "PREFIX/ARCH", group = "moved")]
    repo: Option<String>,
    /// The category of the archive.
    #[arg(long, value_name = "CATEGORY", default_value = "Archive")]
    archive: String,
    /// Change nothing, and print what would change.
    #[arg(long)]
    dry_run: bool,
}

/// Arguments of `release`.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    #[command(flatten)]
    catalog: CatalogArgs,
    /// The version, as PRODUCT/VERSION: `Fedora/40`.
    name: String,
    /// The part of a directory's name that is of development.
    #[arg(long, value_name = "PATH", default_value = "development")]
    from: String,
    /// What it becomes.
    #[arg(long, value_name = "PATH", default_value = "releases")]
    to: String,
    /// Change nothing, and print what would change.
    #[arg(long)]
    dry_run: bool,
}

/// Arguments of `emergency-expire`.
#[derive(Debug, Args)]
pub struct ExpireArgs {
    #[command(flatten)]
    catalog: CatalogArgs,
    /// The version, as PRODUCT/VERSION: `Fedora/40`.
    name: String,
    /// Change nothing, and print what would change.
    #[arg(long)]
    dry_run: bool,
}

/// Moves repositories to the archive.
pub(crate) fn archive(args: &ArchiveArgs, out: &mut impl Write) -> Result<(), Error> {
    let moved = match (&args.of_version, &args.repo) {
        (Some(version), _) => Moved::Version(version.clone()),
        (None, Some(repo)) => match repo.rsplit_once('/') {
            Some((prefix, arch)) => Moved::Repository(prefix.to_owned(), arch.to_owned()),
            None => return Err(Error::Document(format!("{repo} is not PREFIX/ARCH"))),
        },
        (None, None) => return Err(Error::Document("nothing is named".to_owned())),
    };
    change(&args.catalog, args.dry_run, out, |txn| txn.archive(&moved, &args.archive))
}

/// Makes a version in development a released one.
pub(crate) fn release(args: &ReleaseArgs, out: &mut impl Write) -> Result<(), Error> {
    let ReleaseArgs { catalog, name, from, to, dry_run } = args;
    change(catalog, *dry_run, out, |txn| txn.release(name, from, to))
}

/// Forgets what the files of a version were.
pub(crate) fn expire(args: &ExpireArgs, out: &mut impl Write) -> Result<(), Error> {
    change(&args.catalog, args.dry_run, out, |txn| txn.expire(&args.name))
}

fn change(
    catalog: &CatalogArgs,
    dry_run: bool,
    out: &mut impl Write,
    write: impl FnOnce(&mut Txn<'_>) -> Result<usize, heliostat_catalog::Error>,
) -> Result<(), Error> {
    let ending = if dry_run { Ending::DryRun } else { Ending::Commit };
    let (_, changes) = open(catalog)?.write(&actor("cli"), ending, write)?;
    if changes.is_empty() {
        return Ok(writeln!(out, "nothing changed")?);
    }
    difference::lines(&changes, usize::MAX, out)?;
    if dry_run {
        writeln!(out, "\nnothing was changed, because of --dry-run")?;
    }
    Ok(())
}
