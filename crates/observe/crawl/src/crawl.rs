//! The whole crawl.
//!
//! Hosts are looked at on a runtime, as many at once as are allowed; the catalog is written by the
//! thread that called, and by nobody else. Each host is taken with a lease, so any number of
//! crawlers, on any machines, share the work.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_catalog::crawl::CrawlHost;
use heliostat_catalog::{Actor, Catalog, Lease, Taken};
use heliostat_observe_probe::wire::Limit;
use heliostat_observe_probe::{
    Failure, Family, FetchLimits, Fetcher, ProbeSettings, Prober, Reach,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::error::Error;
use crate::host::{Batch, Before, HostReport, Tools, Word, look};
use crate::pace::PaceSettings;
use crate::plan::{Target, Wish, candidates, targets};
use crate::record::{ended, record};
use crate::verdict::Counts;
use crate::ways::Families;

/// Whom to crawl, and how.
#[derive(Clone, Debug)]
pub struct CrawlSettings {
    /// Whom, and for what.
    pub wish: Wish,
    /// Only these directories, by their full name, and nothing below them.
    pub paths: Vec<String>,
    /// Only hosts whose turn it is in this interval; all that are not to be left alone, without.
    pub every: Option<Duration>,
    /// Which addresses may be reached.
    pub reach: Reach,
    /// Hosts that are looked at at once.
    pub hosts_at_once: usize,
    /// How much one host is asked.
    pub pace: PaceSettings,
    /// One of so many directories is looked into although nothing speaks for it; zero for none.
    pub recheck_share: u64,
    /// The workers that read what comes.
    pub probe: ProbeSettings,
    /// What servers are told who asks.
    pub agent: String,
    /// Who crawls.
    pub actor: String,
    /// What time it is, in seconds since 1970.
    pub now_unix_s: fn() -> u64,
    /// Who holds the leases.
    pub holder: String,
    /// Whether a holder of a lease is known to have ended.
    pub is_gone: fn(&str) -> bool,
}

/// How far it has come.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// So many hosts will be looked at.
    Begun {
        /// Hosts.
        hosts: usize,
    },
    /// A host was looked at.
    Host(&'a HostReport),
}

/// What a crawl has found.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Hosts that were looked at, in the order in which they were done.
    pub hosts: Vec<HostReport>,
    /// Hosts that somebody else looks at just now, or has just looked at.
    pub elsewhere: u64,
    /// Hosts that are left alone for now: they asked for it, or did not answer again and again.
    pub left_alone: u64,
    /// What all of them have.
    pub counts: Counts,
    /// Requests.
    pub requests: u64,
    /// Documents that were refused, by the name of the limit.
    pub refused: Vec<(Limit, u64)>,
    /// Names that were left out of listings, by the name of the limit.
    pub left_out: Vec<(Limit, u64)>,
    /// How long it took.
    pub duration_ms: u64,
}

/// Looks at mirrors, and tells the catalog what they have.
///
/// # Errors
///
/// When it cannot begin, or the catalog cannot be written. What was learned by then is kept.
pub fn crawl(
    catalog: &mut Catalog,
    settings: &CrawlSettings,
    watch: &mut dyn FnMut(Event<'_>),
) -> Result<Summary, Error> {
    let begun = Instant::now();
    let now_unix_s = (settings.now_unix_s)() as i64;
    let mut found = Ok(Vec::new());
    catalog.read(|view| {
        found = candidates(view, &settings.wish);
        Ok(())
    })?;
    let mut summary = Summary::default();
    let (ready, waiting): (Vec<_>, Vec<_>) =
        found?.into_iter().partition(|(_, last)| is_due(last, settings, now_unix_s));
    let alone = waiting.iter().filter(|(_, last)| is_left_alone(last, now_unix_s));
    summary.left_alone = alone.count() as u64;
    let ready = match ready.is_empty() {
        true => Vec::new(),
        false => catalog.read(|view| targets(view, &settings.wish, ready))?,
    };
    watch(Event::Begun { hosts: ready.len() });
    if ready.is_empty() {
        return Ok(summary);
    }
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(Error::Runtime)?;
    let tools = {
        let _inside = runtime.enter();
        tools(settings)?
    };
    let prober = tools.prober.clone();
    let (to, from) = channel(WORDS_MAX);
    let crawling = Crawling {
        catalog,
        settings,
        runtime: &runtime,
        tools,
        to,
        listed_unix_s: now_unix_s,
        queue: ready.into(),
        running: HashMap::new(),
        renewed: Instant::now(),
    };
    crawling.run(from, &mut summary, watch)?;
    let counts = prober.counts();
    (summary.refused, summary.left_out) = (counts.refused, counts.left_out);
    runtime.block_on(prober.drain());
    summary.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(summary)
}

fn tools(settings: &CrawlSettings) -> Result<Tools, Error> {
    let prober = Prober::start(settings.probe.clone());
    let prober = prober.map_err(|error| Error::Worker(Failure::Worker(error)))?;
    let limits = FetchLimits {
        total: Duration::from_secs(120),
        idle_per_host: settings.pace.connections,
        ..FetchLimits::new(settings.reach)
    };
    let fetcher = |family: Option<Family>| {
        let limits = FetchLimits { family, ..limits };
        Fetcher::new(&settings.agent, limits).map_err(Error::Client)
    };
    let (v4, v6) = (fetcher(Some(Family::V4))?, fetcher(Some(Family::V6))?);
    Ok(Tools {
        fetcher: fetcher(None)?,
        families: Families { v4, v6, reach: settings.reach },
        prober,
        pace: settings.pace,
        recheck_share: settings.recheck_share,
        paths: Arc::new(settings.paths.clone()),
    })
}

/// Whether it is a host's turn.
fn is_due(last: &CrawlHost, settings: &CrawlSettings, now_unix_s: i64) -> bool {
    if !settings.wish.hosts.is_empty() {
        return true;
    }
    let due = settings.every.is_none_or(|every| due_unix_s(last, every) <= now_unix_s);
    due && !is_left_alone(last, now_unix_s)
}

/// Whether a host has asked for peace, or does not answer: then for five minutes, and twice as long
/// each time, up to a day.
fn is_left_alone(last: &CrawlHost, now_unix_s: i64) -> bool {
    let patience_s = match last.failures {
        0 => 0,
        failures => (BACK_OFF_S << (failures - 1).min(9)).min(BACK_OFF_S_MAX),
    };
    now_unix_s < last.later_unix_s.max(last.crawled_unix_s.saturating_add(patience_s))
}

/// When it is a host's turn: each has a moment of its own within the interval, so that they spread.
pub(crate) fn due_unix_s(last: &CrawlHost, every: Duration) -> i64 {
    if last.rounds == 0 {
        return 0;
    }
    let every_s = i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1);
    let phase_s = (last.host_id.wrapping_mul(PHASE) & i64::MAX) % every_s;
    // The first of its moments that is not too soon after the last time.
    let soonest = last.crawled_unix_s.saturating_add(every_s / 2);
    soonest + (phase_s - soonest).rem_euclid(every_s)
}

/// A crawl under way.
struct Crawling<'a> {
    catalog: &'a mut Catalog,
    settings: &'a CrawlSettings,
    runtime: &'a Runtime,
    tools: Tools,
    to: Sender<Word>,
    listed_unix_s: i64,
    queue: VecDeque<Target>,
    running: HashMap<i64, (Target, Lease)>,
    renewed: Instant,
}

impl Crawling<'_> {
    fn run(
        mut self,
        mut from: Receiver<Word>,
        summary: &mut Summary,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Error> {
        loop {
            while self.running.len() < self.settings.hosts_at_once.max(1)
                && let Some(target) = self.queue.pop_front()
            {
                self.begin(target, summary)?;
            }
            if self.running.is_empty() {
                return Ok(());
            }
            let words = self.runtime.block_on(words(&mut from));
            self.take(words, summary, watch)?;
            self.renew()?;
        }
    }

    /// Begins with a host, unless somebody else has it.
    fn begin(&mut self, target: Target, summary: &mut Summary) -> Result<(), Error> {
        let name = format!("crawl {}", target.host_id);
        let CrawlSettings { holder, is_gone, .. } = self.settings;
        let lease = match self.catalog.lease_take(&name, holder, LEASE, 0, is_gone)? {
            Taken::Ours(lease) => lease,
            Taken::Theirs { .. } => {
                summary.elsewhere += 1;
                return Ok(());
            }
        };
        let (last, before) = self.catalog.read(|view| {
            let last = view.crawl_list()?.remove(&target.host_id);
            let before = target.mirrors.iter().map(|part| {
                let states = view.states_find(part.mirror_id)?;
                Ok(Before { states, validators: view.validators_find(part.mirror_id)? })
            });
            Ok((last, before.collect::<Result<Vec<_>, heliostat_catalog::Error>>()?))
        })?;
        // Somebody else was faster, and is done.
        if last.is_some_and(|last| last.rounds > target.last.rounds) {
            summary.elsewhere += 1;
            self.catalog.lease_release(&lease)?;
            return Ok(());
        }
        let now_unix_s = (self.settings.now_unix_s)() as i64;
        let work = look(
            self.tools.clone(),
            target.clone(),
            before,
            self.to.clone(),
            now_unix_s.max(self.listed_unix_s),
        );
        self.runtime.spawn(work);
        self.running.insert(target.host_id, (target, lease));
        Ok(())
    }

    fn take(
        &mut self,
        words: Vec<Word>,
        summary: &mut Summary,
        watch: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Error> {
        let now_unix_s = (self.settings.now_unix_s)();
        let actor = Actor { name: self.settings.actor.clone(), now_unix_s };
        let (mut batches, mut reports) = (Vec::<Batch>::new(), Vec::new());
        for word in words {
            match word {
                Word::Learned(batch) => {
                    // Of what was learned of one mirror the last word is enough.
                    batches.retain(|old| old.mirror_id != batch.mirror_id);
                    batches.push(*batch);
                }
                Word::Ended(report) => reports.push(*report),
            }
        }
        record(self.catalog, &actor, &batches)?;
        for report in reports {
            let Some((target, lease)) = self.running.remove(&report.host_id) else { continue };
            // A look at a few directories is no crawl.
            if self.settings.paths.is_empty() {
                ended(self.catalog, &actor, &target, &report, now_unix_s as i64)?;
            }
            self.catalog.lease_release(&lease)?;
            summary.counts.add(report.counts());
            summary.requests += report.requests;
            watch(Event::Host(&report));
            summary.hosts.push(report);
        }
        Ok(())
    }

    /// Puts the end of all leases off.
    fn renew(&mut self) -> Result<(), Error> {
        if self.renewed.elapsed() < LEASE / 3 {
            return Ok(());
        }
        self.renewed = Instant::now();
        for (_, lease) in self.running.values() {
            // One that is lost is somebody else's now; what both learn is true.
            self.catalog.lease_renew(lease, LEASE)?;
        }
        Ok(())
    }
}

/// What was said, after a moment in which more may come.
async fn words(from: &mut Receiver<Word>) -> Vec<Word> {
    let mut words = Vec::new();
    let first = tokio::time::timeout(LEASE / 6, from.recv()).await;
    if let Ok(Some(word)) = first {
        words.push(word);
    }
    while words.len() < WORDS_MAX
        && let Ok(word) = from.try_recv()
    {
        words.push(word);
    }
    words
}

/// How long a host belongs to a crawler without that being put off.
const LEASE: Duration = Duration::from_secs(30);

/// Words that wait to be written.
const WORDS_MAX: usize = 64;

/// Spreads numbers that follow each other.
const PHASE: i64 = 0x1E37_79B9_7F4A_7C15;

const BACK_OFF_S: i64 = 300;
const BACK_OFF_S_MAX: i64 = 86_400;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use heliostat_catalog::crawl::CrawlHost;

    use super::{due_unix_s, is_left_alone};

    #[test]
    fn turns_are_spread_over_the_interval() {
        let (every, hour_s) = (Duration::from_secs(3600), 3600);
        assert_eq!(due_unix_s(&CrawlHost::default(), every), 0, "never yet");
        let mut quarters = [0; 4];
        for host_id in 0..400 {
            let (crawled_unix_s, rounds) = (36_000, 1);
            let last = CrawlHost { host_id, crawled_unix_s, rounds, ..CrawlHost::default() };
            let due = due_unix_s(&last, every);
            assert!((36_000 + hour_s / 2..=36_000 + hour_s * 3 / 2).contains(&due), "{due}");
            quarters[((due - 37_800) * 4 / hour_s).min(3) as usize] += 1;
            // From then on it is an hour each time.
            let next = CrawlHost { crawled_unix_s: due + 20, rounds: 2, ..last };
            assert_eq!(due_unix_s(&next, every), due + hour_s);
        }
        assert!(quarters.iter().all(|&count| count > 70), "{quarters:?}");
    }

    #[test]
    fn failing_hosts_are_left_alone_for_longer_each_time() {
        let alone = |failures, age_s: i64, later_s: i64| {
            let last = CrawlHost {
                crawled_unix_s: 1_000_000 - age_s,
                later_unix_s: 1_000_000 + later_s,
                failures,
                ..CrawlHost::default()
            };
            is_left_alone(&last, 1_000_000)
        };
        assert!(!alone(0, 1, 0) && alone(1, 299, 0) && !alone(1, 300, 0));
        assert!(alone(2, 599, 0) && !alone(2, 600, 0));
        assert!(alone(99, 86_399, 0) && !alone(99, 86_400, 0));
        assert!(alone(0, 9999, 10), "it has asked for it");
    }
}
