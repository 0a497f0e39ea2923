//! Why a round did not come to its end.

/// A round that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The catalog cannot be read or written.
    #[error("catalog")]
    Catalog(#[from] heliostat_catalog::Error),
    /// There is no client to look with.
    #[error("no client")]
    Client(#[from] heliostat_observe_probe::LookError),
    /// The machine has no memory, thread or descriptor left.
    #[error("this machine has no room")]
    Machine(#[source] std::io::Error),
}
