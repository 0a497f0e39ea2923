//! Vectors of counters against a plain vector, and what they take in memory.

use proptest::prelude::*;

use super::*;

fn config() -> ProptestConfig {
    let cases = if cfg!(miri) { 2 } else { 64 };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_vector_of_counters_is_a_vector_of_numbers(
        len in 1usize..300,
        steps in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), any::<u64>()), 0..60)
    ) {
        let counters = CounterVec::new(len);
        let mut model = vec![0u64; len];
        for (what, id, n) in steps {
            let id = id.index(len);
            if what < 32 {
                prop_assert_eq!(counters.sum_then_reset(id), std::mem::take(&mut model[id]));
            } else {
                counters.add(id, n);
                model[id] = model[id].wrapping_add(n);
            }
            prop_assert_eq!(counters.sum(id), model[id]);
        }
        let mut sums = vec![1; len + 3];
        counters.sum_into(&mut sums);
        prop_assert_eq!(&sums[..len], &model);
        prop_assert_eq!(&sums[len..], [0, 0, 0]);
    }
}

#[test]
#[should_panic(expected = "counter 3 of 3")]
fn an_id_past_the_end_panics() {
    CounterVec::new(3).increment(3);
}

#[test]
fn no_counters_are_no_harm() {
    let none = CounterVec::new(0);
    assert!(none.is_empty());
    none.sum_into(&mut []);
}

#[test]
fn threads_lose_nothing() {
    let rounds = if cfg!(miri) { 10 } else { 50_000 };
    let counters = CounterVec::<ByCpu>::with_index(1000);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..rounds).for_each(|n| counters.increment(n % 1000)));
        }
    });
    let mut sums = vec![0; 1000];
    counters.sum_into(&mut sums);
    assert_eq!(sums.iter().sum::<u64>(), 8 * rounds as u64);
}

/// 80,000 counters, every one of them touched by each of 64 threads: at most two rows per CPU that
/// may run us are committed (the atomic lane stays untouched unless a thread was stormed).
#[cfg(all(target_os = "linux", not(miri)))]
#[test]
fn memory_is_for_the_slots_in_use() {
    const LEN: usize = 80_000;
    let counters = CounterVec::new(LEN);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| (0..LEN).for_each(|id| counters.increment(id)));
        }
    });
    let cpus = crate::affinity::current().unwrap().len();
    let row = LEN * size_of::<u64>();
    let (start, length) = counters.rows.extent().unwrap();
    let committed = resident(start, length);
    assert!(counters.slots_in_use() <= crate::sys::os::possible() as usize);
    // A page of the lane may have been touched by an addition that was interrupted eight times.
    let most = cpus.max(1) * row + 64 * 4096;
    assert!(committed <= most, "{committed} bytes for {cpus} CPUs, a row is {row}");
    assert!((0..LEN).all(|id| counters.sum(id) == 64));
}

/// How many bytes of a mapping are in memory.
#[cfg(all(target_os = "linux", not(miri)))]
fn resident(start: usize, length: usize) -> usize {
    let mut pages = vec![0u8; length.div_ceil(4096)];
    // SAFETY: the kernel writes one byte per page of the range into `pages`.
    let done = unsafe {
        libc::mincore(
            std::ptr::with_exposed_provenance_mut(start),
            length,
            pages.as_mut_ptr().cast(),
        )
    };
    assert_eq!(done, 0);
    pages.iter().filter(|page| **page & 1 == 1).count() * 4096
}
