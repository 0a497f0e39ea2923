//! The IPv4 prefixes from /17 to /24, when there are very many of them.
//!
//! The address space is cut into *blocks* of /16, and these into 256 *slots* of /24. A block has
//! one bit per slot that a prefix starts in. Counting the bits up to a slot gives the number of
//! the last prefix that starts at or before it, without any search. Everything a block has to say
//! lies in one place: its bits, then its records; most answers come from one or two cache lines.
//!
//! The longest prefix that starts in a slot is the slot's *head*. Shorter ones with the same start
//! are its *shadows* and stand aside. A record holds, beside the value, how long the prefix is and
//! how long its parent: since both are at least /17, three bits each are enough, and the parent's
//! place follows from its length. Prefixes up to /16 cover whole blocks; each block names the
//! longest that covers it. Where a slot contains prefixes longer than /24, its head says so; a
//! slot without a head of its own gets an *empty* one to say it.

/// Where the columns of the grid lie.
mod layout;
/// What stands in a head or shadow.
mod cell;
/// The search.
mod search;
/// The walk from the first prefix to the last.
mod cursor;
/// From prefixes to bytes.
mod encode;

pub(crate) use cursor::GridCursor;
pub(crate) use encode::encode_grid;
pub(crate) use layout::{Grid, GridNumbers};
pub(crate) use search::{Look, Spot};
