//! What should exist: the primary copies of categories, into the catalog.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use heliostat_catalog::{Catalog, Place, Taken};
use heliostat_observe_probe::{ProbeSettings, program};
use heliostat_observe_report::record;
use heliostat_observe_scan::{Extent, Origin, Progress, ScanSettings, Share, Summary, scan, share};
use heliostat_workers::Program;

use super::args::CatalogArgs;
use super::heart::{Heart, told};
use super::{actor, holder, open};
use crate::{Error, progress};

/// Arguments of `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// The catalog.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// Only this category; without it, every category whose primary copy is known.
    #[arg(long, value_name = "NAME")]
    pub category: Option<String>,
    /// Where the category's primary copy is: a folder, or a URL of rsync, http or https. It is
    /// remembered.
    #[arg(long, value_name = "ORIGIN", requires = "category")]
    pub from: Option<Origin>,
    /// Only this directory and what is below it, by its full name.
    #[arg(long, value_name = "DIR")]
    pub path: Option<String>,
    /// Look at everything, also at what has not changed.
    #[arg(long)]
    pub full: bool,
    /// Also when more than half of the directories are gone.
    #[arg(long)]
    pub force: bool,
    /// Hash images (ISO and the like): always from a folder, never over rsync, and over HTTP only
    /// when this is given.
    #[arg(long)]
    pub images: bool,
    /// Then say which share of the mirrors holds this directory and what is below it.
    #[arg(long, value_name = "DIR")]
    pub announce: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The program that parses metadata [default: heliostat-probe, beside this program].
    #[arg(long, value_name = "FILE")]
    pub probe: Option<PathBuf>,
}

/// Scans the primary copies of categories.
pub(crate) fn run(args: &ScanArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut catalog = open(&args.catalog)?;
    let found = origins(&mut catalog, args)?;
    if found.is_empty() && args.announce.is_none() {
        let what = "no category has a known primary copy; name one with --category and --from";
        return Err(Error::Nothing(what.to_owned()));
    }
    let mut scanned = Vec::new();
    for (category, origin, from) in found {
        let images = args.images || matches!(origin, Origin::Folder(_));
        let settings = ScanSettings {
            category,
            images: images && !matches!(origin, Origin::Rsync(_)),
            origin,
            extent: if from.is_empty() { Extent::Whole } else { Extent::Below(from) },
            full: args.full,
            force: args.force,
            probe: probe(args.probe.as_deref())?,
            agent: concat!("heliostat/", env!("CARGO_PKG_VERSION")).to_owned(),
            actor: actor("scan"),
        };
        let summary = leased(&mut catalog, &args.catalog.place()?, &settings)?;
        if !args.json {
            print(&settings, &summary, out)?;
            out.flush()?;
        }
        scanned.push((settings.category, summary));
    }
    let announced = match &args.announce {
        Some(path) => Some((path, catalog.read(|view| share(view, path))?)),
        None => None,
    };
    if args.json {
        return json(&scanned, announced, out);
    }
    match announced {
        Some((path, share)) => announce(path, &share, out),
        None => Ok(()),
    }
}

/// Categories, their primary copies, and where to begin in them.
fn origins(catalog: &mut Catalog, args: &ScanArgs) -> Result<Vec<(String, Origin, String)>, Error> {
    let mut found = Vec::new();
    // A release that is announced is looked for first.
    let path = args.path.as_ref().or(args.announce.as_ref()).map(|path| path.trim_matches('/'));
    catalog.read(|view| {
        for category in view.category_list()? {
            if args.category.as_ref().is_some_and(|name| *name != category.name) {
                continue;
            }
            let known = view.scan_origin(category.id)?.map(|(origin, _)| origin);
            let known = known.and_then(|origin| origin.parse().ok());
            let Some(origin) = args.from.clone().or(known) else { continue };
            let from = match path {
                None => Some(""),
                Some(path) => below(&category.top, path),
            };
            if let Some(from) = from {
                found.push((category.name, origin, from.to_owned()));
            }
        }
        Ok(())
    })?;
    if let (true, Some(name)) = (found.is_empty(), &args.category) {
        catalog.read(|view| view.category_find(name))?;
    }
    Ok(found)
}

/// The path of something below a top.
pub(super) fn below<'a>(top: &str, path: &'a str) -> Option<&'a str> {
    match path.strip_prefix(top)? {
        rest if top.is_empty() || rest.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

/// The workers that parse what strangers wrote.
pub(crate) fn probe(program_at: Option<&Path>) -> Result<ProbeSettings, Error> {
    let program = match program_at {
        Some(path) => Program::new(path, [] as [&str; 0]),
        None => program().map_err(|path| Error::Probe { path })?,
    };
    Ok(ProbeSettings::detect(program)?)
}

/// Scans, unless somebody else scans the category just now.
pub(super) fn leased(
    catalog: &mut Catalog,
    place: &Place,
    settings: &ScanSettings,
) -> Result<Summary, Error> {
    let name = format!("scan {}", settings.category);
    let lease = match catalog.lease_take(&name, &holder::holder(), LEASE, 0, holder::is_gone)? {
        Taken::Ours(lease) => lease,
        Taken::Theirs { holder, .. } => {
            return Err(Error::Scanned { category: settings.category.clone(), holder });
        }
    };
    let heart = Heart::start(place.clone(), lease.clone(), LEASE)?;
    let summary = watched(catalog, settings);
    heart.stop();
    let released = catalog.lease_release(&lease);
    let summary = summary?;
    told(released)?;
    if summary.versions > 0 {
        // Every mirror is one version further behind now.
        record(catalog, &settings.actor)?;
    }
    Ok(summary)
}

/// Scans, and shows how far it has come to whoever watches.
fn watched(catalog: &mut Catalog, settings: &ScanSettings) -> Result<Summary, Error> {
    let walk = progress::stages();
    let mut bytes = None;
    let summary = scan(catalog, settings, &mut |progress| match progress {
        Progress::Directories { seen, read } => {
            walk.set_message(format!("{seen} directories, {read} changed"));
        }
        Progress::Images { hashed_bytes, total_bytes, .. } => {
            let bar = bytes.get_or_insert_with(|| progress::bytes("hashing", total_bytes));
            bar.set_position(hashed_bytes);
        }
    });
    walk.finish_and_clear();
    if let Some(bar) = bytes {
        bar.finish_and_clear();
    }
    let summary = summary?;
    let mut err = std::io::stderr().lock();
    for problem in &summary.problems {
        writeln!(err, "warning: {}: {}", problem.path, problem.what)?;
    }
    let more = summary.problems_total - summary.problems.len() as u64;
    if more > 0 {
        writeln!(err, "warning: and {more} more")?;
    }
    Ok(summary)
}

fn print(settings: &ScanSettings, found: &Summary, out: &mut impl Write) -> Result<(), Error> {
    let Summary { directories, read, added, gone, files, .. } = found;
    writeln!(out, "{}: {}", settings.category, settings.origin)?;
    writeln!(
        out,
        "{directories} directories: {read} changed ({files} files), {added} new, {gone} gone"
    )?;
    let Summary { repositories, packages, versions, images, .. } = found;
    writeln!(
        out,
        "{repositories} new repositories, {packages} packages in those that changed, \
         {versions} new versions of what clients verify, {images} images hashed"
    )?;
    Ok(())
}

fn announce(path: &str, share: &Share, out: &mut impl Write) -> Result<(), Error> {
    let Share { directories, mirrors, whole, partly, unknown, bandwidth_mbit_s } = share;
    if *directories == 0 {
        return Err(Error::Nothing(format!("there is no directory {path}")));
    }
    writeln!(
        out,
        "{path}: {directories} directories, held by {whole} of {mirrors} mirrors ({} %)",
        share.percent()
    )?;
    let (held, all) = bandwidth_mbit_s;
    writeln!(
        out,
        "{partly} mirrors have a part of it, of {unknown} nothing is known; those that have all of \
         it have {held} of {all} Mbit/s"
    )?;
    Ok(())
}

fn json(
    scanned: &[(String, Summary)],
    announced: Option<(&String, Share)>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let summary = |(category, found): &(String, Summary)| {
        let problems: Vec<_> = found
            .problems
            .iter()
            .map(|problem| serde_json::json!({ "path": problem.path, "what": problem.what }))
            .collect();
        serde_json::json!({
            "category": category,
            "directories": found.directories,
            "changed": found.read,
            "added": found.added,
            "gone": found.gone,
            "forgotten": found.forgotten,
            "files": found.files,
            "repositories": found.repositories,
            "packages": found.packages,
            "versions": found.versions,
            "images": found.images,
            "problems": problems,
            "problems_total": found.problems_total,
        })
    };
    let announced = announced.map(|(path, share)| {
        serde_json::json!({
            "path": path,
            "directories": share.directories,
            "mirrors": share.mirrors,
            "whole": share.whole,
            "partly": share.partly,
            "unknown": share.unknown,
            "percent": share.percent(),
        })
    });
    let scanned: Vec<_> = scanned.iter().map(summary).collect();
    let all = serde_json::json!({ "scanned": scanned, "announced": announced });
    serde_json::to_writer_pretty(&mut *out, &all).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// How long a scan has its category without putting that off.
const LEASE: Duration = Duration::from_secs(30);
