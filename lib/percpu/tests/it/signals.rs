//! A storm of signals, each of which counts too: nothing is lost and nothing stands still.
//!
//! Longer when `PERCPU_STORM_SECONDS` is set.

use std::sync::atomic::{AtomicU64, Ordering};

use heliostat_percpu::{Counter, FreeList, Item};

use crate::alone;

static COUNTER: Counter = Counter::new();
static SIGNALS: AtomicU64 = AtomicU64::new(0);

#[test]
fn nothing_is_lost_in_a_storm_of_signals() {
    alone::run("signals::storm", &[]);
}

#[test]
fn nor_without_restartable_sequences() {
    alone::run("signals::storm", &[("GLIBC_TUNABLES", "glibc.pthread.rseq=0")]);
}

extern "C" fn count(_: i32) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
    COUNTER.increment();
}

fn every_microsecond(microseconds: i64) {
    let every = libc::timeval { tv_sec: 0, tv_usec: microseconds };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    let former = std::ptr::null_mut();
    // SAFETY: the kernel reads `timer` and writes nothing.
    let done = unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, former) };
    assert_eq!(done, 0);
}

#[test]
#[ignore = "run in a process of its own, because of its timer"]
fn storm() {
    // Opened before the first signal: a handler must not allocate.
    COUNTER.increment();
    let list: FreeList<usize> = FreeList::new();
    (0..16).for_each(|n| list.push(Item::new(n)));
    // SAFETY: an all-zero action is a valid one.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as extern "C" fn(i32) as usize;
    action.sa_flags = libc::SA_RESTART;
    let former = std::ptr::null_mut();
    // SAFETY: the handler only counts, which is safe at any moment once the counter is open.
    let done = unsafe { libc::sigaction(libc::SIGALRM, &raw const action, former) };
    assert_eq!(done, 0);
    every_microsecond(1);
    // A timer this fast leaves little time for anything else.
    let rounds = if std::env::var_os("PERCPU_STORM_SECONDS").is_some() { 100_000 } else { 2_000 };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    COUNTER.increment();
                    let item = list.pop();
                    item.into_iter().for_each(|item| list.push(item));
                }
            });
        }
    });
    every_microsecond(0);
    assert!(SIGNALS.load(Ordering::Relaxed) > 0);
    assert_eq!(COUNTER.sum(), 1 + 3 * rounds + SIGNALS.load(Ordering::Relaxed));
    assert_eq!(list.drain().unwrap().count(), 16);
}
