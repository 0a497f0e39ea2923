//! A mirror's pages, from the top down.
//!
//! A page shows of each directory on it a time, and a directory with the master tree's own time has
//! the master tree's own names in it: whoever copied it set that time when all had come. So only
//! pages with directories on them are fetched, which are few; the leaves, which are most, only when
//! their time is another one, and a few others each round so that all have their turn. What no page
//! tells is the content of an index: it is fetched and hashed, unless the server says that it is the
//! one that was hashed before.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use heliostat_catalog::crawl::Validator;
use heliostat_observe_probe::wire::Fact;
use heliostat_observe_probe::{Found, Head, Validators};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ask::{Asked, Asker, url};
use crate::clock::{Clock, Compared};
use crate::judge::{IndexLook, Own, page};
use crate::tree::Tree;
use crate::verdict::{Findings, Held, Reason, Verdict};

/// How one mirror is looked at over HTTP.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) tree: Arc<Tree>,
    /// What stands for the category's top.
    pub(crate) base: String,
    pub(crate) asker: Asker,
    pub(crate) held: Held,
    pub(crate) now_unix_s: i64,
    /// Each directory whose number leaves this rest is looked into, whatever its time.
    pub(crate) recheck: Recheck,
    pub(crate) connections: usize,
}

/// Which directories have their turn to be looked into although nothing speaks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recheck {
    /// One of so many; zero for none.
    pub(crate) share: u64,
    /// Which ones.
    pub(crate) round: u64,
}

impl Recheck {
    fn has(self, at: usize) -> bool {
        self.share > 0 && (at as u64).wrapping_add(self.round).is_multiple_of(self.share)
    }
}

/// What one look at a mirror has learned.
#[derive(Debug)]
pub(crate) struct Learned {
    pub(crate) findings: Findings,
    pub(crate) validators: HashMap<(i64, bool), Validator>,
    pub(crate) clock: Clock,
    /// What was wrong, the first of it.
    pub(crate) problems: Vec<String>,
    /// Why it ended before everything was looked at.
    pub(crate) ended: Option<Ended>,
    failures: u32,
    /// How often something had to be looked at again, and was and was not as it had seemed.
    confirmed: u32,
    refuted: u32,
    /// Directories that are looked into although their time is right; how many of them had what it
    /// promised, and whether one had not.
    vouched: HashSet<usize>,
    kept: u32,
    broken: bool,
}

/// Why a look ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The host wants to be left alone for so many seconds, or has been asked enough.
    Enough(Option<u64>),
    /// There was no answer, again and again.
    NoAnswer(String),
    /// There are no pages that list anything.
    NoListing,
    /// It is a bucket, which lists keys.
    Bucket,
}

impl Learned {
    pub(crate) fn new(tree: &Tree, validators: Vec<Validator>) -> Learned {
        let key = |validator: &Validator| (validator.directory_id, validator.page);
        Learned {
            findings: Findings::new(tree),
            validators: validators.into_iter().map(|known| (key(&known), known)).collect(),
            clock: Clock::default(),
            problems: Vec::new(),
            ended: None,
            failures: 0,
            confirmed: 0,
            refuted: 0,
            vouched: HashSet::new(),
            kept: 0,
            broken: false,
        }
    }

    pub(crate) fn problem(&mut self, what: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(what);
        }
    }
}

/// Something to be looked at.
#[derive(Clone, Copy, Debug)]
struct Job {
    at: usize,
    what: What,
    /// How often it was looked at before, and was not as it should be.
    again: u8,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// The page of a directory; and of those below it, if so.
    Page { deep: bool },
    /// The index of a directory, whose page has shown this.
    Index(Own),
    /// The index of a directory whose page need not be looked at.
    IndexAlone,
    /// A directory whose time is the right one.
    Vouched,
}

enum Done {
    Page(bool, Asked<Found>),
    Index(Option<Own>, Asked<(u64, Head)>),
}

/// Looks at these directories and, if `deep`, at everything below them; calls `watch` again and
/// again with what was learned so far.
pub(crate) async fn walk(
    look: &Arc<Look>,
    (from, deep): (&[usize], bool),
    learned: &mut Learned,
    mut watch: impl FnMut(&Learned),
) {
    let mut walk = Walk { look, learned, waiting: Vec::new() };
    walk.waiting.extend(from.iter().rev().map(|&at| Job {
        at,
        what: What::Page { deep },
        again: 0,
    }));
    let mut running = JoinSet::new();
    loop {
        while running.len() < look.connections
            && walk.learned.ended.is_none()
            && let Some(job) = walk.next()
        {
            let known = walk.known(job);
            let look = look.clone();
            running.spawn(async move { (job, look.do_it(job, &known).await) });
        }
        let Ok(done) = timeout(PAUSE, running.join_next()).await else {
            watch(walk.learned);
            continue;
        };
        watch(walk.learned);
        match done {
            None => break,
            Some(Ok((job, Done::Page(deep, asked)))) => walk.page(job, deep, asked),
            Some(Ok((job, Done::Index(own, asked)))) => walk.index(job, own, asked),
            // It was cancelled with the runtime, or it panicked: nothing is known.
            Some(Err(_)) => {}
        }
    }
    let tree = &look.tree;
    walk.learned.findings.settle(tree);
}

impl Look {
    /// Where the index of a directory is, if it should have one.
    pub(crate) fn index_url(&self, at: usize) -> Option<String> {
        let (name, _) = self.tree.index(at)?;
        Some(url(&url(&self.base, self.tree.path(at), false), name, false))
    }

    async fn do_it(&self, job: Job, known: &Validators) -> Done {
        let path = self.tree.path(job.at);
        match job.what {
            What::Page { deep } => {
                let url = url(&self.base, path, true);
                Done::Page(deep, self.asker.listing(&url, known).await)
            }
            What::Index(_) | What::IndexAlone | What::Vouched => {
                let url = self.index_url(job.at).unwrap_or_default();
                let own = if let What::Index(own) = job.what { Some(own) } else { None };
                Done::Index(own, self.asker.proof(&url, known).await)
            }
        }
    }
}

struct Walk<'a> {
    look: &'a Arc<Look>,
    learned: &'a mut Learned,
    waiting: Vec<Job>,
}

impl Walk<'_> {
    /// What is known of the version that the server has, if it is worth something.
    fn known(&self, job: Job) -> Validators {
        let tree = &self.look.tree;
        let dir = &tree.dirs[job.at];
        let is_page = matches!(job.what, What::Page { .. });
        let known = self.learned.validators.get(&(dir.id, is_page)).filter(|_| job.again == 0);
        let worth = |known: &&Validator| match is_page {
            // A page that is as it was tells nothing of the times of what is below it.
            true => tree.is_leaf(job.at) && known.proof == dir.digest && self.look.held.has(job.at),
            false => true,
        };
        let known = known.filter(worth);
        known.map_or_else(Validators::default, |known| Validators {
            etag: known.etag.clone(),
            last_modified: known.last_modified.clone(),
        })
    }

    fn page(&mut self, job: Job, deep: bool, asked: Asked<Found>) {
        let (tree, at) = (self.look.tree.clone(), job.at);
        match asked {
            Asked::Got(found, _) if found.facts.text(Fact::Style) == Some("s3") => match at {
                0 => self.learned.ended = Some(Ended::Bucket),
                _ => self.page(job, deep, Asked::NoListing),
            },
            Asked::Got(found, validators) => {
                self.learned.failures = 0;
                self.listed(job, deep, &found, validators);
            }
            Asked::NotModified => {
                self.learned.failures = 0;
                self.unmodified(at);
            }
            Asked::Absent if at != 0 => self.absent(job),
            Asked::Absent | Asked::NoListing if at == 0 => {
                self.learned.ended = Some(Ended::NoListing);
            }
            // One page that a file stands in the way of; those below it may have some.
            Asked::NoListing | Asked::Absent => {
                self.learned.findings.set(at, Verdict::Unknown(Reason::Unjudged));
                if deep {
                    let below = tree.children(at);
                    let what = What::Page { deep };
                    self.waiting.extend(below.map(|at| Job { at, what, again: 0 }));
                }
            }
            other => self.trouble(at, other),
        }
    }

    /// Compares what a page lists.
    fn listed(&mut self, job: Job, deep: bool, found: &Found, validators: Validators) {
        let (look, at) = (self.look, job.at);
        let tree = &look.tree;
        let page = page(tree, at, found, &mut self.learned.clock, look.now_unix_s);
        if found.facts.text(Fact::Continuation).is_some() {
            // What is not listed here may be listed there.
            self.learned.findings.set(at, Verdict::Unknown(Reason::Unjudged));
        } else if tree.index(at).is_some() {
            self.waiting.push(Job { at, what: What::Index(page.own), again: job.again });
        } else {
            let verdict = page.own.verdict(tree, at, IndexLook::None);
            self.decide(job, verdict);
            if verdict == Verdict::Current && tree.is_leaf(at) {
                self.remember(at, true, tree.dirs[at].digest, validators);
            }
        }
        if !deep {
            return;
        }
        for (child, listed, time) in page.children {
            let what = What::Page { deep };
            if !listed && !look.held.has_any(tree, child) {
                self.learned.findings.set_all(tree, child, Verdict::Missing);
            } else if !listed {
                // Before clients lose it, its own page is asked for.
                self.waiting.push(Job { at: child, what, again: 1 });
            } else {
                self.child(child, time);
            }
        }
    }

    /// A directory that the page above lists.
    fn child(&mut self, at: usize, time: Compared) {
        let look = self.look;
        let is_known =
            time == Compared::Same && look.tree.is_leaf(at) && look.tree.dirs[at].scanned;
        let vouched = is_known && !look.recheck.has(at);
        let what = if vouched { What::Vouched } else { What::Page { deep: true } };
        self.waiting.push(Job { at, what, again: 0 });
    }

    /// The next thing to ask for; what need not be asked for is decided on the way.
    fn next(&mut self) -> Option<Job> {
        loop {
            let job = self.waiting.pop()?;
            match job.what {
                What::Vouched if !self.is_trusted(job.at) => {
                    self.learned.vouched.insert(job.at);
                    return Some(Job { what: What::Page { deep: true }, ..job });
                }
                What::Vouched if self.is_fresh(job.at) => {
                    self.learned.findings.set(job.at, Verdict::Current);
                }
                What::Vouched => return Some(Job { what: What::IndexAlone, ..job }),
                _ => return Some(job),
            }
        }
    }

    /// Whether the right time of a directory is enough to know what is in it.
    ///
    /// A mirror that leaves some files out sets the time all the same. So it is enough for what was
    /// seen to be there before; for the rest, when a few such directories had all that they should,
    /// and not where images are, which are what is left out most.
    fn is_trusted(&self, at: usize) -> bool {
        let (held, learned) = (&self.look.held, &self.learned);
        let proven = learned.kept >= KEPT_MIN && !learned.broken;
        held.has(at) || (proven && !held.is_lost(at) && !self.look.tree.dirs[at].images)
    }

    /// Whether a directory has no index, or one that was hashed not long ago.
    fn is_fresh(&self, at: usize) -> bool {
        let look = self.look;
        let Some((_, versions)) = look.tree.index(at) else { return true };
        let seen = self.learned.validators.get(&(look.tree.dirs[at].id, false));
        let fresh = seen.is_some_and(|seen| {
            seen.proof == versions[0].proof && look.now_unix_s - seen.at_unix_s < INDEX_AGE_S
        });
        fresh && look.held.has(at)
    }

    /// A page that is what it was when its directory was as it should be.
    fn unmodified(&mut self, at: usize) {
        match self.look.tree.index(at) {
            Some(_) => self.waiting.push(Job { at, what: What::IndexAlone, again: 0 }),
            None => self.learned.findings.set(at, Verdict::Current),
        }
    }

    fn index(&mut self, job: Job, own: Option<Own>, asked: Asked<(u64, Head)>) {
        let (tree, at) = (self.look.tree.clone(), job.at);
        let known = self.learned.validators.get(&(tree.dirs[at].id, false));
        let looked = match asked {
            Asked::Got((proof, head), validators) => {
                self.remember(at, false, proof, validators);
                rank(&tree, at, proof, head.modified_unix_s, self.look.now_unix_s)
            }
            Asked::NotModified => match known.map(|known| known.proof) {
                Some(proof) => rank(&tree, at, proof, None, self.look.now_unix_s),
                None => IndexLook::Unknown,
            },
            Asked::Absent | Asked::NoListing => IndexLook::Absent,
            other => return self.trouble(at, other),
        };
        self.learned.failures = 0;
        match own {
            Some(own) => self.decide(job, own.verdict(&tree, at, looked)),
            None => match looked {
                IndexLook::Rank(0) => self.learned.findings.set(at, Verdict::Current),
                // The time of the directory is right and the index is not: the page shows why.
                _ => {
                    let what = What::Page { deep: false };
                    self.waiting.push(Job { at, what, again: 1 });
                }
            },
        }
    }

    /// Notes that a directory is not there, nor anything below it.
    fn absent(&mut self, job: Job) {
        let tree = &self.look.tree;
        if self.believed(job, self.look.held.has_any(tree, job.at)) {
            self.learned.findings.set_all(tree, job.at, Verdict::Missing);
        } else {
            self.waiting.push(Job { again: job.again + 1, ..job });
        }
    }

    /// Notes a verdict.
    fn decide(&mut self, job: Job, verdict: Verdict) {
        if self.learned.vouched.remove(&job.at) {
            self.learned.kept += u32::from(verdict == Verdict::Current);
            self.learned.broken |= verdict.is_negative();
        }
        let held = self.look.held.has(job.at);
        if !verdict.is_negative() {
            self.learned.refuted += u32::from(job.again > 0 && held);
            self.learned.findings.set(job.at, verdict);
        } else if self.believed(job, held) {
            self.learned.findings.set(job.at, verdict);
        } else {
            let what = What::Page { deep: false };
            self.waiting.push(Job { at: job.at, what, again: job.again + 1 });
        }
    }

    /// Whether to believe that a mirror has not got something: what takes a directory from clients
    /// must be seen several times, until it is known that this mirror's word is good for it.
    fn believed(&mut self, job: Job, held: bool) -> bool {
        let good = self.learned.confirmed >= CONFIRMED_MIN && self.learned.refuted == 0;
        if held && !good && job.again < AGAIN_MAX {
            return false;
        }
        self.learned.confirmed += u32::from(held);
        true
    }

    fn remember(&mut self, at: usize, page: bool, proof: u64, validators: Validators) {
        let directory_id = self.look.tree.dirs[at].id;
        let Validators { etag, last_modified } = validators;
        if directory_id < 0 || (page && etag.is_none() && last_modified.is_none()) {
            return;
        }
        let at_unix_s = self.look.now_unix_s;
        let validator = Validator { directory_id, page, proof, at_unix_s, etag, last_modified };
        self.learned.validators.insert((directory_id, page), validator);
    }

    /// Nothing was learned of a directory.
    fn trouble<T>(&mut self, at: usize, asked: Asked<T>) {
        let path = self.look.tree.path(at);
        let (reason, what) = match asked {
            Asked::Enough(wait) => {
                self.learned.ended = Some(Ended::Enough(wait.map(|wait| wait.as_secs())));
                return;
            }
            Asked::Refused(limit, what) => {
                let limit = limit.map_or("forbidden", |limit| limit.name());
                (Reason::Refused, format!("{path}: {limit}: {what}"))
            }
            Asked::NoAnswer(what) => (Reason::NoAnswer, format!("{path}: {what}")),
            Asked::Unroutable => (Reason::NoAnswer, format!("{path}: no way there")),
            _ => (Reason::NoAnswer, path.to_owned()),
        };
        self.learned.findings.set(at, Verdict::Unknown(reason));
        self.learned.problem(what.clone());
        self.learned.failures += 1;
        if self.learned.failures >= FAILURES_MAX || at == 0 {
            self.learned.ended = Some(Ended::NoAnswer(what));
        }
    }
}

/// Which version of an index this is.
pub(crate) fn rank(
    tree: &Tree,
    at: usize,
    proof: u64,
    modified_unix_s: Option<i64>,
    now_unix_s: i64,
) -> IndexLook {
    let Some((_, versions)) = tree.index(at) else { return IndexLook::None };
    if let Some(rank) = versions.iter().position(|version| version.proof == proof) {
        return IndexLook::Rank(u8::try_from(rank).unwrap_or(u8::MAX));
    }
    match (modified_unix_s, versions[0].timestamp_unix_s) {
        // A time that has not come yet is not believed.
        (Some(theirs), Some(_)) if theirs > now_unix_s + DAY_S => IndexLook::Older,
        (Some(theirs), Some(ours)) if theirs > ours => IndexLook::Ahead,
        (Some(_), Some(_)) => IndexLook::Older,
        _ => IndexLook::Unknown,
    }
}

/// How long a mirror may be silent before what was learned is written.
const PAUSE: Duration = Duration::from_secs(1);

const DAY_S: i64 = 86_400;

/// An index that was right when it was hashed is hashed again after so long, whatever the page shows.
const INDEX_AGE_S: i64 = DAY_S;

/// How often something must be looked at again before it is taken from clients.
const AGAIN_MAX: u8 = 2;

/// So many directories must have what their time promises before that is enough.
const KEPT_MIN: u32 = 16;

/// After so many losses that were true the next are believed at once.
const CONFIRMED_MIN: u32 = 16;

/// After so many requests in a row without an answer a mirror is left for the next time.
const FAILURES_MAX: u32 = 5;

/// What is wrong with one mirror is told up to here.
const PROBLEMS_MAX: usize = 5;
