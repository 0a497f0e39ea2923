//! Benches side by side with the peers' designs, ratios in one run.
//!
//! A figure of one server on one machine says little, so each is taken beside others in the same
//! minutes: the same HTTP stack with a constant body, and nginx with a file of the same size. The
//! rounds are interleaved, ratios are formed within a round, and the median of the rounds counts.
//! The server has one core for itself, the load another. Everything stays on loopback and is
//! bounded in number and time; every child dies with the bench.
#![forbid(unsafe_code)]

/// The cores, and who may use which.
pub mod machine;
/// Processes that die with the bench.
pub mod child;
/// CPU time and memory of a process, as the kernel counts them.
pub mod usage;
/// Medians, ratios, and tables of them.
pub mod table;
/// The files that a server is started with.
pub mod inputs;
/// Requests of many clients.
pub mod targets;
/// The servers that are compared.
pub mod servers;
/// A client that times every request.
pub mod client;
/// Full load over kept connections.
pub mod steady;
/// Replacing the snapshot under full load.
pub mod reload;
/// Compiling the snapshot.
pub mod compile;
/// Many clients at once, each with a connection of its own, or behind a few proxies.
pub mod crowd;
