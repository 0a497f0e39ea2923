//! Waiting for something that happens elsewhere, not for a time to pass.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a test waits before it calls something lost: long, for machines that are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Looks every few milliseconds until there is something.
///
/// # Errors
///
/// When looking fails, or [`PATIENCE`] ends.
pub fn wait_until<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if started.elapsed() > PATIENCE {
            bail!("waited {PATIENCE:?} in vain: {what}");
        }
        thread::sleep(Duration::from_millis(5));
    }
}
