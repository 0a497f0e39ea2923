//! The software twin: critical sections for every place without restartable sequences.
//!
//! Additions are atomic additions to the row's own word; lists use the row's atomic lane; compares go
//! through a [`Turnstile`], one thread at a time, and give up rather than wait. In a process that
//! runs the twin no thread runs machine sections, so the two never meet on one word.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::area::Field;
use super::os;
use super::section::{Expect, Place, Popped, Section, Step};
use crate::lane::Link;
use crate::list::Head;
use crate::turnstile::Turnstile;

/// Sections in software.
#[derive(Debug)]
pub(crate) struct Twin;

/// The row this thread is on: its CPU, or a number that stands in for a concurrency id.
pub(crate) fn row(field: Field) -> u32 {
    let cpu = if field == Field::CPU { os::current_cpu() } else { None };
    cpu.unwrap_or_else(stand_in)
}

/// A number below the number of possible CPUs, the same for the life of a thread.
///
/// Threads share numbers once there are more threads than CPUs, which keeps the rows in use as few
/// as concurrency ids would.
fn stand_in() -> u32 {
    static THREADS: AtomicU32 = AtomicU32::new(0);
    thread_local! {
        static NUMBER: u32 = THREADS.fetch_add(1, Ordering::Relaxed) % os::possible();
    }
    NUMBER.with(|number| *number)
}

/// One for every row, shared by all objects of the process, so that a fence finds them all.
static TURNSTILES: [Turnstile; 64] = [const { Turnstile::new() }; 64];

/// Waits until every compare that is under way has ended. What was written before is seen by every
/// compare that begins after.
pub(crate) fn fence() {
    TURNSTILES.iter().for_each(Turnstile::wait);
}

// SAFETY: every method writes one word by one atomic operation; compares on one row are kept apart by
// the row's turnstile.
unsafe impl Section for Twin {
    unsafe fn add(at: Place, n: u64) -> bool {
        let row = row(at.field);
        if row >= at.open {
            return false;
        }
        // SAFETY: the caller keeps rows `0..open` mapped, `stride` bytes apart.
        let word = unsafe { at.base.add(row as usize * at.stride) }.cast::<u64>();
        // SAFETY: the word is aligned and live by the caller's promise, and in this process only
        // ever accessed atomically.
        unsafe { AtomicU64::from_ptr(word) }.fetch_add(n, Ordering::Relaxed);
        true
    }

    unsafe fn compare_store(
        row_wanted: u32,
        field: Field,
        first: Expect,
        second: Option<Expect>,
        new: u64,
    ) -> Step {
        if row(field) != row_wanted {
            return Step::Elsewhere;
        }
        let turnstile = &TURNSTILES[row_wanted as usize % TURNSTILES.len()];
        let Some(_inside) = turnstile.enter() else { return Step::Elsewhere };
        let holds = |expect: &Expect| {
            // SAFETY: the word is aligned and live by the caller's promise, and in this process
            // only ever accessed atomically.
            unsafe { AtomicU64::from_ptr(expect.word) }.load(Ordering::Acquire) == expect.value
        };
        if !second.iter().chain([&first]).all(holds) {
            return Step::Differs;
        }
        // SAFETY: as above.
        unsafe { AtomicU64::from_ptr(first.word) }.store(new, Ordering::Release);
        Step::Done
    }

    unsafe fn push(at: Place, link: *mut Link) -> Step {
        // SAFETY: the caller keeps rows `0..open` live.
        let Some(head) = (unsafe { head(at) }) else { return Step::Elsewhere };
        // SAFETY: the link is the caller's own and stays live while it is in the lane.
        unsafe { head.lane.push(link) };
        Step::Done
    }

    unsafe fn pop(at: Place) -> Popped {
        // SAFETY: the caller keeps rows `0..open` live.
        let Some(head) = (unsafe { head(at) }) else { return Popped::Elsewhere };
        match head.lane.pop() {
            Some(link) => Popped::Link(link.as_ptr()),
            None => Popped::Empty,
        }
    }
}

/// The list of the row this thread is on.
///
/// # Safety
///
/// The rows of `at` are [`Head`]s, and `0..at.open` of them are live for `'a`.
unsafe fn head<'a>(at: Place) -> Option<&'a Head> {
    let row = row(at.field);
    if row >= at.open {
        return None;
    }
    // SAFETY: the index was compared; the caller keeps rows `0..open` live.
    let head = unsafe { at.base.cast::<Head>().add(row as usize) };
    // SAFETY: as above.
    Some(unsafe { &*head })
}
