//! The library from outside.
#![cfg(not(loom))]

mod blocking;
mod fn_semantics;
mod garbage;
mod group;
mod permit;
mod trees;
mod watch;
