//! Permits and workers by what the machine gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need};
use heliostat_workers::{Job, Line, Settings};

use crate::support::{eventually, pool, run, settings};
use crate::tests;
use crate::worker::SPIN;

tests!(
    jobs_run_when_they_are_admitted,
    what_has_become_impossible_is_asked_for_anew,
    what_is_impossible_is_not_asked_for_for_ever,
    no_more_workers_than_cpus,
);

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

fn what_has_become_impossible_is_asked_for_anew() {
    run(async {
        let whole = Need::of_cpu(MilliCpu::cpus(2));
        let execution = Admission::new(Need::new(Bytes::new(1 << 20), MilliCpu::cpus(2)));
        let wanted = Arc::new(AtomicU64::new(2000));
        let wants = wanted.clone();
        let need = move |_| Need::of_cpu(MilliCpu::new(wants.load(Ordering::Relaxed)));
        let stage = Line::admitted(execution.clone(), Lane::Interactive, need);
        let pool = pool(Settings { stage: Some(Arc::new(stage)), ..settings() });
        let held = execution.acquire(Lane::Interactive, whole).await.unwrap();
        let ticket = pool.submit(Job::new("100").kind(SPIN)).unwrap();
        eventually("it is in the line", || execution.waiters() > 0).await;
        wanted.store(500, Ordering::Relaxed);
        execution.resize(Need::new(Bytes::new(1 << 20), MilliCpu::new(500)));
        drop(held);
        ticket.await.unwrap();
    });
}

fn what_is_impossible_is_not_asked_for_for_ever() {
    run(async {
        let asked = Arc::new(AtomicU64::new(0));
        let count = asked.clone();
        let stage = Line::new(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Box::pin(async { None })
        });
        let (stage, age) = (Some(Arc::new(stage) as _), Duration::from_millis(300));
        let pool = pool(Settings { stage, queue_age: age, ..settings() });
        let error = pool.call(Job::new("abc")).await.unwrap_err();
        assert!(error.is_overload(), "{error}");
        let asked = asked.load(Ordering::Relaxed);
        assert!((1..200).contains(&asked), "{asked} times");
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
