//! Permits that a job holds while it waits and while it runs.
//!
//! Two stages, and no permit is held across a wait that it is not for: the *data* permit belongs
//! to the bytes ([`Job::holding`](crate::Job::holding)) and is taken after a download, not
//! before; the *execution* permit is asked for here, when a worker has room, and given back with
//! the reply. One permit around both would be held through the download: measured, that loses a
//! third of the throughput.
//!
//! Any limiter fits: the pool only needs "now, or tell me when to ask again".

use std::any::Any;
use std::task::Waker;

/// Something that is given back by being dropped.
pub type Permit = Box<dyn Any + Send + Sync>;

/// What a job wants to execute for.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Bytes of its body.
    pub bytes: usize,
    /// Its [`Job::kind`](crate::Job::kind).
    pub kind: u32,
    /// Its [`Job::tenant`](crate::Job::tenant).
    pub tenant: u64,
}

/// Decides whether a job may run now.
pub trait Stage: Send + Sync {
    /// A permit, or none for now. With none, `again` is woken when it is worth asking again.
    ///
    /// Called under a lock: it must not wait, nor call into the pool.
    fn enter(&self, ask: Ask, again: &Waker) -> Option<Permit>;
}
