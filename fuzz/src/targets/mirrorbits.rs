//! What mirrorbits prints.

use heliostat_exchange::lists::mirrorbits_read;

/// Any bytes are a sound world, and each problem names its line.
pub(super) fn target(data: &[u8]) {
    super::debian_mirrors::sound(data, mirrorbits_read);
}
