//! Ours or theirs: when most of what was good fails at once, it is us.
//!
//! Mirrors are strangers to each other. That more than half of those that answered a minute ago stop
//! at the same time happens to nobody; that our own cable is pulled happens. Then nothing that was
//! seen counts, and clients go on as they were.

/// What was seen in one round, of hosts that were good before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Hosts that were good before and were looked at.
    pub hosts: usize,
    /// Of them, those of which every look failed.
    pub failing: usize,
}

impl Tally {
    /// Whether it is rather our own network that fails.
    #[must_use]
    pub fn is_ours(self) -> bool {
        self.failing >= HOSTS_MIN && self.failing * 2 > self.hosts
    }
}

/// Of fewer hosts, all may well fail on their own.
const HOSTS_MIN: usize = 3;
