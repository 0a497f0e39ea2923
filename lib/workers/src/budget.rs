//! How many workers may be started: a crash loop costs so much and no more.
//!
//! Jobs of strangers can end a worker each. What bounds the damage is not how many processes there
//! are at a time (the pool's permits do that) but how many are started in a second.

use std::time::{Duration, Instant};

/// A bucket of launches that fills with time.
#[derive(Debug)]
pub(crate) struct Budget {
    left: f64,
    per_s: f64,
    filled: Instant,
}

impl Budget {
    pub(crate) fn new(per_s: u32, now: Instant) -> Budget {
        let per_s = f64::from(per_s.max(1));
        Budget { left: per_s, per_s, filled: now }
    }

    /// Takes one launch; with none left, how long until there is.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let filled = now.saturating_duration_since(self.filled).as_secs_f64() * self.per_s;
        self.left = (self.left + filled).min(self.per_s);
        self.filled = now;
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.left) / self.per_s))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Budget;

    #[test]
    fn launches_are_spread_over_time() {
        let start = Instant::now();
        let mut budget = Budget::new(10, start);
        assert!((0..10).all(|_| budget.take(start).is_ok()));
        let pause = budget.take(start).unwrap_err();
        assert!((99..=101).contains(&pause.as_millis()), "{pause:?}");
        assert!(budget.take(start + pause).is_ok());
        assert!(budget.take(start + pause).is_err());
        // However long nothing happens, no more than a second's worth is saved.
        let later = start + Duration::from_secs(1000);
        assert!((0..10).all(|_| budget.take(later).is_ok()));
        assert!(budget.take(later).is_err());
    }
}
