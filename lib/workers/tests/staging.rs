//! Where a permit is taken, simulated: the rule that the guide gives, and what the others cost.
//!
//! A discrete simulation, the same on every machine: two workers of 1 ms a job, jobs of 120 KiB,
//! some of which are downloaded first for 200 ms. `cargo test -p heliostat-workers --test staging
//! -- --nocapture` prints the table.
#![expect(clippy::print_stdout, reason = "the table is for people")]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// How jobs are admitted.
#[derive(Debug, Clone, Copy, Default)]
struct Policy {
    /// Permits that are taken before the download and held to the end.
    around: Option<usize>,
    /// Permits that are taken after the download and held to the end.
    after: Option<usize>,
    /// Bytes that may wait or run; more are refused.
    bytes_max: Option<u64>,
    /// Jobs that have waited longer are dropped when it would be their turn.
    age_us_max: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Load {
    per_s: u64,
    downloads_percent: u64,
}

#[derive(Debug, Default)]
struct Outcome {
    done_per_s: u64,
    dropped: u64,
    p50_ms: u64,
    peak_mib: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Arrived(usize),
    Downloaded(usize),
    Done(usize),
}

#[derive(Debug, Default)]
struct World {
    now: u64,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    born: Vec<u64>,
    ready: Vec<u64>,
    downloads: Vec<bool>,
    gate: VecDeque<usize>,
    inside: usize,
    hall: VecDeque<usize>,
    admitted: usize,
    queue: VecDeque<usize>,
    running: usize,
    bytes: u64,
    waits: Vec<u64>,
    outcome: Outcome,
}

const WORKERS: usize = 2;
const JOB_US: u64 = 1000;
const DOWNLOAD_US: u64 = 200_000;
const JOB_BYTES: u64 = 120 << 10;
const SECONDS: u64 = 20;

fn simulate(policy: Policy, load: Load) -> Outcome {
    let mut world = World::default();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let count = (load.per_s * SECONDS) as usize;
    for at in 0..count {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        world.downloads.push((state >> 33) % 100 < load.downloads_percent);
        world.born.push(at as u64 * 1_000_000 / load.per_s);
        world.ready.push(0);
        world.events.push(Reverse((world.born[at], Event::Arrived(at))));
    }
    while let Some(Reverse((time, event))) = world.events.pop() {
        if time > SECONDS * 1_000_000 {
            break;
        }
        world.now = time;
        world.happen(policy, event);
    }
    world.waits.sort_unstable();
    let p50_ms = world.waits.get(world.waits.len() / 2).map_or(0, |us| us / 1000);
    Outcome { done_per_s: world.waits.len() as u64 / SECONDS, p50_ms, ..world.outcome }
}

impl World {
    fn happen(&mut self, policy: Policy, event: Event) {
        match event {
            Event::Arrived(job) => {
                self.gate.push_back(job);
                self.open_gate(policy);
            }
            Event::Downloaded(job) => self.have_bytes(policy, job),
            Event::Done(job) => {
                self.running -= 1;
                self.waits.push(self.now - self.born[job]);
                self.leave(policy);
            }
        }
        self.open_hall(policy);
        self.run(policy);
    }

    fn open_gate(&mut self, policy: Policy) {
        while policy.around.is_none_or(|permits| self.inside < permits) {
            let Some(job) = self.gate.pop_front() else { return };
            self.inside += 1;
            match self.downloads[job] {
                true => {
                    self.events.push(Reverse((self.now + DOWNLOAD_US, Event::Downloaded(job))));
                }
                false => self.have_bytes(policy, job),
            }
        }
    }

    fn have_bytes(&mut self, policy: Policy, job: usize) {
        if policy.bytes_max.is_some_and(|max| self.bytes + JOB_BYTES > max) {
            self.outcome.dropped += 1;
            self.inside -= 1;
            return;
        }
        self.ready[job] = self.now;
        self.bytes += JOB_BYTES;
        self.outcome.peak_mib = self.outcome.peak_mib.max(self.bytes >> 20);
        self.hall.push_back(job);
    }

    fn open_hall(&mut self, policy: Policy) {
        while policy.after.is_none_or(|permits| self.admitted < permits) {
            let Some(job) = self.hall.pop_front() else { return };
            self.admitted += 1;
            self.queue.push_back(job);
        }
    }

    fn run(&mut self, policy: Policy) {
        while self.running < WORKERS
            && let Some(job) = self.queue.pop_front()
        {
            if policy.age_us_max.is_some_and(|max| self.now - self.ready[job] > max) {
                self.outcome.dropped += 1;
                self.leave(policy);
                self.open_hall(policy);
                continue;
            }
            self.running += 1;
            self.events.push(Reverse((self.now + JOB_US, Event::Done(job))));
        }
    }

    fn leave(&mut self, policy: Policy) {
        self.bytes -= JOB_BYTES;
        self.admitted -= 1;
        self.inside -= 1;
        self.open_gate(policy);
    }
}

const OVERLOAD: Load = Load { per_s: 3000, downloads_percent: 5 };
const DOWNLOADS: Load = Load { per_s: 1600, downloads_percent: 30 };
const CAPACITY_PER_S: u64 = WORKERS as u64 * 1_000_000 / JOB_US;

const NONE: Policy = Policy { around: None, after: None, bytes_max: None, age_us_max: None };
/// The original's staging: the outer permit is held through the download.
const ORIGINAL: Policy = Policy { around: Some(64), after: Some(8), ..NONE };
const ONE_FOR_ALL: Policy = Policy { around: Some(64), ..NONE };
const DATA_FIRST: Policy = Policy { after: Some(64), ..NONE };
const BYTES: Policy = Policy { bytes_max: Some(16 << 20), ..NONE };
/// What the pool does: bytes and age bound the queue, permits are for running only.
const OURS: Policy = Policy { age_us_max: Some(100_000), ..BYTES };

#[test]
fn the_table() {
    println!(
        "| policy | 1.5 x: peak MiB | p50 ms | done/s | 0.8 x, 30 % downloads: done/s | p50 ms |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, policy) in [
        ("none", NONE),
        ("64 permits around all", ONE_FOR_ALL),
        ("64 around, 8 to run (the original)", ORIGINAL),
        ("64 after the download", DATA_FIRST),
        ("16 MiB", BYTES),
        ("16 MiB and 100 ms", OURS),
    ] {
        let (over, down) = (simulate(policy, OVERLOAD), simulate(policy, DOWNLOADS));
        println!(
            "| {name} | {} | {} | {} | {} | {} |",
            over.peak_mib, over.p50_ms, over.done_per_s, down.done_per_s, down.p50_ms
        );
    }
}

#[test]
fn a_permit_around_the_download_loses_a_third() {
    for policy in [ORIGINAL, ONE_FOR_ALL] {
        let outcome = simulate(policy, DOWNLOADS);
        assert!(outcome.done_per_s * 3 < DOWNLOADS.per_s * 2, "{outcome:?}");
        assert!(outcome.p50_ms > 1000, "{outcome:?}");
    }
    for policy in [DATA_FIRST, BYTES, OURS] {
        let outcome = simulate(policy, DOWNLOADS);
        assert!(outcome.done_per_s * 100 > DOWNLOADS.per_s * 98, "{outcome:?}");
        assert!(outcome.p50_ms < 20, "{outcome:?}");
    }
}

/// Little's law says how many permits a wait needs: rate x share x time.
#[test]
fn as_many_permits_as_little_says_are_enough() {
    let needed =
        (DOWNLOADS.per_s * DOWNLOADS.downloads_percent * DOWNLOAD_US / 100_000_000) as usize;
    assert_eq!(needed, 96);
    let with = |permits| simulate(Policy { around: Some(permits), ..NONE }, DOWNLOADS).done_per_s;
    assert!(with(needed * 3 / 4) * 100 < DOWNLOADS.per_s * 85);
    assert!(with(needed * 3 / 2) * 100 > DOWNLOADS.per_s * 98);
}

#[test]
fn bytes_bound_memory_and_age_bounds_waiting() {
    let unbounded = simulate(NONE, OVERLOAD);
    assert!(unbounded.peak_mib > 1000 && unbounded.p50_ms > 1000, "{unbounded:?}");
    let bounded = simulate(OURS, OVERLOAD);
    assert!(bounded.peak_mib <= 16 && bounded.p50_ms < 250, "{bounded:?}");
    assert!(bounded.done_per_s * 100 >= CAPACITY_PER_S * 98, "{bounded:?}");
    assert!(bounded.dropped > 0, "{bounded:?}");
}
