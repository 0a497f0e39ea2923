//! What mirrors say of themselves: who may say it, and what it means for the catalog.
//!
//! A private mirror cannot be looked at from outside, and one that has just synchronised need not
//! wait until somebody looks: its own machine walks its tree ([`collect`]) and sends what is there.
//! What arrives has been through a probe worker; it becomes a [`Report`], and [`take`] compares that
//! with what should exist and writes states, looks and a note of the check-in.
#![forbid(unsafe_code)]

/// A tree, walked where it lies.
mod collect;
/// A document to the director.
mod post;
/// What a host says, as a worker found it.
mod report;
/// Who may speak for which host.
mod speaker;
/// What a category's folders come to.
mod compare;
/// A report into the catalog.
mod take;

pub use collect::{Collected, Tree, collect};
pub use post::{Director, PostError, post};
pub use report::{Report, Reported, Unsaid};
pub use speaker::{Refused, Speaker};
pub use take::{Receipt, Received, take};

#[cfg(test)]
mod tests;
