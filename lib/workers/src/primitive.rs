//! The atomics and fences that a [`Door`](crate::door::Door) is built from.
//!
//! `tests/loom.rs` compiles `door.rs` a second time over loom's, and explores every interleaving.

pub(crate) use std::sync::atomic::{AtomicU32, Ordering, fence};
