//! Fuzz targets for every parser, with their corpus.
//!
//! A target is a function over bytes that must return, whatever the bytes are; what it finds wrong
//! it says with a panic. `cargo test` runs each for a moment ([`exercise()`]), `cargo xtask fuzz`
//! runs them guided by coverage; `README.md` tells how.
#![forbid(unsafe_code)]

/// The targets.
pub mod targets;
/// The checked-in inputs of a target.
mod corpus;
/// Changes inputs at random, the same way every time.
mod mutate;
/// Runs a target for a moment: its corpus, then mutations of it.
mod exercise;

pub use exercise::{Outcome, exercise};
pub use targets::{TARGETS, Target};
