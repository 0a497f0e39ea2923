//! What a publisher has changed: looked at where it was changed first, and then at the mirrors.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use heliostat_catalog::{Actor, Catalog, Place};
use heliostat_observe_checkin::post;
use heliostat_observe_crawl::{CrawlSettings, PaceSettings, Wish, crawl};
use heliostat_observe_probe::{ProbeSettings, Reach};
use heliostat_observe_report::record;
use heliostat_observe_scan::{Extent, Origin, ScanSettings, Summary};
use serde_json::{Value, json};

use super::args::CatalogArgs;
use super::scan::{below, leased, probe};
use super::{actor, holder, open};
use crate::tell::DirectorArgs;
use crate::{Error, clock};

/// Arguments of `notify`.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// The catalog, when it is here.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// How the director is reached, when the catalog is not here.
    #[command(flatten)]
    pub director: DirectorArgs,
    /// A file with a path on each line: what was changed, by full names as the catalog has them
    /// (`pub/linux/40/os`); `-` is the standard input.
    #[arg(long, value_name = "FILE", required = true)]
    pub paths: PathBuf,
    /// Do not look at the mirrors.
    #[arg(long)]
    pub origin_only: bool,
    /// Mirrors may be on this machine itself, for demonstrations and tests.
    #[arg(long)]
    pub allow_loopback: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The program that parses metadata [default: heliostat-probe, beside this program].
    #[arg(long, value_name = "FILE")]
    pub probe: Option<PathBuf>,
}

/// Where a notification is worked on.
#[derive(Clone, Debug)]
pub struct Notified {
    /// The catalog.
    pub place: Place,
    /// The workers.
    pub probe: ProbeSettings,
    /// Which addresses mirrors may have; without it, no mirror is looked at.
    pub mirrors: Option<Reach>,
    /// Who says it, and when.
    pub actor: Actor,
}

/// Looks at what was changed, here or through a director.
pub(crate) fn run(args: &NotifyArgs, out: &mut impl Write) -> Result<(), Error> {
    let text = text(&args.paths)?;
    let said = if args.director.to.is_some() {
        let director = args.director.director("notify")?;
        let told = post(&director, "/api/notify", "text/plain", text.into_bytes());
        told.map_err(|source| Error::Told { url: director.url, source })?
    } else {
        let paths: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
        let (place, probe) = (args.catalog.place()?, probe(args.probe.as_deref())?);
        // A catalog that is not there is said before anything else.
        drop(open(&args.catalog)?);
        let reach = if args.allow_loopback { Reach::Loopback } else { Reach::Public };
        let mirrors = (!args.origin_only).then_some(reach);
        told(&Notified { place, probe, mirrors, actor: actor("notify") }, &paths)?
    };
    if args.json {
        return Ok(writeln!(out, "{said:#}")?);
    }
    print(&said, out)
}

/// Looks at paths where they were changed, and then at the mirrors; gives what was found, as JSON.
///
/// # Errors
///
/// When a category is scanned by somebody else all the time, or the scan does not come to its end.
pub fn told(notified: &Notified, paths: &[String]) -> Result<Value, Error> {
    let paths: Vec<&str> =
        paths.iter().map(|path| path.trim_matches('/')).filter(|path| !path.is_empty()).collect();
    let mut catalog = Catalog::open(&notified.place, notified.actor.now_unix_s)?;
    let (plans, nowhere) = plans(&mut catalog, &paths)?;
    let (mut scanned, mut changed) = (Vec::new(), Vec::new());
    for (category, origin, extent) in plans {
        let settings = ScanSettings {
            category,
            origin,
            extent,
            full: false,
            // The publisher says that it is so.
            force: true,
            images: false,
            probe: notified.probe.clone(),
            agent: concat!("heliostat/", env!("CARGO_PKG_VERSION")).to_owned(),
            actor: notified.actor.clone(),
        };
        let summary = patiently(&mut catalog, &notified.place, &settings)?;
        scanned.push(shown(&settings.category, &summary));
        changed.push((settings.category, settings.extent));
    }
    let mut said = json!({ "scanned": scanned, "nowhere": nowhere });
    if let (Some(reach), false) = (notified.mirrors, changed.is_empty()) {
        said["mirrors"] = crawled(&mut catalog, notified, reach, &changed)?;
    }
    Ok(said)
}

/// Looks at what was named at every mirror that carries it.
fn crawled(
    catalog: &mut Catalog,
    notified: &Notified,
    reach: Reach,
    changed: &[(String, Extent)],
) -> Result<Value, Error> {
    let mut paths = Vec::new();
    catalog.read(|view| {
        for (name, extent) in changed {
            let category = view.category_find(name)?;
            let known = view.scan_list(category.id)?.into_iter();
            let there = known.filter(|known| known.gone_unix_s.is_none()).filter(|known| {
                below(&category.top, &known.name).is_some_and(|path| extent.covers(path))
            });
            paths.extend(there.map(|known| known.name));
        }
        Ok(())
    })?;
    if paths.is_empty() {
        return Ok(json!({ "hosts": 0, "left_out": 0 }));
    }
    // The rest comes with the next crawl.
    let left_out = paths.len().saturating_sub(MIRRORED_MAX);
    paths.truncate(MIRRORED_MAX);
    let categories = changed.iter().map(|(name, _)| name.clone()).collect();
    let settings = CrawlSettings {
        wish: Wish { hosts: Vec::new(), categories },
        paths,
        every: None,
        reach,
        hosts_at_once: HOSTS_AT_ONCE,
        pace: PaceSettings { connections: 2, requests_per_s: 20, requests_max: 10_000 },
        recheck_share: 1,
        probe: notified.probe.clone(),
        agent: concat!("heliostat/", env!("CARGO_PKG_VERSION")).to_owned(),
        actor: notified.actor.name.clone(),
        now_unix_s: clock::now_unix_s,
        holder: holder::holder(),
        is_gone: holder::is_gone,
    };
    let summary = crawl(catalog, &settings, &mut |_| {})?;
    record(catalog, &Actor { now_unix_s: clock::now_unix_s(), ..notified.actor.clone() })?;
    let counts = summary.counts;
    Ok(json!({
        "hosts": summary.hosts.len(),
        "elsewhere": summary.elsewhere,
        "left_alone": summary.left_alone,
        "current": counts.current,
        "behind": counts.behind,
        "missing": counts.missing,
        "unknown": counts.unknown,
        "left_out": left_out,
        "duration_ms": summary.duration_ms,
    }))
}

type Plan = (String, Origin, Extent);

/// What to look at, by category; and what is in none whose primary copy is known.
fn plans(catalog: &mut Catalog, paths: &[&str]) -> Result<(Vec<Plan>, Vec<String>), Error> {
    let (mut plans, mut nowhere) = (Vec::new(), Vec::new());
    catalog.read(|view| {
        let categories = view.category_list()?;
        let mut of = vec![Vec::new(); categories.len()];
        for path in paths {
            // The category with the longest top has it: tops may lie in each other.
            let within = categories.iter().enumerate().filter_map(|(at, category)| {
                below(&category.top, path).map(|below| (category.top.len(), at, below))
            });
            match within.max_by_key(|(length, ..)| *length) {
                Some((_, at, below)) => of[at].push(below.to_owned()),
                None => nowhere.push((*path).to_owned()),
            }
        }
        for (category, told) in categories.into_iter().zip(of) {
            if told.is_empty() {
                continue;
            }
            let origin = view.scan_origin(category.id)?.map(|(origin, _)| origin);
            let Some(origin) = origin.and_then(|origin| origin.parse::<Origin>().ok()) else {
                nowhere.extend(told);
                continue;
            };
            let known = view.scan_list(category.id)?;
            let known: std::collections::HashSet<&str> = known
                .iter()
                .filter(|known| known.gone_unix_s.is_none())
                .filter_map(|known| below(&category.top, &known.name))
                .collect();
            let extent = Extent::told(&told, &|path| path.is_empty() || known.contains(path));
            plans.push((category.name, origin, extent));
        }
        Ok(())
    })?;
    Ok((plans, nowhere))
}

/// Scans; whoever scans the category just now is waited for.
fn patiently(
    catalog: &mut Catalog,
    place: &Place,
    settings: &ScanSettings,
) -> Result<Summary, Error> {
    let begun = Instant::now();
    loop {
        match leased(catalog, place, settings) {
            Err(Error::Scanned { .. }) if begun.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(200));
            }
            done => return done,
        }
    }
}

fn shown(category: &str, found: &Summary) -> Value {
    let problems = found.problems.iter();
    let problems = problems.map(|problem| json!({ "path": problem.path, "what": problem.what }));
    json!({
        "category": category,
        "directories": found.directories,
        "changed": found.read,
        "added": found.added,
        "gone": found.gone,
        "versions": found.versions,
        "repositories": found.repositories,
        "problems": problems.collect::<Vec<_>>(),
    })
}

fn print(said: &Value, out: &mut impl Write) -> Result<(), Error> {
    for of in said["scanned"].as_array().into_iter().flatten() {
        let count = |name: &str| of[name].as_u64().unwrap_or(0);
        writeln!(
            out,
            "{}: {} directories looked at: {} changed, {} new, {} gone; {} new versions of what \
             clients verify, {} new repositories",
            of["category"].as_str().unwrap_or_default(),
            count("directories"),
            count("changed"),
            count("added"),
            count("gone"),
            count("versions"),
            count("repositories"),
        )?;
    }
    if let Some(of) = said["mirrors"].as_object() {
        let count = |name: &str| of.get(name).and_then(Value::as_u64).unwrap_or(0);
        writeln!(
            out,
            "{} mirrors looked at: {} directories up to date, {} stale, {} missing, {} unknown",
            count("hosts"),
            count("current"),
            count("behind"),
            count("missing"),
            count("unknown"),
        )?;
        if count("left_out") > 0 {
            let mut err = std::io::stderr().lock();
            writeln!(err, "warning: {} directories are left to the next crawl", count("left_out"))?;
        }
    }
    for path in said["nowhere"].as_array().into_iter().flatten() {
        let path = path.as_str().unwrap_or_default();
        let mut err = std::io::stderr().lock();
        writeln!(err, "warning: {path} is in no category whose primary copy is known")?;
    }
    Ok(())
}

fn text(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(PATHS_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    } else {
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(PATHS_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    }
    Ok(text)
}

/// What a director would read of it.
const PATHS_BYTES_MAX: u64 = 1 << 20;

/// Directories that are looked at at mirrors: more is a crawl.
const MIRRORED_MAX: usize = 1_000;

/// Mirrors that are looked at at once.
const HOSTS_AT_ONCE: usize = 64;

/// How long somebody who scans the same category is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
