//! What others leave of the memory of a group: one formula for whoever reads everything and for the
//! watch, which reads as little as it can.

use std::path::{Path, PathBuf};

use crate::amount::Bytes;
use crate::parse;

/// A group with a limit, and the files that say what is used of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limited {
    pub(crate) limit: Bytes,
    pub(crate) usage: PathBuf,
    pub(crate) stat: PathBuf,
    cached: [&'static str; 2],
}

impl Limited {
    pub(crate) fn new(level: &Path, unified: bool, limit: Bytes) -> Limited {
        let (usage, cached) = match unified {
            true => ("memory.current", ["inactive_file", "active_file"]),
            false => ("memory.usage_in_bytes", ["total_inactive_file", "total_active_file"]),
        };
        let [usage, stat] = [usage, "memory.stat"].map(|name| level.join(name));
        Limited { limit, usage, stat, cached }
    }

    /// What the limit leaves beside what others hold. Page cache is not held: it goes when it must.
    pub(crate) fn left(&self, used: u64, stat: &[u8], own: Bytes) -> Bytes {
        let cached = self.cached.iter().filter_map(|key| parse::keyed(stat, key).ok());
        let cached = Bytes::new(cached.fold(0, u64::saturating_add));
        let held = Bytes::new(used).saturating_sub(cached);
        self.limit.saturating_sub(held).saturating_add(own).min(self.limit)
    }
}
