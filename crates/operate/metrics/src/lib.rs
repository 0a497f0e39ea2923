//! What the server did, for those who watch it: OpenMetrics text on an address of its own.
//!
//! Reading costs the serving threads nothing: they count into per-CPU rows, and a thread that serves
//! nothing else adds those up when somebody asks. No address of a client is kept or shown.
#![forbid(unsafe_code)]

/// The numbers as OpenMetrics text.
mod text;
/// The numbers by day, for those who add up many nodes.
mod books;
/// The address that answers with it.
mod listener;

pub use books::Books;
pub use listener::{Metrics, StartError};
pub use text::{CONTENT_TYPE, Subject};
