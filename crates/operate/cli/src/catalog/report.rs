//! Measured truth: how releases spread, how good mirrors are, how much was answered.

use std::io::Write;

use clap::{Args, Subcommand, ValueEnum};
use heliostat_catalog::propagation::Propagation;
use heliostat_catalog::repository::Repository;
use heliostat_catalog::statistic::{Dimension, Statistic};
use heliostat_catalog::{Catalog, Ending};
use heliostat_observe_report::{Merged, Node, Standing, merge, record, standings};
use serde_json::{Value, json};

use super::args::CatalogArgs;
use super::{actor, open};
use crate::{Error, clock, table};

/// Arguments of `propagation`.
#[derive(Debug, Args)]
pub struct PropagationArgs {
    /// The catalog.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// Only this repository, over time: PREFIX/ARCH, as `heliostat repo list` shows it.
    #[arg(long, value_name = "REPO")]
    pub repo: Option<String>,
    /// How far back, with --repo.
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub days: u32,
    /// Measure now, and keep it. Scans, crawls and check-ins do so by themselves.
    #[arg(long)]
    pub measure: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `mirrors`.
#[derive(Debug, Args)]
pub struct MirrorsArgs {
    /// The catalog.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// Only mirrors of this category.
    #[arg(long, value_name = "NAME")]
    pub category: Option<String>,
    /// How far back probes are looked at.
    #[arg(long, value_name = "N", default_value_t = 7)]
    pub days: u32,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The catalog.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// What to do.
    #[command(subcommand)]
    pub action: ReportAction,
}

/// What to do with statistics.
#[derive(Debug, Subcommand)]
pub enum ReportAction {
    /// Ask serving nodes what they have answered, and add to each day what is new. Asking twice
    /// counts nothing twice.
    Merge {
        /// A node: the URL of its `--metrics-listen`, or its `--totals-dir`; may be given often.
        #[arg(long, value_name = "NODE")]
        node: Vec<Node>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print how much was answered on which day.
    Show {
        /// Count by this.
        #[arg(long, value_enum, default_value = "status")]
        by: By,
        /// How many days, today included.
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3660))]
        days: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// What answers are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// What was asked for.
    Repository,
    /// For which architecture.
    Arch,
    /// From which country.
    Country,
    /// Why the first mirror was the first.
    Tier,
    /// Which sort of answer.
    Protocol,
    /// With which status.
    Status,
    /// How old the client's installation says it is.
    Countme,
}

/// Prints how releases spread.
pub(crate) fn propagation(args: &PropagationArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut catalog = open(&args.catalog)?;
    if args.measure {
        record(&mut catalog, &actor("propagation"))?;
    }
    let since_unix_s = clock::now_unix_s().saturating_sub(u64::from(args.days) * DAY_S);
    let repositories = catalog.read(|view| view.repository_list())?;
    let found = match &args.repo {
        None => catalog.read(|view| view.propagation_newest())?,
        Some(name) => {
            let is = |repo: &&Repository| format!("{}/{}", repo.prefix, repo.arch) == *name;
            let Some(repository) = repositories.iter().find(is) else {
                return Err(Error::Nothing(format!("there is no repository {name}")));
            };
            catalog.read(|view| view.propagation_list(repository.id, since_unix_s))?
        }
    };
    let name = |of: &Propagation| {
        let repository = repositories.iter().find(|known| known.id == of.repository_id);
        repository.map_or_else(String::new, |known| format!("{}/{}", known.prefix, known.arch))
    };
    if args.json {
        let all = found.iter().map(|of| {
            let mut value = json!(of);
            value["repository"] = name(of).into();
            value
        });
        return Ok(writeln!(out, "{:#}", Value::Array(all.collect()))?);
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|of| {
            let counts = [of.same, of.one_behind, of.two_behind, of.older, of.unknown];
            let cells = [name(of), clock::utc(of.at_unix_s)].into_iter();
            cells.chain(counts.map(|count| count.to_string())).collect()
        })
        .collect();
    let heading = [
        "repository",
        "measured (UTC)",
        ">same",
        ">one behind",
        ">two behind",
        ">older",
        ">unknown",
    ];
    Ok(table::print(out, &heading, &rows)?)
}

/// Prints what was measured of every mirror.
pub(crate) fn mirrors(args: &MirrorsArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut catalog = open(&args.catalog)?;
    let now_unix_s = clock::now_unix_s();
    let since_unix_s = now_unix_s.saturating_sub(u64::from(args.days) * DAY_S);
    let mut all = catalog.read(|view| standings(view, since_unix_s))?;
    if let Some(category) = &args.category {
        catalog.read(|view| view.category_find(category))?;
        all.retain(|standing| standing.category == *category);
    }
    if args.json {
        return Ok(writeln!(out, "{:#}", json!(all))?);
    }
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let heading = [
        "host",
        "category",
        ">current",
        ">behind",
        ">missing",
        ">versions behind",
        "last seen (UTC)",
        ">available",
        ">answers in",
    ];
    Ok(table::print(out, &heading, &rows)?)
}

fn row(of: &Standing) -> Vec<String> {
    let known = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        of.host.clone(),
        of.category.clone(),
        of.current.to_string(),
        of.behind.to_string(),
        of.missing.to_string(),
        of.versions_behind_max.to_string(),
        of.seen_unix_s.map_or_else(|| "never".to_owned(), clock::utc),
        known(of.available_percent.map(|percent| format!("{percent} %"))),
        known(of.answer_ms_p50.map(|ms| format!("{ms} ms"))),
    ]
}

/// Adds up what nodes have answered, or prints it.
pub(crate) fn report(args: &ReportArgs, out: &mut impl Write) -> Result<(), Error> {
    let mut catalog = open(&args.catalog)?;
    match &args.action {
        ReportAction::Merge { node, json } => merge_all(&mut catalog, node, *json, out),
        ReportAction::Show { by, days, json } => show(&mut catalog, *by, *days, *json, out),
    }
}

fn merge_all(
    catalog: &mut Catalog,
    nodes: &[Node],
    json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    if nodes.is_empty() {
        let (what, option) = ("which nodes to ask", "node");
        return Err(Error::Unsaid { what, option, key: "node", section: "report" });
    }
    let (mut merged, mut silent) = (Merged::default(), Vec::new());
    for node in nodes {
        match node.totals(concat!("heliostat/", env!("CARGO_PKG_VERSION"))) {
            // Each node for itself: what one of them says wrong costs only itself.
            Ok(told) => {
                catalog.write(&actor("report"), Ending::Commit, |txn| {
                    merge(txn, &told, &mut merged)
                })?;
            }
            Err(error) => {
                let causes =
                    std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source());
                let what = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
                silent.push(format!("{node}: {what}"));
            }
        }
    }
    let Merged { answers, runs, runs_changed, days_refused } = merged;
    if json {
        let mut value = json!(merged);
        value["silent"] = json!(silent);
        writeln!(out, "{value:#}")?;
    } else {
        writeln!(out, "{answers} new answers, from {runs_changed} of {runs} runs")?;
    }
    let mut err = std::io::stderr().lock();
    if days_refused > 0 {
        writeln!(err, "warning: {days_refused} days cannot be: is the clock of a node wrong?")?;
    }
    match silent.is_empty() {
        true => Ok(()),
        false => Err(Error::Silent { nodes: silent.join("\n") }),
    }
}

fn show(
    catalog: &mut Catalog,
    by: By,
    days: u32,
    as_json: bool,
    out: &mut impl Write,
) -> Result<(), Error> {
    let today = (clock::now_unix_s() / DAY_S) as u32;
    let first = today.saturating_sub(days - 1);
    let found =
        catalog.read(|view| view.statistic_list(by.dimension(), first, today.saturating_add(1)))?;
    let date = |of: &Statistic| {
        let text = clock::utc(u64::from(of.day) * DAY_S);
        text.split(' ').next().unwrap_or_default().to_owned()
    };
    if as_json {
        let all = found.iter().map(|of| {
            json!({
                "date": date(of), "by": of.dimension, "name": of.name, "answers": of.answers,
            })
        });
        return Ok(writeln!(out, "{:#}", Value::Array(all.collect()))?);
    }
    let rows: Vec<Vec<String>> =
        found.iter().map(|of| vec![date(of), of.name.clone(), of.answers.to_string()]).collect();
    Ok(table::print(out, &["day (UTC)", by.dimension().as_str(), ">answers"], &rows)?)
}

impl By {
    fn dimension(self) -> Dimension {
        match self {
            By::Repository => Dimension::Repository,
            By::Arch => Dimension::Arch,
            By::Country => Dimension::Country,
            By::Tier => Dimension::Tier,
            By::Protocol => Dimension::Protocol,
            By::Status => Dimension::Status,
            By::Countme => Dimension::Countme,
        }
    }
}

const DAY_S: u64 = 86_400;
