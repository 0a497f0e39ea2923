#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

/// How large, how slow at worst, and what it does not do.
#[doc = include_str!("../docs/LIMITS.md")]
pub mod limits {}
/// The map: every question that can be asked.
pub mod map;
/// The iterators the map hands out.
pub mod iter;
/// From prefixes to an image.
mod build;
/// From an image to a layout: nothing in it is believed.
mod check;
/// Where each column of an image lies.
pub mod layout;
/// One family's sorted prefixes and the search in them.
mod tree;
/// A prefix's length, value and link to its parent in a few bytes.
mod record;
/// IPv4 and IPv6 addresses as numbers.
mod address;
/// What can be wrong with an image.
mod error;

pub use build::build;
pub use error::Error;
pub use layout::Layout;
pub use map::PrefixMap;
