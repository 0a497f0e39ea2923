//! The one error of this crate: opaque, with a predicate for each thing a caller can act upon.
//!
//! The cause is reached through [`std::error::Error::source`] and is never repeated in the message.

use std::{fmt, io};

use crate::CpuId;

/// Why a call of this crate could not do what was asked.
///
/// ```
/// use heliostat_percpu::CpuSet;
///
/// let error = "0-3,x".parse::<CpuSet>().unwrap_err();
/// assert!(error.is_syntax());
/// assert_eq!(error.to_string(), "CPU list is malformed at byte 4");
/// ```
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

impl Error {
    /// A system call was refused by permission: a seccomp filter, a missing capability.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.kind, Kind::Os { denied: true, .. })
    }

    /// This kernel, or this system, does not offer the call at all.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        matches!(self.kind, Kind::Unsupported { .. })
    }

    /// None of the CPUs asked for may be used by this thread: cpuset, hotplug or mask forbid it.
    #[must_use]
    pub fn is_not_allowed(&self) -> bool {
        matches!(self.kind, Kind::NotAllowed | Kind::CpuNotAllowed(_))
    }

    /// A set without any CPU was given where one is needed.
    #[must_use]
    pub fn is_empty_set(&self) -> bool {
        matches!(self.kind, Kind::EmptySet)
    }

    /// A CPU number is larger than [`CpuId::MAX`], or than any this machine can have.
    #[must_use]
    pub fn is_out_of_range(&self) -> bool {
        matches!(self.kind, Kind::OutOfRange { .. })
    }

    /// A CPU list is not in the kernel's list format.
    #[must_use]
    pub fn is_syntax(&self) -> bool {
        matches!(self.kind, Kind::Syntax { .. })
    }

    /// The number of the operating system's error, when there was one.
    #[must_use]
    pub fn raw_os_error(&self) -> Option<i32> {
        match &self.kind {
            Kind::Os { source, .. } | Kind::Unsupported { source: Some(source), .. } => {
                source.raw_os_error()
            }
            _ => None,
        }
    }

    /// Sorts the error of system call `call` into what a caller can act upon.
    pub(crate) fn os(call: &'static str, source: io::Error) -> Self {
        let kind = match source.raw_os_error() {
            Some(libc::ENOSYS) => Kind::Unsupported { what: call, source: Some(source) },
            Some(libc::EPERM | libc::EACCES) => Kind::Os { call, denied: true, source },
            _ => Kind::Os { call, denied: false, source },
        };
        Self { kind }
    }

    /// The last error of the operating system, as left by `call`.
    pub(crate) fn last_os(call: &'static str) -> Self {
        Self::os(call, io::Error::last_os_error())
    }

    pub(crate) fn unsupported(what: &'static str) -> Self {
        Self { kind: Kind::Unsupported { what, source: None } }
    }

    pub(crate) fn not_allowed() -> Self {
        Self { kind: Kind::NotAllowed }
    }

    pub(crate) fn cpu_not_allowed(cpu: CpuId) -> Self {
        Self { kind: Kind::CpuNotAllowed(cpu) }
    }

    pub(crate) fn empty_set() -> Self {
        Self { kind: Kind::EmptySet }
    }

    pub(crate) fn out_of_range(largest: u32) -> Self {
        Self { kind: Kind::OutOfRange { largest } }
    }

    pub(crate) fn syntax(at: usize) -> Self {
        Self { kind: Kind::Syntax { at } }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Os { call, denied: true, .. } => write!(f, "{call} was denied"),
            Kind::Os { call, denied: false, .. } => write!(f, "{call} failed"),
            Kind::Unsupported { what, .. } => write!(f, "{what} is not supported here"),
            Kind::NotAllowed => f.write_str("no CPU of the set is allowed"),
            Kind::CpuNotAllowed(cpu) => write!(f, "CPU {cpu} is not allowed"),
            Kind::EmptySet => f.write_str("the CPU set is empty"),
            Kind::OutOfRange { largest } => write!(f, "CPU number is larger than {largest}"),
            Kind::Syntax { at } => write!(f, "CPU list is malformed at byte {at}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Os { source, .. } | Kind::Unsupported { source: Some(source), .. } => {
                Some(source)
            }
            _ => None,
        }
    }
}

#[derive(Debug)]
enum Kind {
    Os { call: &'static str, denied: bool, source: io::Error },
    Unsupported { what: &'static str, source: Option<io::Error> },
    NotAllowed,
    CpuNotAllowed(CpuId),
    EmptySet,
    OutOfRange { largest: u32 },
    Syntax { at: usize },
}
