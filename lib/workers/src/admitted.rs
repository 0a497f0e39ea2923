//! Permits and a size from `heliostat-admission`: what the machine or container really gives.
//!
//! Two small bridges, because the two libraries need not know each other otherwise: an admission
//! as the execution [stage](crate::stage), and a pool that has as many workers as there are CPUs.

use heliostat_admission::{Admission, Capacity, Change, Error, Lane, Need, Watch};

use crate::pool::Pool;
use crate::stage::{Ask, Coming, Line, Permit};

impl Line {
    /// Execution permits from an admission: a job runs when the admission has what it needs.
    ///
    /// Jobs that the admission can never let through wait out
    /// [`Settings::queue_age`](crate::Settings::queue_age), as does everything once it is closed.
    ///
    /// ```
    /// use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};
    /// use heliostat_workers::Line;
    ///
    /// let execution = Admission::new(Need::new(Bytes::new(256 << 20), MilliCpu::cpus(2)));
    /// let stage = Line::admitted(execution, Lane::Background, |ask| {
    ///     Need::new(Bytes::new(4 * ask.bytes as u64), MilliCpu::cpus(1))
    /// });
    /// # drop(stage);
    /// ```
    pub fn admitted(
        admission: Admission,
        lane: Lane,
        need: impl Fn(Ask) -> Need + Send + Sync + 'static,
    ) -> Line {
        Line::new(move |ask| -> Coming {
            let (admission, need) = (admission.clone(), need(ask));
            Box::pin(async move {
                let permit = admission.acquire(lane, need).await.ok()?.into_owned();
                Some(Box::new(permit) as Permit)
            })
        })
    }
}

impl Pool {
    /// Has as many workers as this process has whole CPUs, up to
    /// [`Settings::workers`](crate::Settings::workers), for as long as the watch is kept.
    ///
    /// # Errors
    ///
    /// When the capacity cannot be found or watched.
    pub fn follow_capacity(&self) -> Result<Watch, Error> {
        let pool = self.clone();
        let watch = Capacity::watch(move |change| {
            if let Change::Capacity(capacity) = change {
                pool.resize(capacity.cpu().threads());
            }
        })?;
        self.resize(watch.latest().cpu().threads());
        Ok(watch)
    }
}
