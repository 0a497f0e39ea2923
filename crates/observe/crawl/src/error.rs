//! Why a crawl did not work.

use std::io;

use heliostat_observe_probe::FetchError;

/// A crawl that could not begin or go on. What it had learned by then is in the catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalog did not do it.
    #[error("catalog")]
    Catalog(#[from] heliostat_catalog::Error),
    /// There is no client for HTTP.
    #[error("no client")]
    Client(#[source] FetchError),
    /// There are no workers.
    #[error("no worker")]
    Worker(#[source] heliostat_observe_probe::Failure),
    /// There is no runtime.
    #[error("no threads")]
    Runtime(#[source] io::Error),
    /// A host was named that is not there, or cannot be crawled.
    #[error("{name}: {why}")]
    Host {
        /// Its name.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A directory was named that no category has.
    #[error("there is no directory {0}")]
    Directory(String),
}
