//! One opaque [`Error`], with predicates for what a caller may want to do about it.
//!
//! Whose fault it was is the question that matters: the *job* (it killed its worker, panicked,
//! was refused for what it did before), the *load* (the queue was full, the job too old) or the
//! *machine* (no worker could be started). A neighbour's fault never becomes an error.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Why a job has no reply. Cheap to clone: one failure may concern many callers.
#[derive(Clone)]
pub struct Error(Arc<Kind>);

/// What ended a worker under a job, or would have; see [`Error::cause`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A signal that no limit explains.
    Signal(i32),
    /// It exited in the middle of the job.
    Exit(i32),
    /// It made a system call that its sandbox forbids (SIGSYS).
    Forbidden,
    /// It wanted more memory than [`Limits::memory_bytes`](crate::Limits::memory_bytes), or more
    /// than its cgroup has.
    Memory,
    /// It used up [`Limits::cpu_seconds`](crate::Limits::cpu_seconds) (SIGXCPU).
    Cpu,
    /// The job ran longer than its [`Job::limit`](crate::Job::limit), and its worker was killed.
    Deadline(Duration),
    /// The job panicked; the text is the panic's.
    Panic(String),
    /// The worker wrote what no honest worker writes: which rule it broke.
    Nonsense(&'static str),
}

#[derive(Debug)]
pub(crate) enum Kind {
    Culprit { cause: Cause, stderr: Vec<String> },
    Refused { cause: Cause, left: Duration },
    Failed(Vec<u8>),
    TooLong { max: usize },
    TooLarge { bytes: usize, max: usize },
    QueueFull { bytes: usize },
    QueueAge { waited: Duration },
    Closed,
    Launch { what: String, source: Option<io::Error> },
    Setup { what: &'static str, source: io::Error },
}

impl Error {
    pub(crate) fn launch(what: impl Into<String>, source: Option<io::Error>) -> Error {
        Kind::Launch { what: what.into(), source }.into()
    }

    pub(crate) fn setup(what: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Kind::Setup { what, source }.into()
    }

    /// The job was understood and refused: its function returned an error.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(*self.0, Kind::Failed(_))
    }

    /// What the function's error said, byte for byte. It comes from the worker: distrust it.
    #[must_use]
    pub fn failure(&self) -> Option<&[u8]> {
        match &*self.0 {
            Kind::Failed(what) => Some(what),
            _ => None,
        }
    }

    /// This very job ended its worker, twice, the second time alone; or it was not tried again
    /// because [`Settings::retry`](crate::Settings::retry) says so.
    #[must_use]
    pub fn is_culprit(&self) -> bool {
        matches!(*self.0, Kind::Culprit { .. })
    }

    /// A job with the same content was a culprit not long ago, and so this one was not run.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(*self.0, Kind::Refused { .. })
    }

    /// What ended the worker, of a culprit or of a refused job.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        match &*self.0 {
            Kind::Culprit { cause, .. } | Kind::Refused { cause, .. } => Some(cause),
            _ => None,
        }
    }

    /// The last lines that the culprit's worker wrote to its standard error.
    #[must_use]
    pub fn stderr(&self) -> &[String] {
        match &*self.0 {
            Kind::Culprit { stderr, .. } => stderr,
            _ => &[],
        }
    }

    /// There was too much to do: the queue was full, or the job too old. Later may be better.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        matches!(*self.0, Kind::QueueFull { .. } | Kind::QueueAge { .. })
    }

    /// The job ran longer than it may.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        matches!(self.cause(), Some(Cause::Deadline(_)))
    }

    /// The reply is longer than the job allowed.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        matches!(*self.0, Kind::TooLong { .. })
    }

    /// The body is larger than the whole queue may hold.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(*self.0, Kind::TooLarge { .. })
    }

    /// The pool is draining or stopped.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.0, Kind::Closed)
    }

    /// No worker could be started, or none that satisfies the sandbox that was required.
    #[must_use]
    pub fn is_launch(&self) -> bool {
        matches!(*self.0, Kind::Launch { .. } | Kind::Setup { .. })
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Error {
        Error(Arc::new(kind))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Culprit { cause, .. } => write!(f, "the job ended its worker: {cause}"),
            Kind::Refused { cause, left } => write!(
                f,
                "the same job ended its worker not long ago ({cause}); refused for another {left:.0?}"
            ),
            Kind::Failed(what) => write!(f, "the job failed: {}", String::from_utf8_lossy(what)),
            Kind::TooLong { max } => write!(f, "the reply is longer than {max} bytes"),
            Kind::TooLarge { bytes, max } => {
                write!(f, "a body of {bytes} bytes; the queue may hold {max}")
            }
            Kind::QueueFull { bytes } => write!(f, "the queue is full ({bytes} bytes)"),
            Kind::QueueAge { waited } => write!(f, "no worker had time within {waited:.0?}"),
            Kind::Closed => f.write_str("the pool is closed"),
            Kind::Launch { what, .. } => write!(f, "cannot start a worker: {what}"),
            Kind::Setup { what, .. } => f.write_str(what),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Kind::Launch { source, .. } => source.as_ref().map(|source| source as _),
            Kind::Setup { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Signal(signal) => write!(f, "signal {signal}"),
            Cause::Exit(code) => write!(f, "exit status {code}"),
            Cause::Forbidden => f.write_str("forbidden system call"),
            Cause::Memory => f.write_str("out of memory"),
            Cause::Cpu => f.write_str("out of CPU time"),
            Cause::Deadline(limit) => write!(f, "longer than {limit:?}"),
            Cause::Panic(what) => write!(f, "panic: {what}"),
            Cause::Nonsense(rule) => write!(f, "wrote nonsense: {rule}"),
        }
    }
}
