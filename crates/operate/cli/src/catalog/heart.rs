//! What keeps a lease alive while its holder is busy.

use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use heliostat_catalog::{Catalog, Error, Lease, Place};

use crate::clock;

/// Puts the end of a lease off, while its holder is busy.
pub(super) struct Heart {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Heart {
    /// Begins to.
    pub(super) fn start(place: Place, lease: Lease, time: Duration) -> io::Result<Heart> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("lease".to_owned()).spawn(move || {
            let mut catalog = None;
            while stopped.recv_timeout(time / 3) == Err(RecvTimeoutError::Timeout) {
                // It has a connection of its own. What fails is tried again at the next beat, and
                // a lease that is lost is noticed by the store.
                if catalog.is_none() {
                    catalog = Catalog::open(&place, clock::now_unix_s()).ok();
                }
                let renewed = catalog.as_mut().map(|catalog| catalog.lease_renew(&lease, time));
                match renewed {
                    Some(Ok(true)) | None => {}
                    Some(Ok(false)) => break,
                    Some(Err(_)) => catalog = None,
                }
            }
        })?;
        Ok(Heart { stop, thread })
    }

    /// Ends.
    pub(super) fn stop(self) {
        drop(self.stop);
        // It may be waiting for a database that is away; nobody waits for it.
        if self.thread.is_finished() {
            let _ = self.thread.join();
        }
    }
}

/// The work is done; a lease that could not be given back runs out, and that is said.
pub(super) fn told(released: Result<(), Error>) -> io::Result<()> {
    match released {
        Ok(()) => Ok(()),
        Err(error) => {
            writeln!(io::stderr().lock(), "warning: the lease was not given back: {error}")
        }
    }
}
