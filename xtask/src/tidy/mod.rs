//! The rules of this tree that no compiler knows, run as an ordinary test.
//!
//! Each rule is a function from text to [`Finding`](crate::tidy::Finding)s, so that its tests can
//! show it a sample that must fail. The module `check` applies all of them to the tree.

/// All rules, over the whole tree.
mod check;
/// The files that are tracked, or would be.
mod tree;
/// Rust as tokens: lines, functions, attributes.
mod code;
/// Every file opens with what it is.
mod opening;
/// Functions fit on a page, files in a head.
mod size;
/// Where `unsafe` may stand.
mod safety;
/// Words that must not be left behind.
mod words;
/// Nothing names the machine it was written on.
mod place;
/// Documents point at files that exist.
mod link;
/// Every crate inherits from the workspace.
mod manifest;
/// ARCHITECTURE.md and Cargo agree on who uses whom.
mod arrows;
/// Licences, bans and sources of what we depend on.
mod dependency;
/// Licence expressions.
mod spdx;

pub(crate) use check::{Finding, run};

#[cfg(test)]
mod tests;
