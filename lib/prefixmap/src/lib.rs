#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

/// How to use it, in ten minutes.
#[doc = include_str!("../docs/GUIDE.md")]
pub mod guide {}
/// Why the image looks as it does.
#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}
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
/// The IPv4 prefixes of a map.
mod v4;
/// The IPv6 prefixes of a map.
mod v6;
/// The IPv4 prefixes from /17 to /24, when there are very many of them.
mod grid;
/// A table of sorted prefixes, and the search in it.
mod tree;
/// A prefix's length, value and link to its parent in a few bits.
mod record;
/// The numbers a search node is made of, and how addresses become them.
mod key;
/// IPv4 and IPv6 addresses as numbers.
mod address;
/// Where encoded bytes go.
mod sink;
/// What can be wrong with an image.
mod error;

pub use build::build;
pub use error::Error;
pub use layout::Layout;
pub use map::PrefixMap;
