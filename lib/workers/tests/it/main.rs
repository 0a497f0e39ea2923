//! The tests that need real workers. The binary is its own worker, which is why it has no
//! standard harness.
#![expect(clippy::unwrap_used, reason = "these are tests, though the harness is not the usual one")]
#![expect(clippy::print_stdout, reason = "a process of its own tells the test how it went")]

/// The worker side.
mod worker;
/// Attempts to get out of the sandbox.
mod escape;
/// Jobs, replies, errors.
mod api;
/// Who is to blame.
mod blame;
/// Callers that go away.
mod cancel;
/// The sandbox, layer by layer.
mod sandbox;
/// Workers that lie.
mod hostile;
/// Start, idle, recycle, drain, stop, and the death of a parent.
mod life;
/// Too much to do.
mod overload;
/// Permits and workers by what the machine gives.
mod admitted;
/// A worker in another language.
mod foreign;
/// Random histories against a naive twin.
mod model;
/// What the tests share.
mod support;

use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => worker::main(),
        Some("hostile") => hostile::main(),
        Some("parent") => life::parent(),
        _ => {}
    }
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (module, tests) in [
        ("api", api::TESTS),
        ("blame", blame::TESTS),
        ("cancel", cancel::TESTS),
        ("sandbox", sandbox::TESTS),
        ("hostile", hostile::TESTS),
        ("life", life::TESTS),
        ("overload", overload::TESTS),
        ("admitted", admitted::TESTS),
        ("foreign", foreign::TESTS),
        ("model", model::TESTS),
    ] {
        trials.extend(tests.iter().map(|(name, test)| trial(module, name, *test)));
    }
    libtest_mimic::run(&arguments, trials).exit()
}

/// A name and what it does.
type Test = (&'static str, fn());

fn trial(module: &str, name: &str, test: fn()) -> Trial {
    let run = move || -> Result<(), Failed> {
        test();
        Ok(())
    };
    Trial::test(format!("{module}::{name}"), run)
}

/// The tests of a module, by the names of their functions.
#[macro_export]
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        /// The tests of this module.
        pub(crate) const TESTS: &[$crate::Test] = &[$((stringify!($name), $name as fn())),*];
    };
}
