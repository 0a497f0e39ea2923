//! Why these mirrors: the server's own choice, watched.

use std::io::Write;

use heliostat_serve::{Ask, Candidate, Explanation, Form, Outcome, Policy, explanation};
use heliostat_snapshot::Snapshot;

use crate::args::ExplainArgs;
use crate::{Error, countries_open, table};

/// Prints every candidate for a question.
pub(crate) fn run(args: &ExplainArgs, out: &mut impl Write) -> Result<(), Error> {
    let countries = args.geoip_country.as_deref().map(countries_open).transpose()?;
    let snapshot = Snapshot::open_with(&args.snapshot, countries.as_ref())
        .map_err(|source| Error::Snapshot { path: args.snapshot.clone(), source })?;
    let query = query(args);
    let form = if args.metalink { Form::Metalink } else { Form::Mirrorlist };
    let mut ask = Ask::new(form, args.ip);
    ask.read(query.as_bytes(), false)?;
    ask.policy = Policy { hosts_min: args.hosts_min, ..Policy::default() };
    ask.seed = args.seed;
    let explanation = explanation(&snapshot, &ask).map_err(|outcome| nothing(args, outcome))?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &explanation).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    print(&explanation, out)
}

/// The question as a client would send it.
fn query(args: &ExplainArgs) -> String {
    let parameters = [
        ("repo", &args.repo),
        ("arch", &args.arch),
        ("path", &args.path),
        ("country", &args.country),
        ("protocol", &args.protocol),
        ("location", &args.location),
        ("avoid", &args.avoid),
    ];
    let given = parameters.into_iter().filter_map(|(name, value)| {
        let value = value.as_ref()?.bytes().map(|byte| format!("%{byte:02x}"));
        Some(format!("{name}={}", value.collect::<String>()))
    });
    given.collect::<Vec<_>>().join("&")
}

fn nothing(args: &ExplainArgs, outcome: Outcome) -> Error {
    let repo = args.repo.as_deref().unwrap_or_default();
    let arch = args.arch.as_deref().unwrap_or_default();
    Error::Nothing(match outcome {
        Outcome::NoSuchPath => {
            format!(
                "no directory {0}, nor one that would hold it",
                args.path.as_deref().unwrap_or_default()
            )
        }
        Outcome::NoSuchRepository => format!("no repository {repo} for {arch}"),
        Outcome::RepositoryDisabled => format!("repository {repo} is disabled"),
        Outcome::NoDetails => format!("no metadata is known of {repo} for {arch}"),
        other => format!("nothing to explain: {other:?}"),
    })
}

fn print(explanation: &Explanation, out: &mut impl Write) -> Result<(), Error> {
    let client = &explanation.client;
    let or_unknown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
    writeln!(out, "{}", explanation.subject)?;
    writeln!(out, "directory   {}", explanation.directory)?;
    writeln!(out, "generation  {}", explanation.generation)?;
    writeln!(out, "client      {}, country {}", client.address, or_unknown(&client.country))?;
    let asn = client.asn.map(|asn| format!("AS{asn}"));
    writeln!(out, "network     {}, {}", or_unknown(&client.prefix), or_unknown(&asn))?;
    if !client.netblocks.is_empty() {
        writeln!(out, "netblocks   {}", client.netblocks.join(", "))?;
    }
    writeln!(out)?;
    let rows: Vec<Vec<String>> = explanation.candidates.iter().map(row).collect();
    let heading = [">order", "tier", "country", ">weight", ">draw", "host", "urls or why not"];
    table::print(out, &heading, &rows)?;
    Ok(())
}

fn row(candidate: &Candidate) -> Vec<String> {
    let private = if candidate.private { " (private)" } else { "" };
    let last = match candidate.left_out {
        Some(reason) => format!("- {reason}"),
        None => candidate.urls.join(" "),
    };
    vec![
        candidate.order.map_or("-".to_owned(), |order| order.to_string()),
        candidate.tier.unwrap_or("-").to_owned(),
        candidate.country.clone().unwrap_or_else(|| "-".to_owned()),
        candidate.weight.to_string(),
        candidate.draw.map_or(String::new(), |draw| format!("{draw:.6}")),
        format!("{}{private}", candidate.host),
        last,
    ]
}
