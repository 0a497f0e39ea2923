#![doc = include_str!("../README.md")]

/// The atomics that doors are built from.
mod primitive;
/// A doorbell: a counter that one side raises, and a note that the other side sleeps.
mod door;
/// Whether the next spin is worth its time.
mod spins;
/// The memory that a parent and one worker share.
mod region;
/// The frames that parent and worker exchange.
mod wire;
/// What a parent tells a new worker.
mod hello;
/// What a worker may not do, written as data.
pub mod sandbox;
/// The worker's side.
pub mod serve;
/// One opaque error, with predicates.
mod error;
/// What a worker runs.
mod program;
/// The kernel's part.
mod sys;
/// What a caller hands in and gets back.
mod job;
/// Permits that a job holds while it waits and while it runs.
mod stage;
/// The numbers of a pool.
mod settings;
/// One job on its way, and the ticket that waits for it.
mod call;
/// Jobs that wait for a worker: bounded in bytes and in age.
mod queue;
/// Who is to blame, and for how long it is remembered.
mod blame;
/// How many workers may be started.
mod budget;
/// The last words of a worker.
mod tail;
/// What a pool has counted.
mod tally;
/// The parent's end of the channel to one worker.
mod link;
/// One worker as the parent sees it: who has what in flight, and what became of it.
mod desk;
/// How a worker comes to be.
mod launch;
/// The task that owns a worker from its start to its end.
mod owner;
/// The pool.
mod pool;
/// The parent's side of the channel, for fuzzing.
#[doc(hidden)]
pub mod raw;
/// Permits and a size from `heliostat-admission`.
#[cfg(feature = "admission")]
mod admitted;
/// How to use it, in ten minutes.
#[doc = include_str!("../docs/GUIDE.md")]
pub mod guide {}
/// Who touches what, in which order, and why not otherwise.
#[doc = include_str!("../docs/DESIGN.md")]
pub mod design {}
/// Kernels, containers, fall-backs, and what it does not do.
#[doc = include_str!("../docs/LIMITS.md")]
pub mod limits {}

pub use self::{
    call::Ticket,
    error::{Cause, Error},
    job::{Body, BodyWriter, Job, Reply},
    pool::Pool,
    program::Program,
    sandbox::{Layer, Limits, Need, Report, Sandbox, State, Transport},
    serve::serve,
    settings::{OnLine, Retry, Settings, Weight},
    stage::{Ask, Coming, Line, Permit, Stage},
    tally::{Counts, TenantTime},
};

/// Locks; a panic elsewhere is no reason to stop here, since every change under a lock is whole
/// before anything that can panic is called.
fn lock<T: ?Sized>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
