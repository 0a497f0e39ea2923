//! Mirrors on loopback that lag, lie, stall and vanish, over a primary copy of their own.
//!
//! A [`Tree`] is what a mirror holds: folders and files in memory, shared by all who hold the same,
//! so hundreds of mirrors of 30,000 folders cost one of them. [`Primary`] makes a small one with real
//! repositories and releases new versions of it; [`generated`] makes a large one. A [`Fleet`] serves
//! them: each [`Mirror`] on an address of its own in 127.0.0.0/8, with a [`Style`] of index and a
//! [`Manner`], both of which tests and the demo change while it runs. Mirrors count what they are
//! asked for.
//!
//! ```
//! use heliostat_testing_fleet::{Fleet, Manner, Post, Primary, Style};
//!
//! let mut primary = Primary::small(1_700_000_000);
//! let fleet = Fleet::start([
//!     Post::new("fresh", primary.newest()).style(Style::Apache),
//!     Post::new("dead", primary.newest()).manner(Manner::Refuses),
//! ])?;
//! primary.release(1_700_000_600);
//! // Nobody has the release, until somebody takes it.
//! fleet.mirror("fresh").expect("it is there").take(primary.newest());
//! assert_eq!(fleet.mirrors().len(), 2);
//! # Ok::<(), std::io::Error>(())
//! ```
#![forbid(unsafe_code)]

/// What a mirror holds.
mod tree;
/// A large tree that nobody has written.
mod generated;
/// A small primary copy with real repositories, and its releases.
mod primary;
/// Repositories, byte for byte.
mod repository;
/// Times, as servers write them.
mod date;
/// Numbers that look random and never change.
mod random;
/// Pages that list a folder.
mod listing;
/// How a mirror behaves.
mod manner;
/// Bodies: as they are, at a pace, without an end.
mod body;
/// What hostile mirrors send.
mod hostile;
/// What a mirror answers.
mod answer;
/// A mirror, and what it counts.
mod mirror;
/// All mirrors, on one small server.
mod fleet;

pub use fleet::{Fleet, Post};
pub use generated::generated;
pub use listing::Style;
pub use manner::{Away, Clock, Hostility, Manner};
pub use mirror::{Counts, Mirror};
pub use primary::Primary;
pub use tree::{Content, File, Folder, Tree};

#[cfg(test)]
mod tests;
