//! How many requests were refused, by reason.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many requests were refused, by the name of the limit or the rule.
///
/// The names are those of answers and of the log, and all of them are ours, so there are only so many.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeMap<&'static str, u64>>);

impl Refusals {
    /// Counts one.
    pub(crate) fn add(&self, reason: &'static str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// Those since the last call.
    #[must_use]
    pub fn take(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
