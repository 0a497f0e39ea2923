//! The kernel's part: starting and reaping processes, telling one worker's CPU time and memory.

/// Starts, kills and reaps.
mod steward;
/// Small questions to the kernel.
mod proc;
/// A descriptor that the runtime watches.
mod bell;
/// Waiting for a future on a plain thread.
mod park;

pub(crate) use bell::{Bell, watch};
pub(crate) use park::block_on;
pub(crate) use proc::{close, close_from, cpu_ns, cpus, forget_handlers, leave, resident_bytes};
pub(crate) use steward::{Exit, Launched, Order, Process, launch};
