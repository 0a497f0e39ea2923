//! Why a request got no permit.
//!
//! Five reasons, because five different things have to be done about them. This library is the one
//! of the house whose error is an open enum: the caller of an admission acts on the reason, an HTTP
//! handler for example answers 503 for one and 413 for another.

use std::fmt;
use std::time::Duration;

use crate::need::Need;

/// Why a request got no permit.
///
/// ```
/// use heliostat_admission::{Admission, Bytes, Lane, MilliCpu, Need, Rejected};
///
/// let admission = Admission::new(Need::new(Bytes::new(1000), MilliCpu::new(1000)));
/// let asked = Need::of_memory(Bytes::new(1001));
/// match admission.try_acquire(Lane::Interactive, asked) {
///     Err(Rejected::Impossible { limit }) => assert_eq!(limit.memory(), Bytes::new(1000)),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Rejected {
    /// More than this lane can ever have. Waiting is of no use.
    Impossible {
        /// The most that one request in this lane can have.
        limit: Need,
    },
    /// Not now, and the caller did not want to wait.
    Full {
        /// What others would have to give back first, those counted who were here before.
        shortfall: Need,
    },
    /// As many are waiting already as may wait.
    QueueFull,
    /// The deadline came before the permit.
    DeadlineExceeded {
        /// For how long it waited.
        waited: Duration,
    },
    /// The admission has been closed.
    Closed,
}

impl Rejected {
    /// Whether the same request can succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        !matches!(self, Rejected::Impossible { .. } | Rejected::Closed)
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rejected::Impossible { limit } => {
                write!(f, "more than there can ever be: the limit is {limit}")
            }
            Rejected::Full { shortfall } => write!(f, "full: {shortfall} would have to come back"),
            Rejected::QueueFull => write!(f, "too many are waiting"),
            Rejected::DeadlineExceeded { waited } => {
                write!(f, "the deadline came after {waited:?} of waiting")
            }
            Rejected::Closed => write!(f, "closed"),
        }
    }
}

impl std::error::Error for Rejected {}
