//! The turn: who may look at the ledger and write in it.
//!
//! Taking the turn is one compare-and-swap and giving it back one store, half of what a mutex costs,
//! and for a request that nobody stands in the way of that is most of its cost. It can be so cheap
//! because nobody sleeps on it. Those who only add or subtract try it a few times and otherwise go
//! through the mutex of the crowd, where threads sleep in a queue; so whoever has the mutex competes
//! with a few instructions at a time, never with a crowd being served.

use crate::primitive::{AtomicBool, Ordering, RETRIES, pause};

/// Whether somebody has the turn.
#[derive(Debug)]
pub(crate) struct Turns {
    taken: AtomicBool,
}

/// The turn. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    turns: &'a Turns,
}

impl Turns {
    pub(crate) fn new() -> Turns {
        Turns { taken: AtomicBool::new(false) }
    }

    #[inline]
    fn try_take(&self) -> Option<Turn<'_>> {
        // Acquire: what the last one wrote is seen by this one.
        let taken = self.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        // Made only when it was taken: a turn that is dropped is given back, whoever has it.
        taken.is_ok().then(|| Turn { turns: self })
    }

    /// Takes the turn unless somebody keeps it for longer than a few additions take. For those who
    /// do not have the mutex and can go there instead.
    #[inline]
    pub(crate) fn take_briefly(&self) -> Option<Turn<'_>> {
        match self.try_take() {
            None => self.retry(),
            turn => turn,
        }
    }

    #[cold]
    fn retry(&self) -> Option<Turn<'_>> {
        (0..RETRIES).find_map(|_| {
            // Looking is cheaper for the other CPU than trying.
            pause(0);
            if self.taken.load(Ordering::Relaxed) { None } else { self.try_take() }
        })
    }

    /// Takes the turn. Only for whoever holds the mutex of the crowd.
    #[inline]
    pub(crate) fn take(&self) -> Turn<'_> {
        match self.try_take() {
            Some(turn) => turn,
            None => self.take_slowly(),
        }
    }

    /// Spins, then lets others run, then sleeps: the one who has the turn needs a few instructions,
    /// but the scheduler may have taken the CPU from it.
    #[cold]
    fn take_slowly(&self) -> Turn<'_> {
        let mut attempt = 0_u32;
        loop {
            pause(attempt);
            attempt = attempt.saturating_add(1);
            if let Some(turn) = self.try_take() {
                return turn;
            }
        }
    }
}

impl Drop for Turn<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: what was written during the turn is seen by the next one.
        self.turns.taken.store(false, Ordering::Release);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::Turns;

    #[test]
    fn a_try_that_fails_leaves_the_turn_where_it_is() {
        let turns = Turns::new();
        let turn = turns.take_briefly();
        assert!(turn.is_some());
        assert!(turns.take_briefly().is_none());
        assert!(turns.take_briefly().is_none(), "the first failure gave it back");
        drop(turn);
        assert!(turns.take_briefly().is_some());
    }
}
