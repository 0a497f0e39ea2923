//! Restartable sequences: whether this process has them, where a thread is, and the fence.
//!
//! A restartable sequence is a few instructions that the kernel starts over when the thread was moved
//! or interrupted in between. That makes "add to this CPU's word" safe without any atomic
//! instruction. The kernel tells each thread, in words the thread may only read, its CPU
//! ([`cpu`]), its concurrency id ([`cid`]) and its NUMA node ([`node`]).
//!
//! [`mode`] says how per-CPU operations commit in this process. It is decided once, by the first
//! thread that asks, and never changes: machine sections and atomic operations never meet on one
//! word.

use std::fmt;

use crate::pin;
use crate::sys::area::{self, Field};
use crate::sys::{os, twin};
use crate::{CpuId, Error};

/// How per-CPU operations commit in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// By restartable sequences.
    #[non_exhaustive]
    Restartable {
        /// Who registered the threads with the kernel.
        registrar: Registrar,
        /// Whether the kernel gives out concurrency ids (Linux 6.3).
        cid: bool,
        /// Whether the kernel tells the NUMA node (Linux 6.3).
        node: bool,
        /// Whether the kernel can fence sections (Linux 5.10); pinning takes its place otherwise.
        fence: bool,
    },
    /// By atomic operations, on the same rows.
    Twin(Reason),
}

impl Mode {
    /// Whether operations commit by restartable sequences.
    #[must_use]
    pub fn is_restartable(self) -> bool {
        matches!(self, Self::Restartable { .. })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Twin(reason) => write!(f, "atomic operations ({reason})"),
            Self::Restartable { registrar, cid, node, fence } => {
                write!(f, "restartable sequences registered by {registrar}")?;
                let parts = [("concurrency ids", cid), ("nodes", node), ("fences", fence)];
                parts.iter().try_for_each(|(what, there)| {
                    write!(f, ", {} {what}", if **there { "with" } else { "without" })
                })
            }
        }
    }
}

/// Who registered the threads of this process with the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registrar {
    /// The C library, for every thread, as glibc does from 2.35.
    Libc,
    /// This crate, for every thread at its first operation.
    Crate,
}

impl fmt::Display for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Libc => "the C library",
            Self::Crate => "this crate",
        })
    }
}

/// Why this process has no restartable sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// This build holds no machine code for them: another architecture or system, or a checker.
    Build,
    /// The C library knows them and did not register them: switched off by
    /// `GLIBC_TUNABLES=glibc.pthread.rseq=0`, or refused by the kernel.
    LibcOff,
    /// The kernel, the sandbox or the emulator does not know them.
    Kernel,
    /// A filter of system calls denies them.
    Denied,
    /// Another library of this process registered this thread for itself.
    Taken,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Build => "not built for this platform",
            Self::LibcOff => "not registered by the C library",
            Self::Kernel => "not offered by the kernel",
            Self::Denied => "denied by a system call filter",
            Self::Taken => "registered by another library",
        })
    }
}

/// A concurrency id: a small number, unique among the threads of this process that run right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(u32);

impl Cid {
    /// The number as an index into something.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Cid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How per-CPU operations commit in this process.
///
/// ```
/// use heliostat_percpu::rseq;
///
/// println!("{}", rseq::mode());
/// ```
#[must_use]
pub fn mode() -> Mode {
    area::mode()
}

/// The CPU this thread runs on: a hint, for it may be moved before the caller looks at the answer.
#[must_use]
#[inline]
pub fn cpu() -> CpuId {
    match area::row(Field::CPU).and_then(|cpu| CpuId::new(cpu).ok()) {
        Some(cpu) => cpu,
        None => cpu_slowly(),
    }
}

#[cold]
fn cpu_slowly() -> CpuId {
    area::enroll();
    let told = area::row(Field::CPU).or_else(os::current_cpu);
    told.and_then(|cpu| CpuId::new(cpu).ok()).unwrap_or_default()
}

/// The concurrency id of this thread: a hint, like [`cpu`].
///
/// On kernels before 6.3 it is the number of the CPU; without restartable sequences it is a number
/// that this thread keeps and that threads share once there are more of them than CPUs.
#[must_use]
pub fn cid() -> Cid {
    let field = area::cid_field();
    let told = area::row(field).or_else(|| area::enroll().then(|| area::row(field)).flatten());
    Cid(told.unwrap_or_else(|| twin::row(field)))
}

/// The NUMA node this thread runs on: a hint, like [`cpu`]. Node 0 where nobody tells.
#[must_use]
pub fn node() -> u32 {
    match mode() {
        Mode::Restartable { node: true, .. } if area::enroll() => area::here().node_id.read(),
        _ => os::current_node().unwrap_or(0),
    }
}

/// Which sections a [`fence`] ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Those on one CPU. Enough for data that is indexed [`ByCpu`](crate::ByCpu).
    Cpu(CpuId),
    /// Those on all CPUs. Needed for data that is indexed [`ByCid`](crate::ByCid).
    All,
}

/// Ends every critical section of this process that began before; what the caller wrote before is
/// seen by every section that begins after.
///
/// This is the second half of "flip and fence": store a new value in a word that sections compare
/// (see [`Words`](crate::Words)), fence, and from then on no section acts upon the old value. No
/// thread is pinned, moved or asked. A fence of one CPU that runs no thread of this process costs a
/// system call; one that does, an interrupt of that CPU.
///
/// Without restartable sequences it waits until every compare that is under way has ended; then it
/// must not be called from a signal handler.
///
/// # Errors
///
/// [`Error::is_out_of_range`] for a CPU that this machine cannot have. On kernels before 5.10 the
/// caller visits the CPU instead, which fails with [`Error::is_not_allowed`] when it may not; and
/// [`Error::is_denied`] when a filter denies the system call.
///
/// ```
/// use heliostat_percpu::rseq::{self, Fence};
///
/// rseq::fence(Fence::All)?;
/// rseq::fence(Fence::Cpu(rseq::cpu()))?;
/// # Ok::<(), heliostat_percpu::Error>(())
/// ```
pub fn fence(which: Fence) -> Result<(), Error> {
    let cpu = match which {
        Fence::Cpu(cpu) if u32::from(cpu) >= os::possible() => {
            return Err(Error::out_of_range(os::possible() - 1));
        }
        Fence::Cpu(cpu) => Some(cpu),
        Fence::All => None,
    };
    match mode() {
        Mode::Restartable { fence: true, .. } => os::fence(cpu.map(u32::from)),
        Mode::Restartable { fence: false, .. } => pin::visit(cpu),
        Mode::Twin(_) => {
            twin::fence();
            Ok(())
        }
    }
}
