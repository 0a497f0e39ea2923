//! What should exist: the master tree, its repositories, and what clients verify.
//!
//! A scan walks the primary copy of a category ([`Origin`]: a folder, a module of rsync, a page of
//! HTTP), compares each directory's mark with what the catalog remembers, and looks only at what
//! has changed: metadata goes through a probe worker, and what clients verify is hashed in one pass.
//! What was learned is written in small transactions as it comes, so a scan that is killed has
//! lost a second, and the next one goes on.
#![forbid(unsafe_code)]

/// Where the primary copy is.
mod origin;
/// How much of it is looked at.
mod extent;
/// A directory as a listing shows it.
mod folder;
/// Listings: of a folder, of rsync, of HTTP.
mod walk;
/// What a file is for, by its name.
mod purpose;
/// Four hashes in one pass.
mod hash;
/// A file's bytes, wherever it lies.
mod content;
/// What the metadata of a directory says.
mod look;
/// What a file was: which of its versions are kept.
mod history;
/// The names of repositories that nobody has named.
mod naming;
/// What was learned, into the catalog.
mod record;
/// Images: large, and hashed piece by piece.
mod images;
/// The whole scan.
mod scan;
/// Which mirrors hold a part of the tree.
mod announce;
/// Why a scan did not work.
mod error;

pub use announce::{Share, share};
pub use error::Error;
pub use extent::{Extent, Part};
pub use history::{KEEP_S, aged};
pub use origin::{Origin, OriginError};
pub use scan::{Problem, Progress, ScanSettings, Summary, scan};
