//! What MirrorBrain exports.

use heliostat_exchange::lists::mirrorbrain_read;

/// Any bytes are a sound world, and each problem names its line.
pub(super) fn target(data: &[u8]) {
    super::debian_mirrors::sound(data, mirrorbrain_read);
}
