//! What mirrors and publishers tell the director, over HTTPS.
//!
//! Everything that comes in is bounded before it is looked at: connections, time, how often an
//! address may ask, how many bodies there are at once, how large each is. Bodies are parsed by probe
//! workers only; here are who may say it ([`Desk`]), where it goes, and the words of the answer.
#![forbid(unsafe_code)]

/// The addresses, and the connections to them.
mod listener;
/// Certificates, and taking over new ones.
mod tls;
/// What all requests share: the catalog, the workers, the limits.
mod desk;
/// How often an address may ask.
mod rate;
/// A body, from the network to a worker.
mod body;
/// The rest of a body that nobody has read.
mod rest;
/// How many were refused.
mod refusals;
/// Why a request is not done, as an answer.
mod trouble;
/// What is where.
mod routes;
/// What mirrors say of themselves.
mod checkin;
/// What publishers say that they have changed.
mod notify;

pub use desk::{Desk, Notifier};
pub use listener::{StartError, Web};
pub use refusals::Refusals;
pub use tls::{Tls, TlsError};
