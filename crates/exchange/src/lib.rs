//! Other systems' data to and from the world: MirrorManager's cache, AlmaLinux YAML, lists of
//! mirrors, address tables.
//!
//! Bytes in, a [`World`] out, and the other way round. There are no sockets
//! here and no clock: who calls brings the bytes and the times. Other people's data is never
//! perfect, so an importer keeps what is sound, and reports each thing that is not as a
//! [`Problem`]; only input that is something else altogether is an error.
#![forbid(unsafe_code)]

/// What was wrong with a part of the input, and where.
mod problem;
/// Prefixes as people write them.
mod prefix;
/// MirrorManager: the cache of its mirrorlist server, and the address tables beside it.
pub mod mirrormanager;
/// AlmaLinux: a configuration of versions and repositories, and a YAML file per mirror.
pub mod almalinux;
/// Lists of mirrors: mirrorbits, MirrorBrain, Debian.
pub mod lists;
/// Countries by address, from a GeoIP database.
pub mod geoip;

/// Worlds and problems as text, for tests.
#[cfg(test)]
mod show;

pub use prefix::{Typed, network_read};
pub use problem::{PROBLEMS_KEPT_PER_KIND_MAX, Problem, ProblemKind, Problems};

use heliostat_model::{Facts, HostFacts, World};

/// What an importer made of its input.
#[derive(Clone, Debug)]
pub struct Import {
    /// Everything that was sound.
    pub world: World,
    /// Everything that was not.
    pub problems: Problems,
    /// What it says that no answer depends on.
    pub facts: Facts,
}

impl Import {
    /// Takes hosts that somebody has switched off from all who carry something: what is compiled
    /// has no switches.
    pub fn switched_off_left_out(mut self) -> Import {
        let on = |host: u32| self.facts.hosts.get(host as usize).is_none_or(HostFacts::is_active);
        let mirrors = &self.world.mirrors;
        for set in &mut self.world.mirror_sets {
            if !set.iter().all(|mirror| on(mirrors[mirror.0 as usize].host.0)) {
                let kept = set.iter().filter(|mirror| on(mirrors[mirror.0 as usize].host.0));
                *set = kept.copied().collect();
            }
        }
        self
    }
}
