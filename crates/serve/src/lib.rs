//! The hot path: a question comes in, mirrors are chosen, an answer goes out.
//!
//! [`answer`](answer()) is the whole of it: a pure function from a [`Snapshot`] and an [`Ask`] to
//! an [`Answer`], with no clock, lock, log or error. Time and randomness come in with the
//! question, so that the same question gets the same answer, byte for byte. Around it lies the
//! wire: sockets, HTTP, limits and the access log, which may fail, and turn whatever arrives
//! into a question or a refusal. The snapshot is replaced under it as a whole.
#![forbid(unsafe_code)]

/// What is asked: a query, and who asks it.
pub mod ask;
/// Which mirrors, in which order.
mod choose;
/// The bytes of answers.
mod write;
/// From a question to an answer.
mod answer;
/// The current snapshot, and how it is replaced.
pub mod current;
/// Sockets, HTTP, limits, and the access log.
pub mod wire;

pub use answer::{Answer, Outcome, Scratch, answer, explanation};
pub use ask::{Ask, Form, Policy, Refusal};
pub use choose::Tier;
pub use heliostat_snapshot::{Code, CountryTable, Snapshot};
pub use write::{Candidate, Client, Explanation};

#[cfg(test)]
mod tests;
