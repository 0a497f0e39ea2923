//! The answer with its reasons: a table for people, fields for programs.

use std::fmt;

use crate::amount::{Bytes, MilliCpu};
use crate::capacity::{Bound, Capacity, Reading};

/// A [`Capacity`] to be printed with its [`Display`](fmt::Display), or serialised with the feature
/// `serde`.
///
/// In the table, a star marks the bounds that decide, and files that are not there are left out:
/// they are in [`Report::bounds`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Report<'a> {
    /// How much CPU.
    pub cpu_milli: MilliCpu,
    /// How much memory can be had now.
    pub memory_bytes: Bytes,
    /// The smallest memory limit.
    pub memory_limit_bytes: Bytes,
    /// Everything that was said.
    pub bounds: &'a [Bound],
}

impl<'a> Report<'a> {
    pub(crate) fn new(capacity: &'a Capacity) -> Report<'a> {
        Report {
            cpu_milli: capacity.cpu(),
            memory_bytes: capacity.memory(),
            memory_limit_bytes: capacity.memory_limit(),
            bounds: capacity.bounds(),
        }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "CPU     {}", self.cpu_milli)?;
        writeln!(f, "memory  {} of at most {}", self.memory_bytes, self.memory_limit_bytes)?;
        writeln!(f)?;
        let shown = self.bounds.iter().filter(|bound| bound.reading != Reading::Missing);
        for bound in shown {
            let mark = if bound.decides { '*' } else { ' ' };
            let (rule, reading) = (bound.rule, bound.reading.to_string());
            writeln!(f, "{mark} {rule:<26}  {reading:>12}  {}", bound.source.display())?;
        }
        Ok(())
    }
}
