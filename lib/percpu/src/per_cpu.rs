//! A value per slot, made when the slot is first used.

use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::index::{self, ByCid, Index, Slot};
use crate::rseq;
use crate::sys::area::{self, Field};
use crate::sys::{os, twin};

/// A value of type `T` for each slot.
///
/// [`PerCpu::here`] is a **hint**: the thread may be moved before it uses the value, and another
/// thread may then use the same one. So `T` has to be [`Sync`], and per-CPU-ness buys locality, not
/// exclusion: an uncontended lock, an atomic that stays in this CPU's cache. For exclusion without
/// atomics use [`Counter`](crate::Counter), [`FreeList`](crate::FreeList) and
/// [`Words`](crate::Words).
///
/// ```
/// use heliostat_percpu::PerCpu;
/// use std::sync::Mutex;
///
/// let logs = PerCpu::new(|_slot| Mutex::new(Vec::new()));
/// logs.here().lock().unwrap().push("a line");
/// let lines: usize = logs.iter().map(|(_, log)| log.lock().unwrap().len()).sum();
/// assert_eq!(lines, 1);
/// ```
pub struct PerCpu<T, I = ByCid> {
    slots: Box<[AtomicPtr<Padded<T>>]>,
    make: Box<dyn Fn(Slot) -> T + Send + Sync>,
    field: Field,
    owns: PhantomData<(T, I)>,
}

/// A value with two cache lines to itself.
#[repr(align(128))]
struct Padded<T>(T);

impl<T: Send + Sync> PerCpu<T> {
    /// Values that `make` makes, each when its slot is first used. It may run more than once for a
    /// slot; all but one result are then dropped.
    #[must_use]
    pub fn new(make: impl Fn(Slot) -> T + Send + Sync + 'static) -> Self {
        Self::with_index(make)
    }
}

impl<T: Send + Sync, I: Index> PerCpu<T, I> {
    /// Like [`PerCpu::new`], with slots of another kind.
    #[must_use]
    pub fn with_index(make: impl Fn(Slot) -> T + Send + Sync + 'static) -> Self {
        let slots = (0..os::possible().max(1)).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Self { slots, make: Box::new(make), field: index::field::<I>(), owns: PhantomData }
    }

    /// The value of the slot this thread is on.
    #[inline]
    pub fn here(&self) -> &T {
        let row = area::row(self.field).unwrap_or(u32::MAX);
        match self.slots.get(row as usize).and_then(value) {
            Some(value) => value,
            None => self.here_slowly(),
        }
    }

    #[cold]
    fn here_slowly(&self) -> &T {
        let told = if rseq::mode().is_restartable() && area::enroll() {
            area::row(self.field)
        } else {
            None
        };
        let row = told.unwrap_or_else(|| twin::row(self.field)) as usize % self.slots.len();
        let slot = &self.slots[row];
        if let Some(value) = value(slot) {
            return value;
        }
        // `row` is below the number of possible CPUs, which is a `u32`.
        let made = Box::into_raw(Box::new(Padded((self.make)(Slot::new(row as u32)))));
        let exchange =
            slot.compare_exchange(ptr::null_mut(), made, Ordering::AcqRel, Ordering::Acquire);
        match exchange {
            // SAFETY: now owned by `self`, which frees it when dropped and not before.
            Ok(_) => unsafe { &(*made).0 },
            Err(other) => {
                // SAFETY: nobody else has seen this box.
                drop(unsafe { Box::from_raw(made) });
                // SAFETY: not null, and never replaced before `self` is dropped.
                unsafe { &(*other).0 }
            }
        }
    }
}

impl<T, I> PerCpu<T, I> {
    /// The value of a slot, if that was ever used.
    #[must_use]
    pub fn at(&self, slot: Slot) -> Option<&T> {
        self.slots.get(slot.index()).and_then(value)
    }

    /// The values of all slots that were ever used.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &T)> {
        let used = |(row, slot)| value(slot).map(|value| (Slot::new(row), value));
        (0u32..).zip(&self.slots).filter_map(used)
    }
}

/// The value of a slot, for as long as the slot.
#[inline]
fn value<T>(slot: &AtomicPtr<Padded<T>>) -> Option<&T> {
    let value = slot.load(Ordering::Acquire);
    // SAFETY: a slot that is not null holds a box that lives until the `PerCpu` is dropped; shared
    // references are handed out only.
    unsafe { value.as_ref() }.map(|padded| &padded.0)
}

impl<T, I> Drop for PerCpu<T, I> {
    fn drop(&mut self) {
        for slot in &mut self.slots {
            let value = std::mem::replace(slot.get_mut(), ptr::null_mut());
            if !value.is_null() {
                // SAFETY: made by `Box::into_raw` in `here_slowly`; every reference borrowed `self`.
                drop(unsafe { Box::from_raw(value) });
            }
        }
    }
}

impl<T: fmt::Debug, I> fmt::Debug for PerCpu<T, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
#[path = "tests/per_cpu.rs"]
mod tests;
