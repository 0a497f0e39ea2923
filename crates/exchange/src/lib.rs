//! Other systems' data to and from the world: MirrorManager's cache, AlmaLinux YAML, address tables.
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
/// Countries by address, from a GeoIP database.
pub mod geoip;

/// Worlds and problems as text, for tests.
#[cfg(test)]
mod show;

pub use problem::{PROBLEMS_KEPT_PER_KIND_MAX, Problem, ProblemKind, Problems};

use heliostat_model::World;

/// What an importer made of its input.
#[derive(Clone, Debug)]
pub struct Import {
    /// Everything that was sound.
    pub world: World,
    /// Everything that was not.
    pub problems: Problems,
}
