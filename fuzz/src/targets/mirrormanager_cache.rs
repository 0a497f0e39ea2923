//! A MirrorManager cache: reading, writing, and reading again.

use heliostat_exchange::Import;
use heliostat_exchange::mirrormanager::{cache_read, cache_write};

/// What can be read is sound; once written and read, it stays the same and has no problems.
pub(super) fn target(data: &[u8]) {
    let Ok(first) = cache_read(data, &mut |_| {}) else { return };
    let second = again(&first);
    assert_eq!(second.problems.kept(), []);
    assert_eq!(again(&second).world, second.world);
}

fn again(import: &Import) -> Import {
    assert_eq!(import.world.check(), Ok(()));
    let mut bytes = Vec::new();
    let written = cache_write(&import.world, &mut bytes);
    assert!(written.is_ok(), "{written:?}");
    match cache_read(&bytes, &mut |_| {}) {
        Ok(import) => import,
        Err(error) => panic!("what was written cannot be read: {error}"),
    }
}
