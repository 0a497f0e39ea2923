//! Why a scope did not end well.

use core::fmt;

/// Why data is poisoned.
///
/// Who can tell what:
///
/// | | in [`run`](crate::Poison::run) | in [`change`](crate::Poison::change) | with a [`Guard`](crate::Guard) |
/// |---|---|---|---|
/// | [`Cancelled`](Cause::Cancelled) | exactly | cannot happen | reads as abandoned |
/// | [`Panicked`](Cause::Panicked) | exactly | exactly | if the thread began to panic within the scope; needs `std` |
/// | [`Failed`](Cause::Failed) | the closure returned `Err` | the closure returned `Err` | [`Guard::fail`](crate::Guard::fail) was called |
/// | [`Abandoned`](Cause::Abandoned) | cannot happen | cannot happen | dropped: a `?`, a `return`, a forgotten `disarm`, or a cancelled caller |
/// | [`Leaked`](Cause::Leaked) | the future was forgotten | cannot happen | the guard was forgotten |
///
/// ```
/// use heliostat_poison::{Cause, Poison};
///
/// let mut poison = Poison::new("index", 0);
/// drop(poison.check_and_arm());
/// assert_eq!(poison.error().unwrap().cause(), Cause::Abandoned);
/// assert_eq!(Cause::Abandoned.as_str(), "abandoned"); // for metrics
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Cause {
    /// The future that made the change was dropped before it was finished.
    Cancelled,
    /// The change panicked.
    Panicked,
    /// The change said that it failed.
    Failed,
    /// The guard was dropped and nobody said why.
    Abandoned,
    /// The guard, or the future, was forgotten: nothing is left of it.
    Leaked,
}

impl Cause {
    /// Every cause there is, in the order of their names here: for a table of counters.
    ///
    /// ```
    /// # use heliostat_poison::Cause;
    /// let names: Vec<_> = Cause::ALL.iter().map(|cause| cause.as_str()).collect();
    /// assert_eq!(names, ["cancelled", "panicked", "failed", "abandoned", "leaked"]);
    /// ```
    pub const ALL: &'static [Self] =
        &[Self::Cancelled, Self::Panicked, Self::Failed, Self::Abandoned, Self::Leaked];

    /// One word, lower case: for metrics and logs.
    ///
    /// ```
    /// # use heliostat_poison::Cause;
    /// assert_eq!(Cause::Leaked.as_str(), "leaked");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Panicked => "panicked",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Leaked => "leaked",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
