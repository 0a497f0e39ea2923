//! The director's end of looking at strangers: room for their bytes, fetching them, and a worker
//! process that reads them.
//!
//! The order is always the same. First [`Prober::document`] waits for the memory that the body may
//! take (the data permit); then the body is fetched into it, at most as many bytes as there is room
//! for; then [`Prober::probe`] hands it to a worker, which waits for its own permit (execution).
//! Nothing here looks into the bytes. What came of a document is a [`Found`] or a [`Failure`], and
//! whatever was refused has been counted by the name of its limit.
#![forbid(unsafe_code)]

/// What all probing of this process may take, and its workers.
mod prober;
/// A body as it comes in.
mod document;
/// What did not work, and whose fault it was.
mod failure;
/// Which addresses may be reached.
mod reach;
/// Bodies over HTTP.
mod fetch;
/// A light look at a URL, without its body.
mod look;
/// Telling a server something.
mod post;

pub use document::{Document, body_bytes_max};
pub use failure::Failure;
pub use fetch::{FetchError, FetchLimits, Fetched, Fetcher, Head, Validators};
pub use heliostat_observe_probe_wire as wire;
pub use heliostat_observe_probe_wire::Found;
pub use look::{LookError, LookLimits, Looked, Looker, Part};
pub use post::{Poster, choose_crypto};
pub use prober::{Counts, PROGRAM, ProbeSettings, Prober, program};
pub use reach::{Family, Forbidden, Reach, addresses};
