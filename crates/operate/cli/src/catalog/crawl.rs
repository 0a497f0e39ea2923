//! What each mirror has, into the catalog.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use heliostat_catalog::Catalog;
use heliostat_observe_crawl::{
    Counts, CrawlSettings, Event, HostReport, PaceSettings, Summary, Wish, crawl,
};
use heliostat_observe_probe::Reach;
use heliostat_observe_probe::wire::Limit;
use heliostat_observe_report::record;

use super::args::CatalogArgs;
use super::{holder, numbers, open, scan};
use crate::table::{self, thousands};
use crate::{Error, clock, progress};

/// Arguments of `crawl`.
#[derive(Debug, Args)]
pub struct CrawlArgs {
    /// The catalog.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// Look at every mirror once, and end.
    #[arg(long)]
    pub once: bool,
    /// Only this host, whether it is its turn or not; may be given several times.
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// Only this category; may be given several times.
    #[arg(long = "category", value_name = "NAME")]
    pub categories: Vec<String>,
    /// Only this directory, by its full name, and nothing below it; may be given several times.
    #[arg(long = "path", value_name = "DIR")]
    pub paths: Vec<String>,
    /// How often every mirror is looked at: `90s`, `15m`, `1h`, `1d`.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration)]
    pub every: Duration,
    /// How many hosts are looked at at once.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    pub hosts_at_once: u16,
    /// How many connections one host gets.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub connections: u16,
    /// How many requests a second one host gets, on average.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub requests_per_s: u32,
    /// How many requests one host gets in one crawl; the rest comes with the next one.
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub requests_max: u64,
    /// Look into one of so many directories although its time says that it is as it should be; 0
    /// for none.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub recheck: u64,
    /// Mirrors may be on this machine itself, for demonstrations and tests. Other addresses that
    /// are not of the public network are refused always.
    #[arg(long)]
    pub allow_loopback: bool,
    /// A file for the numbers of crawls, as OpenMetrics text: what was refused by which limit, and
    /// more. Counters go on from what it says already.
    #[arg(long, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The program that parses listings [default: heliostat-probe, beside this program].
    #[arg(long, value_name = "FILE")]
    pub probe: Option<PathBuf>,
}

/// Looks at mirrors, once or again and again.
pub(crate) fn run(args: &CrawlArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut catalog = open(&args.catalog)?;
    let paths = args.paths.iter().map(|path| path.trim_matches('/').to_owned()).collect();
    for path in &args.paths {
        catalog.read(|view| view.directory_find(path.trim_matches('/')))?;
    }
    let mut settings = CrawlSettings {
        wish: Wish { hosts: args.hosts.clone(), categories: args.categories.clone() },
        paths,
        every: (!args.once).then_some(args.every),
        reach: if args.allow_loopback { Reach::Loopback } else { Reach::Public },
        hosts_at_once: usize::from(args.hosts_at_once),
        pace: PaceSettings {
            connections: usize::from(args.connections),
            requests_per_s: args.requests_per_s,
            requests_max: args.requests_max,
        },
        recheck_share: args.recheck,
        probe: scan::probe(args.probe.as_deref())?,
        agent: concat!("heliostat/", env!("CARGO_PKG_VERSION")).to_owned(),
        actor: super::actor("crawl").name,
        now_unix_s: clock::now_unix_s,
        holder: holder::holder(),
        is_gone: holder::is_gone,
    };
    if args.once {
        let summary = watched(&mut catalog, &settings)?;
        if let Some(path) = &args.metrics_file {
            numbers::add(path, &summary)?;
        }
        return if args.json { json(&summary, out) } else { print(&summary, out) };
    }
    let slice = (args.every / 60).clamp(Duration::from_secs(1), Duration::from_secs(60));
    loop {
        let went = watched(&mut catalog, &settings);
        if let (Ok(summary), Some(path)) = (&went, &args.metrics_file)
            && !summary.hosts.is_empty()
        {
            numbers::add(path, summary)?;
        }
        match went {
            Ok(summary) if summary.hosts.is_empty() => {}
            Ok(summary) if args.json => json(&summary, out)?,
            Ok(summary) => print(&summary, out)?,
            // The catalog may be back at the next look.
            Err(Error::Crawl(heliostat_observe_crawl::Error::Catalog(error))) => {
                writeln!(std::io::stderr().lock(), "warning: not crawled: {error}")?;
                if let Ok(opened) = open(&args.catalog) {
                    catalog = opened;
                }
            }
            Err(error) => return Err(error),
        }
        out.flush()?;
        // Hosts that were named have had their look; from now on they have their turns.
        settings.wish.hosts.clone_from(&args.hosts);
        std::thread::sleep(slice);
    }
}

/// Crawls, and shows how far it has come to whoever watches.
fn watched(catalog: &mut Catalog, settings: &CrawlSettings) -> Result<Summary, Error> {
    let mut bar = None;
    let mut failed = None;
    let summary = crawl(catalog, settings, &mut |event| match event {
        Event::Begun { hosts: 0 } => {}
        Event::Begun { hosts } => bar = Some(progress::count("crawling", "hosts", hosts as u64)),
        Event::Host(report) => {
            let print = || problems(report);
            let printed = match &bar {
                Some(bar) => bar.suspend(print),
                None => print(),
            };
            failed = failed.take().or(printed.err());
            if let Some(bar) = &bar {
                bar.inc(1);
            }
        }
    });
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    let summary = summary?;
    if !summary.hosts.is_empty() {
        record(catalog, &super::actor("crawl"))?;
    }
    failed.map_or(Ok(summary), |error| Err(error.into()))
}

/// What is wrong with a host, for people.
fn problems(report: &HostReport) -> std::io::Result<()> {
    let mut err = std::io::stderr().lock();
    for part in &report.parts {
        let at = format!("{} ({})", report.name, part.category);
        for problem in part.problems.iter().chain(&part.ended) {
            writeln!(err, "warning: {at}: {problem}")?;
        }
    }
    Ok(())
}

fn print(summary: &Summary, out: &mut impl Write) -> Result<(), Error> {
    let mut rows = Vec::new();
    for host in &summary.hosts {
        for part in &host.parts {
            let Counts { current, behind, missing, unknown } = part.counts;
            let scheme = part.scheme.map_or("-", |scheme| scheme.as_str());
            let mut row = vec![host.name.clone(), part.category.clone(), scheme.to_owned()];
            row.extend([current, behind, missing, unknown].map(thousands));
            rows.push(row);
        }
    }
    rows.sort();
    let heading = ["host", "category", "over", ">up to date", ">stale", ">missing", ">unknown"];
    table::print(out, &heading, &rows)?;
    let Summary { hosts, counts, requests, duration_ms, elsewhere, left_alone, .. } = summary;
    let Counts { current, behind, missing, unknown } = counts;
    writeln!(
        out,
        "{} hosts in {}.{} s, {} requests: {} directories up to date, {} stale, {} missing, {} \
         unknown",
        hosts.len(),
        duration_ms / 1000,
        duration_ms % 1000 / 100,
        thousands(*requests),
        thousands(*current),
        thousands(*behind),
        thousands(*missing),
        thousands(*unknown)
    )?;
    if *elsewhere + *left_alone > 0 {
        writeln!(
            out,
            "{elsewhere} hosts are looked at by somebody else, {left_alone} are left alone for now"
        )?;
    }
    for (limit, count) in &summary.refused {
        writeln!(out, "{count} documents were refused: {limit}")?;
    }
    for (limit, count) in &summary.left_out {
        writeln!(out, "{count} names were left out of listings: {limit}")?;
    }
    Ok(())
}

fn json(summary: &Summary, out: &mut impl Write) -> Result<(), Error> {
    let counts = |counts: &Counts| {
        serde_json::json!({
            "current": counts.current,
            "behind": counts.behind,
            "missing": counts.missing,
            "unknown": counts.unknown,
        })
    };
    let host = |host: &HostReport| {
        let parts = host.parts.iter().map(|part| {
            serde_json::json!({
                "category": part.category,
                "scheme": part.scheme.map(|scheme| scheme.as_str()),
                "directories": counts(&part.counts),
                "problems": part.problems,
                "ended": part.ended,
            })
        });
        serde_json::json!({
            "host": host.name,
            "categories": parts.collect::<Vec<_>>(),
            "requests": host.requests,
            "duration_ms": host.duration_ms,
            "later_s": host.later_s,
        })
    };
    let limits = |counts: &[(Limit, u64)]| {
        let counts = counts.iter().map(|(limit, count)| (limit.name().to_owned(), *count));
        counts.collect::<std::collections::BTreeMap<_, _>>()
    };
    let all = serde_json::json!({
        "hosts": summary.hosts.iter().map(host).collect::<Vec<_>>(),
        "elsewhere": summary.elsewhere,
        "left_alone": summary.left_alone,
        "directories": counts(&summary.counts),
        "requests": summary.requests,
        "refused": limits(&summary.refused),
        "left_out": limits(&summary.left_out),
        "duration_ms": summary.duration_ms,
    });
    serde_json::to_writer_pretty(&mut *out, &all).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// `90s`, `15m`, `1h`, `1d`; a number alone is of seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit_s = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("a number and s, m, h or d, such as 15m".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "a number and s, m, h or d".to_owned())?;
    match number.checked_mul(unit_s).filter(|&s| (1..=365 * 86_400).contains(&s)) {
        Some(seconds) => Ok(Duration::from_secs(seconds)),
        None => Err("at least a second and at most a year".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_as_people_write_them() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("15m", 900), ("1h", 3600), ("1d", 86_400)]
        {
            assert_eq!(duration(text).map(|found| found.as_secs()), Ok(seconds), "{text}");
        }
        for text in ["", "h", "1w", "0s", "-1s", "1.5h", "99999999d", "1 h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
