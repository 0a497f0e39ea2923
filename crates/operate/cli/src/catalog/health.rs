//! Which mirrors answer: a round of looks each minute.
//!
//! Any number of these may run; the one that holds the lease `health` looks, and when it dies, another
//! one does.

use std::io::Write;
use std::time::{Duration, Instant};

use clap::Args;
use heliostat_catalog::{Catalog, Lease, Taken};
use heliostat_observe_health::{Change, HealthSettings, Rounds, Summary};
use heliostat_observe_probe::{Family, Reach};

use super::args::CatalogArgs;
use super::heart::{Heart, told};
use super::telling::{self, NotifyOptions};
use super::{actor, holder, open};
use crate::{Error, clock};

/// Arguments of `health`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// The catalog.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// One round, and not one after the other.
    #[arg(long)]
    pub once: bool,
    /// Seconds from the beginning of a round to that of the next one.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub interval_s: u64,
    /// Connections at the same time, all in all; each host gets one for each of its ports and each
    /// family of addresses.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u64).range(1..=16_384))]
    pub connections_max: u64,
    /// How often the history is told of what stays as it is, in seconds; what changes is told at once.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    pub sample_s: u64,
    /// How many days the history is kept.
    #[arg(long, value_name = "N", default_value_t = 14, value_parser = clap::value_parser!(u64).range(1..=3_650))]
    pub keep_days: u64,
    /// Also look at mirrors on this machine (127.0.0.0/8, ::1): for demonstrations and tests.
    #[arg(long)]
    pub allow_loopback: bool,
    /// Print JSON, one line for each round.
    #[arg(long)]
    pub json: bool,
    /// Tell everybody who is to be told of mirrors that this is a test, and look at nothing.
    #[arg(long, conflicts_with = "once")]
    pub test_notification: bool,
    /// Who is told of mirrors.
    #[command(flatten)]
    pub notify: NotifyOptions,
}

/// Looks at all mirrors, once or again and again.
pub(crate) fn run(args: &HealthArgs, out: &mut impl Write) -> Result<(), Error> {
    if args.test_notification {
        return telling::test(&args.notify, out);
    }
    let teller = args.notify.teller()?;
    let reach = if args.allow_loopback { Reach::Loopback } else { Reach::Public };
    let mut rounds = Rounds::new(HealthSettings {
        connections_max: usize::try_from(args.connections_max).unwrap_or(usize::MAX),
        sample_s: args.sample_s,
        keep_s: args.keep_days * 86_400,
        tells: args.notify.recipients(),
        ..HealthSettings::new(reach)
    })?;
    let mut catalog = open(&args.catalog)?;
    if args.once {
        let lease = match take(&mut catalog)? {
            Taken::Ours(lease) => lease,
            Taken::Theirs { holder, .. } => return Err(Error::Looked { holder }),
        };
        let heart = Heart::start(args.catalog.place()?, lease.clone(), LEASE)?;
        let round = rounds.run_once(&mut catalog, &actor("health").name, clock::now_unix_ms());
        heart.stop();
        let released = catalog.lease_release(&lease);
        print(args, &round?, out)?;
        told(released)?;
        return teller.map_or(Ok(()), |teller| telling::tell(&teller, &mut catalog));
    }
    if let Some(teller) = teller {
        telling::start(args.catalog.place()?, teller)?;
    }
    loop {
        if let Err(error) = hold(args, &mut catalog, &mut rounds, out) {
            let (Error::Catalog(_) | Error::Health(_)) = error else { return Err(error) };
            let cause = std::error::Error::source(&error);
            let cause = cause.map(ToString::to_string).unwrap_or_default();
            writeln!(std::io::stderr().lock(), "warning: no round: {error}: {cause}")?;
            std::thread::sleep(Duration::from_secs(args.interval_s.min(10)));
            if let Ok(again) = open(&args.catalog) {
                catalog = again;
            }
        }
    }
}

/// Takes the lease, and looks for as long as it is ours.
fn hold(
    args: &HealthArgs,
    catalog: &mut Catalog,
    rounds: &mut Rounds,
    out: &mut impl Write,
) -> Result<(), Error> {
    let lease: Lease = match take(catalog)? {
        Taken::Ours(lease) => lease,
        Taken::Theirs { left, .. } => {
            std::thread::sleep(left.clamp(Duration::from_millis(100), Duration::from_secs(5)));
            return Ok(());
        }
    };
    let heart = Heart::start(args.catalog.place()?, lease.clone(), LEASE)?;
    let looked = look(args, catalog, rounds, &lease, out);
    heart.stop();
    // Whatever went wrong, somebody else may do better.
    told(catalog.lease_release(&lease))?;
    looked
}

fn look(
    args: &HealthArgs,
    catalog: &mut Catalog,
    rounds: &mut Rounds,
    lease: &Lease,
    out: &mut impl Write,
) -> Result<(), Error> {
    let actor = actor("health").name;
    // Whoever slept for too long has been replaced.
    while catalog.lease_renew(lease, LEASE)? {
        let begun = Instant::now();
        let summary = rounds.run_once(catalog, &actor, clock::now_unix_ms())?;
        print(args, &summary, out)?;
        let interval = Duration::from_secs(args.interval_s);
        std::thread::sleep(interval.saturating_sub(begun.elapsed()));
    }
    Ok(())
}

fn take(catalog: &mut Catalog) -> Result<Taken, Error> {
    Ok(catalog.lease_take("health", &holder::holder(), LEASE, 0, holder::is_gone)?)
}

fn print(args: &HealthArgs, found: &Summary, out: &mut impl Write) -> Result<(), Error> {
    if args.json {
        return json(found, out);
    }
    let Summary { hosts, urls, bad, looks, first_ms, total_ms, .. } = found;
    writeln!(
        out,
        "{hosts} hosts looked at: {bad} of {urls} URLs are left out ({looks} looks, the first at \
         each in {:.1} s, all in {:.1} s)",
        *first_ms as f64 / 1e3,
        *total_ms as f64 / 1e3
    )?;
    for change in &found.changes {
        writeln!(out, "{}", said(change))?;
    }
    for family in &found.ours {
        writeln!(
            out,
            "most mirrors fail at once over {}: it is rather our own network, and nothing of it \
             counts",
            family_name(*family)
        )?;
    }
    for category in &found.without {
        writeln!(
            out,
            "{category} has no good mirror: answers go on with those that are the least bad"
        )?;
    }
    out.flush()?;
    Ok(())
}

fn said(change: &Change) -> String {
    let Change { host, url, reason, family, good, only_noted, .. } = change;
    let over = family_name(*family);
    match (good, only_noted) {
        (true, false) => format!("{host}: {url} is back"),
        (true, true) => format!("{host}: {url} is back over {over}"),
        (false, false) => format!("{host}: {url} is left out: {reason}"),
        (false, true) => {
            format!("{host}: {url} fails over {over}, which leaves nobody out: {reason}")
        }
    }
}

fn json(found: &Summary, out: &mut impl Write) -> Result<(), Error> {
    let changes: Vec<_> = found
        .changes
        .iter()
        .map(|change| {
            serde_json::json!({
                "host": change.host,
                "host_id": change.host_id,
                "category": change.category,
                "url": change.url,
                "family": family_name(change.family),
                "good": change.good,
                "only_noted": change.only_noted,
                "reason": change.reason,
            })
        })
        .collect();
    let signs: Vec<_> = found
        .signs
        .iter()
        .map(|sign| {
            serde_json::json!({
                "mirror_id": sign.mirror_id,
                "directory_id": sign.directory_id,
                "path": sign.path,
                "found": sign.found.as_str(),
            })
        })
        .collect();
    let all = serde_json::json!({
        "hosts": found.hosts,
        "urls": found.urls,
        "bad": found.bad,
        "looks": found.looks,
        "first_ms": found.first_ms,
        "total_ms": found.total_ms,
        "changes": changes,
        "signs": signs,
        "ours": found.ours.iter().map(|family| family_name(*family)).collect::<Vec<_>>(),
        "without": found.without,
    });
    serde_json::to_writer(&mut *out, &all).map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

fn family_name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// How long the right to look lasts without being put off.
const LEASE: Duration = Duration::from_secs(20);
