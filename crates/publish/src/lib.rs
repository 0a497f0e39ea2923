//! World in, snapshot file out: compiled whole, written aside, synced, renamed.
//!
//! [`compile`] turns a [`World`](heliostat_model::World) into the bytes of a snapshot; it is a
//! function of its arguments alone, so the same world compiles to the same file. [`publish`]
//! puts those bytes under a name in such a way that a reader of that name sees the old file or
//! the new one, whole, at every moment, whatever fails in between.
#![forbid(unsafe_code)]

/// The compiler, stage by stage.
mod compile;
/// Texts, each stored once.
mod texts;
/// Countries, continents, and the order of mirrors that makes each of them a range.
mod geography;
/// The pieces of answers that are the same for every client.
mod markup;
/// Directories, their files and repositories.
mod tree;
/// What is known about addresses.
mod networks;
/// Putting a file under its name.
mod file;
/// Memory for compiling.
pub mod memory;

pub use compile::{Summary, compile};
pub use file::{Error, publish};
pub use heliostat_snapshot::encode::Stamp;

#[cfg(test)]
mod tests;
