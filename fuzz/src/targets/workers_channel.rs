//! What a worker process wrote: its first and last words, frames in a pipe, a scribbled ring.

use heliostat_workers::raw;

/// The parent believes what fits what it asked, refuses the rest, and survives.
pub(super) fn target(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    match choice % 3 {
        0 => raw::words(rest),
        1 => raw::pipe(rest),
        _ => raw::ring(rest),
    };
}
