//! The library from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

#[cfg(not(any(loom, shuttle)))]
mod fn_semantics;
#[cfg(not(any(loom, shuttle)))]
mod garbage;
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
mod group;
#[cfg(loom)]
mod loom;
#[cfg(shuttle)]
mod shuttle;
#[cfg(not(any(loom, shuttle)))]
mod permit;
#[cfg(not(any(loom, shuttle)))]
mod time;
#[cfg(not(any(loom, shuttle)))]
mod trees;
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
mod watch;
