//! A list of free things per slot: last in, first out, without locks and without atomics.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::index::{self, ByCid, Index};
use crate::lane::{Lane, Link};
use crate::pin::{self, Policy};
use crate::rseq::{self, Fence, Mode};
use crate::sys::area::{self, Field};
use crate::sys::os;
use crate::sys::section::{ATTEMPTS, CLOSED, Expect, Native, Place, Popped, Section, Step};
use crate::sys::twin::{self, Twin};
use crate::{CpuId, Error};

/// Lists of free things, one per slot.
///
/// What a thread puts back it, or the next thread on the same slot, gets again: still warm, and
/// shared by all threads instead of stranded in idle ones. [`FreeList::pop`] looks into the own slot
/// first and into the atomic lanes of all slots then; what lies in the other slots' own lists it
/// leaves there. [`FreeList::drain`] gets everything.
///
/// ```
/// use heliostat_percpu::{FreeList, Item};
///
/// let buffers: FreeList<Vec<u8>> = FreeList::new();
/// let mut buffer = buffers.pop().unwrap_or_else(|| Item::new(Vec::with_capacity(4096)));
/// buffer.extend_from_slice(b"hello");
/// buffer.clear();
/// buffers.push(buffer);
/// ```
pub struct FreeList<T, I = ByCid> {
    heads: Box<[Head]>,
    field: Field,
    drains: Mutex<()>,
    owns: PhantomData<(T, I)>,
}

/// The list of one slot: the one for sections, and the atomic lane.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct Head {
    /// The top link, null, or [`CLOSED`]. Written by sections, and by a drain that closed it.
    local: AtomicU64,
    pub(crate) lane: Lane,
}

// SAFETY: the list hands each item to one owner at a time, so sharing the list is sending items.
unsafe impl<T: Send, I> Sync for FreeList<T, I> {}
// SAFETY: as above.
unsafe impl<T: Send, I> Send for FreeList<T, I> {}

impl<T: Send> FreeList<T> {
    /// Lists without an item.
    #[must_use]
    pub fn new() -> Self {
        Self::with_index()
    }
}

impl<T: Send, I: Index> FreeList<T, I> {
    /// Like [`FreeList::new`], with slots of another kind.
    #[must_use]
    pub fn with_index() -> Self {
        let heads = (0..os::possible().max(1)).map(|_| Head::new()).collect();
        Self { heads, field: index::field::<I>(), drains: Mutex::new(()), owns: PhantomData }
    }

    /// Puts an item on top of this slot's list.
    #[inline]
    pub fn push(&self, item: Item<T>) {
        let link = item.into_link();
        // SAFETY: the heads live as long as `self`, their words are written by sections and drains
        // alone, and the link was just given to us.
        if unsafe { Native::push(self.place(), link) } != Step::Done {
            self.push_slowly(link);
        }
    }

    /// Takes an item off the top of this slot's list, or else off any atomic lane.
    #[inline]
    pub fn pop(&self) -> Option<Item<T>> {
        // SAFETY: as in `push`; links stay live while they are in a list.
        match unsafe { Native::pop(self.place()) } {
            // SAFETY: every link in our lists is that of an `Item<T>`, and this one is ours now.
            Popped::Link(link) => Some(unsafe { Item::from_link(link) }),
            _ => self.pop_slowly(),
        }
    }

    /// Takes everything out of all slots, from wherever it is called.
    ///
    /// Items that are put back while this goes on may stay. On kernels before 5.10, which cannot
    /// fence, the lists of CPUs that the calling thread may not visit stay as they are.
    ///
    /// # Errors
    ///
    /// As [`rseq::fence`]; nothing was taken then.
    pub fn drain(&self) -> Result<Drain<T>, Error> {
        let only_one = self.drains.lock().unwrap_or_else(PoisonError::into_inner);
        let mut drain = Drain { chains: Vec::new(), owns: PhantomData };
        match rseq::mode() {
            Mode::Restartable { fence: true, .. } => self.drain_closed(&only_one, &mut drain)?,
            Mode::Restartable { fence: false, .. } => self.drain_visited(&mut drain),
            Mode::Twin(_) => {}
        }
        drain.chains.extend(self.heads.iter().filter_map(|head| head.lane.take()));
        Ok(drain)
    }

    #[cold]
    fn push_slowly(&self, link: *mut Link) {
        let pushed = rseq::mode().is_restartable()
            && area::enroll()
            && (0..ATTEMPTS).any(|_| {
                // SAFETY: as in `push`.
                unsafe { Native::push(self.place(), link) == Step::Done }
            });
        if !pushed {
            // SAFETY: the link is ours and stays live while it is in the lane.
            unsafe { self.lane_here().push(link) };
        }
    }

    #[cold]
    fn pop_slowly(&self) -> Option<Item<T>> {
        let link = if rseq::mode().is_restartable() && area::enroll() {
            self.pop_again().or_else(|| self.refill())
        } else {
            // SAFETY: as in `pop`; this thread runs no machine sections.
            match unsafe { Twin::pop(self.place()) } {
                Popped::Link(link) => NonNull::new(link),
                _ => None,
            }
        };
        let link = link.or_else(|| self.heads.iter().find_map(|head| head.lane.pop()))?;
        // SAFETY: every link in our lists is that of an `Item<T>`, and this one is ours now.
        Some(unsafe { Item::from_link(link.as_ptr()) })
    }

    fn pop_again(&self) -> Option<NonNull<Link>> {
        for _ in 0..ATTEMPTS {
            // SAFETY: as in `pop`.
            match unsafe { Native::pop(self.place()) } {
                Popped::Link(link) => return NonNull::new(link),
                Popped::Empty | Popped::Closed => return None,
                Popped::Elsewhere => {}
            }
        }
        None
    }

    /// Takes what others left in this slot's lane, and moves all but one of it into the own list.
    fn refill(&self) -> Option<NonNull<Link>> {
        let row = area::row(self.field)?;
        let head = self.heads.get(row as usize)?;
        let top = head.lane.take()?;
        // SAFETY: the chain was taken whole, so it is ours alone.
        if let Some(rest) = unsafe { top.as_ref() }.next() {
            let empty = Expect { word: head.local.as_ptr(), value: 0 };
            let rest_word = rest.as_ptr().expose_provenance() as u64;
            // SAFETY: the word is the head of `row`, written by sections and drains alone.
            let step = unsafe { Native::compare_store(row, self.field, empty, None, rest_word) };
            if step != Step::Done {
                // SAFETY: the rest of a chain that is ours.
                unsafe { head.lane.put_back(rest) };
            }
        }
        Some(top)
    }

    /// Closes every list, fences, and takes those that are closed still: no section can change them
    /// any more. A section that was under way while its list was closed has overwritten the mark;
    /// that list is tried again.
    fn drain_closed(&self, _one: &MutexGuard<'_, ()>, drain: &mut Drain<T>) -> Result<(), Error> {
        for _ in 0..ATTEMPTS {
            let closed: Vec<(&Head, u64)> = self.heads.iter().filter_map(Head::close).collect();
            if closed.is_empty() {
                break;
            }
            let fenced = rseq::fence(Fence::All);
            for (head, top) in closed {
                if head.local.load(Ordering::Acquire) != CLOSED {
                    continue;
                }
                if fenced.is_ok() {
                    drain.chains.extend(link(top));
                    head.local.store(0, Ordering::Release);
                } else {
                    // A section may still overwrite the mark, but only with what its list then is:
                    // putting the chain back by comparing with the mark disturbs neither.
                    let _overwritten = head.local.compare_exchange(
                        CLOSED,
                        top,
                        Ordering::AcqRel,
                        Ordering::Relaxed,
                    );
                }
            }
            fenced?;
        }
        Ok(())
    }

    /// Goes to every CPU whose list is not empty and takes it there.
    fn drain_visited(&self, drain: &mut Drain<T>) {
        for (row, head) in (0u32..).zip(&self.heads) {
            let Ok(cpu) = CpuId::new(row) else { continue };
            if head.local.load(Ordering::Acquire) == 0 {
                continue;
            }
            let Ok(pin) = pin::pin_on_cpu_with(cpu, Policy::Retry(4)) else { continue };
            // Whatever CPU the pop happens on, it is a right one: the pin is for progress only.
            while pin.is_on_target() {
                // SAFETY: as in `pop`.
                let Popped::Link(link) = (unsafe { Native::pop(self.place()) }) else { break };
                // SAFETY: the link is ours now.
                unsafe { drain.add(link) };
            }
        }
    }

    #[inline]
    fn place(&self) -> Place {
        Place {
            base: self.heads.as_ptr().cast::<u8>().cast_mut(),
            stride: size_of::<Head>(),
            open: self.heads.len() as u32,
            field: self.field,
        }
    }

    fn lane_here(&self) -> &Lane {
        let row = area::row(self.field).unwrap_or_else(|| twin::row(self.field));
        &self.heads[row as usize % self.heads.len()].lane
    }
}

impl<T: Send, I: Index> Default for FreeList<T, I> {
    fn default() -> Self {
        Self::with_index()
    }
}

impl<T, I> Drop for FreeList<T, I> {
    fn drop(&mut self) {
        let local = self.heads.iter_mut().filter_map(|head| link(*head.local.get_mut())).collect();
        let mut rest = Drain::<T> { chains: local, owns: PhantomData };
        rest.chains.extend(self.heads.iter().filter_map(|head| head.lane.take()));
    }
}

impl<T, I> fmt::Debug for FreeList<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreeList").field("slots", &self.heads.len()).finish_non_exhaustive()
    }
}

impl Head {
    /// A list without an item.
    pub(crate) fn new() -> Self {
        Self { local: AtomicU64::new(0), lane: Lane::new() }
    }

    /// Marks the list as closed, unless it is empty; the chain that it had.
    fn close(&self) -> Option<(&Self, u64)> {
        let mut top = self.local.load(Ordering::Acquire);
        while top > CLOSED {
            match self.local.compare_exchange(top, CLOSED, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some((self, top)),
                Err(now) => top = now,
            }
        }
        None
    }
}

/// The chain that a head's word stands for.
fn link(word: u64) -> Option<NonNull<Link>> {
    // Words hold addresses of this machine, which this crate builds for 64 bits only where it has
    // sections; elsewhere they are always zero.
    let address = usize::try_from(word).unwrap_or(0);
    if word <= CLOSED { None } else { NonNull::new(ptr::with_exposed_provenance_mut(address)) }
}

/// A thing that can be kept in a [`FreeList`]: a box with room for the list's link.
pub struct Item<T> {
    node: Box<Node<T>>,
}

#[repr(C)]
struct Node<T> {
    link: Link,
    value: T,
}

impl<T> Item<T> {
    /// Puts a value into a box of its own.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { node: Box::new(Node { link: Link::new(), value }) }
    }

    /// Takes the value out of its box.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.node.value
    }

    #[inline]
    fn into_link(self) -> *mut Link {
        let node = Box::into_raw(self.node);
        // Sections carry addresses as plain words.
        let _as_word = node.expose_provenance();
        node.cast()
    }

    /// # Safety
    ///
    /// The link came from `into_link` of the same type and nobody else has it.
    #[inline]
    unsafe fn from_link(link: *mut Link) -> Self {
        // SAFETY: the caller says that this was a box of this type: the link is its first field.
        Self { node: unsafe { Box::from_raw(link.cast()) } }
    }
}

impl<T> Deref for Item<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.node.value
    }
}

impl<T> DerefMut for Item<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.node.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Item<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Item").field(&self.node.value).finish()
    }
}

/// Everything that was in a [`FreeList`]; see [`FreeList::drain`]. What is not taken is dropped.
pub struct Drain<T> {
    chains: Vec<NonNull<Link>>,
    owns: PhantomData<T>,
}

// SAFETY: the chains are owned; sending them is sending items.
unsafe impl<T: Send> Send for Drain<T> {}

impl<T> Drain<T> {
    /// Adds a single link.
    ///
    /// # Safety
    ///
    /// The link is that of an `Item<T>` that is the caller's own.
    unsafe fn add(&mut self, link: *mut Link) {
        // SAFETY: by the caller's promise.
        let item: ManuallyDrop<Item<T>> = ManuallyDrop::new(unsafe { Item::from_link(link) });
        item.node.link.end();
        self.chains.extend(NonNull::new(link));
    }
}

impl<T> Iterator for Drain<T> {
    type Item = Item<T>;

    fn next(&mut self) -> Option<Item<T>> {
        let top = self.chains.pop()?;
        // SAFETY: the chain is ours and its links are live.
        self.chains.extend(unsafe { top.as_ref() }.next());
        // SAFETY: every link in our lists is that of an `Item<T>`, and this one is ours now.
        Some(unsafe { Item::from_link(top.as_ptr()) })
    }
}

impl<T> Drop for Drain<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl<T> fmt::Debug for Drain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("chains", &self.chains.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "tests/list.rs"]
mod tests;
