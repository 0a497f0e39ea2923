//! A stranger's document of any bytes, as a probe worker looks at it: the first byte says of which
//! format, the rest is the document, compressed or not.

use heliostat_observe_probe_wire::{Format, Limits, Task, Verdict};
use heliostat_observe_probe_worker::answer;

/// Whatever the document is, the verdict goes over the wire and comes out the same.
pub(super) fn target(data: &[u8]) {
    let Some((&choice, document)) = data.split_first() else { return };
    let format = Format::ALL[usize::from(choice) % Format::ALL.len()];
    let limits = Limits { expanded_bytes_max: 1 << 20, entries_max: 1000 };
    let task = Task { base: "/pub/".into(), limits, ..Task::new(format) };
    let bytes = answer(&[task.encode(), document.to_vec()].concat());
    let verdict = Verdict::decode(&bytes, &limits).expect("a worker writes sense");
    assert_eq!(verdict.encode(), bytes);
}
