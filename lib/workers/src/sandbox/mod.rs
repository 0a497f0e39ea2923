//! What a worker may not do, written as data; applied by the worker to itself before its first job.

/// The system calls that are left, each with its reason.
mod policy;
/// The worker's part: layer after layer, and what became of each.
mod apply;
/// What is in force.
mod report;

use std::fmt;

pub(crate) use apply::apply;
pub use policy::{RULES, Rule, When};
pub use report::{Report, State, Transport};

/// How much a layer matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A worker that cannot have the layer does not start.
    Require,
    /// A worker that cannot have the layer starts without it, and the [`Report`] says so.
    Prefer,
    /// The layer is not wanted.
    Off,
}

/// One layer of the sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// No descriptors but its own.
    Descriptors,
    /// The kernel kills the worker when its parent dies.
    ParentDeath,
    /// Nobody of the same user can trace it, and it leaves no core.
    Undumpable,
    /// No program it could run would gain privileges (`no_new_privs`).
    NoNewPrivileges,
    /// The resource limits of [`Limits`].
    Limits,
    /// User, network, mount, IPC and host name spaces of its own.
    Namespaces,
    /// Landlock: no file and no port, as far as the kernel's version of it goes.
    Landlock,
    /// Seccomp: only the system calls of [`RULES`].
    Seccomp,
}

impl Layer {
    /// All, in the order in which they are applied.
    pub const ALL: [Layer; 8] = [
        Layer::Descriptors,
        Layer::ParentDeath,
        Layer::Undumpable,
        Layer::NoNewPrivileges,
        Layer::Limits,
        Layer::Namespaces,
        Layer::Landlock,
        Layer::Seccomp,
    ];

    /// As it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Layer::Descriptors => "descriptors",
            Layer::ParentDeath => "parent-death",
            Layer::Undumpable => "undumpable",
            Layer::NoNewPrivileges => "no-new-privileges",
            Layer::Limits => "limits",
            Layer::Namespaces => "namespaces",
            Layer::Landlock => "landlock",
            Layer::Seccomp => "seccomp",
        }
    }

    /// What it means, in a few words.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Layer::Descriptors => "no open file but its own channel",
            Layer::ParentDeath => "it ends when its parent does",
            Layer::Undumpable => "nobody of the same user can trace it, and it leaves no core",
            Layer::NoNewPrivileges => "nothing it runs gains privileges",
            Layer::Limits => "memory, CPU time, file size and descriptors are limited",
            Layer::Namespaces => "network, mounts, IPC, processes and host name of its own",
            Layer::Landlock => "no file, no port, no signal to others",
            Layer::Seccomp => "only the system calls that it needs",
        }
    }

    /// The layer of a name.
    #[must_use]
    pub fn of(name: &str) -> Option<Layer> {
        Layer::ALL.into_iter().find(|layer| layer.name() == name)
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a worker is kept from, and how strictly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Descriptors, death with the parent, undumpable, no new privileges, limits: what every
    /// kernel has and nobody needs privileges for.
    pub basics: Need,
    /// [`Layer::Namespaces`]: user, network, mounts, IPC, host name, and processes (which the
    /// kernel gives to children only, and seccomp allows none); costs 0.6 to 0.8 ms a launch, and containers often forbid it.
    pub namespaces: Need,
    /// [`Layer::Landlock`]; Linux 5.13.
    pub landlock: Need,
    /// [`Layer::Seccomp`].
    pub seccomp: Need,
    /// Names of [`RULES`] that these workers can do without.
    pub without: Vec<String>,
    /// The numbers of [`Layer::Limits`].
    pub limits: Limits,
}

impl Sandbox {
    /// Everything but namespaces, and no worker without it.
    #[must_use]
    pub fn strict() -> Sandbox {
        Sandbox {
            basics: Need::Require,
            namespaces: Need::Off,
            landlock: Need::Require,
            seccomp: Need::Require,
            without: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// Everything that this machine has.
    #[must_use]
    pub fn best_effort() -> Sandbox {
        Sandbox {
            basics: Need::Prefer,
            landlock: Need::Prefer,
            seccomp: Need::Prefer,
            ..Sandbox::strict()
        }
    }

    /// Nothing: for workers that hold only our own bytes, or that bring their own sandbox.
    #[must_use]
    pub fn none() -> Sandbox {
        Sandbox {
            basics: Need::Off,
            landlock: Need::Off,
            seccomp: Need::Off,
            limits: Limits::none(),
            ..Sandbox::strict()
        }
    }

    /// How much a layer matters here.
    #[must_use]
    pub fn need(&self, layer: Layer) -> Need {
        match layer {
            Layer::Namespaces => self.namespaces,
            Layer::Landlock => self.landlock,
            Layer::Seccomp => self.seccomp,
            _ => self.basics,
        }
    }
}

/// What the kernel refuses a worker beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Address space (`RLIMIT_AS`): the program, its memory, the ring and mapped bodies.
    pub memory_bytes: Option<u64>,
    /// CPU time *of one job*, in whole seconds: the backstop behind [`Job::limit`](crate::Job::limit).
    /// The kernel counts over the life of a worker (`RLIMIT_CPU`), so the pool moves the limit on
    /// as jobs are finished.
    pub cpu_seconds: Option<u64>,
    /// How far a worker may write into a file, if it had one (`RLIMIT_FSIZE`).
    pub file_bytes: u64,
    /// Descriptors (`RLIMIT_NOFILE`): its own four, and one or two per large body.
    pub files: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { memory_bytes: Some(512 << 20), cpu_seconds: Some(60), file_bytes: 0, files: 8 }
    }
}

impl Limits {
    /// None of them.
    #[must_use]
    pub fn none() -> Limits {
        Limits { memory_bytes: None, cpu_seconds: None, file_bytes: u64::MAX, files: u64::MAX }
    }
}
