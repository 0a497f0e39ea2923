//! Processes count together in shared memory, by CPU.

use heliostat_percpu::CounterVec;

use crate::alone;

const PROCESSES: u64 = 8;
const ROUNDS: u64 = 300_000;

#[test]
fn forked_processes_count_together() {
    alone::run("fork::count", &[]);
}

#[test]
fn so_they_do_without_restartable_sequences() {
    alone::run("fork::count", &[("GLIBC_TUNABLES", "glibc.pthread.rseq=0")]);
}

#[test]
#[ignore = "run in a process of its own, because it forks"]
fn count() {
    let counters = CounterVec::shared(4).unwrap();
    counters.add(1, 5);
    let children: Vec<i32> = (0..PROCESSES)
        .map(|_| {
            // SAFETY: the child only counts, which takes no lock, and leaves without unwinding.
            match unsafe { libc::fork() } {
                0 => {
                    (0..ROUNDS).for_each(|_| counters.increment(2));
                    // SAFETY: ends the child at once, running nothing of the parent's.
                    unsafe { libc::_exit(0) }
                }
                child => child,
            }
        })
        .collect();
    for child in children {
        let mut status = -1;
        // SAFETY: the kernel writes one word to `status`.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
    }
    assert_eq!(counters.sum(2), PROCESSES * ROUNDS);
    assert_eq!((counters.sum(0), counters.sum(1)), (0, 5));
    assert_eq!(counters.sum_then_reset(2), PROCESSES * ROUNDS);
}
