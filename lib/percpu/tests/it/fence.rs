//! Flip and fence: a manager flips which of two lists is in use, fences, and the other stands still.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use heliostat_percpu::rseq::{self, Fence};
use heliostat_percpu::{CpuId, Index, Outcome, Words};

use crate::alone;

/// The word that says which list is in use, and the two lists (a number each).
const GATE: usize = 0;
const LISTS: [usize; 2] = [1, 2];

#[test]
fn after_a_fence_the_other_list_stands_still() {
    alone::run("fence::flips", &[]);
}

#[test]
fn so_it_does_without_restartable_sequences() {
    alone::run("fence::flips", &[("GLIBC_TUNABLES", "glibc.pthread.rseq=0")]);
}

#[test]
#[ignore = "run in a process of its own"]
fn flips() {
    flip::<heliostat_percpu::ByCid>();
    flip::<heliostat_percpu::ByCpu>();
}

fn flip<I: Index>() {
    let words = Words::<I>::new(3);
    let (done, stored) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let Some(slot) = words.here() else { continue };
                    let gate = words.load(slot, GATE);
                    let list = LISTS[gate as usize & 1];
                    let value = words.load(slot, list);
                    let outcome =
                        words.compare_two_store(slot, (list, value), (GATE, gate), value + 1);
                    stored.fetch_add(u64::from(outcome == Outcome::Stored), Ordering::Relaxed);
                }
            });
        }
        let until = Instant::now() + Duration::from_secs(20);
        let mut gate = 0;
        let used = |list| words.slots().any(|slot| words.load(slot, list) > 0);
        while gate < 20 || !(used(LISTS[0]) && used(LISTS[1]) || Instant::now() > until) {
            gate += 1;
            words.slots().for_each(|slot| words.store(slot, GATE, gate));
            rseq::fence(Fence::All).unwrap();
            let idle = LISTS[(gate as usize + 1) & 1];
            // A slot that is opened from here on starts with gate 0, which may be the idle list's.
            let slots: Vec<_> =
                words.slots().filter(|slot| words.load(*slot, GATE) == gate).collect();
            let look = || slots.iter().map(|slot| words.load(*slot, idle)).collect::<Vec<_>>();
            let before = look();
            for _ in 0..3 {
                std::thread::yield_now();
                assert_eq!(look(), before);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    let sum = |word| words.slots().map(|slot| words.load(slot, word)).sum::<u64>();
    assert_eq!(LISTS.into_iter().map(sum).sum::<u64>(), stored.into_inner());
}

#[test]
fn every_cpu_can_be_fenced_and_none_that_is_not_there() {
    rseq::fence(Fence::Cpu(rseq::cpu())).unwrap();
    rseq::fence(Fence::Cpu(CpuId::new(0).unwrap())).unwrap();
    let nowhere = CpuId::new(CpuId::MAX).unwrap();
    assert!(rseq::fence(Fence::Cpu(nowhere)).unwrap_err().is_out_of_range());
}
