//! What nodes have counted, into the catalog: each answer once, however often it is told.

use std::collections::BTreeMap;

use heliostat_catalog::statistic::{Dimension, Statistic};
use heliostat_catalog::{Error, Txn};
use serde::Serialize;

use crate::totals::{Day, NodeTotals};

/// What a merge has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// Answers that are new.
    pub answers: u64,
    /// Runs of nodes that were told.
    pub runs: u64,
    /// Runs with something new.
    pub runs_changed: u64,
    /// Days that cannot be: their node's clock is wrong, or they are over for long.
    pub days_refused: u64,
}

/// Adds what a node has counted since it was last asked.
///
/// Of each run and day it is remembered what was counted by then. Counts of a run only rise, so an
/// older word about it, or the same one again, adds nothing.
///
/// # Errors
///
/// When the catalog cannot be written.
pub fn merge(txn: &mut Txn<'_>, told: &NodeTotals, merged: &mut Merged) -> Result<(), Error> {
    let now_unix_s = txn.actor().now_unix_s;
    let today = (now_unix_s / DAY_S) as u32;
    for run in &told.runs {
        merged.runs += 1;
        let mut changed = false;
        for (&day, counted) in &run.days {
            if day > today + 1 || day + DAYS_TAKEN < today {
                merged.days_refused += 1;
                continue;
            }
            let before = txn.view().statistic_run(&run.run, day)?;
            let before: Day = match before.as_deref().map(serde_json::from_str) {
                Some(Ok(before)) => before,
                Some(Err(_)) => {
                    return Err(Error::Damaged { what: format!("what run {} counted", run.run) });
                }
                None => Day::new(),
            };
            let (after, news) = grown(before, counted, day);
            if news.is_empty() {
                continue;
            }
            changed = true;
            let by_status = news.iter().filter(|one| one.dimension == Dimension::Status);
            merged.answers += by_status.map(|one| one.answers).sum::<u64>();
            txn.statistic_add(&news)?;
            let json = serde_json::to_string(&after);
            let json = json.map_err(|error| Error::Damaged { what: error.to_string() })?;
            txn.statistic_run_set(&run.run, day, &told.node, &json)?;
        }
        merged.runs_changed += u64::from(changed);
    }
    // What is not taken any more need not be remembered.
    txn.statistic_run_expire(today.saturating_sub(DAYS_TAKEN + 1))?;
    Ok(())
}

/// What is known after a word about a day, and what of it is new.
fn grown(mut known: Day, counted: &Day, day: u32) -> (Day, Vec<Statistic>) {
    let mut news = Vec::new();
    for (dimension, names) in counted {
        let sort = Dimension::ALL.into_iter().find(|known| known.as_str() == dimension);
        // It was checked when it was read.
        let Some(sort) = sort else { continue };
        let known: &mut BTreeMap<String, u64> = known.entry(dimension.clone()).or_default();
        for (name, &count) in names {
            let before = known.get(name).copied().unwrap_or(0);
            if count > before {
                let answers = count - before;
                news.push(Statistic { day, dimension: sort, name: name.clone(), answers });
                known.insert(name.clone(), count);
            }
        }
    }
    (known, news)
}

const DAY_S: u64 = 86_400;

/// Days before today that are still taken.
const DAYS_TAKEN: u32 = 45;
