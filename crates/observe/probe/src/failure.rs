//! What did not work, and whose fault it was.

use std::io;

use heliostat_observe_probe_wire::{Limit, Refused};
use heliostat_workers::{Cause, Error};

/// Why there is no answer for a document.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The document's fault: it is beyond a limit.
    #[error("refused")]
    Refused(#[source] Refused),
    /// The load's fault: there was too much to do. Later may be better.
    #[error("too much to do")]
    Overload(#[source] Error),
    /// No worker could be started.
    #[error("no worker")]
    Worker(#[source] Error),
    /// The machine has no memory or no descriptor left.
    #[error("this machine has no room")]
    Machine(#[source] io::Error),
}

impl Failure {
    /// The limit, when it was the document's fault.
    #[must_use]
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Failure::Refused(refused) => Some(refused.limit),
            _ => None,
        }
    }

    /// What became of a job in the pool.
    pub(crate) fn of(error: Error) -> Failure {
        if error.is_overload() {
            return Failure::Overload(error);
        }
        let refused = |limit, what: String| Failure::Refused(Refused::new(limit, what, 0));
        if error.is_too_long() {
            return refused(Limit::ReplyBytes, error.to_string());
        }
        if error.is_too_large() {
            return refused(Limit::BodyBytes, error.to_string());
        }
        match error.cause() {
            Some(Cause::Memory) => refused(Limit::WorkerMemory, error.to_string()),
            Some(Cause::Cpu | Cause::Deadline(_)) => refused(Limit::WorkerTime, error.to_string()),
            Some(Cause::Nonsense(_)) => refused(Limit::WorkerNonsense, error.to_string()),
            Some(_) => refused(Limit::WorkerCrash, error.to_string()),
            None if error.is_failed() => refused(Limit::WorkerCrash, error.to_string()),
            None => Failure::Worker(error),
        }
    }
}
