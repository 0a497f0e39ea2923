//! Counting by many threads: as cheap as a thread-local, summed at any time.
//!
//! `cargo run --release -p heliostat-percpu --example counting`
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::time::Instant;

use heliostat_percpu::{Counter, CounterVec, rseq};

static ANSWERS: Counter = Counter::new();

fn main() {
    const COUNTRIES: [&str; 4] = ["CH", "DE", "JP", "US"];
    // Names become dense ids once, before anything is counted.
    let by_country = CounterVec::new(COUNTRIES.len());
    println!("operations by {}", rseq::mode());

    let before = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let by_country = &by_country;
            scope.spawn(move || {
                for n in 0..1_000_000 {
                    ANSWERS.increment();
                    by_country.increment((n + thread) % COUNTRIES.len());
                }
            });
        }
    });
    println!("16 million additions by 8 threads in {:?}", before.elapsed());

    println!("{} answers, {} slots in use", ANSWERS.sum(), ANSWERS.slots_in_use());
    for (id, country) in COUNTRIES.iter().enumerate() {
        println!("{country} {}", by_country.sum_then_reset(id));
    }
}
