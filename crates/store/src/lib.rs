//! Where snapshots lie between those who publish and those who serve: a folder, or an object store.
//!
//! Each generation is a file of its own, and one small [`Pointer`] names the newest. Files are never
//! changed; the pointer is only ever replaced by somebody who has seen what it replaces, so two
//! publishers cannot undo each other, and a publisher that was overtaken while it slept writes
//! nothing. Folder and object store have the same layout and the same rules. [`Store::publish`] and
//! [`Store::rollback`] move the pointer forward; a [`Follower`] brings what it names to this machine.
#![forbid(unsafe_code)]

/// Which store: a folder or a bucket.
mod location;
/// The one small object that names the newest generation.
mod pointer;
/// A folder as a store.
mod folder;
/// An object store, through S3.
mod objects;
/// Either of them.
mod store;
/// Moving the pointer forward.
mod publish;
/// The last good copy on this machine.
mod cache;
/// Bringing what the pointer names to this machine.
mod follow;
/// What went wrong.
mod error;

pub use cache::Cache;
pub use error::Error;
pub use follow::{Follower, Status};
pub use location::{Access, Location};
pub use pointer::{Generation, POINTER, Pointer};
pub use publish::{Published, Work};
pub use store::{Seen, Store, Version};

/// A number that nobody else has: the standard library seeds its hash tables with one.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// What a folder also has: a link to the newest file, for a server that is given the file's name.
pub const LINK: &str = "current.snapshot";

#[cfg(test)]
mod tests;
