//! The words of a mirror network: what a host, a mirror, a directory, a repository and a country are.
//!
//! Every other crate speaks in these types. They hold data and the meaning of data, nothing else:
//! no files, no sockets, no clock. A [`World`] is everything that is known at one moment; it is
//! what importers produce and what the compiler of snapshots consumes.
#![forbid(unsafe_code)]

/// Two-letter codes of countries and continents.
mod country;
/// A machine that carries content, and what its owner said about it.
mod host;
/// One base URL, and its scheme.
mod url;
/// What one host offers of one category.
mod mirror;
/// A place in the tree, the mirrors that carry it, and its files.
mod directory;
/// The names under which clients ask for directories.
mod repository;
/// Everything that is known at one moment.
mod world;
/// What a source knows of people's side.
mod facts;

pub use country::{Code, Continent, Country};
pub use directory::{Directory, File, FileDetail};
pub use facts::{CategoryFacts, Facts, HostFacts, VersionFacts};
pub use host::{Asn, Coordinates, Host};
pub use ipnet::{IpNet, Ipv4Net, Ipv6Net};
pub use mirror::Mirror;
pub use repository::{Repository, RepositoryRedirect};
pub use url::{Scheme, Url};
pub use world::{
    DirectoryIndex, HostIndex, Location, MirrorIndex, MirrorSet, MirrorSetIndex, World,
};

#[cfg(test)]
mod tests;
