//! MirrorManager: the cache of its mirrorlist server, and the address tables beside it.
//!
//! The cache is one protobuf message (proto2) of tens of megabytes. It is never decoded into
//! message structs: its fields are walked over the borrowed bytes and converted one by one, and
//! what repeats (mirrors, sets of mirrors) is stored once. That keeps time and memory near those
//! of reading the file.

/// Field numbers and names of the cache's schema.
mod schema;
/// Walks the fields of one protobuf message over borrowed bytes.
mod wire;
/// Keys and values of the messages that stand for maps.
mod entry;
/// The hosts, as the cache's tables and directories tell of them piece by piece.
mod hosts;
/// The small tables: all but files and directories.
mod tables;
/// File details, kept aside until their directories come.
mod files;
/// Mirrors and sets of mirrors, each stored once.
mod mirrors;
/// Directories: which hosts carry them, under which URLs.
mod directories;
/// The cache as a world.
mod read;
/// Writes protobuf fields into a buffer.
mod encode;
/// A world as a cache, for the mirrorlist servers that read one.
mod write;
/// Which autonomous system announces which prefix.
mod netblocks;
/// Which continent a country lies on.
mod countries;

pub use countries::{Countries, countries_read};
pub use netblocks::netblocks_read;
pub use read::{CacheError, cache_read};
pub use write::{CacheWriteError, cache_write, countries_write, netblocks_write};

#[cfg(test)]
mod tests;
