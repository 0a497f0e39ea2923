//! A descriptor that the runtime watches.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// See the module.
pub(crate) type Bell = AsyncFd<Arc<OwnedFd>>;

/// Has the current runtime watch a descriptor.
pub(crate) fn watch(fd: Arc<OwnedFd>, interest: Interest) -> io::Result<Bell> {
    // SAFETY: an `Arc<OwnedFd>` names one open descriptor for as long as the registration holds
    // it: nobody can close it or exchange it for another.
    Ok(unsafe { AsyncFd::register_with_interest(fd, interest) }?)
}
