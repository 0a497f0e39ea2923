//! Mirrors on loopback, crawled with real workers into a real catalog.
//!
//! The program of these tests is its own worker.
#![expect(clippy::unwrap_used, reason = "these are tests, though the harness is not the usual one")]

/// A catalog, a master tree, and mirrors of it.
mod rig;
/// Mirrors that are fine, stale, partial.
mod pages;
/// Every way to a mirror.
mod ways;
/// Several crawlers, and one that is killed.
mod share;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let told: Vec<String> = std::env::args().skip(1).collect();
    match told.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["worker"] => heliostat_observe_probe_worker::work(),
        ["crawler", catalog] => return share::crawler(catalog),
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    // Each has a pool of its own; side by side they would only wait for each other.
    arguments.test_threads = Some(1);
    let tests: Vec<(&'static str, fn())> = [pages::TESTS, ways::TESTS, share::TESTS].concat();
    let trial = |(name, test): (&'static str, fn())| {
        Trial::test(name, move || {
            std::panic::catch_unwind(test).map_err(|_| Failed::without_message())
        })
    };
    libtest_mimic::run(&arguments, tests.into_iter().map(trial).collect()).exit();
}
