//! The numbers of crawls and of check-ins as OpenMetrics text, in a file that a collector picks up.
//!
//! A crawl is often a process that comes and goes, so nobody could ask it for its numbers; what it
//! counts is added to what the file says already. The file is replaced whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use heliostat_observe_crawl::{Counts, Summary};
use heliostat_observe_probe::wire::Limit;

use crate::{Error, clock};

/// Adds the numbers of a crawl to a file.
pub(crate) fn add(path: &Path, summary: &Summary) -> Result<(), Error> {
    replace(path, |before| text(before, summary, clock::now_unix_s()))
}

/// Adds to a file what was refused of what mirrors and publishers sent, by reason.
///
/// # Errors
///
/// When the file cannot be read or written.
pub fn refused(path: &Path, more: &BTreeMap<&'static str, u64>) -> Result<(), Error> {
    replace(path, |before| refused_text(before, more))
}

fn replace(path: &Path, text: impl FnOnce(&BTreeMap<&str, u64>) -> String) -> Result<(), Error> {
    let before = match fs::read_to_string(path) {
        Ok(before) => before,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.into()),
    };
    let text = text(&totals(&before));
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    fs::write(&aside, text)?;
    Ok(fs::rename(&aside, path)?)
}

/// What has been counted, by the name and labels of the sample.
fn totals(text: &str) -> BTreeMap<&str, u64> {
    let samples = text.lines().filter_map(|line| line.rsplit_once(' '));
    let totals =
        samples.filter(|(name, _)| name.split('{').next().unwrap_or("").ends_with("_total"));
    totals.filter_map(|(name, value)| Some((name, value.parse().ok()?))).collect()
}

fn refused_text(before: &BTreeMap<&str, u64>, more: &BTreeMap<&'static str, u64>) -> String {
    let mut all = BTreeMap::new();
    let more =
        more.iter().map(|(reason, more)| (format!("{REFUSED}_total{{reason=\"{reason}\"}}"), more));
    let known = before.iter().filter(|(name, _)| name.starts_with(REFUSED));
    for (name, more) in known.map(|(name, known)| ((*name).to_owned(), known)).chain(more) {
        let total: &mut u64 = all.entry(name).or_default();
        *total = total.saturating_add(*more);
    }
    let mut text = format!(
        "# TYPE {REFUSED} counter\n# HELP {REFUSED} Requests of mirrors and publishers that were \
         refused, by the limit that they are beyond or the rule that they break.\n"
    );
    for (name, total) in all {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{name} {total}");
    }
    text + "# EOF\n"
}

const REFUSED: &str = "heliostat_web_refused";

fn text(before: &BTreeMap<&str, u64>, summary: &Summary, now_unix_s: u64) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let mut family = |name: &str, kind: &str, help: &str, samples: Vec<(String, String)>| {
        let _ = writeln!(text, "# TYPE heliostat_{name} {kind}\n# HELP heliostat_{name} {help}");
        for (labels, value) in samples {
            let end = if kind == "counter" { "_total" } else { "" };
            let _ = writeln!(text, "heliostat_{name}{end}{labels} {value}");
        }
    };
    let total = |name: &str, labels: String, more: u64| {
        let known = before.get(format!("heliostat_{name}_total{labels}").as_str()).copied();
        (labels, known.unwrap_or_default().saturating_add(more).to_string())
    };
    let limits = |name: &str, found: &[(Limit, u64)]| {
        let all = Limit::ALL.iter().map(|&limit| {
            let more = found.iter().find(|(known, _)| *known == limit).map_or(0, |(_, more)| *more);
            total(name, format!("{{limit=\"{limit}\"}}"), more)
        });
        all.collect::<Vec<_>>()
    };
    let help =
        "Documents and answers of mirrors that were refused, by the limit that they are beyond.";
    let name = "probe_refused";
    family(name, "counter", help, limits(name, &summary.refused));
    let help = "Names that were left out of mirrors' listings, by the limit that they are beyond.";
    let name = "probe_left_out";
    family(name, "counter", help, limits(name, &summary.left_out));
    for (name, help, more) in [
        ("crawl_requests", "Requests to mirrors.", summary.requests),
        ("crawl_hosts", "Hosts that were looked at.", summary.hosts.len() as u64),
    ] {
        family(name, "counter", help, vec![total(name, String::new(), more)]);
    }
    let Counts { current, behind, missing, unknown } = summary.counts;
    let verdicts =
        [("current", current), ("behind", behind), ("missing", missing), ("unknown", unknown)];
    let verdicts =
        verdicts.map(|(verdict, count)| (format!("{{verdict=\"{verdict}\"}}"), count.to_string()));
    let help = "Directories of mirrors by what the last crawl found.";
    family("crawl_directories", "gauge", help, verdicts.into());
    let seconds = format!("{:.3}", summary.duration_ms as f64 / 1e3);
    for (name, help, value) in [
        ("crawl_duration_seconds", "How long the last crawl took.", seconds),
        ("crawl_end_timestamp_seconds", "When the last crawl ended.", now_unix_s.to_string()),
    ] {
        family(name, "gauge", help, vec![(String::new(), value)]);
    }
    text + "# EOF\n"
}

#[cfg(test)]
mod tests {
    use heliostat_observe_crawl::Summary;
    use heliostat_observe_probe::wire::Limit;

    use super::{add, refused};

    #[test]
    fn refusals_add_up_over_restarts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.prom");
        refused(&path, &[("token", 2)].into()).unwrap();
        refused(&path, &[("body_bytes_max", 1), ("token", 3)].into()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "heliostat_web_refused_total{reason=\"body_bytes_max\"} 1",
            "heliostat_web_refused_total{reason=\"token\"} 5",
        ];
        assert_eq!(samples, expected);
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn counters_grow_and_gauges_follow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crawl.prom");
        let mut summary = Summary {
            refused: vec![(Limit::Entities, 2)],
            left_out: vec![(Limit::PathEscape, 7)],
            requests: 10,
            duration_ms: 1500,
            ..Summary::default()
        };
        summary.counts.current = 30;
        add(&path, &summary).unwrap();
        summary.counts.current = 29;
        add(&path, &summary).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        for line in [
            "# TYPE heliostat_probe_refused counter",
            "heliostat_probe_refused_total{limit=\"entities\"} 4",
            "heliostat_probe_refused_total{limit=\"depth_max\"} 0",
            "heliostat_probe_left_out_total{limit=\"path_escape\"} 14",
            "heliostat_crawl_requests_total 20",
            "heliostat_crawl_directories{verdict=\"current\"} 29",
            "heliostat_crawl_duration_seconds 1.500",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(text.ends_with("# EOF\n"));
        std::fs::write(&path, "heliostat_crawl_requests_total no number\n").unwrap();
        add(&path, &summary).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\nheliostat_crawl_requests_total 10\n"), "{text}");
    }
}
