//! Permits and workers by what the machine gives.

use std::sync::Arc;

use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};
use heliostat_workers::{Job, Line, Settings};

use crate::support::{eventually, pool, run, settings};
use crate::tests;
use crate::worker::SPIN;

tests!(jobs_run_when_they_are_admitted, no_more_workers_than_cpus);

fn jobs_run_when_they_are_admitted() {
    run(async {
        let execution = Admission::new(Need::new(Bytes::new(1 << 20), MilliCpu::cpus(1)));
        let one = Need::of_cpu(MilliCpu::cpus(1));
        let stage = Line::admitted(execution.clone(), Lane::Interactive, move |_| one);
        let pool = pool(Settings { workers: 2, stage: Some(Arc::new(stage)), ..settings() });
        let held = execution.acquire(Lane::Interactive, one).await.unwrap();
        let tickets: Vec<_> =
            (0..20).map(|_| pool.submit(Job::new("100").kind(SPIN)).unwrap()).collect();
        eventually("the first is in the line", || execution.waiters() > 0).await;
        assert!(tickets.iter().all(|ticket| !ticket.is_done()));
        drop(held);
        for ticket in tickets {
            ticket.await.unwrap();
        }
        let is_over = || execution.waiters() == 0 && execution.snapshot().used().is_zero();
        eventually("all is given back", is_over).await;
    });
}

fn no_more_workers_than_cpus() {
    run(async {
        let pool = pool(Settings { workers: 64, ..settings() });
        let watch = pool.follow_capacity().unwrap();
        let most = watch.latest().cpu().threads();
        let tickets: Vec<_> =
            (0..100).map(|_| pool.submit(Job::new("500").kind(SPIN)).unwrap()).collect();
        for ticket in tickets {
            ticket.await.unwrap();
        }
        let counts = pool.counts();
        assert!(counts.launched <= most as u64, "{most} CPUs: {counts:?}");
    });
}
