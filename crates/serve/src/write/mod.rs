//! The bytes of answers.
//!
//! Writing gathers: nearly every byte of an answer lies pre-rendered in the snapshot and is copied
//! from there. Only the header line, the time and the preferences are made for the occasion.

/// Plain text, a URL per line.
mod mirrorlist;
/// Metalink 3.0.
mod metalink;
/// Why there is no list, in words.
mod message;
/// Every candidate, and why it is or is not in the answer.
mod explain;

pub(crate) use explain::explain;
pub use explain::{Candidate, Client, Explanation};
pub(crate) use message::message;
pub(crate) use metalink::civil;
pub(crate) use metalink::metalink;
pub(crate) use mirrorlist::{mirrorlist, redirect};
