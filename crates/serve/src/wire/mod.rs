//! Sockets, HTTP, limits, and the access log: where whatever arrives becomes a question, and an
//! answer becomes bytes on a connection.
//!
//! Each serving thread stands alone on its CPU: its own listeners in a `SO_REUSEPORT` group, its own
//! single-threaded runtime, its own connections, scratch memory and log buffer. Threads share the
//! pointer to the snapshot and counters in per-CPU rows, nothing else.

/// What an operator can set, and every limit with its name.
mod settings;
/// Listening sockets.
mod listen;
/// Which thread runs on which CPU, and which listeners it takes connections from.
mod places;
/// The threads of a server, from start to drain.
mod server;
/// One serving thread.
mod thread;
/// One connection: its limits in time, and how it is told to end.
mod connection;
/// One request: to a question, to a response.
mod service;
/// Response bodies in buffers that go back to their pool.
mod body;
/// A line for every answer, which never waits for a disk.
mod log;
/// What the server did, in numbers.
mod totals;
/// Answers, counted by what they were about.
mod tally;

pub use listen::{ListenError, Listeners};
pub use log::{AccessLog, LogCounts};
pub use server::{Server, StartError};
pub use settings::{Limits, Settings};
pub use tally::{AnswerKey, Clerk, Marks, RepositoryName, Tally};
pub use totals::{ANSWER_KEYS_MAX, Event, Totals};
