//! Who is told that mirrors have gone or come back, and how.
//!
//! A round writes its messages into the catalog together with what they tell of. A `Teller`
//! takes them from there one after the other, for as long as it takes: whoever was away is told
//! later, and nothing is forgotten by a restart.

/// What is told, and to whom.
mod message;
/// Requests to URLs.
mod webhook;
/// Letters.
mod mail;
/// Telling, again and again until it is taken.
mod teller;

pub use mail::{MailError, Post};
pub use message::{Recipients, test_notices};
pub(crate) use message::{Told, messages};
pub use teller::{Counts, TellError, Teller, TellerSettings};
pub use webhook::signature;
