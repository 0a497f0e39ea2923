//! Documents through real worker processes, bodies from real sockets.
//!
//! The program of these tests is its own worker, and some workers are taken over.

/// Documents, and workers that misbehave.
mod documents;
/// Servers that misbehave.
mod servers;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => heliostat_observe_probe_worker::work(),
        Some("taken-over") => documents::taken_over(),
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    // Each has a pool of its own; side by side they would only wait for each other.
    arguments.test_threads = Some(1);
    let tests: [(&str, fn()); 7] = [
        ("documents_are_looked_at", documents::documents_are_looked_at),
        ("a_worker_that_ends_costs_one_document", documents::a_worker_that_ends_costs_one_document),
        ("room_is_waited_for_and_given_back", documents::room_is_waited_for_and_given_back),
        ("bodies_come_and_stay", servers::bodies_come_and_stay),
        ("bodies_without_end_end", servers::bodies_without_end_end),
        ("redirects_stay_in_the_world", servers::redirects_stay_in_the_world),
        ("silence_is_not_waited_for", servers::silence_is_not_waited_for),
    ];
    let trial = |(name, test): (&'static str, fn())| {
        Trial::test(name, move || {
            std::panic::catch_unwind(test).map_err(|_| Failed::without_message())
        })
    };
    libtest_mimic::run(&arguments, tests.into_iter().map(trial).collect()).exit();
}

/// Runs to its end what needs a runtime.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}
