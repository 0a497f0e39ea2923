//! What was found so far, within its limits.

use heliostat_observe_probe_wire::{
    Entry, Fact, Found, LABEL_BYTES_MAX, Limit, Limits, Refused, path_check,
};

/// Collects entries.
#[derive(Debug)]
pub(crate) struct Gather {
    pub(crate) found: Found,
    limits: Limits,
}

impl Gather {
    pub(crate) fn new(limits: Limits) -> Gather {
        Gather { found: Found::default(), limits }
    }

    /// Bytes that may come out of a compressed document.
    pub(crate) fn expanded_bytes_max(&self) -> u64 {
        self.limits.expanded_bytes_max
    }

    /// Adds an entry, or counts it among those that nobody should use. Only their number refuses
    /// the document.
    pub(crate) fn entry(&mut self, entry: Entry, at: u64) -> Result<(), Refused> {
        if let Err(limit) = path_check(&entry.path) {
            self.leave_out(limit);
            return Ok(());
        }
        let label = &entry.label;
        if label.len() > LABEL_BYTES_MAX || label.chars().any(char::is_control) {
            self.leave_out(Limit::Facts);
            return Ok(());
        }
        if self.found.entries.len() >= self.entries_max() {
            return Err(self.too_many(at));
        }
        self.found.entries.push(entry);
        Ok(())
    }

    /// How many entries there may be.
    pub(crate) fn entries_max(&self) -> usize {
        self.limits.entries_max as usize
    }

    /// The refusal when there are more.
    pub(crate) fn too_many(&self, at: u64) -> Refused {
        Refused::new(Limit::Entries, format!("more than {} entries", self.entries_max()), at)
    }

    /// Counts something that nobody should use.
    pub(crate) fn leave_out(&mut self, limit: Limit) {
        self.found.leave_out(limit);
    }

    /// Notes what the document says of itself; a text that is too long is counted instead.
    pub(crate) fn fact(&mut self, fact: Fact, text: &str) {
        if let Err(limit) = self.found.facts.add(fact, text) {
            self.leave_out(limit);
        }
    }

    /// Notes a time.
    pub(crate) fn fact_time(&mut self, fact: Fact, time: Option<i64>) {
        match time {
            Some(unix_s) => self.fact(fact, &unix_s.to_string()),
            None => self.leave_out(Limit::Number),
        }
    }
}
