//! A mirror that lists nothing: files are asked for one by one, a few of each directory.
//!
//! Asking for every file would be tens of thousands of requests. A directory that has its newest
//! files, as long and as new as they should be, has had its last update; one with an index is known
//! by that.

use std::sync::Arc;
use std::time::Duration;

use heliostat_observe_probe::{Head, Validators};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ask::{Asked, url};
use crate::judge::{IndexLook, Own};
use crate::pages::{Ended, Learned, Look, rank};
use crate::tree::Expected;
use crate::verdict::{Reason, Verdict};

/// Asks for some files of these directories, or of all.
pub(crate) async fn walk(
    look: &Arc<Look>,
    from: Option<&[usize]>,
    learned: &mut Learned,
    mut watch: impl FnMut(&Learned),
) {
    let all: Vec<usize> = match from {
        Some(from) => from.to_vec(),
        None => (0..look.tree.len()).collect(),
    };
    let asked: Vec<usize> = all.into_iter().filter(|&at| look.can_be_asked(at)).collect();
    let mut failures = 0;
    if from.is_none() && asked.len() > FIRST * 2 {
        let step = asked.len() / FIRST;
        let first: Vec<usize> = asked.iter().copied().step_by(step).take(FIRST).collect();
        run(look, &first, learned, &mut failures, &mut watch).await;
        if first.iter().all(|&at| learned.findings.verdict(at) == Verdict::Missing) {
            // Nothing of what was asked for is there: neither will be the rest.
            learned.findings.set_all(&look.tree, 0, Verdict::Missing);
            return;
        }
    }
    let unknown = |at: &usize| learned.findings.verdict(*at) == Verdict::Unknown(Reason::NotLooked);
    let rest: Vec<usize> = asked.into_iter().filter(unknown).collect();
    run(look, &rest, learned, &mut failures, &mut watch).await;
    if from.is_none() {
        by_what_is_below(look, learned);
    }
    learned.findings.settle(&look.tree);
}

async fn run(
    look: &Arc<Look>,
    asked: &[usize],
    learned: &mut Learned,
    failures: &mut u32,
    watch: &mut impl FnMut(&Learned),
) {
    let mut waiting = asked.iter().copied();
    let mut running = JoinSet::new();
    loop {
        while running.len() < look.connections
            && learned.ended.is_none()
            && let Some(at) = waiting.next()
        {
            let look = look.clone();
            running.spawn(async move { (at, look.directory(at).await) });
        }
        let Ok(done) = timeout(PAUSE, running.join_next()).await else {
            watch(learned);
            continue;
        };
        watch(learned);
        match done {
            None => return,
            Some(Ok((at, Ok(verdict)))) => {
                learned.findings.set(at, verdict);
                let failed = verdict == Verdict::Unknown(Reason::NoAnswer);
                *failures = if failed { *failures + 1 } else { 0 };
                if *failures >= FAILURES_MAX {
                    let what = "again and again".to_owned();
                    learned.ended = Some(Ended::NoAnswer(what));
                }
            }
            Some(Ok((_, Err(wait)))) => {
                learned.ended = Some(Ended::Enough(wait.map(|wait| wait.as_secs())));
            }
            Some(Err(_)) => {}
        }
    }
}

/// A directory without files is there if something below it is.
fn by_what_is_below(look: &Look, learned: &mut Learned) {
    let tree = &look.tree;
    for at in (0..tree.len()).rev() {
        if look.can_be_asked(at) || tree.is_leaf(at) {
            continue;
        }
        let below = || tree.children(at).map(|child| learned.findings.verdict(child));
        let verdict = if below().any(|verdict| verdict == Verdict::Current) {
            Verdict::Current
        } else if below().all(|verdict| verdict == Verdict::Missing) {
            Verdict::Missing
        } else {
            continue;
        };
        learned.findings.set(at, verdict);
    }
}

impl Look {
    /// Whether there is a file in a directory that can be asked for.
    fn can_be_asked(&self, at: usize) -> bool {
        self.tree.index(at).is_some() || self.tree.samples(at).next().is_some()
    }

    /// The verdict of a directory; one that clients would lose must be true several times. Or for
    /// how long the host wants to be left alone.
    async fn directory(&self, at: usize) -> Result<Verdict, Option<Duration>> {
        let mut verdict = self.once(at).await?;
        for _ in 0..AGAIN_MAX {
            if !(verdict.is_negative() && self.held.has(at)) {
                break;
            }
            verdict = self.once(at).await?;
        }
        Ok(verdict)
    }

    async fn once(&self, at: usize) -> Result<Verdict, Option<Duration>> {
        let tree = &self.tree;
        let mut own = Own::default();
        let mut index = IndexLook::None;
        if let Some(url) = self.index_url(at) {
            own.required += 1;
            index = match self.asker.proof(&url, &Validators::default()).await {
                Asked::Got((proof, head), _) => {
                    own.same += 1;
                    rank(tree, at, proof, head.modified_unix_s, self.now_unix_s)
                }
                Asked::Absent | Asked::NoListing => IndexLook::Absent,
                Asked::Enough(wait) => return Err(wait),
                _ => IndexLook::Unknown,
            };
        }
        for (name, file) in tree.samples(at) {
            let below = url(&self.base, tree.path(at), false);
            own.required += 1;
            match self.asker.head(&url(&below, name, false)).await {
                Asked::Got(head, _) => own.head(&tree.files[file], &head),
                Asked::Absent | Asked::NoListing => {}
                Asked::Enough(wait) => return Err(wait),
                _ => return Ok(Verdict::Unknown(Reason::NoAnswer)),
            }
            // Two that are not there are enough.
            if own.required >= 2 && own.same + own.older + own.newer == 0 {
                break;
            }
        }
        Ok(own.verdict(tree, at, index))
    }
}

impl Own {
    /// Takes what a server says of an expected file.
    fn head(&mut self, expected: &Expected, head: &Head) {
        let times = head.modified_unix_s.zip(expected.timestamp_unix_s());
        let late_s = times.map_or(0, |(theirs, ours)| theirs - ours);
        let sizes = head.size_bytes.zip(expected.size_bytes());
        let is_long = sizes.is_none_or(|(theirs, ours)| theirs == ours);
        let newer = expected.volatile && late_s > CLOCK_S && !is_long;
        let older = !is_long || (expected.volatile && late_s < -CLOCK_S);
        match (newer, older) {
            (true, _) => self.newer += 1,
            (_, true) => self.older += 1,
            _ => self.same += 1,
        }
    }
}

/// Directories by which it is known whether there is anything at all.
const FIRST: usize = 16;

/// How often something is looked at again before it is taken from clients.
const AGAIN_MAX: usize = 2;

const FAILURES_MAX: u32 = 5;

/// Some file systems keep two seconds.
const CLOCK_S: i64 = 2;

/// How long a mirror may be silent before what was learned is written.
const PAUSE: Duration = Duration::from_secs(1);
