//! What a pool has counted.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::lock;

/// Totals since the pool was started, but for the last three, which are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Jobs with a reply.
    pub done: u64,
    /// Jobs whose function returned an error, or whose reply was too long.
    pub failed: u64,
    /// Jobs that failed because they ended their worker.
    pub culprits: u64,
    /// Jobs that were refused for what the same content did before.
    pub refused: u64,
    /// Jobs that were sent again because a neighbour ended their worker.
    pub resent: u64,
    /// Jobs that were tried again alone.
    pub retried: u64,
    /// Jobs that the queue had no room for.
    pub queue_full: u64,
    /// Jobs that waited too long.
    pub queue_aged: u64,
    /// Jobs whose caller went away before the reply.
    pub cancelled: u64,
    /// Workers that were started.
    pub launched: u64,
    /// Launches that failed.
    pub launch_failed: u64,
    /// Workers that ended although nobody asked them to.
    pub died: u64,
    /// Workers that were killed for a job's limit.
    pub deadlines: u64,
    /// Workers that were killed for nonsense.
    pub nonsense: u64,
    /// Workers that the kernel killed for a system call that their sandbox forbids.
    pub forbidden: u64,
    /// Workers that were replaced after many jobs or with much memory.
    pub recycled: u64,
    /// Workers that are there now.
    pub workers: u64,
    /// Jobs that wait now.
    pub queue_jobs: u64,
    /// Bytes that they hold.
    pub queue_bytes: u64,
}

/// CPU time of a tenant's jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantTime {
    /// The number that its jobs were given.
    pub tenant: u64,
    /// CPU time that its jobs used in the workers: the kernel's total of each worker, shared out
    /// by how long the worker says that each job ran.
    pub cpu: Duration,
}

/// The counters, one word each.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) done: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) culprits: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) resent: AtomicU64,
    pub(crate) retried: AtomicU64,
    pub(crate) queue_full: AtomicU64,
    pub(crate) queue_aged: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) launched: AtomicU64,
    pub(crate) launch_failed: AtomicU64,
    pub(crate) died: AtomicU64,
    pub(crate) deadlines: AtomicU64,
    pub(crate) nonsense: AtomicU64,
    pub(crate) forbidden: AtomicU64,
    pub(crate) recycled: AtomicU64,
    tenants: Mutex<HashMap<u64, u64>>,
}

/// Counts one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Tally {
    pub(crate) fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            done: read(&self.done),
            failed: read(&self.failed),
            culprits: read(&self.culprits),
            refused: read(&self.refused),
            resent: read(&self.resent),
            retried: read(&self.retried),
            queue_full: read(&self.queue_full),
            queue_aged: read(&self.queue_aged),
            cancelled: read(&self.cancelled),
            launched: read(&self.launched),
            launch_failed: read(&self.launch_failed),
            died: read(&self.died),
            deadlines: read(&self.deadlines),
            nonsense: read(&self.nonsense),
            forbidden: read(&self.forbidden),
            recycled: read(&self.recycled),
            ..Counts::default()
        }
    }

    /// Shares a worker's CPU time out by what it says of its jobs, which can move time between
    /// the tenants of that worker but not make any. What the jobs do not explain stays unshared.
    pub(crate) fn charge(&self, cpu_ns: u64, claims: impl Iterator<Item = (u64, u64)>) {
        let claims: Vec<(u64, u64)> = claims.collect();
        let total: u64 = claims.iter().fold(0, |sum, (_, ns)| sum.saturating_add(*ns));
        let mut tenants = lock(&self.tenants);
        for (tenant, ns) in claims {
            let share = if total <= cpu_ns { ns } else { scale(ns, cpu_ns, total) };
            let known = tenants.len() < TENANTS_MAX || tenants.contains_key(&tenant);
            let of = if known { tenant } else { REST };
            let sum = tenants.entry(of).or_default();
            *sum = sum.saturating_add(share);
        }
    }

    pub(crate) fn tenants(&self) -> Vec<TenantTime> {
        let tenants = lock(&self.tenants);
        let time = |(tenant, ns): (&u64, &u64)| TenantTime {
            tenant: *tenant,
            cpu: Duration::from_nanos(*ns),
        };
        let mut all: Vec<_> = tenants.iter().map(time).collect();
        all.sort_by_key(|time| time.tenant);
        all
    }
}

fn scale(ns: u64, part: u64, whole: u64) -> u64 {
    let scaled = u128::from(ns) * u128::from(part) / u128::from(whole.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// Tenants with an account of their own.
const TENANTS_MAX: usize = 100_000;
/// The account of those who came later.
const REST: u64 = u64::MAX;

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn claims_share_what_the_kernel_measured() {
        let tally = Tally::default();
        tally.charge(300, [(1, 200), (2, 400)].into_iter());
        tally.charge(300, [(1, 10)].into_iter());
        let cpu: Vec<_> = tally.tenants().iter().map(|t| (t.tenant, t.cpu.as_nanos())).collect();
        assert_eq!(cpu, [(1, 110), (2, 200)]);
    }
}
