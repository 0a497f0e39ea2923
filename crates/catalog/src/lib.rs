//! The source of truth: what a mirror network's staff know, in one schema.
//!
//! A [`Catalog`] is an SQLite file or a PostgreSQL database, and nobody but this crate can tell
//! which: every statement is written once and means the same to both. It is read through a [`View`],
//! one consistent view of everything, and changed through a [`Txn`], which does all of a change or
//! nothing and notes each in the audit trail. [`View::world`] gives what snapshots are compiled
//! from, [`Txn::import`] takes what another system knows.
#![forbid(unsafe_code)]

/// Where a catalog is.
mod place;
/// An open catalog, and transactions on it.
mod catalog;
/// Every change: who, when, what it was and what it became.
mod audit;
/// Sites: who runs hosts.
pub mod site;
/// Hosts: machines that carry content.
pub mod host;
/// Categories: the parts of the tree that hosts carry.
pub mod category;
/// Directories of the master tree, and the files in them whose content is known.
pub mod directory;
/// What one mirror has of every directory.
pub mod states;
/// What the master tree was seen to hold.
pub mod scan;
/// How every directory of one mirror was last looked at.
pub mod looks;
/// What hosts said of themselves, and when.
pub mod checkin;
/// What crawls remember between each other.
pub mod crawl;
/// What came of asking URLs, and which of them clients are given.
pub mod probe;
/// How available and how fast a mirror is.
pub mod availability;
/// What people and programs are to be told.
pub mod notice;
/// Products and their versions.
pub mod product;
/// Repositories, their other names, and which are switched off.
pub mod repository;
/// What happens to a whole version at once.
pub mod release;
/// Countries and continents.
pub mod country;
/// Networks whose country is known better.
pub mod netblock;
/// Named lists of hosts.
pub mod location;
/// How releases spread.
pub mod propagation;
/// How much was answered.
pub mod statistic;
/// Accounts: people who may do something, and how they prove that it is they.
pub mod account;
/// Tokens: what a person's programs show instead of a password.
pub mod token;
/// Leases: work that one process at a time may do.
mod lease;
/// Which autonomous system announces which prefix.
mod routes;
/// The catalog as a world.
mod world;
/// Mirrors that probes find bad.
mod fallen;
/// Another system's world into the catalog.
pub mod import;
/// MirrorManager's own database.
pub mod mirrormanager;
/// What texts must be before they are stored.
mod check;
/// The schema, step by step.
mod migrate;
/// SQLite and PostgreSQL behind one transaction.
mod engine;
/// Why the catalog did not do it.
mod error;

pub use audit::{Action, Change, Entry, Filter};
pub use catalog::{Actor, Catalog, Ending, State, Txn, View, Weight};
pub use check::{NAME_BYTES_MAX, NOTES_BYTES_MAX, PATH_BYTES_MAX};
pub use error::Error;
pub use lease::{Lease, Taken};
pub use place::Place;

#[cfg(test)]
mod tests;
