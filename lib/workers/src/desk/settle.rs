//! What is left when a worker has ended: a culprit perhaps, and innocents.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use super::{CLOSED, Desk, Open};
use crate::call::{Call, NOWHERE};
use crate::error::Cause;
use crate::lock;
use crate::sys::Exit;

/// A worker that has ended, or is as good as ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The oldest job in flight, and what it did, unless nothing was in flight.
    pub(crate) culprit: Option<(Arc<Call>, Cause)>,
    /// Those behind it.
    pub(crate) innocents: Vec<Arc<Call>>,
    /// Why it ended.
    pub(crate) cause: Cause,
    /// Its last lines.
    pub(crate) stderr: Vec<String>,
    /// How many jobs it has done.
    pub(crate) served: u64,
    /// Whether it was asked to end.
    pub(crate) asked: bool,
}

impl Desk {
    /// How the process ended, if it has.
    pub(crate) fn exit(&self) -> Option<Exit> {
        self.with_open(|open| *lock(&open.exit)).flatten()
    }

    /// Closes the desk; dropping the process kills it, if it still lives.
    pub(crate) fn close(&self, out_of_memory: bool) -> Option<Ended> {
        self.stir();
        let open = lock(&self.state).take()?;
        self.load.store(CLOSED, Ordering::Relaxed);
        self.room.store(0, Ordering::Relaxed);
        // Whoever puts a job into the queue now sees that nobody is here; whoever did before is
        // seen by `Shared::settle`.
        fence(Ordering::SeqCst);
        Some(open.end(out_of_memory))
    }
}

impl Open {
    fn end(self, out_of_memory: bool) -> Ended {
        let stderr = lock(&self.tail).lines();
        let exit = *lock(&self.exit);
        let asked = self.draining && self.flight.is_empty() && self.verdict.is_none();
        let cause = self.verdict.unwrap_or_else(|| cause(exit, &stderr, out_of_memory));
        let mut calls = self.flight.into_iter().map(|flight| flight.call);
        let culprit = calls.next();
        let innocents: Vec<_> = calls.collect();
        culprit
            .iter()
            .chain(&innocents)
            .for_each(|call| call.desk.store(NOWHERE, Ordering::Relaxed));
        let culprit = culprit.map(|call| (call, cause.clone()));
        Ended { culprit, innocents, cause, stderr, served: self.served, asked }
    }
}

/// What an exit means.
fn cause(exit: Option<Exit>, stderr: &[String], out_of_memory: bool) -> Cause {
    let said_memory = || stderr.iter().any(|line| line.contains("memory allocation of"));
    match exit {
        Some(Exit { signal: Some(libc::SIGSYS), .. }) => Cause::Forbidden,
        Some(Exit { signal: Some(libc::SIGXCPU), .. }) => Cause::Cpu,
        Some(Exit { signal: Some(libc::SIGABRT), .. }) if said_memory() => Cause::Memory,
        Some(Exit { signal: Some(libc::SIGKILL), .. }) if out_of_memory => Cause::Memory,
        Some(Exit { signal: Some(signal), .. }) => Cause::Signal(signal),
        Some(Exit { code: Some(code), .. }) => Cause::Exit(code),
        _ => Cause::Signal(libc::SIGKILL),
    }
}

/// How long a worker that was asked to end may take.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::{Exit, cause};
    use crate::error::Cause;

    #[test]
    fn exits_have_meanings() {
        let signal = |signal| Some(Exit { code: None, signal: Some(signal) });
        let memory = ["memory allocation of 1024 bytes failed".to_owned()];
        assert_eq!(cause(signal(31), &[], false), Cause::Forbidden);
        assert_eq!(cause(signal(24), &[], false), Cause::Cpu);
        assert_eq!(cause(signal(6), &memory, false), Cause::Memory);
        assert_eq!(cause(signal(6), &[], false), Cause::Signal(6));
        assert_eq!(cause(signal(9), &[], true), Cause::Memory);
        assert_eq!(cause(signal(11), &memory, false), Cause::Signal(11));
        assert_eq!(cause(Some(Exit { code: Some(3), signal: None }), &[], false), Cause::Exit(3));
    }
}
