//! What the director asks of a probe worker, and what comes back.
//!
//! The worker parses strangers' bytes and may have been taken over by them, so both directions are
//! hostile: the worker checks the [`Task`], and the director believes of the answer nothing but what
//! [`Verdict::decode`] lets through. Every length is checked against what is there before anything
//! is reserved for it, every path is relative and goes nowhere but down, and one value has one
//! encoding.
#![forbid(unsafe_code)]

/// What a document is, and how much of it may be looked at.
mod task;
/// Why bytes are refused: each reason is a limit with a name.
mod limit;
/// One thing that a document speaks of.
mod entry;
/// What came of a task.
mod verdict;
/// Paths that go nowhere but down.
mod path;
/// Numbers and texts as bytes.
mod bytes;

pub use bytes::Malformed;
pub use entry::{Entry, Hash, Kind, Size, Time, Zone};
pub use limit::Limit;
pub use path::{NAME_BYTES_MAX, PATH_BYTES_MAX, PATH_PARTS_MAX, path_check};
pub use task::{Format, Limits, Task};
pub use verdict::{
    FACT_BYTES_MAX, FACTS_MAX, Fact, Facts, Found, LABEL_BYTES_MAX, LeftOut, Refused, Verdict,
    WHAT_BYTES_MAX,
};

#[cfg(test)]
mod tests;
