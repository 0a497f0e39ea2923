//! Both directions between director and probe worker, of any bytes.

use heliostat_observe_probe_wire::{Limits, Task, Verdict};

/// What is let in has exactly this encoding, and holds nothing that leads away.
pub(super) fn target(data: &[u8]) {
    if let Ok((task, document)) = Task::decode(data) {
        assert_eq!([&task.encode(), document].concat(), data);
    }
    let limits = Limits { expanded_bytes_max: 0, entries_max: 10_000 };
    let Ok(verdict) = Verdict::decode(data, &limits) else { return };
    assert_eq!(verdict.encode(), data);
    if let Verdict::Found(found) = verdict {
        for entry in &found.entries {
            assert!(!entry.path.starts_with('/') && !entry.path.contains('\0'));
            assert!(entry.path.split('/').all(|part| !matches!(part, "" | "." | "..")));
        }
    }
}
