//! Who asks: somebody who waits for an answer, or work that can wait.
//!
//! Two lanes are what callers see. Inside there are four lines, because work that is yet to begin
//! queues behind work that has begun, and a wait for the mark takes nothing.

/// Which of the two lanes a request belongs to.
///
/// Interactive work may use everything there is. Background work leaves a reserve free and never
/// overtakes a waiting interactive request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Lane {
    /// Somebody is waiting for the answer.
    Interactive,
    /// Nobody is waiting.
    Background,
}

/// A queue, in the order in which they are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// For the interactive lane.
    Interactive,
    /// For the background lane.
    Background,
    /// For the background lane, and only below the high-water mark.
    BelowMark,
    /// Wants to know that use is below the mark, and nothing else.
    Signal,
}

/// How many lines there are.
pub(crate) const LINES: usize = 4;

impl Line {
    /// Whose account a permit from this line is booked on; a signal has none.
    pub(crate) fn lane(self) -> Lane {
        match self {
            Line::Interactive => Lane::Interactive,
            Line::Background | Line::BelowMark | Line::Signal => Lane::Background,
        }
    }

    /// The line of a lane.
    pub(crate) fn of(lane: Lane) -> Line {
        match lane {
            Lane::Interactive => Line::Interactive,
            Lane::Background => Line::Background,
        }
    }
}
