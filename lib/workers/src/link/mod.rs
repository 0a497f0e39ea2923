//! The parent's end of the channel to one worker.
//!
//! Whatever comes out of a link was written by a process that may be anybody's by now. A link
//! checks all of it against what was asked, and reports the first lie as *nonsense*: the name of
//! the rule that was broken. Replies come in the order of the jobs; that is what makes the first
//! unanswered job the one to blame.

/// Through shared memory.
mod ring;
/// Through pipes.
mod pipes;

pub(crate) use pipes::Pipes;
pub(crate) use ring::{Ring, Watch, send};

use crate::call::Call;
use crate::wire::Status;

/// Which rule the worker broke.
pub(crate) type Nonsense = &'static str;

/// What the worker says of the oldest job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: Status,
    pub(crate) body: Vec<u8>,
    pub(crate) run_ns: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) enum Link {
    Ring(Ring),
    Pipes(Pipes),
}

impl Link {
    /// Hands a job over; the caller keeps to the window, so there is room.
    pub(crate) fn put(&mut self, call: &Call) -> Result<(), Nonsense> {
        match self {
            Link::Ring(ring) => ring.put(call),
            Link::Pipes(pipes) => pipes.put(call),
        }
    }

    /// The answer to the oldest job, `call`, if it is there.
    pub(crate) fn take(&mut self, call: &Call) -> Result<Option<Answer>, Nonsense> {
        match self {
            Link::Ring(ring) => ring.take(call),
            Link::Pipes(pipes) => pipes.take(call),
        }
    }

    /// Whether the worker has said something although nothing is to be said.
    pub(crate) fn check_silence(&mut self) -> Result<(), Nonsense> {
        match self {
            Link::Ring(ring) => ring.check_silence(),
            Link::Pipes(pipes) => pipes.check_silence(),
        }
    }

    /// Asks to be rung when so many answers are there; false if they are.
    pub(crate) fn arm(&mut self, answers: u32) -> bool {
        match self {
            Link::Ring(ring) => ring.arm(answers),
            // The kernel tells when a pipe can be read.
            Link::Pipes(_) => true,
        }
    }

    /// Takes [`arm`](Link::arm) back.
    pub(crate) fn disarm(&mut self) {
        if let Link::Ring(ring) = self {
            ring.disarm();
        }
    }

    /// Marks the job at a position of the flight as unwanted.
    pub(crate) fn skip(&mut self, position: usize) {
        if let Link::Ring(ring) = self {
            ring.skip(position);
        }
    }

    /// Asks the worker to end when it has done what it has.
    pub(crate) fn quit(&mut self) {
        match self {
            Link::Ring(ring) => ring.quit(),
            Link::Pipes(pipes) => pipes.quit(),
        }
    }
}
