//! What is remembered of each URL between rounds: a standing for each family of addresses.
//!
//! Clients are given a URL as its IPv4 addresses deserve it, if it has any: they all have IPv4 or
//! fall back to it. Where IPv6 alone fails that is noted and told, but costs nobody a mirror.

use std::collections::HashMap;

use heliostat_catalog::probe::Health;
use heliostat_observe_probe::Family;

use crate::asking::Try;
use crate::plan::Target;
use crate::standing::{Patience, Sight, Standing, Turn};

/// A URL over one family of addresses.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) standing: Standing,
    /// What the last look came to, and why it did not come to more.
    pub(crate) sight: Sight,
    pub(crate) reason: String,
    pub(crate) duration_ms: u64,
    /// What is in the history of it last, and since when.
    pub(crate) noted: Option<(Sight, u64)>,
}

/// A URL.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Which one: its number may become another one's.
    url: String,
    lines: [Option<Line>; 2],
    /// As it was before this process began.
    remembered: Option<Standing>,
}

/// All URLs.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    known: HashMap<(i64, i64), Known>,
}

/// A line that turned.
#[derive(Clone, Debug)]
pub(crate) struct Turned {
    pub(crate) at: usize,
    pub(crate) family: Family,
    pub(crate) turn: Turn,
    pub(crate) reason: String,
    /// It decides whether clients are given the URL.
    pub(crate) decides: bool,
}

impl Line {
    fn new(standing: Standing) -> Line {
        let (reason, sight) = (String::new(), Sight::Unknown);
        Line { standing, sight, reason, duration_ms: 0, noted: None }
    }
}

impl Known {
    /// The family that decides.
    pub(crate) fn deciding(&self) -> Option<(Family, &Line)> {
        let [four, six] = &self.lines;
        let four = four.as_ref().map(|line| (Family::V4, line));
        four.or_else(|| six.as_ref().map(|line| (Family::V6, line)))
    }

    /// Whether clients are given it over a family, as far as that is known; nothing, when it has no
    /// such addresses.
    pub(crate) fn good(&self, family: Family) -> Option<bool> {
        let line = self.lines[family as usize].as_ref();
        let new = self.deciding().is_none() && family == Family::V4;
        let remembered = || self.remembered.as_ref().is_none_or(|standing| standing.good);
        line.map(|line| line.standing.good).or_else(|| new.then(remembered))
    }

    pub(crate) fn line(&self, family: Family) -> Option<&Line> {
        self.lines[family as usize].as_ref()
    }

    fn line_mut(&mut self, family: Family, now_unix_s: u64) -> &mut Line {
        let decides = family == Family::V4 || self.lines[Family::V4 as usize].is_none();
        let remembered = if decides { self.remembered.take() } else { None };
        self.lines[family as usize].get_or_insert_with(|| {
            Line::new(remembered.unwrap_or_else(|| Standing::new(now_unix_s)))
        })
    }

    /// Whether it is worth a look now.
    pub(crate) fn is_due(&self, now_unix_s: u64) -> bool {
        let lines = self.lines.iter().flatten();
        let mut all = lines.map(|line| &line.standing).chain(&self.remembered).peekable();
        all.peek().is_none() || all.any(|standing| standing.is_due(now_unix_s))
    }
}

impl Lines {
    /// What the catalog remembers of URLs that nothing is known of yet.
    pub(crate) fn remember(&mut self, targets: &[Target], health: &[Health]) {
        let health: HashMap<_, _> =
            health.iter().map(|health| ((health.mirror_id, health.number), health)).collect();
        for target in targets {
            let remembered = health.get(&target.key).map(|health| {
                let times = (health.since_unix_s, health.probed_unix_s);
                Standing::remembered(health.good, health.score, health.failures, times)
            });
            self.known.insert(
                target.key,
                Known { url: target.url.clone(), lines: [None, None], remembered },
            );
        }
    }

    /// Forgets what is not in the plan any more, and what has become another URL.
    pub(crate) fn keep(&mut self, targets: &[Target]) {
        let mut before = std::mem::take(&mut self.known);
        for target in targets {
            let known = before.remove(&target.key).filter(|known| known.url == target.url);
            let url = target.url.clone();
            let new = || Known { url, lines: [None, None], remembered: None };
            self.known.insert(target.key, known.unwrap_or_else(new));
        }
    }

    pub(crate) fn of(&self, target: &Target) -> Option<&Known> {
        self.known.get(&target.key)
    }

    /// Notes which families a URL has: what it has no longer is forgotten.
    pub(crate) fn families(&mut self, target: &Target, families: &[Family], now_unix_s: u64) {
        let Some(known) = self.known.get_mut(&target.key) else { return };
        // Whichever decided before is what it is remembered by.
        if let (false, Some((_, line))) = (families.is_empty(), known.deciding())
            && !families.contains(&Family::V4)
            && known.line(Family::V6).is_none()
        {
            known.remembered = Some(line.standing.clone());
        }
        for family in [Family::V4, Family::V6] {
            if families.contains(&family) {
                known.line_mut(family, now_unix_s);
            } else {
                known.lines[family as usize] = None;
            }
        }
    }

    /// Counts a look.
    pub(crate) fn see(
        &mut self,
        target: &Target,
        one: &Try,
        patience: &Patience,
        begun_unix_ms: u64,
    ) -> Vec<Turned> {
        let Some(known) = self.known.get_mut(&target.key) else { return Vec::new() };
        let now_unix_ms = begun_unix_ms + one.after_ms;
        let families: Vec<Family> = match one.family {
            Some(family) => vec![family],
            None => {
                [Family::V4, Family::V6].into_iter().filter(|&f| known.line(f).is_some()).collect()
            }
        };
        // Of a name that never had an address, the first family is as good as any.
        let families = if families.is_empty() { vec![Family::V4] } else { families };
        let mut turned = Vec::new();
        for family in families {
            let line = known.line_mut(family, begun_unix_ms / 1_000);
            let turn = line.standing.see(one.sight, patience, now_unix_ms);
            line.sight = one.sight;
            line.reason.clone_from(&one.reason);
            line.duration_ms = one.duration_ms;
            let decides = known.deciding().is_some_and(|(deciding, _)| deciding == family);
            if turn != Turn::Stays {
                let reason = one.reason.clone();
                turned.push(Turned { at: one.at, family, turn, reason, decides });
            }
        }
        turned
    }

    /// Of each line that the history should say something new of, what and when.
    pub(crate) fn noteworthy(
        &mut self,
        target: &Target,
        now_unix_s: u64,
        sample_s: u64,
    ) -> Vec<(Family, Line)> {
        let Some(known) = self.known.get_mut(&target.key) else { return Vec::new() };
        let mut found = Vec::new();
        for (family, line) in [Family::V4, Family::V6].into_iter().zip(&mut known.lines) {
            let Some(line) = line else { continue };
            let is_new = match line.noted {
                None => true,
                Some((sight, at)) => {
                    sight != line.sight || now_unix_s.saturating_sub(at) >= sample_s
                }
            };
            if is_new {
                line.noted = Some((line.sight, now_unix_s));
                found.push((family, line.clone()));
            }
        }
        found
    }
}
