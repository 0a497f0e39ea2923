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
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use crate::lock;

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

    /// No job wants a permit any more: a place in a line can be given up. As above, under a lock.
    fn nobody_waits(&self) {}
}

/// A permit on its way; none when there will never be one, and jobs then wait out their age.
pub type Coming = Pin<Box<dyn Future<Output = Option<Permit>> + Send>>;

/// A [`Stage`] from any limiter that gives its permits as futures: a semaphore, or what decides
/// about memory and CPU of the whole program.
///
/// ```
/// use std::sync::Arc;
///
/// use heliostat_workers::{Line, Permit};
/// use tokio::sync::Semaphore;
///
/// let running = Arc::new(Semaphore::new(4));
/// let stage = Line::new(move |_ask| {
///     let running = running.clone();
///     Box::pin(async move { Some(Box::new(running.acquire_owned().await.ok()?) as Permit) })
/// });
/// # drop(stage);
/// ```
///
/// The pool has one place in the limiter's line at a time, for whichever of its jobs is next; the
/// place is given up when no job waits.
pub struct Line {
    join: Box<dyn Fn(Ask) -> Coming + Send + Sync>,
    place: Mutex<Option<Coming>>,
    askers: Arc<Askers>,
}

impl Line {
    /// A stage that asks for each permit with a future of its own.
    pub fn new(join: impl Fn(Ask) -> Coming + Send + Sync + 'static) -> Line {
        Line { join: Box::new(join), place: Mutex::new(None), askers: Arc::default() }
    }
}

impl Stage for Line {
    fn enter(&self, ask: Ask, again: &Waker) -> Option<Permit> {
        let mut place = lock(&self.place);
        self.askers.add(again);
        let waker = Waker::from(self.askers.clone());
        let mut context = Context::from_waker(&waker);
        let kept = place.take().map(|mut coming| (coming.as_mut().poll(&mut context), coming));
        let (polled, coming) = match kept {
            // What could be had when it was asked for, and no more, is asked for as it is now.
            None | Some((Poll::Ready(None), _)) => {
                let mut coming = (self.join)(ask);
                (coming.as_mut().poll(&mut context), coming)
            }
            Some(kept) => kept,
        };
        match polled {
            Poll::Ready(Some(permit)) => {
                // The others lose their place in the line with it, and ask again.
                self.askers.wake_by_ref();
                Some(permit)
            }
            // To ask again at once would be to ask for ever.
            Poll::Ready(None) => None,
            Poll::Pending => {
                *place = Some(coming);
                None
            }
        }
    }

    fn nobody_waits(&self) {
        let left = lock(&self.place).take();
        drop(left);
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").finish_non_exhaustive()
    }
}

/// Everybody who has asked in vain.
#[derive(Default)]
struct Askers(Mutex<Vec<Waker>>);

impl Askers {
    fn add(&self, asker: &Waker) {
        let mut askers = lock(&self.0);
        if !askers.iter().any(|known| known.will_wake(asker)) {
            askers.push(asker.clone());
        }
    }
}

impl Wake for Askers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let askers = mem::take(&mut *lock(&self.0));
        askers.into_iter().for_each(Waker::wake);
    }
}
