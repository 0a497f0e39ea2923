//! AlmaLinux: a configuration of versions and repositories, and a YAML file per mirror.
//!
//! Every public mirror is said to carry everything, and optional modules (such as `kitten`) have
//! addresses of their own. What is old, and what is not for users, comes from the vault: one host.
//! A repository is named `<repo>-<version>`, so that `repo=baseos&version=9` finds it as well.
//!
//! The YAML is read by `serde-saphyr`: it is maintained, has no `unsafe` of its own, works in one
//! pass without a tree, limits depth, size and aliases of a document, and takes types from the
//! structures that are read into, so that the country `NO` stays Norway and the version `8.10`
//! keeps its zero.

/// The files of a folder, and reading them from there.
mod documents;
/// One YAML document as a structure, within limits.
mod yaml;
/// What a mirror's file says, as a host and its base URLs.
mod mirror;
/// Countries by their names.
mod country_names;
/// Versions, architectures and repositories.
mod config;
/// All of it as a world.
mod read;

pub use documents::{AlmaLinuxError, Document, Documents};
pub use read::documents_read;

#[cfg(test)]
mod tests;
