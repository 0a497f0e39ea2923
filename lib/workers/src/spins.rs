//! Whether the next spin is worth its time: what the last ones brought.
//!
//! A spin that ends in vain has cost CPU time, and perhaps has kept the other side from the only
//! CPU that is free. While too many do, one chance in 32 is taken, to see whether that is still so.

use crate::primitive::{AtomicU32, Ordering};

/// See the module. Threads may use it at once: a chance that is counted twice does no harm.
#[derive(Debug)]
pub(crate) struct Spins {
    /// The part of the last ones that brought something, of [`ALL`].
    came: AtomicU32,
    /// Chances to be let pass until one is tried all the same.
    left: AtomicU32,
}

impl Default for Spins {
    fn default() -> Spins {
        Spins { came: AtomicU32::new(ALL), left: AtomicU32::new(0) }
    }
}

impl Spins {
    /// Whether they have brought enough.
    pub(crate) fn are_good(&self) -> bool {
        self.came.load(Ordering::Relaxed) >= ENOUGH
    }

    /// Whether to take this chance.
    pub(crate) fn is_worth_it(&self) -> bool {
        if self.are_good() {
            return true;
        }
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(1), Ordering::Relaxed);
        left == 0
    }

    /// Tells what a spin brought.
    pub(crate) fn learn(&self, came: bool) {
        let old = self.came.load(Ordering::Relaxed);
        let new = match came {
            // What brings something again gets more than one chance.
            true if old < ENOUGH => 2 * ENOUGH,
            true => old + (ALL - old.min(ALL)) / 8,
            false => old - old / 8,
        };
        self.came.store(new, Ordering::Relaxed);
        self.left.store(PASSED, Ordering::Relaxed);
    }
}

const ALL: u32 = 1024;
/// A spin in vain costs about half of what one saves that is not.
const ENOUGH: u32 = 384;
const PASSED: u32 = 31;

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
        assert_eq!(taken(3_200, 3_200), 3_200);
        assert!((100..120).contains(&taken(3_200, 0)));
        assert!((3_300..3_320).contains(&taken(6_400, 3_200)));
    }

    #[test]
    fn what_has_become_rare_comes_back() {
        let spins = Spins::default();
        (0..100).for_each(|_| spins.learn(false));
        assert!(!spins.are_good());
        let passed = (0..100).take_while(|_| !spins.is_worth_it()).count();
        assert!(passed < 32, "{passed}");
        spins.learn(true);
        assert!(spins.are_good() && spins.is_worth_it());
    }
}
