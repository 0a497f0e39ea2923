//! A table of sorted prefixes, and the search in it.
//!
//! Prefixes are ordered by start address, shorter first, and dealt out to leaves: 64 bytes of keys,
//! then the records of the same prefixes. Above the leaves lies a search tree: each level holds the
//! first key of every node below. A step down counts how many keys of a node are not above the
//! address, so that no branch depends on the data. The search ends at the last prefix that starts
//! at or before the address. If that one does not contain the address, then the answer is the
//! first of its ancestors that does.
//!
//! A leaf that is not full repeats its last prefix. A repeated prefix is as good as the first: the
//! search may end at either.

/// Where the columns of a tree lie.
mod layout;
/// The search.
mod search;
/// The walk from the first prefix to the last.
mod cursor;
/// From prefixes to bytes.
mod encode;

pub(crate) use cursor::TreeCursor;
pub(crate) use encode::encode_tree;
pub(crate) use layout::{Tree, TreeNumbers};
pub(crate) use search::Hit;
