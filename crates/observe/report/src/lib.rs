//! Measured truth: how releases spread, how good mirrors are, how much was answered.
//!
//! What is measured comes from the catalog's own observations ([`spread`], [`standings`]) and from
//! the counters of serving nodes (`Totals`), which are added up by day, each exactly once, however
//! often nodes are asked and however often they start anew. No address of a client is in any of it.
#![forbid(unsafe_code)]

/// How many mirrors have which version of a repository.
mod spread;
/// How far each mirror lags, how often and how fast it answers.
mod standing;
/// What serving nodes have counted.
mod totals;
/// Nodes, and how they are asked.
mod node;
/// What nodes have counted, into the catalog.
mod merge;

pub use merge::{Merged, merge};
pub use node::{Node, NodeError};
pub use spread::{record, spread};
pub use standing::{Standing, standings};
pub use totals::{Day, Malformed, NodeTotals, Run, TOTALS_BYTES_MAX};

#[cfg(test)]
mod tests;
