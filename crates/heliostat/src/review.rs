//! Room for checking a new snapshot beside the one that serves.
//!
//! Opening a snapshot reads every byte of it, while the old one still answers: for that moment the
//! container must hold both. So the check asks for a permit as background work. Answers ask nobody.

use heliostat_admission::{
    Admission, Bytes, Capacity, Lane, MilliCpu, Need, Permit, Rejected, Watch,
};
use heliostat_publish::memory::HEADROOM;

/// Hands out room for checks.
#[derive(Debug)]
pub(crate) struct Review {
    /// As large as the container is, as long as it is watched.
    admission: Option<(Admission, Option<Watch>)>,
    /// The size of the file for which there was no room, so that it is said once.
    refused: Option<u64>,
}

impl Review {
    /// Finds out what there is, and follows it.
    pub(crate) fn start() -> Review {
        let admission = match Capacity::detect() {
            Ok(capacity) => {
                let admission = Admission::new(capacity.allocatable(HEADROOM));
                let watch = Watch::follow(&admission, HEADROOM);
                let watch = watch.inspect_err(|error| {
                    tracing::warn!(%error, "what this container gives is not followed");
                });
                Some((admission, watch.ok()))
            }
            Err(error) => {
                tracing::warn!(%error, "new snapshots are checked without asking for memory");
                None
            }
        };
        Review { admission, refused: None }
    }

    /// Room to check a file of so many bytes; a log line says why not.
    pub(crate) fn room(&mut self, file_bytes: u64) -> Option<Option<Permit<'_>>> {
        let Some((admission, _)) = &self.admission else { return Some(None) };
        let need = Need::new(Bytes::new(file_bytes).saturating_add(CHECK), CPU);
        match admission.try_acquire(Lane::Background, need) {
            Ok(permit) => {
                self.refused = None;
                Some(Some(permit))
            }
            Err(why) => {
                if self.refused.replace(file_bytes) != Some(file_bytes) {
                    say(&why, need);
                }
                None
            }
        }
    }
}

fn say(why: &Rejected, need: Need) {
    let passes = why.is_temporary();
    tracing::warn!(
        %need,
        %why,
        passes,
        "no room to check the new snapshot; the current one stays until there is"
    );
}

/// What a check takes beside the file.
const CHECK: Bytes = Bytes::new(1 << 20);

/// It computes for some milliseconds.
const CPU: MilliCpu = MilliCpu::new(1);
