//! A host, looked at in all its ways.

use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_catalog::crawl::Validator;
use heliostat_catalog::looks::Look as Looked;
use heliostat_catalog::states::States;
use heliostat_model::Scheme;
use heliostat_observe_probe::{Fetcher, Prober};
use tokio::sync::mpsc::Sender;

use crate::ask::Asker;
use crate::pace::{Pace, PaceSettings};
use crate::pages::{self, Ended, Learned, Look, Recheck};
use crate::plan::{Part, Target};
use crate::tree::Tree;
use crate::verdict::{Counts, Findings, Held, Verdict};

/// What all hosts are looked at with.
#[derive(Clone, Debug)]
pub(crate) struct Tools {
    pub(crate) fetcher: Fetcher,
    pub(crate) prober: Prober,
    pub(crate) pace: PaceSettings,
    /// One of so many directories is looked into although nothing speaks for it.
    pub(crate) recheck_share: u64,
    /// Only these directories, by their full name.
    pub(crate) paths: Arc<Vec<String>>,
}

/// What is known of a mirror before it is looked at.
#[derive(Debug, Default)]
pub(crate) struct Before {
    pub(crate) states: States,
    pub(crate) validators: Vec<Validator>,
}

/// What was learned of a mirror, so far or at last.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) mirror_id: i64,
    pub(crate) label: String,
    pub(crate) tree: Arc<Tree>,
    pub(crate) findings: Findings,
    pub(crate) look: Looked,
    /// At last.
    pub(crate) validators: Option<Vec<Validator>>,
}

/// What a host's task says.
#[derive(Debug)]
pub(crate) enum Word {
    Learned(Box<Batch>),
    Ended(Box<HostReport>),
}

/// How a host's crawl went.
#[derive(Clone, Debug, Default)]
pub struct HostReport {
    /// The host's number.
    pub host_id: i64,
    /// The host's name.
    pub name: String,
    /// Its copies.
    pub parts: Vec<PartReport>,
    /// Requests that it took.
    pub requests: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// It asked to be left alone for so many seconds.
    pub later_s: Option<u64>,
}

/// How a copy's crawl went.
#[derive(Clone, Debug)]
pub struct PartReport {
    /// The category's name.
    pub category: String,
    /// The scheme it was looked at over, if it has a URL of any that is known.
    pub scheme: Option<Scheme>,
    /// What it has.
    pub counts: Counts,
    /// What was wrong, the first of it; a limit by its name.
    pub problems: Vec<String>,
    /// Why it ended early, if it did.
    pub ended: Option<String>,
}

impl HostReport {
    /// What all its copies have.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.parts.iter().for_each(|part| counts.add(part.counts));
        counts
    }

    /// Whether anything was learned.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        let Counts { current, behind, missing, .. } = self.counts();
        current + behind + missing > 0
    }

    /// What it came to, for people.
    #[must_use]
    pub fn reason(&self) -> String {
        let ended = self.parts.iter().find_map(|part| part.ended.clone());
        let reason = ended.unwrap_or_else(|| "looked at".to_owned());
        reason.chars().take(REASON_MAX).collect()
    }
}

/// Looks at everything that a host carries, and says what it learns.
pub(crate) async fn look(
    tools: Tools,
    target: Target,
    before: Vec<Before>,
    to: Sender<Word>,
    now_unix_s: i64,
) {
    let begun = Instant::now();
    let pace = Arc::new(Pace::new(tools.pace));
    let asker = Asker { fetcher: tools.fetcher.clone(), prober: tools.prober.clone(), pace };
    let mut report =
        HostReport { host_id: target.host_id, name: target.name.clone(), ..HostReport::default() };
    let mut visit = Visit { tools: &tools, target: &target, asker, now_unix_s, to: &to };
    for (part, before) in target.mirrors.iter().zip(before) {
        if report.later_s.is_some() {
            break;
        }
        visit.part(part, before, &mut report).await;
    }
    report.requests = visit.asker.pace.requests();
    report.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    // Whoever listened has gone, and this ends with it.
    let _ = to.send(Word::Ended(Box::new(report))).await;
}

/// One crawl of one host.
struct Visit<'a> {
    tools: &'a Tools,
    target: &'a Target,
    asker: Asker,
    now_unix_s: i64,
    to: &'a Sender<Word>,
}

impl Visit<'_> {
    async fn part(&mut self, part: &Part, before: Before, report: &mut HostReport) {
        let url = [Scheme::Https, Scheme::Http].into_iter().find_map(|scheme| part.url(scheme));
        let Some(url) = url else {
            report.parts.push(PartReport::none(&part.tree, "it has no URL that can be crawled"));
            return;
        };
        let from = self.from(&part.tree);
        if from.is_empty() {
            return;
        }
        let deep = self.tools.paths.is_empty();
        let mut learned = Learned::new(&part.tree, before.validators);
        let held = Held::new(&part.tree, &before.states);
        let look = Arc::new(Look {
            tree: part.tree.clone(),
            base: url.url.clone(),
            asker: self.asker.clone(),
            held,
            now_unix_s: self.now_unix_s,
            recheck: Recheck {
                share: self.tools.recheck_share,
                round: u64::from(self.target.last.rounds).wrapping_add(part.mirror_id as u64),
            },
            connections: self.tools.pace.connections.max(1),
        });
        let mut told = Instant::now();
        pages::walk(&look, (&from, deep), &mut learned, |learned| {
            if told.elapsed() >= TELL {
                told = Instant::now();
                let batch = self.batch(part, learned.findings.clone(), url.scheme, None);
                // When there is no room now, there will be the next time.
                let _ = self.to.try_send(Word::Learned(Box::new(batch)));
            }
        })
        .await;
        if let Some(Ended::Enough(Some(wait_s))) = learned.ended {
            report.later_s = Some(wait_s);
        }
        report.parts.push(PartReport::of(&part.tree, url.scheme, &learned));
        let validators = learned.validators.into_values().collect();
        let batch = self.batch(part, learned.findings, url.scheme, Some(validators));
        let _ = self.to.send(Word::Learned(Box::new(batch))).await;
    }

    /// Where to begin: at the top, or at what was asked for.
    fn from(&self, tree: &Tree) -> Vec<usize> {
        if self.tools.paths.is_empty() {
            return vec![0];
        }
        let paths = self.tools.paths.iter().filter_map(|path| below(&tree.top, path));
        paths.filter_map(|path| tree.position(path)).collect()
    }

    fn batch(
        &self,
        part: &Part,
        findings: Findings,
        scheme: Scheme,
        validators: Option<Vec<Validator>>,
    ) -> Batch {
        let at_unix_s = u64::try_from(self.now_unix_s).unwrap_or(0);
        Batch {
            mirror_id: part.mirror_id,
            label: format!("{} {}", self.target.name, part.tree.category),
            tree: part.tree.clone(),
            findings,
            look: Looked { at_unix_s, scheme, family: None, behind: 0 },
            validators,
        }
    }
}

impl PartReport {
    fn none(tree: &Tree, why: &str) -> PartReport {
        let counts = Findings::new(tree).counts(tree);
        let (category, ended) = (tree.category.clone(), Some(why.to_owned()));
        PartReport { category, scheme: None, counts, problems: Vec::new(), ended }
    }

    fn of(tree: &Tree, scheme: Scheme, learned: &Learned) -> PartReport {
        let ended = learned.ended.as_ref().map(|ended| match ended {
            Ended::Enough(Some(wait_s)) => format!("it asked for peace for {wait_s} s"),
            Ended::Enough(None) => "it has been asked enough".to_owned(),
            Ended::NoAnswer(what) => format!("no answer: {what}"),
            Ended::NoListing => "no page that lists anything".to_owned(),
        });
        PartReport {
            category: tree.category.clone(),
            scheme: Some(scheme),
            counts: learned.findings.counts(tree),
            problems: learned.problems.clone(),
            ended,
        }
    }
}

impl Batch {
    /// By how many versions a directory is behind.
    pub(crate) fn behind(verdict: Verdict) -> u32 {
        if let Verdict::Behind(versions) = verdict { u32::from(versions) } else { 0 }
    }
}

/// The path of a directory below a top.
pub(crate) fn below<'a>(top: &str, name: &'a str) -> Option<&'a str> {
    let name = name.trim_matches('/');
    match name.strip_prefix(top)? {
        "" => Some(""),
        rest if top.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

/// How often a host says what it has learned so far.
const TELL: Duration = Duration::from_secs(3);

const REASON_MAX: usize = 200;
