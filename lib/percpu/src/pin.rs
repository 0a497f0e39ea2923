//! Pinning a thread to a CPU, and noticing when somebody else disagrees.
//!
//! Masks may be changed from outside at any time, and no program can forbid that. So a pin is a way
//! to **get** somewhere and to stay as long as nobody objects; it is never what the safety of data
//! rests upon. The guard notices an objection, says so, and never overwrites it.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;

use crate::affinity;
use crate::rseq;
use crate::sys::os;
use crate::{CpuId, CpuSet, Error};

/// Pins the calling thread to a CPU, under [`Policy::Error`].
///
/// # Errors
///
/// As [`pin_on_cpu_with`].
///
/// ```
/// use heliostat_percpu::{PinError, affinity, pin_on_cpu};
///
/// let cpu = affinity::current()?.first().expect("a thread runs somewhere");
/// match pin_on_cpu(cpu) {
///     Ok(pin) => {
///         // Work here; ask `check` where it matters whether the pin still holds.
///         if let Err(conflict) = pin.unpin() {
///             eprintln!("somebody moved us: {conflict}");
///         }
///     }
///     Err(PinError::NotAllowed { allowed, .. }) => eprintln!("CPU {cpu} is not among {allowed}"),
///     Err(error) => eprintln!("not pinned: {error}"),
/// }
/// # Ok::<(), heliostat_percpu::Error>(())
/// ```
pub fn pin_on_cpu(cpu: CpuId) -> Result<PinGuard, PinError> {
    pin_on_cpu_with(cpu, Policy::Error)
}

/// Pins the calling thread to a CPU until the guard is dropped.
///
/// A CPU outside the thread's mask is refused at once, even where the kernel would allow it: the mask
/// is somebody's wish. A thread has one pin at a time, as in the kernel's own proposal.
///
/// # Errors
///
/// [`PinError::NotAllowed`], [`PinError::Conflict`] when the mask changed while pinning,
/// [`PinError::AlreadyPinned`], [`PinError::Os`]. Under [`Policy::FallBack`] the first two give a
/// guard that [fell back](Standing::FellBack) instead.
pub fn pin_on_cpu_with(cpu: CpuId, policy: Policy) -> Result<PinGuard, PinError> {
    PINNED.with(|pinned| match pinned.get() {
        Some(other) => Err(PinError::AlreadyPinned(other)),
        None => Ok(()),
    })?;
    let mut retries = policy.retries();
    let hold = loop {
        match Hold::take(cpu) {
            Ok(hold) => break Some(hold),
            Err(PinError::Conflict(_)) if retries > 0 => retries -= 1,
            Err(PinError::Conflict(_) | PinError::NotAllowed { .. })
                if policy == Policy::FallBack =>
            {
                break None;
            }
            Err(error) => return Err(error),
        }
    };
    PINNED.set(Some(cpu));
    Ok(PinGuard { cpu, policy, hold, stays: PhantomData })
}

thread_local! {
    /// The CPU this thread is pinned to by this crate. Two guards could be dropped in the wrong
    /// order, and each would take the other's mask for somebody else's.
    static PINNED: Cell<Option<CpuId>> = const { Cell::new(None) };
}

/// What to do when somebody changes the mask of a pinned thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Say so.
    Error,
    /// Pin again, up to this many times, as long as the new mask still has the CPU; then say so.
    Retry(u32),
    /// Give the pin up and go on without it. The caller asks [`PinGuard::check`] where it stands and
    /// uses the atomic lane or a fence instead.
    FallBack,
}

impl Policy {
    fn retries(self) -> u32 {
        match self {
            Self::Retry(n) => n,
            Self::Error | Self::FallBack => 0,
        }
    }
}

/// Where a thread with a [`PinGuard`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// On its CPU, and the mask says it stays there.
    Pinned,
    /// Not pinned any more, by [`Policy::FallBack`].
    FellBack,
}

/// A pinned thread. Dropping it unpins; it cannot leave the thread.
///
/// ```compile_fail
/// fn send<T: Send>(_: T) {}
/// send(heliostat_percpu::pin_on_cpu(heliostat_percpu::rseq::cpu()));
/// ```
#[derive(Debug)]
#[must_use = "the thread is unpinned when the guard is dropped"]
pub struct PinGuard {
    cpu: CpuId,
    policy: Policy,
    hold: Option<Hold>,
    stays: PhantomData<*const ()>,
}

impl PinGuard {
    /// The CPU that was asked for.
    #[must_use]
    pub fn cpu(&self) -> CpuId {
        self.cpu
    }

    /// Whether this thread is on the CPU at this moment. Costs next to nothing and is never wrong
    /// when it says no; yes may be over by the time it is heard.
    #[must_use]
    pub fn is_on_target(&self) -> bool {
        rseq::cpu() == self.cpu
    }

    /// Whether the pin still holds; acts by the [`Policy`] when it does not.
    ///
    /// # Errors
    ///
    /// The [`Conflict`], with the mask that was seen, unless the policy made it good.
    pub fn check(&mut self) -> Result<Standing, Conflict> {
        let Some(hold) = &self.hold else { return Ok(Standing::FellBack) };
        let mut conflict = match hold.look() {
            Ok(()) => return Ok(Standing::Pinned),
            Err(conflict) => conflict,
        };
        if self.policy == Policy::FallBack {
            // The conflict is what we fall back from; giving up is the answer to it.
            let _known = self.hold.take().map(Hold::release);
            return Ok(Standing::FellBack);
        }
        for _ in 0..self.policy.retries() {
            if !conflict.seen.contains(self.cpu) {
                break;
            }
            // The new mask is somebody's wish. We narrow it, which it allows, and restore **it**.
            match Hold::take(self.cpu) {
                Ok(hold) => {
                    self.hold = Some(hold);
                    return Ok(Standing::Pinned);
                }
                Err(PinError::Conflict(again)) => conflict = again,
                Err(_) => break,
            }
        }
        Err(conflict)
    }

    /// Unpins, and says whether the pin held to the end.
    ///
    /// # Errors
    ///
    /// The [`Conflict`], when somebody had changed the mask. If it was a mask set for this thread, it
    /// is left as it is. If it was the cpuset, the thread's former mask is restored within it.
    pub fn unpin(mut self) -> Result<(), Conflict> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), Conflict> {
        self.hold.take().map_or(Ok(()), Hold::release)
    }
}

impl Drop for PinGuard {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _unheard = self.finish();
        PINNED.set(None);
    }
}

/// Somebody changed the mask of a pinned thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The mask that was seen instead of the pin.
    pub seen: CpuSet,
    /// Who changed it.
    pub cause: Cause,
}

/// Who changed the mask of a pinned thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The cpuset lost the CPU, or the CPU was switched off.
    Cpuset,
    /// Somebody set the mask of this thread.
    Mask,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.cause {
            Cause::Cpuset => "the cpuset",
            Cause::Mask => "somebody",
        };
        write!(f, "{who} changed the mask of a pinned thread to {}", self.seen)
    }
}

impl std::error::Error for Conflict {}

/// Why a thread was not pinned.
#[derive(Debug)]
#[non_exhaustive]
pub enum PinError {
    /// The CPU is not in the thread's mask.
    NotAllowed {
        /// The CPU that was asked for.
        cpu: CpuId,
        /// The mask.
        allowed: CpuSet,
    },
    /// The mask changed while pinning.
    Conflict(Conflict),
    /// The thread is pinned already, to this CPU.
    AlreadyPinned(CpuId),
    /// A system call failed or was denied.
    Os(Error),
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed { cpu, allowed } => {
                write!(f, "CPU {cpu} is not in the thread's mask {allowed}")
            }
            Self::Conflict(_) => f.write_str("the mask changed while pinning"),
            Self::AlreadyPinned(cpu) => write!(f, "the thread is already pinned to CPU {cpu}"),
            Self::Os(_) => f.write_str("the thread's mask could not be read or set"),
        }
    }
}

impl std::error::Error for PinError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Conflict(conflict) => Some(conflict),
            Self::Os(error) => Some(error),
            Self::NotAllowed { .. } | Self::AlreadyPinned(_) => None,
        }
    }
}

/// Goes to one CPU, or to every possible one, and comes back: the fence of kernels without fences.
///
/// While this thread is there, every other thread of that CPU was put aside and its section ended.
pub(crate) fn visit(cpu: Option<CpuId>) -> Result<(), Error> {
    let every = (0..os::possible()).filter_map(|number| CpuId::new(number).ok());
    let wanted: Vec<CpuId> = cpu.map_or_else(|| every.collect(), |cpu| vec![cpu]);
    wanted.into_iter().try_for_each(|cpu| {
        // Only being there counts, however short: a conflict afterwards changes nothing.
        for _ in 0..VISIT_ATTEMPTS {
            match Hold::take(cpu) {
                Ok(hold) => {
                    let _conflict_or_not = hold.release();
                    return Ok(());
                }
                Err(PinError::Os(error)) => return Err(error),
                Err(PinError::Conflict(_) | PinError::AlreadyPinned(_)) => {}
                Err(PinError::NotAllowed { .. }) => break,
            }
        }
        Err(Error::cpu_not_allowed(cpu))
    })
}

/// How often a visit is tried while somebody keeps changing the mask.
const VISIT_ATTEMPTS: usize = 32;

/// A mask that was narrowed to one CPU, and what to put in its place again.
#[derive(Debug)]
struct Hold {
    only: CpuSet,
    cpu: CpuId,
    restore: Restore,
}

/// What unpinning puts in place of the pin.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Restore {
    /// The thread had no mask of its own: it gets none, so that it follows the cpuset when it grows.
    Nothing,
    /// The thread's own mask.
    Mask(CpuSet),
}

impl Hold {
    fn take(cpu: CpuId) -> Result<Self, PinError> {
        let before = affinity::current().map_err(PinError::Os)?;
        if !before.contains(cpu) {
            return Err(PinError::NotAllowed { cpu, allowed: before });
        }
        let only = CpuSet::only(cpu);
        let hold = Self { restore: Restore::from_mask(before), only, cpu };
        match affinity::set(&hold.only) {
            Err(error) if error.is_not_allowed() => {
                let allowed = affinity::current().map_err(PinError::Os)?;
                return Err(PinError::NotAllowed { cpu, allowed });
            }
            other => other.map_err(PinError::Os)?,
        }
        match hold.look() {
            Ok(()) => Ok(hold),
            Err(conflict) => {
                let _known = hold.release();
                Err(PinError::Conflict(conflict))
            }
        }
    }

    /// Whether the mask is still the pin, and the thread where the mask says.
    fn look(&self) -> Result<(), Conflict> {
        match affinity::current() {
            Ok(seen) if seen == self.only && rseq::cpu() == self.cpu => Ok(()),
            Ok(seen) => Err(self.conflict(seen)),
            // Looking worked before; a filter installed since then is no conflict over the mask.
            Err(_) => Ok(()),
        }
    }

    fn conflict(&self, seen: CpuSet) -> Conflict {
        let cpuset = affinity::allowed().is_ok_and(|allowed| {
            // On kernels that keep a thread's own mask, the shrunken cpuset shows through.
            !allowed.contains(self.cpu) && allowed == seen
        });
        Conflict { seen, cause: if cpuset { Cause::Cpuset } else { Cause::Mask } }
    }

    fn release(self) -> Result<(), Conflict> {
        let seen = match affinity::current() {
            Ok(seen) if seen != self.only => seen,
            _ => {
                self.restore.apply();
                return Ok(());
            }
        };
        let conflict = self.conflict(seen);
        if conflict.cause == Cause::Cpuset {
            // From Linux 6.2 the pin is still there, hidden under the cpuset, and would come back
            // when the cpuset grows. The kernel cuts what we restore to the cpuset, so nothing of
            // somebody else's is overwritten.
            self.restore.apply();
        }
        Err(conflict)
    }
}

impl Restore {
    fn from_mask(before: CpuSet) -> Self {
        let unrestricted = before.len() == os::possible() as usize;
        if unrestricted || affinity::allowed().is_ok_and(|allowed| allowed == before) {
            Self::Nothing
        } else {
            Self::Mask(before)
        }
    }

    fn apply(&self) {
        let done = match self {
            Self::Nothing => affinity::reset(),
            Self::Mask(mask) => affinity::set(mask),
        };
        if done.is_err() {
            // None of the mask's CPUs is allowed now. Keeping the pin would leak it; no mask of its
            // own is what the kernel gives such a thread too.
            let _denied = affinity::reset();
        }
    }
}

#[cfg(test)]
#[path = "tests/pin.rs"]
mod tests;
