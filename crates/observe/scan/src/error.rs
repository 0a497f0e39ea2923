//! Why a scan did not work.

use std::io;

use heliostat_observe_probe::{Failure, FetchError};

/// A scan that did not come to its end. What it had learned by then is in the catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalog did not do it.
    #[error("catalog")]
    Catalog(#[from] heliostat_catalog::Error),
    /// A folder could not be read.
    #[error("cannot read {path}")]
    Folder {
        /// Which one.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// rsync could not be started.
    #[error("cannot start rsync; is it installed?")]
    RsyncStart(#[source] io::Error),
    /// rsync failed.
    #[error("rsync ended with {status}: {said}")]
    Rsync {
        /// Its exit status.
        status: String,
        /// The last lines that it wrote.
        said: String,
    },
    /// A listing could not be fetched.
    #[error("cannot fetch {url}")]
    Fetch {
        /// Which one.
        url: String,
        /// What went wrong.
        source: FetchError,
    },
    /// A listing could not be read.
    #[error("the listing of {path:?} cannot be used")]
    Listing {
        /// Of which directory.
        path: String,
        /// Why not.
        source: Failure,
    },
    /// There is no worker.
    #[error("no worker looked at it")]
    Worker(#[source] Failure),
    /// Almost everything is gone, which is rather a mistake than a decision.
    #[error(
        "{gone} of {known} directories are gone; nothing was marked as gone. If that is right, \
         say --force"
    )]
    Emptied {
        /// How many are gone.
        gone: usize,
        /// Of how many.
        known: usize,
    },
}
