#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(any(feature = "std", test))]
extern crate std;

/// Ten minutes: scopes, the closure forms, locks, recovery, clocks and tests.
#[doc = include_str!("../docs/GUIDE.md")]
pub mod guide {}
/// Why it is so: three states, one byte, and who may touch them.
#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}
/// What it cannot see, what it does not do, and what does not compile.
#[doc = include_str!("../docs/LIMITS.md")]
pub mod limits {}
/// What changed from version to version.
#[doc = include_str!("../CHANGELOG.md")]
pub mod changelog {}
/// Data, and whether the last change to it was finished.
mod poison;
/// A scope held by hand: access until it is disarmed.
mod guard;
/// Scopes as closures, which tell exactly how they ended.
mod scope;
/// The ways back from poison.
mod repair;
/// Why a scope did not end well.
mod cause;
/// What is said of poisoned data.
mod error;
/// Who tells the time of a poisoning, and is told of it.
mod witness;
/// The three states, and the one step into poison.
mod state;
/// A moment as people write it.
mod moment;

pub use cause::Cause;
pub use error::Error;
pub use guard::{Access, Guard};
pub use poison::Poison;
pub use repair::Repair;
pub use witness::{System, Witness};
