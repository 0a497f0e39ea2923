//! The pool: what callers hold.

/// What all desks share: the queue, the blame, the numbers.
mod shared;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::task::coop;

use crate::call::Ticket;
use crate::error::Error;
use crate::job::{Job, Reply};
use crate::owner;
use crate::sandbox::Report;
use crate::settings::Settings;
use crate::sys::block_on;
use crate::tally::{Counts, TenantTime};

pub(crate) use shared::Shared;

/// Worker processes of one kind. Cheap to clone; when the last clone is dropped, the workers are
/// killed and reaped in the background.
///
/// ```no_run
/// use heliostat_workers::{Job, Pool, Program, Sandbox, Settings};
///
/// # async fn example() -> Result<(), heliostat_workers::Error> {
/// let pool = Pool::start(Settings {
///     workers: 2,
///     sandbox: Sandbox::strict(),
///     ..Settings::new(Program::itself(["worker"]))
/// })?;
/// let reply = pool.call(Job::new("bytes of a stranger")).await?;
/// println!("{} bytes in {:?}", reply.bytes().len(), reply.run_time());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Pool {
    handle: Arc<Owned>,
}

/// Stops the pool when the last handle goes.
#[derive(Debug)]
struct Owned(Arc<Shared>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Pool {
    /// Starts a pool on the current tokio runtime, whose I/O and time must be enabled; without
    /// one, on a thread of its own. Workers are started when the first job comes, but for
    /// [`Settings::warm`] of them.
    ///
    /// # Errors
    ///
    /// When there is no runtime and none can be made.
    pub fn start(settings: Settings) -> Result<Pool, Error> {
        let shared = Arc::new(Shared::new(settings));
        match Handle::try_current() {
            Ok(runtime) => owner::start(&shared, &runtime),
            Err(_) => own_runtime(&shared)?,
        }
        Ok(Pool { handle: Arc::new(Owned(shared)) })
    }

    /// Does a job and returns its reply. If the future is dropped, the job is cancelled; that
    /// breaks nothing and nobody.
    ///
    /// # Errors
    ///
    /// What [`Error`]'s predicates tell apart: the job's own fault, an overload, a pool that is
    /// closed or cannot start workers. Never the fault of another job.
    pub async fn call(&self, job: Job) -> Result<Reply, Error> {
        // An answer that is there at once, a refusal too, must not let a caller run on for ever.
        coop::consume_budget().await;
        let (ticket, owed) = self.handle.0.submit(job, true)?;
        if let Some((desk, owed)) = owed {
            self.handle.0.pay(desk, owed);
        }
        ticket.await
    }

    /// Does a job on this thread, which waits. Any thread but one that drives a runtime.
    ///
    /// # Errors
    ///
    /// As [`call`](Pool::call).
    pub fn call_blocking(&self, job: Job) -> Result<Reply, Error> {
        let (ticket, owed) = self.handle.0.submit(job, true)?;
        if let Some((desk, owed)) = owed {
            self.handle.0.pay(desk, owed);
        }
        ticket.wait()
    }

    /// Hands a job in, and returns a ticket for its reply. The job proceeds whether or not anybody
    /// looks at the ticket.
    ///
    /// # Errors
    ///
    /// When the job cannot even wait: the queue is full, the content is refused, the pool closed.
    pub fn submit(&self, job: Job) -> Result<Ticket, Error> {
        self.handle.0.submit(job, false).map(|(ticket, _)| ticket)
    }

    /// Starts a worker, if none is there, and returns what its sandbox is made of.
    ///
    /// # Errors
    ///
    /// When no worker can be started, or none with the sandbox that is required.
    pub async fn check(&self) -> Result<Report, Error> {
        self.handle.0.check().await
    }

    /// As [`check`](Pool::check), on a thread that waits; any but one that drives a runtime.
    ///
    /// # Errors
    ///
    /// As [`check`](Pool::check).
    pub fn check_blocking(&self) -> Result<Report, Error> {
        block_on(self.handle.0.check())
    }

    /// What the last worker that was started said of its sandbox.
    #[must_use]
    pub fn report(&self) -> Report {
        self.handle.0.report()
    }

    /// What the pool has counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.handle.0.counts()
    }

    /// The CPU time of each tenant's jobs; up to a quarter of a second late.
    #[must_use]
    pub fn tenants(&self) -> Vec<TenantTime> {
        self.handle.0.tally.tenants()
    }

    /// The numbers of the workers' processes that live now, for people.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        self.handle.0.processes()
    }

    /// Lets the pool have fewer workers, or more again, up to [`Settings::workers`]: for when the
    /// machine's capacity changes. Surplus workers finish what they have.
    pub fn resize(&self, workers: usize) {
        self.handle.0.resize(workers);
    }

    /// Takes no more jobs, and returns when all that were taken have been answered; then the
    /// workers are ended.
    pub async fn drain(&self) {
        self.handle.0.refuse_more();
        let mut pause = Duration::from_millis(1);
        while !self.handle.0.is_drained() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        self.handle.0.stop();
    }

    /// Stops at once: jobs that wait or run fail with [`Error::is_closed`], workers are killed.
    /// Returns immediately; the processes are reaped in the background.
    pub fn stop(&self) {
        self.handle.0.stop();
    }
}

/// A thread that does nothing but the pool's I/O, for programs without a runtime.
fn own_runtime(shared: &Arc<Shared>) -> Result<(), Error> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::setup("cannot make a runtime"))?;
    let shared = shared.clone();
    let run = move || {
        owner::start(&shared, runtime.handle());
        runtime.block_on(shared.stopped());
    };
    thread::Builder::new()
        .name("workers-pool".into())
        .spawn(run)
        .map(drop)
        .map_err(Error::setup("cannot start a thread"))
}
