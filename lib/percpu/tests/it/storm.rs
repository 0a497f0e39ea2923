//! The affinity storm: somebody changes a thread's mask every twenty microseconds while it pins,
//! counts and keeps lists. Sums stay exact; the pin only ever was for progress.
//!
//! `PERCPU_STORM_SECONDS` makes it longer than the third of a second of an ordinary run.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use heliostat_percpu::{
    ByCpu, Counter, CounterVec, CpuSet, FreeList, Item, Policy, affinity, pin_on_cpu_with,
};

use crate::alone;
use crate::outside::{set_mask, skip, thread_number};

fn length() -> Duration {
    let seconds = std::env::var("PERCPU_STORM_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or(0.3))
}

#[derive(Default)]
struct Tally {
    pins: AtomicU64,
    off_target: AtomicU64,
    refused: AtomicU64,
    conflicts: AtomicU64,
    changes: AtomicU64,
}

/// Pins to one CPU after the other and does a little of everything there.
fn work(tally: &Tally, allowed: &CpuSet, until: Instant, each: impl Fn()) {
    for cpu in std::iter::repeat_with(|| allowed.iter()).flatten() {
        if Instant::now() >= until {
            break;
        }
        match pin_on_cpu_with(cpu, Policy::Retry(1)) {
            Err(_) => _ = tally.refused.fetch_add(1, Ordering::Relaxed),
            Ok(pin) => {
                tally.pins.fetch_add(1, Ordering::Relaxed);
                for _ in 0..20 {
                    each();
                    if !pin.is_on_target() {
                        tally.off_target.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                }
                if pin.unpin().is_err() {
                    tally.conflicts.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        each();
    }
}

#[test]
fn sums_are_exact_while_somebody_changes_the_mask() {
    alone::run("storm::storm", &[]);
}

#[test]
fn so_they_are_without_restartable_sequences() {
    alone::run("storm::storm", &[("GLIBC_TUNABLES", "glibc.pthread.rseq=0")]);
}

#[test]
#[ignore = "run in a process of its own"]
#[expect(clippy::print_stderr, reason = "the share of time off target is a result")]
fn storm() {
    let Ok(allowed) = affinity::allowed() else { return skip("storm", "masks cannot be set") };
    let (tally, counter, added) = (Tally::default(), Counter::<ByCpu>::new(), AtomicU64::new(0));
    let (by_cid, vector) = (Counter::<heliostat_percpu::ByCid>::new(), CounterVec::new(64));
    let list: FreeList<usize> = FreeList::new();
    (0..32).for_each(|n| list.push(Item::new(n)));
    let (victim, done) = (AtomicI32::new(0), AtomicBool::new(false));
    let until = Instant::now() + length();
    let each = || {
        counter.increment();
        by_cid.increment();
        vector.increment(7);
        added.fetch_add(1, Ordering::Relaxed);
        let item = list.pop();
        item.into_iter().for_each(|item| list.push(item));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let masks: Vec<CpuSet> =
                allowed.iter().map(CpuSet::only).chain([allowed.clone()]).collect();
            for mask in masks.iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let thread = victim.load(Ordering::Relaxed);
                if thread != 0 && set_mask(thread, mask) {
                    tally.changes.fetch_add(1, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_micros(20));
            }
        });
        let others: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        each()
                    }
                })
            })
            .collect();
        victim.store(thread_number(), Ordering::Relaxed);
        work(&tally, &allowed, until, each);
        done.store(true, Ordering::Relaxed);
        others.into_iter().for_each(|other| other.join().unwrap());
    });
    let expected = added.into_inner();
    assert_eq!((counter.sum(), by_cid.sum(), vector.sum(7)), (expected, expected, expected));
    let mut items: Vec<usize> = list.drain().unwrap().map(Item::into_inner).collect();
    items.sort_unstable();
    assert_eq!(items, (0..32).collect::<Vec<_>>());
    let pins = tally.pins.into_inner();
    let off = tally.off_target.into_inner() as f64 / pins.max(1) as f64;
    eprintln!(
        "{} changes, {pins} pins, {:.1} % of them found off target, {} refused or moved while \
         pinning, {} conflicts at unpinning, {expected} additions exact",
        tally.changes.into_inner(),
        100.0 * off,
        tally.refused.into_inner(),
        tally.conflicts.into_inner(),
    );
    assert!(pins > 0);
}
