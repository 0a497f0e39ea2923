//! The library from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[cfg(not(loom))]
mod fn_semantics;
#[cfg(not(loom))]
mod garbage;
#[cfg(all(target_os = "linux", not(loom)))]
mod group;
#[cfg(loom)]
mod loom;
#[cfg(not(loom))]
mod permit;
#[cfg(not(loom))]
mod time;
#[cfg(not(loom))]
mod trees;
#[cfg(all(target_os = "linux", not(loom)))]
mod watch;
