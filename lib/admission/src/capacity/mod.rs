//! What this process can really use, and which file says so.

use std::fmt;
use std::path::Path;

use crate::amount::{Bytes, MilliCpu};
use crate::error::Error;
use crate::need::Need;

pub use bound::{Bound, Reading, Rule};
pub use headroom::Headroom;
pub use report::Report;

use bound::Quantity;
use groups::Groups;
use tree::Tree;

/// One thing that somebody says.
mod bound;
/// The files of a machine.
pub(crate) mod tree;
/// The control groups of the process.
mod groups;
/// What limits CPU.
mod cpu;
/// What limits memory.
mod memory;
/// What others leave of it.
pub(crate) mod left;
/// What is kept out of the permits.
mod headroom;
/// The answer with its reasons, to be printed.
mod report;

/// CPU and memory that this process can really use: the smallest of all that the machine, the
/// affinity mask and every control group up to the highest visible one allow.
///
/// Every bound is kept with the file that said it, also those that said nothing, with the reason.
///
/// ```no_run
/// use heliostat_admission::{Admission, Capacity, Headroom};
///
/// let capacity = Capacity::detect()?;
/// println!("{}", capacity.report());
/// let admission = Admission::new(capacity.allocatable(Headroom::Fn));
/// # Ok::<(), heliostat_admission::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capacity {
    cpu: MilliCpu,
    memory: Bytes,
    memory_limit: Bytes,
    bounds: Vec<Bound>,
}

impl Capacity {
    /// Reads everything anew. It takes about as long as opening twenty files.
    ///
    /// # Errors
    ///
    /// [`Error::is_unbounded`] when nothing at all says how much CPU or memory there is.
    pub fn detect() -> Result<Capacity, Error> {
        Capacity::detect_in(Path::new("/"))
    }

    /// The same for a recorded machine: a directory with the `/proc` and `/sys` files in it.
    ///
    /// # Errors
    ///
    /// Like [`Capacity::detect`].
    pub fn detect_in(root: &Path) -> Result<Capacity, Error> {
        Capacity::read(root).map(|(capacity, _)| capacity)
    }

    /// Also says which files a change of the limits would show in.
    pub(crate) fn read(root: &Path) -> Result<(Capacity, Tree), Error> {
        let mut tree = Tree::new(root);
        let groups = Groups::read(&mut tree);
        cpu::note(&mut tree, &groups);
        memory::note(&mut tree, &groups);
        tree.pressure = groups.unified().and_then(|chain| chain.levels.into_iter().next());
        let bounds = std::mem::take(&mut tree.bounds);
        Ok((Capacity::of_bounds(bounds, root)?, tree))
    }

    /// How much CPU, in thousandths of one, without rounding up.
    #[must_use]
    pub fn cpu(&self) -> MilliCpu {
        self.cpu
    }

    /// How much memory: the limit, or less when others hold so much that it cannot be had now.
    #[must_use]
    pub fn memory(&self) -> Bytes {
        self.memory
    }

    /// The smallest memory limit, whatever others hold.
    #[must_use]
    pub fn memory_limit(&self) -> Bytes {
        self.memory_limit
    }

    /// Everything that was said, CPU first.
    #[must_use]
    pub fn bounds(&self) -> &[Bound] {
        &self.bounds
    }

    /// What there is for permits.
    #[must_use]
    pub fn allocatable(&self, headroom: Headroom) -> Need {
        Need::new(self.memory.saturating_sub(headroom.of(self.memory)), self.cpu)
    }

    /// The same, with a limit from a person who knows more: for limits of groups that cannot be
    /// seen from inside of a namespace. It can only lower.
    #[must_use]
    pub fn limited_to(self, cpu: Option<MilliCpu>, memory: Option<Bytes>) -> Capacity {
        let readings = [cpu.map(Reading::CpuMilli), memory.map(Reading::MemoryBytes)];
        let given = readings.into_iter().flatten().map(|reading| Bound {
            rule: Rule::Given,
            source: "given by the caller".into(),
            reading,
            decides: false,
        });
        let bounds = self.bounds.iter().cloned().chain(given).collect();
        // More bounds cannot make it unbounded.
        Capacity::of_bounds(bounds, Path::new("/")).unwrap_or(self)
    }

    /// The answer with its reasons, to be printed or serialised.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        Report::new(self)
    }

    /// The smallest of everything.
    fn of_bounds(mut bounds: Vec<Bound>, root: &Path) -> Result<Capacity, Error> {
        let cpu = bounds.iter().filter_map(Bound::cpu).min();
        let limit = bounds.iter().filter_map(Bound::memory_limit).min();
        let available = bounds.iter().filter_map(Bound::memory_available).min();
        let cpu = cpu.ok_or_else(|| Error::unbounded("CPU", root))?;
        let memory_limit = limit.ok_or_else(|| Error::unbounded("memory", root))?;
        let memory = available.map_or(memory_limit, |available| available.min(memory_limit));
        for bound in &mut bounds {
            bound.decides = bound.cpu() == Some(cpu)
                || bound.memory_limit() == Some(memory)
                || bound.memory_available() == Some(memory);
        }
        Ok(Capacity { cpu, memory, memory_limit, bounds })
    }
}

impl Bound {
    fn cpu(&self) -> Option<MilliCpu> {
        match (self.rule.quantity(), &self.reading) {
            (Quantity::Cpu | Quantity::Given, Reading::CpuMilli(cpu)) => Some(*cpu),
            _ => None,
        }
    }

    fn memory_limit(&self) -> Option<Bytes> {
        match (self.rule.quantity(), &self.reading) {
            (Quantity::MemoryLimit | Quantity::Given, Reading::MemoryBytes(memory)) => {
                Some(*memory)
            }
            _ => None,
        }
    }

    fn memory_available(&self) -> Option<Bytes> {
        match (self.rule.quantity(), &self.reading) {
            (Quantity::MemoryAvailable, Reading::MemoryBytes(memory)) => Some(*memory),
            _ => None,
        }
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} of memory", self.cpu, self.memory)
    }
}
