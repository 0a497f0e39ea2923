//! `lib/workers` beside the two designs that it replaces, in one run.
//!
//! ```text
//! cargo xtask bench workers                  every table
//! cargo xtask bench workers speed         throughput, p99 and CPU time at N = 1 to 128
//! cargo xtask bench workers speed 5 1     only 5 us of work, one worker
//! cargo xtask bench workers spawn | large | killer | cancel | overload | weight | idle
//! ```
//!
//! `sync` blocks its callers and locks both pipes in turn; `async` lets tokio callers pipeline
//! over pipes; both are written in `original.rs` after walredo. The cells of a table are
//! interleaved in random order, each is repeated, and the medians are compared. Every caller
//! yields after each call, and a call is timed with the wait for an executor, so that nothing is
//! omitted.
#![expect(clippy::print_stdout, reason = "a bench prints its results")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

/// The two designs of the original, and their worker.
mod original;
/// One design under one load.
mod cell;
/// Throughput, waiting and CPU time over N.
mod speed;
/// Everything that is measured once.
mod single;

use std::env;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["original-worker", iterations] => original::worker(iterations.parse().unwrap()),
        ["worker", iterations] => cell::worker(iterations.parse().unwrap()),
        ["speed", rest @ ..] => speed::run(rest),
        ["spawn"] => single::spawn(),
        ["large"] => single::large(),
        ["killer"] => single::killer(),
        ["cancel"] => single::cancel(),
        ["overload"] => single::overload(),
        ["weight"] => single::weight(),
        ["idle"] => single::idle(),
        _ => {
            single::spawn();
            single::large();
            single::killer();
            single::cancel();
            single::overload();
            single::weight();
            single::idle();
            speed::run(&[]);
        }
    }
}
