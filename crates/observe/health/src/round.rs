//! One round after the other: all mirrors looked at once, those that fail again and again, and what
//! comes of it into the catalog.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_catalog::{Actor, Catalog, Ending};
use heliostat_observe_probe::{Family, LookLimits, Looker, Reach};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use crate::asking::{Again, Ask, Asker, Try};
use crate::canary::Sign;
use crate::error::Error;
use crate::lines::{Lines, Turned};
use crate::notify::{Recipients, Told, messages};
use crate::outage::Tally;
use crate::plan::Plan;
use crate::record::{Written, record};
use crate::standing::{Patience, Sight, Turn};

/// How to look.
#[derive(Clone, Debug)]
pub struct HealthSettings {
    /// What we say who we are.
    pub agent: String,
    /// Which addresses may be reached.
    pub reach: Reach,
    /// Connections at the same time, all in all.
    pub connections_max: usize,
    /// How much is enough to leave a mirror out, and to let it back in.
    pub patience: Patience,
    /// How long a first look may take.
    pub look: Duration,
    /// How long each look after a failed one may take.
    pub look_again: Duration,
    /// Between the beginnings of two hosts.
    pub pace: Duration,
    /// How often the history is told of what stays as it is.
    pub sample_s: u64,
    /// How long the history is kept.
    pub keep_s: u64,
    /// Who is told of what becomes otherwise.
    pub tells: Recipients,
}

impl HealthSettings {
    /// Patience for honest servers.
    #[must_use]
    pub fn new(reach: Reach) -> HealthSettings {
        HealthSettings {
            agent: concat!("heliostat/", env!("CARGO_PKG_VERSION")).to_owned(),
            reach,
            connections_max: 256,
            patience: Patience::default(),
            look: Duration::from_secs(6),
            look_again: Duration::from_secs(4),
            pace: Duration::from_millis(2),
            sample_s: 3_600,
            keep_s: 14 * 86_400,
            tells: Recipients::default(),
        }
    }
}

/// Whether clients are given a URL: it has become otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The host's number.
    pub host_id: i64,
    /// Its name.
    pub host: String,
    /// What it carries there.
    pub category: String,
    /// Where.
    pub url: String,
    /// Over which addresses it was seen.
    pub family: Family,
    /// Clients are given it from now on; else they are not.
    pub good: bool,
    /// It is of IPv6 beside IPv4: clients are given the URL as before.
    pub only_noted: bool,
    /// Why.
    pub reason: String,
}

/// What came of a round.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Hosts that were looked at.
    pub hosts: usize,
    /// URLs that were looked at, or go with others.
    pub urls: usize,
    /// Of them, those that clients are not given.
    pub bad: usize,
    /// Looks, one more for each time that something was looked at again.
    pub looks: usize,
    /// How long the first look at everything took.
    pub first_ms: u64,
    /// How long it all took.
    pub total_ms: u64,
    /// What has become otherwise.
    pub changes: Vec<Change>,
    /// What those who look closer should look at.
    pub signs: Vec<Sign>,
    /// Over these addresses most mirrors failed at once, so nothing of it counts.
    pub ours: Vec<Family>,
    /// Categories that have no good mirror: answers go on with the least bad.
    pub without: Vec<String>,
    /// Notices that there was no room for.
    pub untold: u64,
}

/// Rounds, and what is remembered between them.
#[derive(Debug)]
pub struct Rounds {
    settings: HealthSettings,
    runtime: Runtime,
    looker: Looker,
    plan: Plan,
    lines: Lines,
    /// Hosts that want to be left alone until then, and whether they are closed.
    quiet: HashMap<String, (u64, bool)>,
    /// Since when nothing counts.
    ours_since: [Option<u64>; 2],
    told: Told,
    /// What nobody was told yet, because the catalog was away.
    pending: Vec<Change>,
    number: usize,
}

impl Rounds {
    /// Gets ready.
    ///
    /// # Errors
    ///
    /// When this machine has no room for it, or no certificates.
    pub fn new(settings: HealthSettings) -> Result<Rounds, Error> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(64).build();
        let runtime = runtime.map_err(Error::Machine)?;
        let looker = Looker::new(&settings.agent, LookLimits::new(settings.reach))?;
        Ok(Rounds {
            settings,
            runtime,
            looker,
            plan: Plan::default(),
            lines: Lines::default(),
            quiet: HashMap::new(),
            ours_since: [None; 2],
            told: Told::default(),
            pending: Vec::new(),
            number: 0,
        })
    }

    /// Looks at every mirror, and writes into the catalog what came of it.
    ///
    /// # Errors
    ///
    /// When the catalog cannot be read or written. What was seen is not lost: the next round goes on
    /// with it.
    pub fn run_once(
        &mut self,
        catalog: &mut Catalog,
        actor: &str,
        now_unix_ms: u64,
    ) -> Result<Summary, Error> {
        let (begun, now_unix_s) = (Instant::now(), now_unix_ms / 1_000);
        self.renew(catalog, now_unix_s)?;
        self.quiet.retain(|_, (until_ms, _)| *until_ms > now_unix_ms);
        self.looker.forget();
        let mut summary = Summary { urls: self.plan.targets.len(), ..Summary::default() };
        let asker = Asker {
            looker: self.looker.clone(),
            connections: Arc::new(Semaphore::new(self.settings.connections_max.max(1))),
            begun,
            patience: (self.settings.look, self.settings.look_again),
            again_ms: self.settings.patience.again_ms,
            pace: self.settings.pace,
        };
        let (mut tries, families) =
            self.runtime.block_on(asker.clone().once(self.asks(now_unix_s)));
        summary.first_ms = begun.elapsed().as_millis() as u64;
        for (at, families) in families {
            self.lines.families(&self.plan.targets[at], &families, now_unix_s);
        }
        tries.extend(self.closed());
        summary.ours = [Family::V4, Family::V6].into();
        summary.ours.retain(|&family| self.is_ours(family, &tries, now_unix_s));
        let mut turned = self.count(&mut tries, now_unix_ms, &mut summary);
        let again = self.suspects(&tries);
        if !again.is_empty() {
            let witnesses = self.witnesses(&tries);
            let (mut tries, seen) = self.runtime.block_on(async {
                let tries = asker.clone().again(again).await;
                (tries, asker.once(witnesses).await.0)
            });
            for family in [Family::V4, Family::V6] {
                if gone(family, &seen).is_ours() && !summary.ours.contains(&family) {
                    summary.ours.push(family);
                }
            }
            turned.extend(self.count(&mut tries, now_unix_ms, &mut summary));
        }
        self.number += 1;
        let ended_unix_ms = now_unix_ms + begun.elapsed().as_millis() as u64;
        self.changes(turned, &mut summary);
        let actor = Actor { name: actor.to_owned(), now_unix_s: ended_unix_ms / 1_000 };
        self.write(catalog, &actor, &mut summary)?;
        summary.total_ms = begun.elapsed().as_millis() as u64;
        Ok(summary)
    }

    /// Whom to tell of a host, as the catalog has it; empty when nobody is named.
    #[must_use]
    pub fn contact(&self, host_id: i64) -> &str {
        self.plan.contacts.get(&host_id).map_or("", String::as_str)
    }

    fn renew(&mut self, catalog: &mut Catalog, now_unix_s: u64) -> Result<(), Error> {
        let (plan, is_first) = (&mut self.plan, self.number == 0);
        let health = catalog.read(|view| {
            plan.renew(view, now_unix_s)?;
            if is_first { view.health_list() } else { Ok(Vec::new()) }
        })?;
        if is_first {
            self.lines.remember(&self.plan.targets, &health);
        }
        self.lines.keep(&self.plan.targets);
        Ok(())
    }

    /// What to ask for, by host and port.
    fn asks(&self, now_unix_s: u64) -> Vec<Vec<Ask>> {
        let mut asks: BTreeMap<&str, Vec<Ask>> = BTreeMap::new();
        for (at, target) in self.plan.targets.iter().enumerate() {
            let due = self.lines.of(target).is_none_or(|known| known.is_due(now_unix_s));
            if target.follows || !due || self.quiet.contains_key(&target.authority) {
                continue;
            }
            asks.entry(&target.authority).or_default().push(self.ask(at, 1));
        }
        asks.into_values().collect()
    }

    fn ask(&self, at: usize, looks_left: u32) -> Ask {
        let target = &self.plan.targets[at];
        let (url, canaries) = (target.url.clone(), target.canaries.clone());
        Ask { at, url, canaries, first: self.number, looks_left }
    }

    /// Of those that said themselves for how long they are closed, nobody needs to ask.
    fn closed(&self) -> Vec<Try> {
        let targets = self.plan.targets.iter().enumerate();
        let closed = targets.filter(|(_, target)| {
            let quiet = self.quiet.get(&target.authority);
            !target.follows && quiet.is_some_and(|&(_, closed)| closed)
        });
        closed.map(|(at, _)| Try::closed(at)).collect()
    }

    /// Counts looks, unless it is our own network that fails.
    fn count(
        &mut self,
        tries: &mut [Try],
        begun_unix_ms: u64,
        summary: &mut Summary,
    ) -> Vec<Turned> {
        summary.looks += tries.len();
        tries.sort_by_key(|one| one.after_ms);
        let hosts: BTreeSet<i64> =
            tries.iter().map(|one| self.plan.targets[one.at].host_id).collect();
        summary.hosts = summary.hosts.max(hosts.len());
        let mut turned = Vec::new();
        for one in &mut *tries {
            let ours = match one.family {
                Some(family) => summary.ours.contains(&family),
                None => !summary.ours.is_empty(),
            };
            if ours && matches!(one.sight, Sight::Wrong | Sight::Closed) {
                one.sight = Sight::Unknown;
                one.reason = "most mirrors fail at once: it is rather our own network".to_owned();
            }
            let target = &self.plan.targets[one.at];
            turned.extend(self.lines.see(target, one, &self.settings.patience, begun_unix_ms));
            if let Some(quiet_s) = one.quiet_s {
                let until_ms = begun_unix_ms + one.after_ms + quiet_s.min(QUIET_S_MAX) * 1_000;
                let closed = one.sight == Sight::Closed;
                self.quiet.insert(target.authority.clone(), (until_ms, closed));
            }
            summary.signs.extend(one.odd.iter().filter(|(canary, _)| canary.directory_id > 0).map(
                |(canary, found)| Sign {
                    mirror_id: target.key.0,
                    directory_id: canary.directory_id,
                    path: canary.path.clone(),
                    found: found.clone(),
                },
            ));
        }
        turned
    }

    /// Whether most of what was good over a family fails at once.
    fn is_ours(&mut self, family: Family, tries: &[Try], now_unix_s: u64) -> bool {
        let (mut before, mut answers) = (BTreeSet::new(), BTreeSet::new());
        for one in tries.iter().filter(|one| one.family.is_none_or(|of| of == family)) {
            let target = &self.plan.targets[one.at];
            let was_good = self.lines.of(target).and_then(|known| known.good(family));
            // Where nothing could even be asked, as over IPv6 on most machines, nothing failed.
            if was_good == Some(true) && one.sight != Sight::Unknown {
                before.insert(target.host_id);
            }
            if matches!(one.sight, Sight::Right | Sight::Doubtful) {
                answers.insert(target.host_id);
            }
        }
        let failing = before.iter().filter(|host| !answers.contains(host)).count();
        let since = &mut self.ours_since[family as usize];
        if !(Tally { hosts: before.len(), failing }).is_ours() {
            *since = None;
            return false;
        }
        let since_unix_s = *since.get_or_insert(now_unix_s);
        // A network over which some answer for so long is not out.
        answers.is_empty() || now_unix_s.saturating_sub(since_unix_s) < OURS_S_MAX
    }

    /// What failed and is still given to clients: it is asked for again.
    fn suspects(&self, tries: &[Try]) -> Vec<Again> {
        let mut again: BTreeMap<(&str, Option<Family>), Vec<Ask>> = BTreeMap::new();
        for one in tries.iter().filter(|one| one.sight == Sight::Wrong) {
            let target = &self.plan.targets[one.at];
            let Some(known) = self.lines.of(target) else { continue };
            let line = match one.family {
                Some(family) => known.line(family),
                None => known.deciding().map(|(_, line)| line),
            };
            let left = line.map_or(0, |line| line.standing.looks_left(&self.settings.patience));
            if left > 0 {
                let of = (target.authority.as_str(), one.family);
                again.entry(of).or_default().push(self.ask(one.at, left));
            }
        }
        again.into_iter().map(|((_, family), asks)| (family, asks)).collect()
    }

    /// Some of those that answered: if they do not when the others have failed for good, our own
    /// network has gone in between.
    fn witnesses(&self, tries: &[Try]) -> Vec<Vec<Ask>> {
        let mut hosts = BTreeMap::new();
        for one in tries.iter().filter(|one| one.sight == Sight::Right) {
            let target = &self.plan.targets[one.at];
            hosts.entry(target.host_id).or_insert(one.at);
        }
        let step = (hosts.len() / WITNESSES).max(1);
        let some = hosts.into_values().step_by(step).take(WITNESSES);
        some.map(|at| vec![self.ask(at, 1)]).collect()
    }

    fn changes(&self, turned: Vec<Turned>, summary: &mut Summary) {
        for Turned { at, family, turn, reason, decides } in turned {
            let target = &self.plan.targets[at];
            summary.changes.push(Change {
                host_id: target.host_id,
                host: target.host.clone(),
                category: target.category.clone(),
                url: target.url.clone(),
                family,
                good: turn == Turn::Returns,
                only_noted: !decides,
                reason,
            });
        }
        summary.changes.sort_by(|a, b| (&a.host, &a.url).cmp(&(&b.host, &b.url)));
    }

    fn write(
        &mut self,
        catalog: &mut Catalog,
        actor: &Actor,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let (settings, plan) = (&self.settings, &self.plan);
        let mut written = record(plan, &mut self.lines, actor.now_unix_s, settings.sample_s);
        let before_unix_s = actor.now_unix_s.saturating_sub(settings.keep_s);
        let expires = self.number % EXPIRE_ROUNDS == 1;
        self.pending.extend(summary.changes.iter().cloned());
        let (events, told) = self.told.news(&self.pending, &summary.ours, &written.without);
        let contact = |host_id: i64| plan.contacts.get(&host_id).cloned().unwrap_or_default();
        let notices = match settings.tells.is_empty() {
            true => Vec::new(),
            false => messages(&events, &settings.tells, contact, actor.now_unix_s),
        };
        let (untold, _) = catalog.write(actor, Ending::Commit, |txn| {
            if expires {
                txn.probes_expire(before_unix_s)?;
            }
            txn.probes_insert(&mut written.probes)?;
            txn.healths_set(&plan.mirrors, &written.health)?;
            txn.notices_insert(&notices)
        })?;
        (summary.untold, self.told) = (untold, told);
        self.pending.clear();
        let Written { health, without, .. } = written;
        summary.bad = health.iter().filter(|(_, health)| !health.good).count();
        summary.without = without;
        Ok(())
    }
}

/// How many of the witnesses are gone.
fn gone(family: Family, seen: &[Try]) -> Tally {
    let seen = seen.iter().filter(|one| one.family.is_none_or(|of| of == family));
    let failing = seen.clone().filter(|one| matches!(one.sight, Sight::Wrong | Sight::Unknown));
    Tally { hosts: seen.clone().count(), failing: failing.count() }
}

/// How many that answered are asked again before others are left out.
const WITNESSES: usize = 12;

/// Whoever wants to be left alone for longer is asked again after this.
const QUIET_S_MAX: u64 = 600;

/// So long nothing counts, when some mirrors answer and most do not.
const OURS_S_MAX: u64 = 900;

/// Old history is looked for in one of so many rounds.
const EXPIRE_ROUNDS: usize = 60;
