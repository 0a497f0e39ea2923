//! Listings: of a folder, of rsync, of HTTP.
//!
//! A walk sends each directory once. What it does not send it has not seen; whether that means that
//! it is gone is known when the walk ends well.

/// A folder of this machine.
mod local;
/// A module of rsync.
mod rsync;
/// Pages of HTTP.
mod http;

use std::sync::Arc;

use heliostat_observe_probe::{Fetcher, Prober};
use tokio::sync::mpsc::Sender;

use crate::error::Error;
use crate::extent::Extent;
use crate::folder::{Folder, Known};
use crate::origin::Origin;

/// What a walk needs.
#[derive(Debug)]
pub(crate) struct Walk {
    pub(crate) origin: Origin,
    /// How much of it is looked at.
    pub(crate) extent: Extent,
    pub(crate) known: Known,
    pub(crate) prober: Prober,
    pub(crate) fetcher: Fetcher,
    pub(crate) now_unix_s: i64,
}

/// Sends every directory, and then ends.
pub(crate) async fn walk(walk: Arc<Walk>, to: Sender<Folder>) -> Result<(), Error> {
    match &walk.origin {
        Origin::Folder(root) => local::walk(root.clone(), walk.clone(), to).await,
        Origin::Rsync(url) => {
            for part in walk.extent.parts() {
                rsync::walk(url, &part, &walk, &to).await?;
            }
            Ok(())
        }
        Origin::Http(url) => http::walk(url, &walk, &to).await,
    }
}
