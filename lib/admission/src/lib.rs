#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

/// How to use it, in ten minutes.
#[doc = include_str!("../docs/GUIDE.md")]
pub mod guide {}
/// Who touches what, why it is so, and what was not done.
#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}
/// Kernels, files, fall-backs, and what it does not do.
#[doc = include_str!("../docs/LIMITS.md")]
pub mod limits {}
/// Bytes, thousandths of a CPU, parts of a whole.
mod amount;
/// What work needs.
mod need;
/// The two lanes.
mod lane;
/// Why a request got no permit.
mod rejected;
/// Settings.
mod builder;
/// The admission itself.
mod admission;
/// Requests on their way to a permit.
mod acquire;
/// Waiting with a thread.
#[cfg(not(any(loom, shuttle)))]
mod blocking;
/// The permit.
mod permit;
/// Everything an admission says about itself.
mod snapshot;
/// Who goes through next.
mod gate;
/// What there is, what is used, what fits.
mod ledger;
/// Who may write in the ledger.
mod turn;
/// Those who wait.
mod waiters;
/// Who watches deadlines.
#[cfg(not(any(loom, shuttle)))]
mod clock;
/// What this process can really use.
#[cfg(all(unix, not(any(loom, shuttle))))]
pub mod capacity;
/// Following it while it changes.
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
pub mod watch;
/// What the kernel's files say.
#[cfg(all(unix, not(any(loom, shuttle))))]
pub mod parse;
/// System calls.
#[cfg(all(unix, not(any(loom, shuttle))))]
mod sys;
/// What goes wrong outside of an admission.
#[cfg_attr(
    any(loom, shuttle),
    expect(dead_code, reason = "nothing outside of an admission is checked")
)]
mod error;
/// std, loom or shuttle.
mod primitive;

pub use acquire::{Acquire, BelowWatermark, Then};
pub use admission::{Admission, Clock};
pub use amount::{Bytes, Fraction, MilliCpu};
pub use builder::Builder;
#[cfg(all(unix, not(any(loom, shuttle))))]
pub use capacity::{Bound, Capacity, Headroom, Reading, Report, Rule};
pub use error::Error;
pub use lane::Lane;
pub use need::{EXTRAS_MAX, Extra, Need};
pub use permit::Permit;
pub use rejected::Rejected;
pub use snapshot::{Counters, Snapshot, WAIT_BUCKETS, Waits};
#[cfg(all(target_os = "linux", not(any(loom, shuttle))))]
pub use watch::{Band, Brake, Change, Watch, Watching};
