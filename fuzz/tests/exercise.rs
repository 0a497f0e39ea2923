//! Every target survives its corpus, and two seconds of mutations of it.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use heliostat_fuzz::{Outcome, TARGETS, exercise};

#[test]
fn every_target_survives() {
    let waiting = Mutex::new(TARGETS.iter());
    let next = || waiting.lock().unwrap().next();
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(&target) = next() {
            let outcome = exercise(target, Duration::from_secs(2), RUNS_MAX);
            eprintln!("{}: {outcome}", target.name);
            if !matches!(outcome, Outcome::Fine(_)) {
                failed.lock().unwrap().push(target.name);
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    assert_eq!(*failed.lock().unwrap(), Vec::<&str>::new());
}

/// So that a fast machine does not do more than a slow one for no reason.
const RUNS_MAX: u64 = 200_000;
