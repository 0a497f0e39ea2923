//! Counters are exact, whoever adds, sums and resets.

use super::*;
use crate::ByCpu;

const ROUNDS: u64 = if cfg!(miri) { 20 } else { 100_000 };

#[test]
fn a_counter_counts() {
    let counter = Counter::<ByCid>::default();
    assert_eq!(counter.sum(), 0);
    assert_eq!(counter.slots_in_use(), 0, "no memory before the first addition");
    counter.add(5);
    counter.increment();
    counter.decrement();
    counter.sub(2);
    assert_eq!(counter.sum(), 3);
    assert!(counter.slots_in_use() >= 1 || crate::rseq::mode().is_restartable());
    assert_eq!(counter.sum_then_reset(), 3);
    counter.add(4);
    counter.reset();
    assert_eq!(counter.sum(), 0);
    assert_eq!(format!("{counter:?}"), "Counter { sum: 0, .. }");
}

fn exact<I: Index>(threads: u64) {
    let counter = Counter::<I>::new();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..ROUNDS).for_each(|n| counter.add(n & 1)));
        }
    });
    assert_eq!(counter.sum(), threads * ROUNDS / 2);
}

#[test]
fn threads_lose_nothing_by_cid() {
    exact::<ByCid>(2);
    exact::<ByCid>(8);
}

#[test]
fn threads_lose_nothing_by_cpu() {
    exact::<ByCpu>(2);
    exact::<ByCpu>(8);
}

#[test]
fn resets_hand_out_every_addition_once() {
    let counter: Counter = Counter::new();
    let handed_out: u64 = std::thread::scope(|scope| {
        let adders: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..ROUNDS).for_each(|_| counter.increment()))).collect();
        let resetters: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let answers = (0..ROUNDS / 100 + 1).map(|_| counter.sum_then_reset());
                    answers.inspect(|n| assert!(*n <= 4 * ROUNDS)).sum::<u64>()
                })
            })
            .collect();
        adders.into_iter().for_each(|adder| adder.join().unwrap());
        resetters.into_iter().map(|resetter| resetter.join().unwrap()).sum()
    });
    assert_eq!(handed_out + counter.sum(), 4 * ROUNDS);
}

#[test]
fn sums_only_grow_while_threads_add() {
    let counter: Counter = Counter::new();
    std::thread::scope(|scope| {
        let adder = scope.spawn(|| (0..ROUNDS).for_each(|_| counter.increment()));
        let mut last = 0;
        while !adder.is_finished() {
            let sum = counter.sum();
            assert!(sum >= last && sum <= ROUNDS);
            last = sum;
        }
    });
}
