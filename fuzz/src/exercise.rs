//! Runs a target for a moment: its corpus, then mutations of it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use std::{fmt, io};

use rustix::time::{ClockId, clock_gettime};

use crate::Target;
use crate::corpus::inputs;
use crate::mutate::{Random, mutate};

/// What became of a target.
#[derive(Debug)]
pub enum Outcome {
    /// It returned this many times.
    Fine(u64),
    /// It panicked on an input.
    Panicked(Vec<u8>),
    /// It took longer on an input than any input may.
    Slow(Vec<u8>, Duration),
    /// Its corpus could not be read.
    NoCorpus(io::Error),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Fine(runs) => write!(f, "fine, {runs} inputs"),
            Outcome::Panicked(input) => write!(f, "panicked on {}", input.escape_ascii()),
            Outcome::Slow(input, time) => write!(f, "{time:?} for {}", input.escape_ascii()),
            Outcome::NoCorpus(error) => write!(f, "cannot read its corpus: {error}"),
        }
    }
}

/// Replays a target's corpus, then mutates it until the time or the number of runs is over.
pub fn exercise(target: Target, time: Duration, runs_max: u64) -> Outcome {
    let seeds = match inputs(target.name) {
        Ok(seeds) => seeds,
        Err(error) => return Outcome::NoCorpus(error),
    };
    let mut runs = 0;
    for seed in &seeds {
        if let Some(outcome) = run(target, seed) {
            return outcome;
        }
        runs += 1;
    }
    let mut random = Random::of(target.name);
    let end = Instant::now() + time;
    let pick = |random: &mut Random| match seeds.len() {
        0 => &[][..],
        count => &seeds[random.below(count)],
    };
    while runs < runs_max && Instant::now() < end {
        let mut input = pick(&mut random).to_vec();
        mutate(&mut input, pick(&mut random), &mut random);
        if let Some(outcome) = run(target, &input) {
            return outcome;
        }
        runs += 1;
    }
    Outcome::Fine(runs)
}

/// Runs a target once; `None` when there is nothing to tell.
fn run(target: Target, input: &[u8]) -> Option<Outcome> {
    let start = thread_time();
    if catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err() {
        return Some(Outcome::Panicked(input.to_vec()));
    }
    let time = thread_time().saturating_sub(start);
    (time > INPUT_TIME_MAX).then(|| Outcome::Slow(input.to_vec(), time))
}

/// What this thread has computed, whoever else had the processor meanwhile.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// So long that only a fault explains it, even without optimisation.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Outcome, exercise};
    use crate::Target;

    #[test]
    fn a_panic_is_found_and_told() {
        let run = |data: &[u8]| assert!(!data.contains(&b'x'), "x");
        let target = Target { name: "nothing_of_this_name", run };
        let outcome = exercise(target, Duration::from_secs(60), 1_000_000);
        assert!(matches!(outcome, Outcome::Panicked(input) if input.contains(&b'x')));
    }

    #[test]
    fn runs_are_limited() {
        let target = Target { name: "nothing_of_this_name", run: |_| {} };
        let outcome = exercise(target, Duration::from_secs(60), 1_000);
        assert!(matches!(outcome, Outcome::Fine(1_000)));
    }
}
