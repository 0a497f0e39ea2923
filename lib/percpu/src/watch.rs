//! Following the CPUs that are allowed while the program runs.
//!
//! The kernel tells nobody when a cpuset changes: no signal, no readable descriptor, and file
//! notification works only for the one file that somebody wrote to, if that can be seen from here at
//! all. What always works is to look. One thread that is never pinned looks at its own mask five times
//! in four seconds, which takes a third of a microsecond and a wake-up.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::affinity::{self, SCRATCH_STACK};
use crate::{CpuSet, Error};

/// A watch on the CPUs that are allowed.
///
/// It notices changes of the cpuset of any ancestor, CPUs switched on and off, and masks that
/// somebody set from outside for all threads of this process. Clones share one watching thread, and
/// each has its own idea of what it has already seen. The thread ends with the last of them.
///
/// ```no_run
/// use heliostat_percpu::affinity::Watch;
/// use std::time::Duration;
///
/// let mut watch = Watch::start()?;
/// println!("at first {}", watch.allowed());
/// loop {
///     if let Some(now) = watch.wait(Duration::from_secs(60)) {
///         println!("now {now}");
///     }
/// }
/// # Ok::<(), heliostat_percpu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Watch {
    watcher: Arc<Watcher>,
    seen: u64,
}

impl Watch {
    /// How often the watching thread looks.
    pub const PERIOD: Duration = Duration::from_millis(800);

    /// Watches what the cpuset allows, however the calling thread is pinned.
    ///
    /// # Errors
    ///
    /// As [`affinity::allowed`].
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Self::PERIOD, affinity::reset)
    }

    /// Watches what the calling thread's mask and the cpuset allow together.
    ///
    /// Called at the start of the program, this honours a `taskset` that the program was started
    /// with. It also works where setting masks is denied.
    ///
    /// # Errors
    ///
    /// As [`affinity::current`], and when no thread can be started.
    pub fn start_within_mask() -> Result<Self, Error> {
        Self::start_with(Self::PERIOD, || Ok(()))
    }

    /// Watches with another period and another way to begin.
    pub(crate) fn start_with(
        period: Duration,
        begin: impl FnOnce() -> Result<(), Error> + Send + 'static,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("percpu-watch".into())
            .stack_size(SCRATCH_STACK)
            .spawn(move || theirs.watch(period, begin))
            .map_err(|error| Error::os("clone", error))?;
        let watcher = Watcher { shared, thread: Some(thread) };
        let seen = watcher.shared.first()?;
        Ok(Self { watcher: Arc::new(watcher), seen })
    }

    /// The CPUs that are allowed, as far as the watching thread has seen.
    #[must_use]
    pub fn allowed(&self) -> CpuSet {
        self.watcher.shared.lock().allowed.clone()
    }

    /// The CPUs that are allowed, if that changed since this watch was last asked. Does not wait.
    pub fn changed(&mut self) -> Option<CpuSet> {
        self.wait(Duration::ZERO)
    }

    /// Waits for a change; `None` when there was none within the time.
    pub fn wait(&mut self, timeout: Duration) -> Option<CpuSet> {
        let shared = &self.watcher.shared;
        let deadline = Instant::now() + timeout;
        let mut state = shared.lock();
        while state.generation == self.seen {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            state = shared.sleep(state, left);
        }
        self.seen = state.generation;
        Some(state.allowed.clone())
    }
}

/// The watching thread and what it writes to; stops the thread when nobody watches any more.
#[derive(Debug)]
struct Watcher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.news.notify_all();
        // The thread does nothing that could panic, and if it did there is nothing to add.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// For watches: the state changed. For the watching thread: stop.
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    allowed: CpuSet,
    /// 0 until the thread has looked once.
    generation: u64,
    stop: bool,
    failed: Option<Error>,
}

impl Shared {
    fn watch(&self, period: Duration, begin: impl FnOnce() -> Result<(), Error>) {
        let first = begin().and_then(|()| affinity::current());
        let mut state = self.lock();
        match first {
            Ok(allowed) => {
                state.allowed = allowed;
                state.generation = 1;
            }
            Err(error) => state.failed = Some(error),
        }
        self.news.notify_all();
        while !state.stop && state.failed.is_none() {
            state = self.sleep(state, period);
            // A look that fails says nothing; the next one may succeed.
            if let Ok(allowed) = affinity::current()
                && allowed != state.allowed
            {
                state.allowed = allowed;
                state.generation += 1;
                self.news.notify_all();
            }
        }
    }

    /// Waits until the thread has looked once.
    fn first(&self) -> Result<u64, Error> {
        let mut state = self.lock();
        loop {
            if let Some(error) = state.failed.take() {
                state.stop = true;
                return Err(error);
            }
            if state.generation > 0 {
                return Ok(state.generation);
            }
            state = self.sleep(state, Duration::from_secs(1));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nobody panics while holding the lock, so a poisoned state is still a whole one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
        self.news.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }
}

#[cfg(test)]
#[path = "tests/watch.rs"]
mod tests;
