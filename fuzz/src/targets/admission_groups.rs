//! Where a process stands among control groups, and where they are mounted.

use heliostat_admission::parse;

/// Each line is a group, a mount, or neither; paths of groups are absolute, and of mounts on one
/// point only the last counts.
pub(super) fn target(data: &[u8]) {
    let lines = data.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).count();
    let groups = parse::memberships(data);
    assert!(groups.len() <= lines);
    assert!(groups.iter().all(|group| group.path.is_absolute()));
    let mounts = parse::mounts(data);
    assert!(mounts.len() <= lines);
    assert!(mounts.iter().all(|mount| !mount.unified || mount.controllers.is_empty()));
    for (at, mount) in mounts.iter().enumerate() {
        assert!(mounts[..at].iter().all(|before| before.point != mount.point));
    }
}
