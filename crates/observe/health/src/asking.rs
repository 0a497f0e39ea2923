//! Asking mirrors: all of them at once, each of them politely.
//!
//! What a host and port serve over one family of addresses is asked for one after the other, over one
//! connection; as soon as nothing there can be reached, the rest is not asked for. Hosts are asked
//! side by side, so many connections at a time, one after the other begun.

use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_observe_probe::{Family, LookError, Looker};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::canary::{Canary, Found};
use crate::standing::Sight;

/// A URL to ask for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    /// Which one, in the plan.
    pub(crate) at: usize,
    pub(crate) url: String,
    pub(crate) canaries: Arc<[Arc<Canary>]>,
    /// With which canary to begin.
    pub(crate) first: usize,
    /// How many failures it takes to be sure, when it is asked again.
    pub(crate) looks_left: u32,
}

/// What came of asking once.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    pub(crate) at: usize,
    /// None, when its name has no addresses.
    pub(crate) family: Option<Family>,
    pub(crate) sight: Sight,
    pub(crate) reason: String,
    pub(crate) duration_ms: u64,
    /// When, since the round began.
    pub(crate) after_ms: u64,
    /// How long the server wants to be left alone.
    pub(crate) quiet_s: Option<u64>,
    /// Canaries that are not as they should be.
    pub(crate) odd: Vec<(Arc<Canary>, Found)>,
    /// Whatever is asked of this host and port would fail.
    of_host: bool,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    pub(crate) looker: Looker,
    pub(crate) connections: Arc<Semaphore>,
    pub(crate) begun: Instant,
    /// How long the first look may take, and each of those after it.
    pub(crate) patience: (Duration, Duration),
    /// When to look again, from the first failure on.
    pub(crate) again_ms: [u64; 5],
    /// Between the beginnings of two hosts.
    pub(crate) pace: Duration,
}

/// What is asked for again: of one host and port, over one family.
pub(crate) type Again = (Option<Family>, Vec<Ask>);

impl Asker {
    /// Asks for everything once; each list is of one host and port. Also the families that URLs have.
    pub(crate) async fn once(self, hosts: Vec<Vec<Ask>>) -> (Vec<Try>, Vec<(usize, Vec<Family>)>) {
        let mut tasks = JoinSet::new();
        for asks in hosts {
            let asker = self.clone();
            tasks.spawn(async move { asker.host(asks).await });
            tokio::time::sleep(self.pace).await;
        }
        let (mut tries, mut families) = (Vec::new(), Vec::new());
        while let Some(done) = tasks.join_next().await {
            let Ok((some, found)) = done else { continue };
            tries.extend(some);
            families.extend(found);
        }
        (tries, families)
    }

    /// Asks for what failed again and again, until it is sure.
    pub(crate) async fn again(self, hosts: Vec<Again>) -> Vec<Try> {
        let mut tasks = JoinSet::new();
        for (family, asks) in hosts {
            let asker = self.clone();
            tasks.spawn(async move { asker.insist(family, asks).await });
        }
        let mut tries = Vec::new();
        while let Some(done) = tasks.join_next().await {
            tries.extend(done.unwrap_or_default());
        }
        tries
    }

    async fn host(&self, asks: Vec<Ask>) -> (Vec<Try>, Vec<(usize, Vec<Family>)>) {
        let (patience, _) = self.patience;
        let Some(first) = asks.first() else { return Default::default() };
        let families = match self.looker.families(&first.url, patience).await {
            Ok(families) => families,
            Err(error) => return (self.nowhere(&asks, &error), Vec::new()),
        };
        let over = |family| self.over_if(&families, family, &asks);
        let (mut tries, others) = tokio::join!(over(Family::V4), over(Family::V6));
        tries.extend(others);
        (tries, asks.iter().map(|ask| (ask.at, families.clone())).collect())
    }

    async fn over_if(&self, families: &[Family], family: Family, asks: &[Ask]) -> Vec<Try> {
        match families.contains(&family) {
            true => self.over(family, asks, self.patience.0).await,
            false => Vec::new(),
        }
    }

    /// Asks for everything on one host and port, over one family.
    async fn over(&self, family: Family, asks: &[Ask], patience: Duration) -> Vec<Try> {
        // Nobody closes it.
        let Ok(_connection) = self.connections.acquire().await else { return Vec::new() };
        let mut tries: Vec<Try> = Vec::with_capacity(asks.len());
        for ask in asks {
            let known = tries.last().filter(|last| last.of_host).cloned();
            tries.push(match known {
                Some(known) => Try { at: ask.at, odd: Vec::new(), ..known },
                None => self.ask(ask, family, patience).await,
            });
        }
        tries
    }

    async fn insist(&self, family: Option<Family>, mut asks: Vec<Ask>) -> Vec<Try> {
        let (_, patience) = self.patience;
        let (begun, mut tries) = (Instant::now(), Vec::new());
        for offset_ms in self.again_ms {
            let offset = Duration::from_millis(offset_ms);
            tokio::time::sleep(offset.saturating_sub(begun.elapsed())).await;
            asks.iter_mut().for_each(|ask| ask.first += 1);
            let some = match family {
                Some(family) => self.over(family, &asks, patience).await,
                None => self.resolved(&asks, patience).await,
            };
            asks.retain_mut(|ask| {
                let fails = |one: &Try| one.at == ask.at && one.sight == Sight::Wrong;
                ask.looks_left = ask.looks_left.saturating_sub(1);
                ask.looks_left > 0 && some.iter().any(fails)
            });
            tries.extend(some);
            if asks.is_empty() {
                break;
            }
        }
        tries
    }

    /// Asks for what had no addresses a moment ago.
    async fn resolved(&self, asks: &[Ask], patience: Duration) -> Vec<Try> {
        let Some(first) = asks.first() else { return Vec::new() };
        match self.looker.families(&first.url, patience).await {
            Ok(families) => match families.first() {
                Some(&family) => self.over(family, asks, patience).await,
                None => Vec::new(),
            },
            Err(error) => self.nowhere(asks, &error),
        }
    }

    fn nowhere(&self, asks: &[Ask], error: &LookError) -> Vec<Try> {
        let one = |ask: &Ask| Try { of_host: true, ..self.failed(ask.at, None, error) };
        asks.iter().map(one).collect()
    }

    /// Asks for one URL: for its canaries, until one is as it should be.
    async fn ask(&self, ask: &Ask, family: Family, patience: Duration) -> Try {
        let begun = Instant::now();
        let mut odd = Vec::new();
        for step in 0..ask.canaries.len() {
            let canary = &ask.canaries[(ask.first + step) % ask.canaries.len()];
            let url = format!("{}/{}", ask.url, canary.path);
            let looked = self.looker.look(&url, family, canary.part(), patience).await;
            let mut made = match &looked {
                Err(error) => self.failed(ask.at, Some(family), error),
                Ok(looked) => {
                    let found = canary.judge(looked);
                    let (sight, reason) = match found {
                        Found::Current | Found::Older => (Sight::Right, String::new()),
                        Found::Busy => (Sight::Unknown, "429: it is asked too often".to_owned()),
                        Found::Closed => (Sight::Closed, "503: it is closed, it says".to_owned()),
                        Found::Refused(status) => {
                            (Sight::Wrong, format!("{status} for {}", named(canary)))
                        }
                        Found::Other | Found::Absent => {
                            odd.push((canary.clone(), found));
                            continue;
                        }
                    };
                    if found == Found::Older {
                        odd.push((canary.clone(), found));
                    }
                    self.made(ask.at, Some(family), sight, reason)
                }
            };
            if let Ok(looked) = looked {
                made.quiet_s = looked.retry_after_s;
            }
            made.duration_ms = begun.elapsed().as_millis() as u64;
            return Try { odd, ..made };
        }
        let (sight, reason) = nothing_right(&odd);
        let duration_ms = begun.elapsed().as_millis() as u64;
        Try { odd, duration_ms, ..self.made(ask.at, Some(family), sight, reason) }
    }

    fn failed(&self, at: usize, family: Option<Family>, error: &LookError) -> Try {
        let sight = match error {
            LookError::Here(_) => Sight::Unknown,
            _ => Sight::Wrong,
        };
        Try { of_host: error.is_of_host(), ..self.made(at, family, sight, said(error)) }
    }

    fn made(&self, at: usize, family: Option<Family>, sight: Sight, reason: String) -> Try {
        let after_ms = self.begun.elapsed().as_millis() as u64;
        let (duration_ms, quiet_s, odd, of_host) = (0, None, Vec::new(), false);
        Try { at, family, sight, reason, duration_ms, after_ms, quiet_s, odd, of_host }
    }
}

impl Try {
    /// It said itself that it is closed.
    pub(crate) fn closed(at: usize) -> Try {
        Try {
            at,
            family: None,
            sight: Sight::Closed,
            reason: "503: it is closed, it says".to_owned(),
            duration_ms: 0,
            after_ms: 0,
            quiet_s: None,
            odd: Vec::new(),
            of_host: false,
        }
    }
}

/// What it means that no canary was as it should be.
fn nothing_right(odd: &[(Arc<Canary>, Found)]) -> (Sight, String) {
    let Some((canary, found)) = odd.first() else {
        return (Sight::Unknown, "nothing to ask for".to_owned());
    };
    let more = match odd.len() - 1 {
        0 => String::new(),
        more => format!(", nor is any of {more} other files as it should be"),
    };
    match found {
        Found::Absent => (Sight::Wrong, format!("404 for {}{more}", named(canary))),
        // It may be newer than what we know.
        _ if more.is_empty() => (Sight::Doubtful, format!("{} is another one", named(canary))),
        _ => (Sight::Wrong, format!("{} is another one{more}", named(canary))),
    }
}

fn named(canary: &Canary) -> &str {
    if canary.path.is_empty() { "its page" } else { &canary.path }
}

/// An error for people: what it is, and what the system said of it.
fn said(error: &LookError) -> String {
    let mut cause = std::error::Error::source(error);
    let mut deepest = None;
    while let Some(inner) = cause {
        deepest = Some(inner.to_string());
        cause = inner.source();
    }
    let Some(deepest) = deepest else { return error.to_string() };
    let deepest = deepest.split(" (os error").next().unwrap_or_default().to_owned();
    format!("{error}: {deepest}")
}
