//! Rows of words, one row per slot, that take memory only for the slots in use.
//!
//! Address space is set aside for every possible CPU; a row is **opened** when its slot is first
//! used, and only open rows are ever summed. That keeps both memory and sums in proportion to the
//! CPUs really used: an unopened row is never touched, not even to read zeros from it.

use std::alloc::{self, Layout};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::index::{self, Index, Slot};
use crate::sys::area::{self, Field};
use crate::sys::os;
use crate::sys::section::{ATTEMPTS, Native, Place, Section};
use crate::sys::twin::{self, Twin};
use crate::{Error, rseq};

/// Rows of `words` words each, and behind them the rows that belong to no slot.
///
/// `WORDS` is that number where it is the same for all objects of a type, and 0 where it is not; it
/// saves the hot path a load.
#[derive(Debug)]
pub(crate) struct Rows<I, const WORDS: usize = 0> {
    /// Row 0; null until the memory is there.
    base: AtomicPtr<u8>,
    /// Rows `0..hot` may be touched by the usual field; 0 for ever where another field numbers them.
    hot: AtomicU32,
    /// Rows `0..open` may be touched. Only grows.
    open: AtomicU32,
    words: usize,
    stride: usize,
    memory: OnceLock<Memory>,
    index: PhantomData<I>,
}

/// Rows behind those of the slots: the atomic lane.
const REMOTE: u32 = 0;
/// Rows behind those of the slots: what each counter had at its last reset.
const BASELINE: u32 = 1;
/// How many rows belong to no slot.
const EXTRA: u32 = 2;

impl<I: Index, const WORDS: usize> Rows<I, WORDS> {
    /// Rows of this many words, without memory yet.
    pub(crate) const fn new(words: usize) -> Self {
        assert!(WORDS == 0 || WORDS == words);
        Self {
            base: AtomicPtr::new(ptr::null_mut()),
            hot: AtomicU32::new(0),
            open: AtomicU32::new(0),
            words,
            stride: stride(words),
            memory: OnceLock::new(),
            index: PhantomData,
        }
    }

    /// Rows in memory that processes forked later share, all of them open.
    pub(crate) fn shared(words: usize) -> Result<Self, Error> {
        let rows = Self::new(words);
        let memory = Memory::shared(rows.stride()).ok_or_else(|| Error::last_os("mmap"))?;
        let limit = memory.limit;
        if rows.memory.set(memory).is_ok() {
            rows.publish();
            rows.open_up_to(limit);
        }
        Ok(rows)
    }

    /// How many words a row has.
    pub(crate) const fn words(&self) -> usize {
        self.words
    }

    /// How many rows are open.
    #[inline]
    pub(crate) fn open(&self) -> u32 {
        // Acquire: the base was written before the first row was opened.
        self.open.load(Ordering::Acquire)
    }

    /// Adds to a word of this thread's row.
    #[inline]
    pub(crate) fn add(&self, word: usize, n: u64) {
        debug_assert!(word < self.words);
        // Acquire: the base was written before the first row became hot.
        let hot = self.hot.load(Ordering::Acquire);
        // SAFETY: open rows are mapped as long as `self` lives (`memory`), `word` is inside them, and
        // their words are written by additions alone.
        if !unsafe { Native::add(self.place(word, hot, index::usual_field::<I>()), n) } {
            self.add_slowly(word, n);
        }
    }

    #[cold]
    #[inline(never)]
    fn add_slowly(&self, word: usize, n: u64) {
        let added = if rseq::mode().is_restartable() {
            // On kernels that number rows by another field every addition comes here, so the first
            // attempt comes before anything that takes time.
            self.add_again(word, n) || (area::enroll() && self.add_insistently(word, n))
        } else {
            let field = index::field::<I>();
            // SAFETY: as in `add`; this process runs no machine sections.
            self.open_row(twin::row(field))
                && unsafe { Twin::add(self.place(word, self.open(), field), n) }
        };
        if !added {
            self.extra(REMOTE, word).fetch_add(n, Ordering::Relaxed);
        }
    }

    fn add_insistently(&self, word: usize, n: u64) -> bool {
        (0..ATTEMPTS).any(|_| {
            let row = area::row(index::field::<I>());
            row.is_some_and(|row| self.open_row(row)) && self.add_again(word, n)
        })
    }

    #[inline(never)]
    fn add_again(&self, word: usize, n: u64) -> bool {
        // SAFETY: as in `add`.
        unsafe { Native::add(self.place(word, self.open(), index::field::<I>()), n) }
    }

    /// The sum of a word over all rows and the atomic lane.
    pub(crate) fn sum(&self, word: usize) -> u64 {
        let open = self.open();
        if open == 0 && self.memory.get().is_none() {
            return 0;
        }
        let remote = self.extra(REMOTE, word).load(Ordering::Acquire);
        (0..open)
            .map(|row| self.word(row, word).load(Ordering::Acquire))
            .fold(remote, u64::wrapping_add)
    }

    /// The word's baseline, as a word; zero-filled when untouched.
    pub(crate) fn baseline(&self, word: usize) -> &AtomicU64 {
        self.extra(BASELINE, word)
    }

    /// Where the memory is, for tests that ask the kernel about it.
    #[cfg(all(test, target_os = "linux", not(miri)))]
    pub(crate) fn extent(&self) -> Option<(usize, usize)> {
        let memory = self.memory.get()?;
        Some((memory.start.as_ptr().expose_provenance(), memory.length))
    }

    /// Whether any memory was set aside yet.
    pub(crate) fn is_untouched(&self) -> bool {
        self.memory.get().is_none()
    }

    /// This thread's slot at the moment, opened; `None` when it has none.
    pub(crate) fn here(&self) -> Option<Slot> {
        self.memory();
        let row = if rseq::mode().is_restartable() {
            area::enroll();
            area::row(index::field::<I>())?
        } else {
            twin::row(index::field::<I>())
        };
        self.open_row(row).then_some(Slot::new(row))
    }

    /// One word of one open row.
    ///
    /// # Panics
    ///
    /// When the row is not open or has no such word.
    pub(crate) fn word(&self, row: u32, word: usize) -> &AtomicU64 {
        assert!(row < self.open(), "slot {row} is not in use");
        self.at(row, word)
    }

    /// Rows as sections see them. `open` comes from an acquiring load, before which the base was
    /// written.
    #[inline]
    fn place(&self, word: usize, open: u32, field: Field) -> Place {
        let base = self.base.load(Ordering::Relaxed).wrapping_add(word * size_of::<u64>());
        Place { base, stride: self.stride(), open, field }
    }

    /// A word of a row that belongs to no slot.
    fn extra(&self, which: u32, word: usize) -> &AtomicU64 {
        let limit = self.memory().limit;
        self.at(limit + which, word)
    }

    fn at(&self, row: u32, word: usize) -> &AtomicU64 {
        assert!(word < self.words, "word {word} of {} in a row", self.words);
        let memory = self.memory();
        debug_assert!(row < memory.limit + EXTRA);
        let at = row as usize * self.stride() + word * size_of::<u64>();
        // SAFETY: the memory holds `limit + EXTRA` rows of `stride` bytes and the indexes were
        // compared with both.
        let word = unsafe { memory.start.as_ptr().add(at) }.cast::<u64>();
        // SAFETY: the word is zeroed or written, aligned (rows are multiples of 128 bytes), lives as
        // long as `self`, and is only written atomically or by single aligned stores of sections.
        unsafe { AtomicU64::from_ptr(word) }
    }

    fn memory(&self) -> &Memory {
        let memory = self.memory.get_or_init(|| Memory::new(self.stride()));
        if self.base.load(Ordering::Relaxed).is_null() {
            self.publish();
        }
        memory
    }

    /// Makes the base known to the hot path. Every caller stores the same value.
    fn publish(&self) {
        if let Some(memory) = self.memory.get() {
            self.base.store(memory.start.as_ptr(), Ordering::Release);
        }
    }

    /// Opens rows up to this one; `false` when there is no memory for it.
    fn open_row(&self, row: u32) -> bool {
        row < self.memory().limit && {
            self.open_up_to(row + 1);
            true
        }
    }

    fn open_up_to(&self, open: u32) {
        if self.open.load(Ordering::Relaxed) < open {
            // Release: whoever sees the row open also sees the base.
            self.open.fetch_max(open, Ordering::Release);
            if index::field::<I>() == index::usual_field::<I>() {
                self.hot.fetch_max(open, Ordering::Release);
            }
        }
    }

    #[inline]
    const fn stride(&self) -> usize {
        if WORDS == 0 { self.stride } else { const { stride(WORDS) } }
    }
}

/// The distance between rows of so many words: small rows keep to cache lines of their own, large
/// ones to pages.
const fn stride(words: usize) -> usize {
    let Some(bytes) = words.checked_mul(size_of::<u64>()) else { panic!("capacity overflow") };
    let unit = if bytes <= PAGE / 2 { LINES } else { PAGE };
    match bytes.checked_next_multiple_of(unit) {
        Some(0) => unit,
        Some(stride) => stride,
        None => panic!("capacity overflow"),
    }
}

/// Two cache lines: the unit in which processors fetch, so that neighbours do not disturb each other.
const LINES: usize = 128;
/// The unit in which memory is committed.
const PAGE: usize = 4096;

/// The memory of rows: `limit` rows of slots and [`EXTRA`] more.
#[derive(Debug)]
struct Memory {
    start: NonNull<u8>,
    limit: u32,
    length: usize,
    mapped: bool,
}

// SAFETY: the memory is reached through atomics and sections only, which any thread may use.
unsafe impl Send for Memory {}
// SAFETY: as above.
unsafe impl Sync for Memory {}

impl Memory {
    /// Less than this is not worth a mapping of its own.
    const SMALL: usize = 64 * 1024;

    /// Memory for as many rows as can be had: for every possible CPU, or, where address space is
    /// short, for half of them, a quarter, and in the end for none but the atomic lane.
    fn new(stride: usize) -> Self {
        let mut limit = os::possible();
        loop {
            let length = Self::length(stride, limit);
            let small = length.is_some_and(|length| length <= Self::SMALL);
            if let Some(length) = length.filter(|_| !small)
                && let Some(start) = os::map(length, false)
            {
                return Self { start, limit, length, mapped: true };
            }
            if small || limit == 0 || cfg!(any(miri, not(target_os = "linux"))) {
                return Self::heap(stride, limit);
            }
            limit /= 2;
        }
    }

    /// Memory that children share, for every possible CPU.
    fn shared(stride: usize) -> Option<Self> {
        let limit = os::possible();
        let length = Self::length(stride, limit)?;
        let start = os::map(length, true)?;
        Some(Self { start, limit, length, mapped: true })
    }

    fn heap(stride: usize, limit: u32) -> Self {
        let layout = Self::length(stride, limit)
            .and_then(|length| Layout::from_size_align(length, LINES).ok())
            .unwrap_or_else(|| panic!("capacity overflow"));
        // SAFETY: the layout is not empty: there are always `EXTRA` rows of at least `LINES` bytes.
        let start = unsafe { alloc::alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { alloc::handle_alloc_error(layout) };
        Self { start, limit, length: layout.size(), mapped: false }
    }

    fn length(stride: usize, limit: u32) -> Option<usize> {
        stride.checked_mul(limit as usize + EXTRA as usize)
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.mapped {
            os::unmap(self.start, self.length);
        } else if let Ok(layout) = Layout::from_size_align(self.length, LINES) {
            // SAFETY: allocated by `heap` with this very layout, and freed once, here.
            unsafe { alloc::dealloc(self.start.as_ptr(), layout) };
        }
    }
}

#[cfg(test)]
#[path = "tests/rows.rs"]
mod tests;
