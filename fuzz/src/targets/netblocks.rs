//! The table of announced prefixes.

use heliostat_exchange::Problems;
use heliostat_exchange::mirrormanager::netblocks_read;

/// Every line is a prefix, a problem, or blank or a comment; a prefix has no bits behind its end.
pub(super) fn target(data: &[u8]) {
    let mut problems = Problems::new();
    let netblocks = netblocks_read(data, &mut problems);
    let lines = data.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let lines = lines.filter(|line| !line.is_empty() && line[0] != b'#').count();
    assert_eq!(netblocks.len() as u64 + problems.total(), lines as u64);
    assert!(netblocks.iter().all(|(prefix, asn)| prefix.trunc() == *prefix && asn.0 != 0));
}
