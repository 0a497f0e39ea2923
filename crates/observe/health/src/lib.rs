//! Which mirrors answer: a light look at each of them every minute, and what it means for clients.
//!
//! A round ([`Rounds::run_once`]) asks every public URL of every active mirror for one small file that
//! the catalog knows, over each family of addresses that it has. What fails is asked for again at
//! once and a few times more; [`Standing`] decides, without a clock of its own, when it is left out of
//! answers and when it comes back. When most of what was good fails at once, it is our own network,
//! and nothing counts. The switches of owners and administrators are read and never written.
#![forbid(unsafe_code)]

/// What looks at one URL add up to.
mod standing;
/// Ours or theirs.
mod outage;
/// Small files that a mirror should have.
mod canary;
/// Whom to look at.
mod plan;
/// Asking mirrors.
mod asking;
/// What is remembered of each URL.
mod lines;
/// What a round came to, for the catalog.
mod record;
/// One round after the other.
mod round;
/// Who is told of it.
pub mod notify;
/// Why a round did not come to its end.
mod error;

pub use canary::{Canary, Found, Sign};
pub use error::Error;
pub use outage::Tally;
pub use round::{Change, HealthSettings, Rounds, Summary};
pub use standing::{Patience, Sight, Standing, Turn};

#[cfg(test)]
mod tests;
