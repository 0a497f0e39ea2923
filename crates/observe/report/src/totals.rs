//! What serving nodes have counted: a document for each node, with a part for each of its runs.
//!
//! A run is one process from its start to its end; its counts only rise. A node keeps the counts of
//! the runs before this one in files, so that what was counted between the last question and a
//! restart is not lost.

use std::collections::BTreeMap;

use heliostat_catalog::statistic::Dimension;
use serde::{Deserialize, Serialize};

/// What a node has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeTotals {
    /// What the format is called and how it is numbered: 1.
    pub version: u32,
    /// The name of the machine.
    pub node: String,
    /// Its runs.
    pub runs: Vec<Run>,
}

/// What one process has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Tells it from every other run of every node.
    pub run: String,
    /// Its counts, by days since 1970.
    pub days: BTreeMap<u32, Day>,
}

/// What was counted on a day: by dimension and name.
pub type Day = BTreeMap<String, BTreeMap<String, u64>>;

/// A document that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Malformed {
    /// What is wrong with it.
    pub what: String,
}

impl NodeTotals {
    /// Reads a document.
    ///
    /// # Errors
    ///
    /// When it is none, or is beyond a limit.
    pub fn parse(bytes: &[u8]) -> Result<NodeTotals, Malformed> {
        let refuse = |what: &str| Err(Malformed { what: what.to_owned() });
        if bytes.len() > TOTALS_BYTES_MAX {
            return refuse("it is larger than 64 MiB (totals_bytes_max)");
        }
        let read = serde_json::from_slice::<NodeTotals>(bytes);
        let totals =
            read.map_err(|error| Malformed { what: format!("it cannot be read: {error}") })?;
        if totals.version != VERSION {
            return refuse("it is of another version");
        }
        if !is_name(&totals.node) || totals.runs.len() > RUNS_MAX {
            return refuse("its node has no name, or more than 4096 runs (runs_max)");
        }
        for run in &totals.runs {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if run.run.is_empty() || run.run.len() > 64 || !run.run.bytes().all(plain) {
                return refuse("a run has no sensible name");
            }
            if run.days.len() > DAYS_MAX {
                return refuse("a run has more than 400 days (days_max)");
            }
            for (dimension, names) in run.days.values().flatten() {
                if !Dimension::ALL.iter().any(|known| known.as_str() == dimension) {
                    return refuse("it counts by something unknown");
                }
                if names.len() > NAMES_MAX || !names.keys().all(|name| is_name(name)) {
                    return refuse(
                        "a name makes no sense, or there are more than 100,000 (names_max)",
                    );
                }
                if names.values().any(|&count| count > COUNT_MAX) {
                    return refuse("a count is larger than anybody can count (count_max)");
                }
            }
        }
        Ok(totals)
    }
}

impl NodeTotals {
    /// Writes a document.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        // Texts and numbers under texts: there is nothing that JSON cannot say.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.chars().any(char::is_control)
}

const VERSION: u32 = 1;

/// The longest document.
pub const TOTALS_BYTES_MAX: usize = 64 << 20;

const RUNS_MAX: usize = 4_096;
const DAYS_MAX: usize = 400;
const NAMES_MAX: usize = 100_000;

/// A million answers a second for a thousand years.
const COUNT_MAX: u64 = 1 << 55;
