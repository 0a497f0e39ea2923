//! One thing that somebody says about how much there is.

use std::fmt;
use std::path::PathBuf;

use crate::amount::{Bytes, MilliCpu};

/// One thing that limits CPU or memory, with the file that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Bound {
    /// What kind of limit it is.
    pub rule: Rule,
    /// The file it was read from, or the call.
    pub source: PathBuf,
    /// What it says.
    pub reading: Reading,
    /// Whether the answer would be larger without it, unless another says the same.
    pub decides: bool,
}

/// A kind of limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Rule {
    /// CPUs that are switched on.
    OnlineCpus,
    /// CPUs that the calling thread may run on.
    Affinity,
    /// CPUs of a control group.
    Cpuset,
    /// CPUs that are in all of these sets.
    CommonCpus,
    /// CPU time per period of a control group.
    CpuQuota,
    /// Time for which a group above those that can be seen has throttled this one. Only shown.
    HiddenThrottling,
    /// Memory of the machine.
    MemoryTotal,
    /// Memory limit of a control group.
    MemoryLimit,
    /// Memory above which a control group is slowed down.
    MemoryHigh,
    /// The smallest memory limit of a group and all above it, as the kernel says.
    HierarchicalLimit,
    /// What a control group's limit leaves beside what others hold that cannot be dropped.
    GroupAvailable,
    /// What the machine can give without swapping, and what this process has.
    MachineAvailable,
    /// Swap of the machine. Only shown: work is never planned into swap.
    SwapTotal,
    /// Swap limit of a control group. Only shown.
    SwapLimit,
    /// A limit that the caller gave.
    Given,
    /// Where the process stands among the control groups.
    Membership,
}

/// What a bound says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum Reading {
    /// So much CPU.
    CpuMilli(MilliCpu),
    /// So much memory.
    MemoryBytes(Bytes),
    /// For so many microseconds.
    DurationUs(u64),
    /// That there is no limit.
    Unlimited,
    /// Nothing: the file is not there, as at every level at which a controller is not enabled.
    Missing,
    /// Nothing that could be read, for this reason.
    Unreadable(String),
}

impl Rule {
    /// Whether it is about CPU, about memory, or only shown.
    pub(crate) fn quantity(self) -> Quantity {
        match self {
            Rule::OnlineCpus
            | Rule::Affinity
            | Rule::Cpuset
            | Rule::CommonCpus
            | Rule::CpuQuota => Quantity::Cpu,
            Rule::MemoryTotal | Rule::MemoryLimit | Rule::MemoryHigh | Rule::HierarchicalLimit => {
                Quantity::MemoryLimit
            }
            Rule::GroupAvailable | Rule::MachineAvailable => Quantity::MemoryAvailable,
            Rule::HiddenThrottling | Rule::SwapTotal | Rule::SwapLimit | Rule::Membership => {
                Quantity::Shown
            }
            Rule::Given => Quantity::Given,
        }
    }
}

/// What a bound is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quantity {
    Cpu,
    MemoryLimit,
    MemoryAvailable,
    Given,
    Shown,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Rule::OnlineCpus => "CPUs online",
            Rule::Affinity => "affinity",
            Rule::Cpuset => "cpuset",
            Rule::CommonCpus => "CPUs in all sets",
            Rule::CpuQuota => "CPU quota",
            Rule::HiddenThrottling => "throttled from above",
            Rule::MemoryTotal => "memory of the machine",
            Rule::MemoryLimit => "memory limit",
            Rule::MemoryHigh => "memory high",
            Rule::HierarchicalLimit => "memory limit of all above",
            Rule::GroupAvailable => "left in the group",
            Rule::MachineAvailable => "left on the machine",
            Rule::SwapTotal => "swap of the machine",
            Rule::SwapLimit => "swap limit",
            Rule::Given => "given",
            Rule::Membership => "control groups",
        })
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reading::CpuMilli(cpu) => cpu.fmt(f),
            Reading::MemoryBytes(memory) => memory.fmt(f),
            Reading::DurationUs(us) => f.pad(&format!("{us} us")),
            Reading::Unlimited => f.pad("no limit"),
            Reading::Missing => f.pad("not there"),
            Reading::Unreadable(why) => f.pad(&format!("unreadable: {why}")),
        }
    }
}
