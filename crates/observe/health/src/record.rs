//! What a round came to, as the catalog keeps it.

use std::collections::{BTreeMap, HashMap};

use heliostat_catalog::probe::{Health, Probe, Verdict};
use heliostat_observe_probe::Family;

use crate::lines::{Line, Lines};
use crate::plan::{Plan, Target};
use crate::standing::Sight;

/// What is to be written.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) health: Vec<(String, Health)>,
    pub(crate) probes: Vec<Probe>,
    /// Categories that have no good mirror.
    pub(crate) without: Vec<String>,
}

/// Puts together what is to be written.
pub(crate) fn record(plan: &Plan, lines: &mut Lines, now_unix_s: u64, sample_s: u64) -> Written {
    let mut written = Written::default();
    let mut mirrors: HashMap<i64, Health> = HashMap::new();
    for target in plan.targets.iter().filter(|target| !target.follows) {
        for (family, line) in lines.noteworthy(target, now_unix_s, sample_s) {
            written.probes.push(probe(target, family, &line, now_unix_s));
        }
        let Some(health) = lines.of(target).and_then(|known| health(target, known)) else {
            continue;
        };
        let best = mirrors.entry(target.key.0).or_insert_with(|| health.clone());
        if (health.good, health.score) > (best.good, best.score) {
            *best = health.clone();
        }
        written.health.push((label(target), health));
    }
    for target in plan.targets.iter().filter(|target| target.follows) {
        let Some(best) = mirrors.get(&target.key.0) else { continue };
        let mut health = Health { number: target.key.1, ..best.clone() };
        if !health.good {
            health.reason = short(format!("as its other URLs: {}", best.reason));
        }
        written.health.push((label(target), health));
    }
    let mut categories: BTreeMap<&str, bool> = BTreeMap::new();
    for target in &plan.targets {
        let good = mirrors.get(&target.key.0).is_none_or(|health| health.good);
        *categories.entry(&target.category).or_default() |= good;
    }
    let without = categories.into_iter().filter(|(_, good)| !good);
    written.without = without.map(|(category, _)| category.to_owned()).collect();
    written
}

fn health(target: &Target, known: &crate::lines::Known) -> Option<Health> {
    let (deciding, line) = known.deciding()?;
    let standing = &line.standing;
    let six = known.line(Family::V6).filter(|_| deciding == Family::V4);
    let reason = match six {
        _ if !standing.good || standing.failures > 0 => line.reason.clone(),
        Some(six) if !six.standing.good => format!("over IPv6: {}", six.reason),
        _ => String::new(),
    };
    Some(Health {
        mirror_id: target.key.0,
        number: target.key.1,
        good: standing.good,
        score: standing.score,
        failures: standing.failures,
        since_unix_s: standing.since_unix_s,
        probed_unix_s: standing.looked_unix_s.max(standing.since_unix_s),
        reason: short(reason),
    })
}

fn probe(target: &Target, family: Family, line: &Line, now_unix_s: u64) -> Probe {
    Probe {
        id: 0,
        host_id: target.host_id,
        url: target.url.clone(),
        family: Some(if family == Family::V4 { 4 } else { 6 }),
        at_unix_s: now_unix_s,
        verdict: match line.sight {
            Sight::Right | Sight::Doubtful => Verdict::Good,
            Sight::Wrong | Sight::Closed => Verdict::Bad,
            Sight::Unknown => Verdict::Unknown,
        },
        reason: short(line.reason.clone()),
        duration_ms: line.duration_ms,
        score: line.standing.score,
    }
}

fn label(target: &Target) -> String {
    short(format!("{} {}", target.host, target.url))
}

/// As the catalog takes it: one line, not too long.
fn short(text: String) -> String {
    let mut short: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut end = short.len().min(REASON_BYTES_MAX);
    while !short.is_char_boundary(end) {
        end -= 1;
    }
    short.truncate(end);
    short
}

const REASON_BYTES_MAX: usize = 250;
