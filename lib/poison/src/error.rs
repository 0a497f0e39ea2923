//! What is said of poisoned data.

use core::fmt;
use core::panic::Location;
use core::time::Duration;

use crate::Cause;
use crate::moment::Moment;

/// Data is poisoned: what, when, where, why.
///
/// The message holds all of it. Code that has to decide asks the predicates; they cover every
/// cause. An error owns what it says and borrows nothing, so that it can travel with `?`, into a
/// log or to another thread, long after the data was recovered.
///
/// ```
/// use heliostat_poison::Poison;
/// use std::time::Duration;
///
/// let mut poison = Poison::with_witness("index", 0, || Duration::from_secs(1_700_000_000));
/// let mut guard = poison.check_and_arm()?;
/// guard.note("renaming");
/// drop(guard);
///
/// let error = poison.check_and_arm().unwrap_err();
/// assert!(error.is_abandoned());
/// assert_eq!(error.what(), "index");
/// assert_eq!(error.note(), Some("renaming"));
/// assert_eq!(error.location().unwrap().file(), file!());
/// let message = error.to_string();
/// assert!(message.starts_with("index: poisoned: the scope entered at "));
/// assert!(message.ends_with(" was abandoned at 2023-11-14T22:13:20.000Z: renaming"));
/// # Ok::<(), heliostat_poison::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    pub(crate) what: &'static str,
    pub(crate) cause: Cause,
    pub(crate) at: Option<Duration>,
    pub(crate) location: Option<&'static Location<'static>>,
    pub(crate) note: Option<&'static str>,
}

impl Error {
    /// The name of the data.
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// Why.
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// When, since the beginning of 1970: the end of the scope; of a leak, when it was noticed.
    ///
    /// `None` if nobody knew the time: without the `std` feature [`System`](crate::System) does
    /// not, and a leak that [`Poison::error`](crate::Poison::error) shows was not noticed yet.
    pub const fn at(&self) -> Option<Duration> {
        self.at
    }

    /// Where the scope was entered. `None` of a leak: nothing of the scope is left to say it.
    pub const fn location(&self) -> Option<&'static Location<'static>> {
        self.location
    }

    /// The last [`Guard::note`](crate::Guard::note), the reason given to
    /// [`Guard::fail`](crate::Guard::fail), or the type of the error that a closure returned.
    pub const fn note(&self) -> Option<&'static str> {
        self.note
    }

    /// The future that made the change was dropped before it was finished.
    ///
    /// ```
    /// use heliostat_poison::{Error, Poison};
    /// use std::{future::pending, pin::pin, task::{Context, Poll, Waker}};
    ///
    /// let mut poison = Poison::new("index", 0);
    /// {
    ///     let mut run = pin!(poison.run(async |n| {
    ///         *n += 1;
    ///         pending::<Result<(), Error>>().await
    ///     }));
    ///     assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    /// }
    /// assert!(poison.data().unwrap_err().is_cancelled());
    /// # use std::future::Future;
    /// ```
    pub const fn is_cancelled(&self) -> bool {
        matches!(self.cause, Cause::Cancelled)
    }

    /// The change panicked.
    ///
    /// ```
    /// # use heliostat_poison::{Error, Poison};
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let mut poison = Poison::new("index", vec![0]);
    /// let change = |list: &mut Vec<u8>| -> Result<(), Error> { list[1] = 1; Ok(()) };
    /// catch_unwind(AssertUnwindSafe(|| poison.change(change))).unwrap_err();
    /// assert!(poison.data().unwrap_err().is_panicked());
    /// ```
    pub const fn is_panicked(&self) -> bool {
        matches!(self.cause, Cause::Panicked)
    }

    /// The change said that it failed.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("index", 0);
    /// let error = poison.check_and_arm()?.fail("short write");
    /// assert!(error.is_failed());
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    pub const fn is_failed(&self) -> bool {
        matches!(self.cause, Cause::Failed)
    }

    /// The guard was dropped and nobody said why.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("index", 0);
    /// drop(poison.check_and_arm()?);
    /// assert!(poison.data().unwrap_err().is_abandoned());
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    pub const fn is_abandoned(&self) -> bool {
        matches!(self.cause, Cause::Abandoned)
    }

    /// The guard, or the future, was forgotten.
    ///
    /// ```
    /// # use heliostat_poison::Poison;
    /// let mut poison = Poison::new("index", 0);
    /// std::mem::forget(poison.check_and_arm()?);
    /// assert!(poison.data().unwrap_err().is_leaked());
    /// # Ok::<(), heliostat_poison::Error>(())
    /// ```
    pub const fn is_leaked(&self) -> bool {
        matches!(self.cause, Cause::Leaked)
    }

    pub(crate) const fn leaked(what: &'static str, at: Option<Duration>) -> Self {
        Self { what, cause: Cause::Leaked, at, location: None, note: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: poisoned: ", self.what)?;
        match self.location {
            Some(location) => write!(f, "the scope entered at {location}")?,
            None => f.write_str("a scope")?,
        }
        match self.cause {
            Cause::Panicked | Cause::Failed => write!(f, " {}", self.cause)?,
            Cause::Cancelled | Cause::Abandoned | Cause::Leaked => {
                write!(f, " was {}", self.cause)?
            }
        }
        match self.at {
            Some(at) if self.is_leaked() => write!(f, ", as noticed at {}", Moment(at))?,
            Some(at) => write!(f, " at {}", Moment(at))?,
            None => {}
        }
        match self.note {
            Some(note) => write!(f, ": {note}"),
            None => Ok(()),
        }
    }
}

/// The fields under the names of their accessors, the time as people write it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("what", &self.what)
            .field("cause", &self.cause)
            .field("at", &self.at.map(Moment))
            .field("location", &self.location.map(shown))
            .field("note", &self.note)
            .finish()
    }
}

/// A place as `file:line:column`, also where fields are listed.
fn shown(location: &Location<'_>) -> impl fmt::Debug {
    fmt::from_fn(move |f| fmt::Display::fmt(location, f))
}

impl core::error::Error for Error {}

/// So that a change whose errors are [`std::io::Error`] can be a closure.
///
/// ```
/// use heliostat_poison::Poison;
/// use std::io::{self, Write};
///
/// let mut pipe = Poison::new("pipe", Vec::new());
/// pipe.change(|pipe| pipe.write_all(b"frame"))?;
/// drop(pipe.check_and_arm());
///
/// let error = pipe.change(|pipe| pipe.write_all(b"frame")).unwrap_err();
/// assert!(error.get_ref().unwrap().is::<heliostat_poison::Error>());
/// # Ok::<(), io::Error>(())
/// ```
#[cfg(feature = "std")]
impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        Self::other(error)
    }
}
