//! Documents, and workers that misbehave.

use std::time::Duration;

use heliostat_admission::{Bytes, MilliCpu, Need};
use heliostat_observe_probe::wire::{Format, Limit, Task};
use heliostat_observe_probe::{Failure, ProbeSettings, Prober};
use heliostat_workers::Program;

use crate::block_on;

/// A worker that its document has taken over.
pub(crate) fn taken_over() -> ! {
    heliostat_workers::serve(|job, reply| {
        let (_, document) = Task::decode(job.body()).expect("a task");
        match document {
            b"crash" => std::process::abort(),
            b"open" => drop(std::fs::read("/etc/passwd")),
            b"memory" => drop(std::hint::black_box(vec![1_u8; 4 << 30])),
            b"nonsense" => return reply.push(b"\xff\xff"),
            b"escape" => return reply.push(b"\x01\x01\0\0\x01\0\0\x04/etc"),
            _ => {}
        }
        reply.push(&heliostat_observe_probe_worker::answer(job.body()))
    })
}

pub(crate) fn prober(mode: &str) -> Prober {
    let budget = Need::new(Bytes::new(64 << 20), MilliCpu::cpus(1));
    let program = Program::itself([mode]);
    let settings = ProbeSettings { program, budget, wait: Duration::from_secs(30) };
    Prober::start(settings).expect("a pool")
}

const REPOMD: &[u8] = b"<repomd><revision>7</revision></repomd>";

pub(crate) fn documents_are_looked_at() {
    block_on(async {
        let prober = prober("worker");
        let found = prober.probe_bytes(Task::new(Format::Repomd), REPOMD).await.expect("a repomd");
        assert_eq!(found.facts.iter().count(), 1);
        // Longer than what fits into a ring.
        let lines = "-rw-r--r--              1 2024/01/02 03:04:05 a\n".repeat(10_000);
        let task = Task::new(Format::Rsync);
        let found = prober.probe_bytes(task.clone(), lines.as_bytes()).await.expect("a listing");
        assert_eq!(found.entries.len(), 10_000);
        let refused = prober.probe_bytes(task, b"@ERROR\n").await.expect_err("no listing");
        assert_eq!(refused.limit(), Some(Limit::Format));
        let counts = prober.counts();
        assert_eq!((counts.found, counts.refused), (2, vec![(Limit::Format, 1)]));
        prober.drain().await;
    });
}

pub(crate) fn a_worker_that_ends_costs_one_document() {
    block_on(async {
        let prober = prober("taken-over");
        let look =
            |document: &'static [u8]| prober.probe_bytes(Task::new(Format::Repomd), document);
        for (document, limit) in [
            (&b"crash"[..], Limit::WorkerCrash),
            (b"open", Limit::WorkerCrash),
            (b"memory", Limit::WorkerMemory),
            (b"nonsense", Limit::WorkerNonsense),
            (b"escape", Limit::WorkerNonsense),
        ] {
            let (ended, fine) = tokio::join!(look(document), look(REPOMD));
            let failure = ended.expect_err("it was taken over");
            assert_eq!(failure.limit(), Some(limit), "{failure:?}");
            assert!(fine.is_ok(), "its neighbour notices nothing");
        }
        assert_eq!(prober.counts().workers_ended, 3);
    });
}

pub(crate) fn room_is_waited_for_and_given_back() {
    block_on(async {
        let prober = prober("worker");
        let task = || Task::new(Format::Repomd);
        // Half of the budget is for bodies, and these take four fifths of it each.
        let first = prober.document(task(), 30 << 20).await.expect("room");
        let second =
            tokio::time::timeout(Duration::from_millis(50), prober.document(task(), 30 << 20));
        assert!(second.await.is_err(), "there is no room for a second one");
        drop(first);
        let mut document = prober.document(task(), 1 << 40).await.expect("room again");
        let part = vec![b' '; 1 << 20];
        let refused = (0..100).find_map(|_| document.push(&part).err()).expect("an end");
        assert_eq!(refused.limit(), Some(Limit::BodyBytes));
        assert!(document.length() < 32 << 20 && matches!(refused, Failure::Refused(_)));
    });
}
