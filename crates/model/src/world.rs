//! Everything that is known at one moment.
//!
//! A world is plain data in vectors, and its parts name each other by index. That keeps half a
//! million directories small, lets equal sets of mirrors be stored once, and leaves nothing that
//! could dangle but an index, which [`World::check`] looks at.

use std::collections::HashMap;

use ipnet::IpNet;

use crate::{Asn, Continent, Country, Directory, Host, Mirror, Repository, RepositoryRedirect};

/// A mirror network as it was when it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct World {
    /// When the source was made, seconds since 1970.
    pub created_unix_s: u64,
    /// Where it came from, for people: `MirrorManager cache`, `AlmaLinux YAML`.
    pub source: String,
    /// All hosts.
    pub hosts: Vec<Host>,
    /// All mirrors.
    pub mirrors: Vec<Mirror>,
    /// The distinct sets of mirrors that directories refer to; the first is the empty one.
    pub mirror_sets: Vec<MirrorSet>,
    /// All directories.
    pub directories: Vec<Directory>,
    /// All repositories.
    pub repositories: Vec<Repository>,
    /// Other names of repositories.
    pub repository_redirects: Vec<RepositoryRedirect>,
    /// Repository prefixes that are switched off for every architecture.
    pub repositories_disabled: Vec<String>,
    /// Named lists of hosts, put first when a client names one.
    pub locations: Vec<Location>,
    /// Which continent a country lies on.
    pub country_continents: Vec<(Country, Continent)>,
    /// Countries that are served as if they lay on another continent.
    pub continent_redirects: Vec<(Country, Continent)>,
    /// Networks whose country is known better than a GeoIP database knows it.
    pub netblock_countries: Vec<(IpNet, Country)>,
    /// Which autonomous system announces a prefix.
    pub netblock_asns: Vec<(IpNet, Asn)>,
}

/// Position in [`World::hosts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostIndex(pub u32);

/// Position in [`World::mirrors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MirrorIndex(pub u32);

/// Position in [`World::mirror_sets`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MirrorSetIndex(pub u32);

/// Position in [`World::directories`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectoryIndex(pub u32);

/// Mirrors in rising order, each once.
pub type MirrorSet = Box<[MirrorIndex]>;

/// A named list of hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// What clients send as `location=`.
    pub name: String,
    /// The hosts that stand there.
    pub hosts: Vec<HostIndex>,
}

impl World {
    /// A world with nothing in it but the empty set of mirrors.
    pub fn new(source: impl Into<String>, created_unix_s: u64) -> World {
        World {
            created_unix_s,
            source: source.into(),
            mirror_sets: vec![MirrorSet::default()],
            ..World::default()
        }
    }

    /// The continent from which clients of a country are served: the redirect, else the table.
    pub fn continents(&self) -> HashMap<Country, Continent> {
        let mut continents: HashMap<_, _> = self.country_continents.iter().copied().collect();
        continents.extend(self.continent_redirects.iter().copied());
        continents
    }

    /// Looks at every index and says which part is wrong.
    ///
    /// # Errors
    ///
    /// The first index that points nowhere, or set that is not in rising order, in words.
    pub fn check(&self) -> Result<(), String> {
        let host = |h: HostIndex| (h.0 as usize) < self.hosts.len();
        let mirror = |m: MirrorIndex| (m.0 as usize) < self.mirrors.len();
        let set = |s: MirrorSetIndex| (s.0 as usize) < self.mirror_sets.len();
        for (i, m) in self.mirrors.iter().enumerate() {
            ensure(host(m.host), || format!("mirror {i} names host {}", m.host.0))?;
        }
        for (i, s) in self.mirror_sets.iter().enumerate() {
            ensure(s.iter().all(|&m| mirror(m)), || format!("mirror set {i} names no mirror"))?;
            ensure(s.is_sorted_by(|a, b| a < b), || format!("mirror set {i} is not sorted"))?;
        }
        for d in &self.directories {
            ensure(set(d.public) && set(d.private), || {
                format!("directory {} names no mirror set", d.name)
            })?;
        }
        for r in &self.repositories {
            let known = r.directory.is_none_or(|d| (d.0 as usize) < self.directories.len());
            ensure(known, || format!("repository {} {} names no directory", r.prefix, r.arch))?;
        }
        for l in &self.locations {
            ensure(l.hosts.iter().all(|&h| host(h)), || {
                format!("location {} names no host", l.name)
            })?;
        }
        Ok(())
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}
