//! The words that a thread shares with the kernel, and who registered them.
//!
//! Each thread holds a pointer to its area. Until its first operation that pointer leads to
//! [`PARKED`], whose indexes are beyond every row: the hot path needs no test for "is this thread
//! registered", because the test for "is this row open" already says no. Once a thread gave up its
//! registration, or could not get one, the pointer leads to [`GONE`] and nobody asks again.

use std::cell::Cell;
use std::mem::offset_of;
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::native;
use super::os;
use crate::rseq::{Mode, Reason, Registrar};

/// The area of `struct rseq`, as far as this crate reads it.
#[repr(C, align(32))]
#[derive(Debug)]
pub(crate) struct Area {
    pub(crate) cpu_id_start: KernelWord,
    pub(crate) cpu_id: KernelWord,
    /// The only word of the area that belongs to user space; written by sections alone.
    pub(crate) section: AtomicU64,
    pub(crate) flags: KernelWord,
    pub(crate) node_id: KernelWord,
    pub(crate) mm_cid: KernelWord,
    pub(crate) rest: KernelWord,
}

/// A word that belongs to the kernel: there is no way to write it.
#[repr(transparent)]
#[derive(Debug)]
pub(crate) struct KernelWord(AtomicU32);

impl KernelWord {
    /// The word as the kernel left it.
    pub(crate) fn read(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    const fn starting_at(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }
}

/// The length of the area in its first version, which every kernel accepts.
const LENGTH: u32 = 32;

impl Area {
    /// The value of an index word that is beyond every row.
    const BEYOND: u32 = u32::MAX;

    const fn unregistered() -> Self {
        Self {
            cpu_id_start: KernelWord::starting_at(0),
            cpu_id: KernelWord::starting_at(Self::BEYOND),
            section: AtomicU64::new(0),
            flags: KernelWord::starting_at(0),
            node_id: KernelWord::starting_at(0),
            mm_cid: KernelWord::starting_at(Self::BEYOND),
            rest: KernelWord::starting_at(0),
        }
    }

    fn word(&self, field: Field) -> &KernelWord {
        if field == Field::CPU { &self.cpu_id } else { &self.mm_cid }
    }

    fn is_registered(&self) -> bool {
        self.cpu_id.read().cast_signed() >= 0
    }
}

/// Which of the kernel's words numbers the rows: its distance from the start of the area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field(u32);

impl Field {
    /// The CPU this thread runs on.
    pub(crate) const CPU: Self = Self(4);
    /// The concurrency id: dense, unique among the running threads of this process.
    pub(crate) const CID: Self = Self(24);

    /// The word's distance from the start of the area.
    #[inline]
    pub(crate) fn offset(self) -> usize {
        self.0 as usize
    }
}

const _: () = assert!(offset_of!(Area, cpu_id) == Field::CPU.0 as usize);
const _: () = assert!(offset_of!(Area, mm_cid) == Field::CID.0 as usize);
const _: () = assert!(size_of::<Area>() == LENGTH as usize);

/// The area of threads that have not asked yet.
static PARKED: Area = Area::unregistered();

/// The area of threads that have none and must not ask again.
static GONE: Area = Area::unregistered();

thread_local! {
    static AREA: Cell<&'static Area> = const { Cell::new(&PARKED) };
    static LEAVE: Leave = const { Leave(Cell::new(None)) };
}

/// This thread's area, for sections and for reading.
#[inline]
pub(crate) fn here() -> &'static Area {
    AREA.with(Cell::get)
}

/// The row this thread is on, by `field`; `None` when the kernel does not tell this thread.
#[inline]
pub(crate) fn row(field: Field) -> Option<u32> {
    let row = here().word(field).read();
    (row.cast_signed() >= 0).then_some(row)
}

/// Makes this thread's area the real one, if it can have one; `true` when sections may commit.
#[cold]
pub(crate) fn enroll() -> bool {
    if !std::ptr::eq(here(), &raw const PARKED) {
        return here().is_registered();
    }
    let area = match mode() {
        Mode::Restartable { registrar: Registrar::Libc, .. } => libc_area(),
        Mode::Restartable { registrar: Registrar::Crate, .. } => own_area().ok(),
        Mode::Twin(_) => None,
    };
    let area = area.filter(|area| area.is_registered()).unwrap_or(&GONE);
    AREA.set(area);
    area.is_registered()
}

/// How per-CPU operations commit in this process; decided once, by the first thread that asks.
pub(crate) fn mode() -> Mode {
    static MODE: OnceLock<Mode> = OnceLock::new();
    *MODE.get_or_init(decide)
}

/// The word that numbers rows of concurrency ids in this process.
pub(crate) fn cid_field() -> Field {
    match mode() {
        Mode::Restartable { cid: false, .. } => Field::CPU,
        _ => Field::CID,
    }
}

fn decide() -> Mode {
    if !native::RESTARTABLE {
        return Mode::Twin(Reason::Build);
    }
    let registrar = if os::libc_rseq().is_some() {
        if !libc_area().is_some_and(Area::is_registered) {
            return Mode::Twin(Reason::LibcOff);
        }
        Registrar::Libc
    } else {
        match own_area() {
            Ok(area) => AREA.set(area),
            Err(reason) => return Mode::Twin(reason),
        }
        Registrar::Crate
    };
    // Every registration is of at least `LENGTH` bytes, and the kernel fills in what it knows and
    // what fits. The length that the C library publishes counts only the words it knows itself.
    let features = os::rseq_features().min(LENGTH);
    Mode::Restartable {
        registrar,
        cid: features >= offset_of!(Area, mm_cid) as u32 + 4,
        node: features >= offset_of!(Area, node_id) as u32 + 4,
        fence: os::fence_offered(),
    }
}

/// The area that the C library registered for this thread.
fn libc_area() -> Option<&'static Area> {
    let libc = os::libc_rseq().filter(|libc| libc.length > 0)?;
    let area = native::thread_pointer().wrapping_offset(libc.offset).cast::<Area>();
    // SAFETY: the C library publishes this offset and length for areas that it keeps registered,
    // aligned and live as long as their threads; `AREA` never leaves its thread, so neither does the
    // reference, whose lifetime is that of the thread.
    Some(unsafe { &*area })
}

/// Registers an area of our own for this thread, to be given back when the thread ends.
fn own_area() -> Result<&'static Area, Reason> {
    let area = NonNull::from(Box::leak(Box::new(Area::unregistered())));
    let taken = os::rseq_register(area, LENGTH, native::SIGNATURE);
    // Without the guard nobody would give the area back before its thread is gone; then it must
    // stay mapped for good, which costs 32 bytes and no harm.
    if taken.is_ok() {
        let _late = LEAVE.try_with(|leave| leave.0.set(Some(area)));
    } else {
        // SAFETY: the kernel refused the area, so this is the only pointer to the leaked box.
        drop(unsafe { Box::from_raw(area.as_ptr()) });
    }
    taken.map_err(|error| match error.raw_os_error() {
        Some(libc::ENOSYS) => Reason::Kernel,
        Some(libc::EPERM | libc::EACCES) => Reason::Denied,
        _ => Reason::Taken,
    })?;
    // SAFETY: the box is freed by `Leave` only, when its thread ends, after it was unregistered and
    // after `AREA` was led to `GONE`.
    Ok(unsafe { area.as_ref() })
}

/// Gives this thread's own area back to the kernel before its memory goes.
struct Leave(Cell<Option<NonNull<Area>>>);

impl Drop for Leave {
    fn drop(&mut self) {
        let Some(area) = self.0.take() else { return };
        AREA.set(&GONE);
        if os::rseq_unregister(area, LENGTH, native::SIGNATURE).is_ok() {
            // SAFETY: the area was leaked by `own_area` of this thread, the kernel has let go of it,
            // and the only other pointer to it, `AREA`, was just replaced.
            drop(unsafe { Box::from_raw(area.as_ptr()) });
        }
    }
}

#[cfg(test)]
#[path = "tests/area.rs"]
mod tests;
