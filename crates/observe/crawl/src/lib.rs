//! What each mirror has.
//!
//! A crawl takes what the master tree holds ([`Tree`]), asks every mirror for it in the cheapest way
//! that the mirror offers, and writes a [`Verdict`] for each directory: up to date, so many versions
//! behind, missing, or unknown, which changes nothing. Strangers' bytes are read by probe workers
//! only; what is learned of a host is written as it comes, by the one thread that has the catalog.
#![forbid(unsafe_code)]

/// What mirrors should have.
mod tree;
/// Whom to look at.
mod plan;
/// Politeness towards one host.
mod pace;
/// One request.
mod ask;
/// The clock of a server.
mod clock;
/// What a mirror has of each directory.
mod verdict;
/// Listings, compared with what should be there.
mod judge;
/// A mirror's pages.
mod pages;
/// A bucket of S3.
mod bucket;
/// A mirror that lists nothing.
mod heads;
/// A whole tree in one listing.
mod sight;
/// A module of rsync.
mod rsync;
/// The other ways to a mirror.
mod ways;
/// A host, looked at in all its ways.
mod host;
/// What was learned, into the catalog.
mod record;
/// The whole crawl.
mod crawl;
/// Why a crawl did not work.
mod error;

pub use ask::{Asked, Asker};
pub use crawl::{CrawlSettings, Event, Summary, crawl};
pub use error::Error;
pub use host::{HostReport, PartReport};
pub use pace::{Pace, PaceSettings, Turn};
pub use plan::{Part, PartUrl, Target, Wish, candidates, targets};
pub use tree::Tree;
pub use verdict::{Counts, Findings, Reason, Verdict};
