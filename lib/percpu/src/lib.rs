#![doc = include_str!("../README.md")]
#![cfg_attr(
    loom,
    expect(dead_code, reason = "loom sees the shared structures and not their users")
)]

/// How to use it, in ten minutes.
#[cfg(any(doc, doctest))]
#[doc = include_str!("../docs/GUIDE.md")]
pub mod guide {}
/// Who may touch which word, when, in which memory order.
#[cfg(any(doc, doctest))]
#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}
/// Kernels, places, tools, and what it does not do.
#[cfg(any(doc, doctest))]
#[doc = include_str!("../docs/LIMITS.md")]
pub mod limits {}

// What the twin's threads share, and all that loom checks.
mod primitive;
mod lane;
mod turnstile;
mod baseline;

#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod cpu;
#[cfg(not(loom))]
mod set;

// Where threads may run.
#[cfg(not(loom))]
pub mod affinity;
#[cfg(not(loom))]
mod watch;
#[cfg(not(loom))]
mod pin;

// What the kernel offers.
#[cfg(not(loom))]
mod sys;
#[cfg(not(loom))]
pub mod rseq;
#[cfg(not(loom))]
mod query;

// Data.
#[cfg(not(loom))]
mod index;
#[cfg(not(loom))]
mod rows;
#[cfg(not(loom))]
mod per_cpu;
#[cfg(not(loom))]
mod counter;
#[cfg(not(loom))]
mod counter_vec;
#[cfg(not(loom))]
mod list;
#[cfg(not(loom))]
mod pool;
#[cfg(not(loom))]
mod words;

#[cfg(not(loom))]
mod exports {
    //! The names of this crate, gathered so that the line about loom stands once.

    pub use crate::counter::Counter;
    pub use crate::counter_vec::CounterVec;
    pub use crate::cpu::CpuId;
    pub use crate::error::Error;
    pub use crate::index::{ByCid, ByCpu, Index, Slot};
    pub use crate::list::{Drain, FreeList, Item};
    pub use crate::per_cpu::PerCpu;
    pub use crate::pin::{
        Cause, Conflict, PinError, PinGuard, Policy, Standing, pin_on_cpu, pin_on_cpu_with,
    };
    pub use crate::pool::{Pool, Pooled};
    pub use crate::query::Query;
    pub use crate::set::CpuSet;
    pub use crate::words::{Outcome, Words};
}
#[cfg(not(loom))]
pub use exports::*;
