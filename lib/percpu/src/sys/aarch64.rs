//! Critical sections for AArch64.
//!
//! The frame is that of `x86_64.rs`, where it is explained. Lists publish their links by `stlr` and
//! read them by `ldar`, because a concurrency id may move between cores of a weakly ordered machine.

use std::arch::asm;
use std::mem::offset_of;

use super::area::{self, Area, Field};
use super::section::{Expect, Place, Popped, Section, Step};
use crate::lane::Link;

/// Whether this build holds machine code for critical sections at all.
pub(crate) const RESTARTABLE: bool = true;

/// What the kernel looks for in front of an abort handler; the C library registers the same.
pub(crate) const SIGNATURE: u32 = 0xd428_bc00;

/// The address that thread-local words are counted from.
pub(crate) fn thread_pointer() -> *const u8 {
    let pointer: *const u8;
    // SAFETY: the AArch64 ABI keeps the thread pointer in `tpidr_el0` for the life of every thread.
    unsafe {
        asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, readonly, pure));
    }
    pointer
}

/// The kernel's restartable sequences, in machine code.
pub(crate) struct Restartable;

pub(crate) use Restartable as Native;

// The text below writes the descriptor's address at this place of the area.
const _: () = assert!(offset_of!(Area, section) == 8);

/// The descriptor of the section between labels 2 and 3, and the store that arms it. Uses `x9`.
macro_rules! enter {
    () => {
        concat!(
            ".pushsection __rseq_cs, \"aw\"\n",
            ".balign 32\n",
            "77:\n",
            ".long 0, 0\n",
            ".quad 2f, 3f - 2f, 4f\n",
            ".popsection\n",
            "adrp x9, 77b\n",
            "add x9, x9, :lo12:77b\n",
            "str x9, [{area}, #8]\n",
            "2:\n",
            step!(0),
        )
    };
}

/// The abort handler: the signature (a `brk` that never runs), then a jump out.
macro_rules! abort {
    ($to:literal) => {
        concat!(
            ".pushsection __rseq_failure, \"ax\"\n",
            ".inst 0xd428bc00\n",
            "4:\n",
            $to,
            "\n.popsection\n",
        )
    };
}

/// A place where tests can hold a section for a while; nothing otherwise. Uses `x12` and the flags.
#[cfg(not(percpu_delay))]
macro_rules! step {
    ($at:literal) => {
        ""
    };
}

/// A place where tests can hold a section for a while; nothing otherwise. Uses `x12` and the flags.
#[cfg(percpu_delay)]
macro_rules! step {
    ($at:literal) => {
        concat!(
            "adrp x12, heliostat_percpu_delays\n",
            "add x12, x12, :lo12:heliostat_percpu_delays\n",
            "ldr x12, [x12, #(8 * ",
            $at,
            ")]\n",
            "76:\n",
            "subs x12, x12, #1\n",
            "b.lo 75f\n",
            "yield\n",
            "b 76b\n",
            "75:\n",
        )
    };
}

/// How long each step of every section is held, in turns of a loop.
#[cfg(percpu_delay)]
#[unsafe(no_mangle)]
pub(crate) static heliostat_percpu_delays: [std::sync::atomic::AtomicU64; 5] =
    [const { std::sync::atomic::AtomicU64::new(0) }; 5];

// SAFETY: each body below is one section whose only store to shared words is its last instruction
// before label 3; the kernel keeps attempts on one row apart.
unsafe impl Section for Restartable {
    #[inline(always)]
    unsafe fn add(at: Place, n: u64) -> bool {
        // SAFETY: the caller keeps rows `0..open` mapped and gives their words to sections alone;
        // the section touches no other row, for the index is compared with `open` inside it.
        unsafe {
            asm!(
                enter!(),
                "ldr w9, [{area}, {field}]",
                step!(1),
                "cmp w9, {open:w}",
                "b.hs {elsewhere}",
                step!(2),
                "madd x9, x9, {stride}, {base}",
                "ldr x10, [x9]",
                "add x10, x10, {n}",
                step!(3),
                "str x10, [x9]",
                "3:",
                abort!("b {elsewhere}"),
                area = in(reg) area::here(),
                field = in(reg) at.field.offset(),
                open = in(reg) at.open,
                stride = in(reg) at.stride,
                base = in(reg) at.base,
                n = in(reg) n,
                elsewhere = label { return false },
                out("x9") _,
                out("x10") _,
                out("x12") _,
                options(nostack),
            );
        }
        true
    }

    #[inline(always)]
    unsafe fn compare_store(
        row: u32,
        field: Field,
        first: Expect,
        second: Option<Expect>,
        new: u64,
    ) -> Step {
        // One comparison is two comparisons of the same word.
        let second = second.unwrap_or(first);
        // SAFETY: the caller vouches for the words; the section writes the first one only, and only
        // while this thread is on `row`.
        unsafe {
            asm!(
                enter!(),
                "ldr w9, [{area}, {field}]",
                "cmp w9, {row:w}",
                "b.ne {elsewhere}",
                step!(1),
                "ldr x9, [{second}]",
                "cmp x9, {second_value}",
                "b.ne {differs}",
                step!(2),
                "ldr x9, [{first}]",
                "cmp x9, {first_value}",
                "b.ne {differs}",
                step!(3),
                "stlr {new}, [{first}]",
                "3:",
                abort!("b {elsewhere}"),
                area = in(reg) area::here(),
                field = in(reg) field.offset(),
                row = in(reg) row,
                first = in(reg) first.word,
                first_value = in(reg) first.value,
                second = in(reg) second.word,
                second_value = in(reg) second.value,
                new = in(reg) new,
                elsewhere = label { return Step::Elsewhere },
                differs = label { return Step::Differs },
                out("x9") _,
                out("x12") _,
                options(nostack),
            );
        }
        Step::Done
    }

    #[inline(always)]
    unsafe fn push(at: Place, link: *mut Link) -> Step {
        // SAFETY: as for `add`; the link is the caller's own until the last store publishes it.
        unsafe {
            asm!(
                enter!(),
                "ldr w9, [{area}, {field}]",
                step!(1),
                "cmp w9, {open:w}",
                "b.hs {elsewhere}",
                step!(2),
                "madd x9, x9, {stride}, {base}",
                "ldr x10, [x9]",
                "cmp x10, #1",
                "b.eq {closed}",
                "str x10, [{link}]",
                step!(3),
                "stlr {link}, [x9]",
                "3:",
                abort!("b {elsewhere}"),
                area = in(reg) area::here(),
                field = in(reg) at.field.offset(),
                open = in(reg) at.open,
                stride = in(reg) at.stride,
                base = in(reg) at.base,
                link = in(reg) link,
                elsewhere = label { return Step::Elsewhere },
                closed = label { return Step::Differs },
                out("x9") _,
                out("x10") _,
                out("x12") _,
                options(nostack),
            );
        }
        Step::Done
    }

    #[inline(always)]
    unsafe fn pop(at: Place) -> Popped {
        let top: usize;
        // SAFETY: as for `add`; the top link is live as long as this section can still commit,
        // because whoever takes it from this row aborts us first.
        unsafe {
            asm!(
                enter!(),
                "mov x10, #2",
                "ldr w9, [{area}, {field}]",
                step!(1),
                "cmp w9, {open:w}",
                "b.hs 5f",
                step!(2),
                "madd x9, x9, {stride}, {base}",
                "ldar x10, [x9]",
                "cmp x10, #1",
                "b.ls 5f",
                "ldr x11, [x10]",
                step!(3),
                "stlr x11, [x9]",
                "3:",
                "5:",
                abort!("mov x10, #2\nb 5b"),
                area = in(reg) area::here(),
                field = in(reg) at.field.offset(),
                open = in(reg) at.open,
                stride = in(reg) at.stride,
                base = in(reg) at.base,
                out("x9") _,
                out("x10") top,
                out("x11") _,
                out("x12") _,
                options(nostack),
            );
        }
        match top {
            0 => Popped::Empty,
            1 => Popped::Closed,
            2 => Popped::Elsewhere,
            link => Popped::Link(std::ptr::with_exposed_provenance_mut(link)),
        }
    }
}
