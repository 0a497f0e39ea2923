//! What others do to a process that uses this crate: masks, cpusets, signals, forks, filters.
#![cfg(all(target_os = "linux", not(loom), not(miri)))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod api;
mod alone;
mod cpuset;
mod fence;
mod filters;
mod fork;
mod outside;
mod signals;
mod storm;
