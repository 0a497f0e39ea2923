//! What this kernel, container and process support, in one look.

use std::fmt;

use crate::rseq::Mode;
use crate::sys::os;
use crate::{CpuSet, affinity, rseq};

/// What per-CPU data and pins can count on here.
///
/// ```
/// use heliostat_percpu::Query;
///
/// println!("{}", Query::new());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// One more than the highest CPU number this machine can ever have.
    pub possible: u32,
    /// The CPUs the cpuset allows; `None` where asking is denied, and then pins are too.
    pub allowed: Option<CpuSet>,
    /// This thread's mask; `None` where asking is denied.
    pub current: Option<CpuSet>,
    /// How per-CPU operations commit.
    pub mode: Mode,
    /// Whether sections can be fenced without going there; always so with the twin.
    pub fence: bool,
    /// Whether the kernel keeps a thread's own mask when the cpuset changes (Linux 6.2), so that a
    /// pin comes back when the cpuset grows. `None` when the kernel does not tell its version.
    pub keeps_masks: Option<bool>,
}

impl Query {
    /// Looks.
    #[must_use]
    pub fn new() -> Self {
        let mode = rseq::mode();
        Self {
            possible: os::possible(),
            allowed: affinity::allowed().ok(),
            current: affinity::current().ok(),
            mode,
            fence: matches!(mode, Mode::Twin(_) | Mode::Restartable { fence: true, .. }),
            keeps_masks: os::release().map(|release| release >= (6, 2)),
        }
    }

    /// Whether threads can be pinned.
    #[must_use]
    pub fn can_pin(&self) -> bool {
        self.allowed.is_some()
    }
}

impl Default for Query {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = |set: &Option<CpuSet>| match set {
            Some(set) => set.to_string(),
            None => "denied".into(),
        };
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        writeln!(f, "possible CPUs   {}", self.possible)?;
        writeln!(f, "allowed CPUs    {}", set(&self.allowed))?;
        writeln!(f, "this thread     {}", set(&self.current))?;
        writeln!(f, "operations by   {}", self.mode)?;
        writeln!(f, "fence           {}", yes(self.fence))?;
        writeln!(f, "pins            {}", yes(self.can_pin()))?;
        write!(f, "masks are kept  {}", self.keeps_masks.map_or("unknown", yes))
    }
}
