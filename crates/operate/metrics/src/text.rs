//! The numbers as OpenMetrics text.
//!
//! A family is written as the standard wants it: its type, what it means, its samples; and a last
//! line that says that nothing was cut off. Every number comes from the server's own counters.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use heliostat_serve::current::Current;
use heliostat_serve::wire::{AccessLog, AnswerKey, Event, RepositoryName, Totals};
use heliostat_store::Status;

/// What the numbers are about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The server's counters.
    pub totals: Arc<Totals>,
    /// The snapshot, and how often it changed.
    pub current: Current,
    /// The access log, if there is one.
    pub log: Option<Arc<AccessLog>>,
    /// How following a store goes, if one is followed.
    pub followed: Option<Arc<Status>>,
}

/// The media type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes every family. `keys` is kept from one time to the next.
pub(crate) fn write(subject: &Subject, keys: &mut Vec<AnswerKey>) -> String {
    let mut text = Text(String::new());
    answers(subject, keys, &mut text);
    let totals = &subject.totals;
    for (name, help, events) in EVENTS {
        text.family(name, "counter", help);
        for (labels, event) in *events {
            text.sample(&format!("{name}_total"), labels, totals.of(*event));
        }
    }
    text.gauge("connections_open", "Connections that are open.", totals.connections_open());
    text.family("threads", "gauge", "Serving threads, and those that end what they have.");
    text.sample("threads", "state=\"serving\"", totals.threads_serving() as u64);
    text.sample("threads", "state=\"retiring\"", totals.threads_retiring() as u64);
    text.gauge(
        "counter_rows",
        "Rows of per-CPU counters in use: threads that ever ran at once.",
        totals.rows_in_use() as u64,
    );
    snapshot(subject, &mut text);
    if let Some(status) = &subject.followed {
        followed(status, now_unix_s(), &mut text);
    }
    log(subject, &mut text);
    text.0.push_str("# EOF\n");
    text.0
}

fn answers(subject: &Subject, keys: &mut Vec<AnswerKey>, text: &mut Text) {
    let (counts, others) = subject.totals.answers.read(keys);
    text.family("answers", "counter", "Answers to /mirrorlist and /metalink.");
    for (key, count) in keys.iter().zip(counts) {
        text.sample("answers_total", &labels(key), count);
    }
    text.family("answers_other", "counter", "Answers beyond the combinations counted apart.");
    text.sample("answers_other_total", "", others);
    text.gauge("answer_keys", "Combinations that are counted apart.", keys.len() as u64);
}

fn snapshot(subject: &Subject, text: &mut Text) {
    let (taken, refused) = subject.current.reloads();
    text.family("reloads", "counter", "New snapshots, taken over or refused.");
    text.sample("reloads_total", "outcome=\"taken\"", taken);
    text.sample("reloads_total", "outcome=\"refused\"", refused);
    let Some(snapshot) = subject.current.snapshot() else { return };
    let header = snapshot.header();
    let (generation, created_unix_s) = (header.generation.get(), header.created_unix_s.get());
    text.gauge("snapshot_generation", "The generation that is served.", generation);
    text.gauge(
        "snapshot_age_seconds",
        "How old the data of the snapshot is.",
        now_unix_s().saturating_sub(created_unix_s),
    );
}

fn followed(status: &Status, now_unix_s: u64, text: &mut Text) {
    let (looks, looks_failed) = status.looks();
    text.family("follow_looks", "counter", "How often the store was asked for its pointer.");
    text.sample("follow_looks_total", "outcome=\"answered\"", looks - looks_failed.min(looks));
    text.sample("follow_looks_total", "outcome=\"failed\"", looks_failed);
    let (brought, refused) = status.brought();
    text.family("follow_generations", "counter", "Generations brought here, or refused.");
    text.sample("follow_generations_total", "outcome=\"brought\"", brought);
    text.sample("follow_generations_total", "outcome=\"refused\"", refused);
    let (_, there) = status.generations();
    text.gauge("follow_generation_there", "The newest generation that the store had.", there);
    if let contact_unix_s @ 1.. = status.contact_unix_s() {
        text.gauge(
            "follow_contact_age_seconds",
            "How long ago the store answered last.",
            now_unix_s.saturating_sub(contact_unix_s),
        );
    }
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

fn log(subject: &Subject, text: &mut Text) {
    let Some(log) = &subject.log else { return };
    let counts = log.counts();
    text.family("log_lines", "counter", "Lines of the access log.");
    text.sample("log_lines_total", "outcome=\"written\"", counts.lines_written);
    text.sample("log_lines_total", "outcome=\"dropped\"", counts.lines_dropped);
}

/// A family of plain counters: name, meaning, and labels with what they count.
type Family = (&'static str, &'static str, &'static [(&'static str, Event)]);

const EVENTS: &[Family] = &[
    ("requests", "Requests answered, with whatever status.", &[("", Event::Request)]),
    ("requests_refused", "Requests answered with 400.", &[("", Event::RequestRefused)]),
    ("connections", "Connections accepted.", &[("", Event::ConnectionOpened)]),
    (
        "connections_cut",
        "Connections that the server closed, or that ended in an error.",
        &[
            ("reason=\"idle\"", Event::ConnectionIdle),
            ("reason=\"slow\"", Event::ConnectionSlow),
            ("reason=\"room\"", Event::ConnectionEvicted),
            ("reason=\"error\"", Event::ConnectionFailed),
        ],
    ),
    ("accepts_failed", "Connections that could not be accepted.", &[("", Event::AcceptFailed)]),
    ("cpu_changes", "Changes of the allowed CPUs.", &[("", Event::CpusChanged)]),
];

/// The labels of an answer; what there is none of reads `none`.
fn labels(key: &AnswerKey) -> String {
    let AnswerKey { repository, country, tier, protocol, status, countme } = key;
    let named = |name: fn(&RepositoryName) -> &String| {
        repository.as_deref().map_or_else(|| "none".to_owned(), |of| escaped(name(of)))
    };
    let country = country.map_or_else(|| "none".to_owned(), |code| code.to_string());
    let tier = tier.map_or("none", |tier| tier.name());
    let protocol = protocol.map_or_else(
        || "default".to_owned(),
        |asked| asked.iter().map(|scheme| scheme.as_str()).collect::<Vec<_>>().join(","),
    );
    format!(
        "repository=\"{}\",architecture=\"{}\",country=\"{country}\",tier=\"{tier}\",\
         protocol=\"{protocol}\",status=\"{status}\",countme=\"{countme}\"",
        named(|of| &of.prefix),
        named(|of| &of.arch),
    )
}

/// A label's value between quotes.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# TYPE heliostat_{name} {kind}\n# HELP heliostat_{name} {help}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: u64) {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.0, "heliostat_{name}{labels} {value}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use expect_test::expect;
    use heliostat_serve::ask::Schemes;
    use heliostat_serve::wire::{AnswerKey, RepositoryName};
    use heliostat_serve::{Code, Tier};

    use super::labels;

    #[test]
    fn labels_are_escaped_and_absent_ones_are_none() {
        let repository =
            RepositoryName { prefix: "a\\b\"c\nd".to_owned(), arch: "x86_64".to_owned() };
        let key = AnswerKey {
            repository: Some(Arc::new(repository)),
            country: Code::parse("SE"),
            tier: Some(Tier::Netblock),
            protocol: Some(Schemes::DEFAULT),
            status: 200,
            countme: 3,
        };
        expect![[r#"repository="a\\b\"c\nd",architecture="x86_64",country="SE",tier="netblock",protocol="https,http,ftp",status="200",countme="3""#]]
            .assert_eq(&labels(&key));
        let key = AnswerKey { repository: None, country: None, tier: None, protocol: None, ..key };
        assert!(labels(&key).contains(
            r#"repository="none",architecture="none",country="none",tier="none",protocol="default""#
        ));
    }
}
