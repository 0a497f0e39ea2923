//! Which CPUs this process may use, and what the kernel offers for them.

use std::io::Write;
use std::thread;

use heliostat_percpu::rseq::Mode;
use heliostat_percpu::{CounterVec, CpuSet, Query, rseq};
use serde::Serialize;

use crate::Error;
use crate::args::CpusArgs;

/// Prints what `lib/percpu` finds here.
pub(crate) fn run(args: &CpusArgs, out: &mut impl Write) -> Result<(), Error> {
    let report = Report::new(&Query::new());
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
        writeln!(out)?;
        return Ok(());
    }
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let set = |set: &Option<String>| set.clone().unwrap_or_else(|| "denied".to_owned());
    let Report { ids_in_use, threads, .. } = report;
    let lines = [
        ("possible CPUs", report.possible.to_string()),
        ("allowed CPUs", set(&report.allowed)),
        ("allowed to this process", set(&report.current)),
        ("serving threads", report.serving_threads.to_string()),
        ("per-CPU operations by", report.mode.clone()),
        ("concurrency ids", yes(report.concurrency_ids).to_owned()),
        ("ids in use", format!("{ids_in_use} by {threads} threads that count at once")),
        ("fence", yes(report.fence).to_owned()),
        ("pins", yes(report.pins).to_owned()),
        ("masks outlive a cpuset", report.keeps_masks.map_or("unknown", yes).to_owned()),
        ("NUMA nodes", yes(report.nodes).to_owned()),
    ];
    for (what, value) in lines {
        writeln!(out, "{what:<25}{value}")?;
    }
    Ok(())
}

/// What is printed.
#[derive(Debug, Serialize)]
struct Report {
    /// One more than the highest CPU number.
    possible: u32,
    /// The CPUs of the container, as a list; none where asking is denied.
    allowed: Option<String>,
    /// Those of them that this process was not kept from.
    current: Option<String>,
    /// How many threads a server would have.
    serving_threads: usize,
    mode: String,
    restartable: bool,
    concurrency_ids: bool,
    nodes: bool,
    ids_in_use: usize,
    threads: usize,
    fence: bool,
    pins: bool,
    keeps_masks: Option<bool>,
}

impl Report {
    fn new(query: &Query) -> Report {
        let cpus = query.current.as_ref().map_or(1, CpuSet::len).max(1);
        let (threads, ids_in_use) = ids_in_use((4 * cpus).min(THREADS_MAX));
        let (cid, node) = match query.mode {
            Mode::Restartable { cid, node, .. } => (cid, node),
            _ => (false, false),
        };
        Report {
            possible: query.possible,
            allowed: query.allowed.as_ref().map(CpuSet::to_string),
            current: query.current.as_ref().map(CpuSet::to_string),
            serving_threads: cpus,
            mode: rseq::mode().to_string(),
            restartable: query.mode.is_restartable(),
            concurrency_ids: cid,
            nodes: node,
            ids_in_use,
            threads,
            fence: query.fence,
            pins: query.can_pin(),
            keeps_masks: query.keeps_masks,
        }
    }
}

/// How many threads could be started to count at once, and how many rows they used.
fn ids_in_use(threads: usize) -> (usize, usize) {
    let counters = CounterVec::new(1);
    let count = || {
        for _ in 0..COUNTS {
            counters.increment(0);
            thread::yield_now();
        }
    };
    let started = thread::scope(|scope| {
        let start = |_: &usize| thread::Builder::new().spawn_scoped(scope, count).is_ok();
        (0..threads).filter(start).count()
    });
    (started, counters.slots_in_use())
}

/// Threads that are tried at most.
const THREADS_MAX: usize = 256;

/// How often each of them counts.
const COUNTS: usize = 100;
