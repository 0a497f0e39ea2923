//! Whether the next spin is worth its time: what the last ones brought.
//!
//! A spin that ends in vain has cost CPU time, and perhaps has kept the other side from the only
//! CPU that is free. Each one in vain makes the next ones rarer, up to one chance in 256; each that
//! brings something makes them more frequent again.

use crate::primitive::{AtomicU32, Ordering};

/// See the module. Threads may use it at once: a chance that is counted twice does no harm.
#[derive(Debug, Default)]
pub(crate) struct Spins {
    /// So many chances are let pass after the next one in vain.
    rest: AtomicU32,
    /// So many are to be let pass yet.
    left: AtomicU32,
}

impl Spins {
    /// Whether to take this chance.
    pub(crate) fn is_worth_it(&self) -> bool {
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        left == 0
    }

    /// Tells what a spin brought.
    pub(crate) fn learn(&self, came: bool) {
        let rest = self.rest.load(Ordering::Relaxed);
        let rest = if came { rest / 2 } else { (2 * rest + 1).min(REST_MAX) };
        self.rest.store(rest, Ordering::Relaxed);
        if !came {
            self.left.store(rest, Ordering::Relaxed);
        }
    }
}

const REST_MAX: u32 = 255;

#[cfg(test)]
mod tests {
    use super::Spins;

    /// How many of so many chances are taken, when those up to a number bring something.
    fn taken(chances: u32, until: u32) -> u32 {
        let spins = Spins::default();
        let mut taken = 0;
        for chance in 0..chances {
            if spins.is_worth_it() {
                taken += 1;
                spins.learn(chance < until);
            }
        }
        taken
    }

    #[test]
    fn what_is_in_vain_becomes_rare_and_what_brings_something_does_not() {
        assert_eq!(taken(10_000, 10_000), 10_000);
        assert!((20..60).contains(&taken(10_000, 0)));
        assert!((5_020..5_060).contains(&taken(15_000, 5_000)));
    }
}
