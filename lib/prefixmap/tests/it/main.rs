//! The map from outside: against a linear scan, and against bytes that lie.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod model;
mod hostile;
mod scan;
