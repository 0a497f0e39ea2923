//! A host, looked at in all its ways.

use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_catalog::crawl::Validator;
use heliostat_catalog::looks::Look as Looked;
use heliostat_catalog::probe::Probe;
use heliostat_catalog::states::States;
use heliostat_model::Scheme;
use heliostat_observe_probe::{Fetcher, Prober};
use tokio::sync::mpsc::Sender;

use crate::ask::Asker;
use crate::pace::{Pace, PaceSettings};
use crate::pages::{self, Ended, Learned, Look, Recheck};
use crate::plan::{Part, Target};
use crate::rsync::{self, Place, Section};
use crate::tree::Tree;
use crate::verdict::{Counts, Findings, Held, Reason, Verdict};
use crate::ways::{self, Families};
use crate::{bucket, heads};

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
    pub(crate) families: Families,
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
    /// What came of the ways that clients may take.
    pub(crate) probes: Vec<Probe>,
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
    /// What was wrong with a way that was not gone to its end.
    problems: Vec<String>,
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
    let visit = Visit { tools: &tools, target: &target, asker, now_unix_s, to: &to };
    let mut parts: Vec<(&Part, Before)> = target.mirrors.iter().zip(before).collect();
    if tools.paths.is_empty() {
        visit.modules(&mut parts, &mut report).await;
    }
    for (part, before) in parts {
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
    /// Looks at what can be listed over rsync: each module once. What could not be stays.
    async fn modules(&self, parts: &mut Vec<(&Part, Before)>, report: &mut HostReport) {
        let place = |part: &Part| Place::parse(&part.url(Scheme::Rsync)?.url);
        let is_with = |a: &Place, b: &Place| (&a.authority, &a.module) == (&b.authority, &b.module);
        let mut waiting = std::mem::take(parts);
        while let Some(first) = waiting.iter().find_map(|(part, _)| place(part)) {
            let (with, others): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|(part, _)| place(part).is_some_and(|place| is_with(&place, &first)));
            waiting = others;
            let mut sections: Vec<Section> = with
                .iter()
                .filter_map(|(part, _)| {
                    Some(Section::new(&place(part)?, part.tree.clone(), self.now_unix_s))
                })
                .collect();
            let turn = self.asker.pace.turn().await;
            let reach = self.tools.families.reach;
            let failed = rsync::list(&first, &mut sections, &self.tools.prober, reach).await;
            drop(turn);
            for ((part, before), section) in with.into_iter().zip(sections) {
                let findings = section.sight.findings(section.end);
                let mut one = PartReport::of(&part.tree, Scheme::Rsync, &findings);
                one.problems.extend(failed.iter().map(|what| format!("over rsync: {what}")));
                if failed.is_some() && self.has_pages(part) {
                    // It has pages, too, and they may tell more.
                    report.problems.extend(one.problems);
                    parts.push((part, before));
                    continue;
                }
                one.ended = failed.as_ref().map(|what| format!("no answer: {what}"));
                report.parts.push(one);
                let found = Found { findings, scheme: Scheme::Rsync, validators: None };
                self.done(part, found).await;
            }
        }
        parts.append(&mut waiting);
    }

    fn has_pages(&self, part: &Part) -> bool {
        [Scheme::Https, Scheme::Http].into_iter().any(|scheme| part.url(scheme).is_some())
    }

    /// Looks at what can be asked for over HTTP.
    async fn part(&self, part: &Part, before: Before, report: &mut HostReport) {
        let problems = std::mem::take(&mut report.problems);
        let url = [Scheme::Https, Scheme::Http].into_iter().find_map(|scheme| part.url(scheme));
        let Some(url) = url else {
            let mut none = PartReport::of(&part.tree, Scheme::Http, &Findings::new(&part.tree));
            none.scheme = None;
            none.ended = Some("it has no URL that can be crawled".to_owned());
            report.parts.push(none);
            return;
        };
        let from = self.from(&part.tree);
        if from.is_empty() {
            return;
        }
        let mut learned = Learned::new(&part.tree, before.validators);
        let look = Arc::new(Look {
            tree: part.tree.clone(),
            base: url.url.clone(),
            asker: self.asker.clone(),
            held: Held::new(&part.tree, &before.states),
            now_unix_s: self.now_unix_s,
            recheck: Recheck {
                share: self.tools.recheck_share,
                round: u64::from(self.target.last.rounds).wrapping_add(part.mirror_id as u64),
            },
            connections: self.tools.pace.connections.max(1),
        });
        let mut told = Instant::now();
        let tell = |learned: &Learned| {
            if told.elapsed() >= TELL {
                told = Instant::now();
                let batch = self.batch(part, learned.findings.clone(), url.scheme);
                // When there is no room now, there will be the next time.
                let _ = self.to.try_send(Word::Learned(Box::new(batch)));
            }
        };
        self.http(&look, &from, &mut learned, tell).await;
        if let Some(Ended::Enough(Some(wait_s))) = learned.ended {
            report.later_s = Some(wait_s);
        }
        let mut one = PartReport::of(&part.tree, url.scheme, &learned.findings);
        one.problems = problems.into_iter().chain(learned.problems).collect();
        one.ended = learned.ended.as_ref().map(Ended::told);
        report.parts.push(one);
        let validators = learned.validators.into_values().collect();
        let validators = Some(validators);
        let found = Found { findings: learned.findings, scheme: url.scheme, validators };
        self.done(part, found).await;
    }

    /// Pages; else a bucket; else file by file.
    async fn http(
        &self,
        look: &Arc<Look>,
        from: &[usize],
        learned: &mut Learned,
        mut tell: impl FnMut(&Learned),
    ) {
        let deep = self.tools.paths.is_empty();
        pages::walk(look, (from, deep), learned, &mut tell).await;
        match learned.ended {
            Some(Ended::NoListing | Ended::Bucket) if deep => {
                learned.ended = None;
                if !bucket::walk(look, learned).await && learned.ended.is_none() {
                    heads::walk(look, None, learned, &mut tell).await;
                }
            }
            _ if !deep => {
                // What no page lists is asked for itself.
                let unjudged = |at: &usize| {
                    learned.findings.verdict(*at) == Verdict::Unknown(Reason::Unjudged)
                };
                let rest: Vec<usize> = from.iter().copied().filter(unjudged).collect();
                heads::walk(look, Some(&rest), learned, &mut tell).await;
            }
            _ => {}
        }
    }

    /// Tries the other ways to it, and says what was found.
    async fn done(&self, part: &Part, found: Found) {
        let mut batch = self.batch(part, found.findings, found.scheme);
        if self.tools.paths.is_empty() {
            let who = (self.target.host_id, self.now_unix_s);
            let families = &self.tools.families;
            batch.probes = ways::walk(families, &self.asker, part, &batch.findings, who).await;
        }
        batch.validators = found.validators;
        // Whoever listened has gone, and this ends with it.
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

    fn batch(&self, part: &Part, findings: Findings, scheme: Scheme) -> Batch {
        let at_unix_s = u64::try_from(self.now_unix_s).unwrap_or(0);
        Batch {
            mirror_id: part.mirror_id,
            label: format!("{} {}", self.target.name, part.tree.category),
            tree: part.tree.clone(),
            findings,
            look: Looked { at_unix_s, scheme, family: None, behind: 0 },
            validators: None,
            probes: Vec::new(),
        }
    }
}

/// What was found at last.
struct Found {
    findings: Findings,
    scheme: Scheme,
    validators: Option<Vec<Validator>>,
}

impl PartReport {
    fn of(tree: &Tree, scheme: Scheme, findings: &Findings) -> PartReport {
        PartReport {
            category: tree.category.clone(),
            scheme: Some(scheme),
            counts: findings.counts(tree),
            problems: Vec::new(),
            ended: None,
        }
    }
}

impl Ended {
    /// For people.
    fn told(&self) -> String {
        match self {
            Ended::Enough(Some(wait_s)) => format!("it asked for peace for {wait_s} s"),
            Ended::Enough(None) => "it has been asked enough".to_owned(),
            Ended::NoAnswer(what) => format!("no answer: {what}"),
            Ended::NoListing | Ended::Bucket => "it lists nothing".to_owned(),
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
