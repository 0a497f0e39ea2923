//! The memory that a parent and one worker share: two doors, a table of slots, their bodies.
//!
//! The memory is a memfd whose size is sealed, so that no side can shrink it under the other.
//! The other side is taken for hostile: every number in the table is an atomic that is loaded
//! once and checked by the caller, bodies are copied through raw pointers into private memory and
//! never looked at in place (the worker may: only its parent writes what it reads). No reference
//! to a body in shared memory exists on the parent's side.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fstat, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::door::Door;

/// What both sides must agree on before they map anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// How many jobs can be in the ring.
    pub(crate) slots: u32,
    /// Longest body of a job that travels in the ring.
    pub(crate) job_max: u32,
    /// Longest reply that travels in the ring.
    pub(crate) reply_max: u32,
}

impl Layout {
    /// Nothing a handshake says can make a region larger than this many slots.
    pub(crate) const SLOTS_MAX: u32 = 64;
    /// Nor any body longer than this.
    pub(crate) const BODY_MAX: u32 = 1 << 20;

    /// Whether the numbers are in their limits.
    pub(crate) fn is_sound(self) -> bool {
        (1..=Layout::SLOTS_MAX).contains(&self.slots)
            && (1..=Layout::BODY_MAX).contains(&self.job_max)
            && (1..=Layout::BODY_MAX).contains(&self.reply_max)
    }

    /// Bytes of the whole region.
    pub(crate) fn bytes(self) -> usize {
        self.replies_at() + self.slots as usize * stride(self.reply_max)
    }

    fn jobs_at(self) -> usize {
        (size_of::<Table>() + self.slots as usize * size_of::<Slot>()).next_multiple_of(PAGE)
    }

    fn replies_at(self) -> usize {
        self.jobs_at() + self.slots as usize * stride(self.job_max)
    }

    fn job_at(self, slot: u32) -> usize {
        self.jobs_at() + (slot % self.slots) as usize * stride(self.job_max)
    }

    fn reply_at(self, slot: u32) -> usize {
        self.replies_at() + (slot % self.slots) as usize * stride(self.reply_max)
    }
}

/// Bodies are a page and a little apart from a power of two, or all would share their cache sets.
fn stride(max: u32) -> usize {
    (max as usize).next_multiple_of(PAGE) + PAGE + 256
}

const PAGE: usize = 4096;

/// The head of the region.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Table {
    /// Raised by the parent: jobs.
    pub(crate) jobs: Door,
    /// Raised by the worker: replies.
    pub(crate) replies: Door,
    /// Set by the parent: for how long the worker may spin before it sleeps.
    pub(crate) spin_ns: AtomicU32,
    unused: [u32; 31],
}

/// One job and its reply, without their bodies. Atomics, because the other side may write at any
/// time; their order is given by the doors.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct Slot {
    pub(crate) job_id: AtomicU64,
    pub(crate) kind: AtomicU32,
    pub(crate) job_len: AtomicU32,
    pub(crate) max_reply: AtomicU32,
    pub(crate) flags: AtomicU32,
    /// Set by the parent at any time: the caller has gone.
    pub(crate) skip: AtomicU32,
    unused: [u32; 9],
    pub(crate) reply_id: AtomicU64,
    pub(crate) run_ns: AtomicU64,
    pub(crate) status: AtomicU32,
    pub(crate) reply_len: AtomicU32,
}

/// The body of the job came as a descriptor.
pub(crate) const JOB_BY_FD: u32 = 1;
/// The reply goes into a descriptor that came with the job.
pub(crate) const REPLY_BY_FD: u32 = 2;
/// Not a job: the worker is to end.
pub(crate) const QUIT: u32 = 4;
/// The descriptor of the body is memory, and all of it is there.
pub(crate) const JOB_FILLED: u32 = 8;

/// A mapping of the region.
#[derive(Debug)]
pub(crate) struct Region {
    map: Map,
    layout: Layout,
}

impl Region {
    /// Makes a region and the descriptor that the worker maps.
    pub(crate) fn create(layout: Layout) -> io::Result<(Region, OwnedFd)> {
        let fd = memory(c"heliostat-workers-ring", layout.bytes())?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        fcntl_add_seals(&fd, seals)?;
        Ok((Region::map(&fd, layout)?, fd))
    }

    /// Maps what the other side made.
    pub(crate) fn map(fd: impl AsFd, layout: Layout) -> io::Result<Region> {
        let bytes = layout.bytes();
        if !layout.is_sound() || u64::try_from(fstat(&fd)?.st_size).ok() != Some(bytes as u64) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the ring has another size"));
        }
        Ok(Region { map: Map::shared(fd, bytes, ProtFlags::READ | ProtFlags::WRITE)?, layout })
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn table(&self) -> &Table {
        // SAFETY: the mapping is page-aligned, lives as long as `self`, and is longer than a
        // table (`Layout::bytes`); every field is an atomic or never read, so that writes of the
        // other side are no data race.
        unsafe { self.map.start.cast::<Table>().as_ref() }
    }

    /// The slot of the `index`-th job; indices wrap.
    pub(crate) fn slot(&self, index: u32) -> &Slot {
        let at = size_of::<Table>() + (index % self.layout.slots) as usize * size_of::<Slot>();
        let slot = self.at(at).cast::<Slot>();
        // SAFETY: `at` is below `jobs_at`, a multiple of the alignment of `Slot` (both sizes are
        // multiples of 128, asserted below), and every field is an atomic or never read.
        unsafe { slot.as_ref() }
    }

    /// Parent: writes the body of a job; what is longer than the slot is cut, and was checked before.
    pub(crate) fn put_job(&self, index: u32, body: &[u8]) {
        let len = body.len().min(self.layout.job_max as usize);
        let to = self.at(self.layout.job_at(index));
        // SAFETY: `len` bytes from `job_at` lie inside the mapping because a stride is longer
        // than `job_max`; the source is a live slice, and private memory does not overlap it.
        unsafe { ptr::copy_nonoverlapping(body.as_ptr(), to.as_ptr(), len) }
    }

    /// Parent: a private copy of a reply; what is longer than the slot is cut, and was checked before.
    pub(crate) fn take_reply(&self, index: u32, len: u32) -> Vec<u8> {
        let len = len.min(self.layout.reply_max) as usize;
        let mut body = Vec::with_capacity(len);
        let from = self.at(self.layout.reply_at(index));
        // SAFETY: `len` bytes from `reply_at` lie inside the mapping because a stride is longer
        // than `reply_max`, and `body` has room for them. The worker may write meanwhile: bytes
        // have no invalid values, and nobody looks at the source again.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), body.as_mut_ptr(), len) }
        // SAFETY: the line above has filled the first `len` bytes of the capacity.
        unsafe { body.set_len(len) }
        body
    }

    /// Worker: the body of a job in place. The parent, whom a worker must trust, leaves it alone
    /// until the reply is published.
    pub(crate) fn job(&self, index: u32, len: u32) -> &[u8] {
        let len = len.min(self.layout.job_max) as usize;
        let from = self.at(self.layout.job_at(index));
        // SAFETY: inside the mapping as in `put_job`; the parent writes a slot only while it is
        // not published, and the worker calls this only between `jobs` and `replies`.
        unsafe { slice::from_raw_parts(from.as_ptr(), len) }
    }

    /// Worker: writes part of a reply at an offset; false if it does not fit.
    pub(crate) fn put_reply(&self, index: u32, at: usize, part: &[u8]) -> bool {
        let max = self.layout.reply_max as usize;
        if at > max || part.len() > max - at {
            return false;
        }
        let to = self.at(self.layout.reply_at(index) + at);
        // SAFETY: `at + part.len()` is at most `reply_max`, which is less than a stride; the
        // source is private memory of the worker or the body of a job, which lies elsewhere.
        unsafe { ptr::copy_nonoverlapping(part.as_ptr(), to.as_ptr(), part.len()) }
        true
    }

    fn at(&self, offset: usize) -> NonNull<u8> {
        debug_assert!(offset < self.map.len, "all offsets come from the layout of this mapping");
        // SAFETY: every offset is computed from `self.layout`, whose size is that of the mapping
        // (checked in `map`).
        unsafe { self.map.start.add(offset) }
    }
}

const _: () = assert!(size_of::<Slot>().is_multiple_of(128));
const _: () = assert!(size_of::<Table>().is_multiple_of(128));

/// A range of mapped memory.
#[derive(Debug)]
pub(crate) struct Map {
    start: NonNull<u8>,
    len: usize,
}

impl Map {
    /// Maps a descriptor, shared.
    pub(crate) fn shared(fd: impl AsFd, len: usize, protection: ProtFlags) -> io::Result<Map> {
        Map::new(fd, len, protection, MapFlags::SHARED)
    }

    /// As [`shared`](Map::shared), when all pages are there and are going to be used: one call
    /// instead of a fault for every few of them.
    pub(crate) fn filled(fd: impl AsFd, len: usize, protection: ProtFlags) -> io::Result<Map> {
        Map::new(fd, len, protection, MapFlags::SHARED | MapFlags::POPULATE)
    }

    fn new(fd: impl AsFd, len: usize, protection: ProtFlags, flags: MapFlags) -> io::Result<Map> {
        // SAFETY: a fresh mapping at an address of the kernel's choice disturbs nothing.
        let start = unsafe { mmap(ptr::null_mut(), len, protection, flags, fd, 0) }?;
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Map { start, len })
    }

    /// Worker: the bytes of a body that the parent sealed, or that is the worker's own risk.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping lives as long as `self`. The parent has handed the body over and
        // does not write it any more; that is part of `Body::from_fd`.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// Copies into the mapping; false if it does not fit.
    pub(crate) fn put(&self, at: usize, part: &[u8]) -> bool {
        if at > self.len || part.len() > self.len - at {
            return false;
        }
        // SAFETY: `at` is at most `len`.
        let to = unsafe { self.start.add(at) };
        // SAFETY: `part.len()` bytes from `at` are inside the mapping, as checked above, and the
        // source is private memory.
        unsafe { ptr::copy_nonoverlapping(part.as_ptr(), to.as_ptr(), part.len()) }
        true
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        if cfg!(miri) {
            return;
        }
        // SAFETY: `start` and `len` are what `mmap` returned, and no reference outlives `self`.
        // A failure would leave the mapping in place, which is harmless.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.len) };
    }
}

// SAFETY: the memory belongs to no thread; what is shared is reached through atomics and raw
// copies only.
unsafe impl Send for Map {}
// SAFETY: as above; `put` and the copies of `Region` write through raw pointers, and the desk's
// lock keeps two threads of one side from the same slot.
unsafe impl Sync for Map {}

/// Anonymous memory of a size, as a descriptor that can be sealed.
pub(crate) fn memory(name: &std::ffi::CStr, bytes: usize) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 do not know the second flag, and then need not be told.
    let fd = memfd_create(name, flags | MemfdFlags::NOEXEC_SEAL)
        .or_else(|_| memfd_create(name, flags))?;
    ftruncate(&fd, bytes as u64)?;
    Ok(fd)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use proptest::prelude::*;

    use super::{Layout, Region};

    impl Region {
        /// The two sides of one region, in one process, for tests.
        #[cfg(not(miri))]
        pub(crate) fn pair(layout: Layout) -> (Region, Region) {
            let (ours, fd) = Region::create(layout).unwrap();
            let theirs = Region::map(&fd, layout).unwrap();
            (ours, theirs)
        }

        /// As above under Miri, which maps no descriptors: one allocation that stays for ever.
        #[cfg(miri)]
        pub(crate) fn pair(layout: Layout) -> (Region, Region) {
            let len = layout.bytes();
            let shape = std::alloc::Layout::from_size_align(len, super::PAGE).unwrap();
            // SAFETY: a table is in it, so it is not empty.
            let start = unsafe { std::alloc::alloc_zeroed(shape) };
            let start = std::ptr::NonNull::new(start).unwrap();
            let side = || Region { map: super::Map { start, len }, layout };
            (side(), side())
        }
    }

    #[test]
    fn both_sides_see_one_memory() {
        let layout = Layout { slots: 3, job_max: 100, reply_max: 5000 };
        let (ours, theirs) = Region::pair(layout);
        for index in [0, 1, 2, 3, u32::MAX] {
            ours.put_job(index, b"abc");
            ours.slot(index).job_len.store(3, Ordering::Relaxed);
            assert_eq!(theirs.job(index, 3), b"abc");
            assert!(theirs.put_reply(index, 4998, b"xy"));
            assert!(!theirs.put_reply(index, 4999, b"xy"));
            assert!(!theirs.put_reply(index, usize::MAX, b"xy"));
            assert_eq!(&ours.take_reply(index, u32::MAX)[4998..], b"xy");
            assert_eq!(theirs.slot(index).job_len.load(Ordering::Relaxed), 3);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no memory files")]
    fn a_region_cannot_be_resized_or_mapped_with_another_layout() {
        let layout = Layout { slots: 2, job_max: 4096, reply_max: 4096 };
        let (_region, fd) = Region::create(layout).unwrap();
        assert!(rustix::fs::ftruncate(&fd, 0).is_err());
        assert!(rustix::fs::ftruncate(&fd, 1 << 30).is_err());
        for slots in [0, 1, 3, 65, u32::MAX] {
            assert!(Region::map(&fd, Layout { slots, ..layout }).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_slot_overlaps_another(
            slots in 1..=Layout::SLOTS_MAX, job_max in 1..=Layout::BODY_MAX,
            reply_max in 1..=Layout::BODY_MAX,
        ) {
            let layout = Layout { slots, job_max, reply_max };
            prop_assert!(layout.is_sound());
            let mut ends = size_of::<super::Table>() + slots as usize * size_of::<super::Slot>();
            for slot in 0..slots {
                prop_assert!(layout.job_at(slot) >= ends);
                ends = layout.job_at(slot) + job_max as usize;
            }
            for slot in 0..slots {
                prop_assert!(layout.reply_at(slot) >= ends);
                ends = layout.reply_at(slot) + reply_max as usize;
            }
            prop_assert!(ends <= layout.bytes());
        }
    }
}
