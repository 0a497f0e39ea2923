//! Seeded worlds of a real distribution's shape, for the demo, tests and benches.
//!
//! [`generate()`] makes a [`World`](heliostat_model::World) that looks like Fedora's: its
//! repositories and paths, mirrors all over the world that carry different parts of it, some of
//! them behind, private mirrors of universities and companies, a routing table. Beside it come the
//! clients ([`client_addresses`]), their questions ([`queries()`]), and a country database that
//! knows where the clients are ([`country_database`]). The same scale and seed give the same
//! bytes on every machine: nothing here looks at a clock, at floating point or at the order of a
//! hash table. Every host name is an example's.
#![forbid(unsafe_code)]

/// How large a world is.
mod scale;
/// Numbers that look random and never change.
mod random;
/// The countries and continents, and where mirrors and clients are.
mod countries;
/// Which addresses lie in which country, and clients that come from them.
mod addresses;
/// The routing table.
mod routes;
/// The machines.
mod hosts;
/// The tree of a distribution: categories, releases, repositories, directories.
mod tree;
/// Which mirror carries which part of the tree.
mod carriers;
/// The files of a directory whose content is known.
mod files;
/// Everything together.
mod generate;
/// What clients ask for.
mod queries;
/// A writer of MaxMind DB files.
pub mod mmdb;

pub use addresses::{
    ClientAddresses, address_country, client_addresses, country_database, country_networks,
};
pub use generate::generate;
pub use queries::{Endpoint, Queries, queries, query_mix};
pub use scale::Scale;

#[cfg(test)]
mod tests;
