//! Critical sections for x86-64.
//!
//! Every section has the same frame. Its descriptor (start, length, abort address) lies in a section
//! of its own; the first store tells the kernel about it; the code between labels 2 and 3 either runs
//! to its last instruction undisturbed or continues at label 4, which lies in a cold section right
//! behind the signature the kernel demands there. Nothing in between calls, faults for good, or
//! touches the stack. The row index is read **inside** the section, so there is nothing to compare
//! with it afterwards: if it changes, the section does not commit.

use std::arch::asm;
use std::mem::offset_of;

use super::area::{self, Area, Field};
use super::section::{Expect, Place, Popped, Section, Step};
use crate::lane::Link;

/// Whether this build holds machine code for critical sections at all.
pub(crate) const RESTARTABLE: bool = true;

/// What the kernel looks for in front of an abort handler; the C library registers the same.
pub(crate) const SIGNATURE: u32 = 0x5305_3053;

/// The address that thread-local words are counted from.
pub(crate) fn thread_pointer() -> *const u8 {
    let pointer: *const u8;
    // SAFETY: the x86-64 ABI keeps the thread pointer at `fs:0` for the life of every thread.
    unsafe {
        asm!("mov {}, qword ptr fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly, pure));
    }
    pointer
}

/// The kernel's restartable sequences, in machine code.
pub(crate) struct Restartable;

pub(crate) use Restartable as Native;

// The text below writes the descriptor's address at this place of the area.
const _: () = assert!(offset_of!(Area, section) == 8);

/// The descriptor of the section between labels 2 and 3, and the store that arms it. Uses `rax`.
macro_rules! enter {
    () => {
        concat!(
            ".pushsection __rseq_cs, \"aw\"\n",
            ".balign 32\n",
            "77:\n",
            ".long 0, 0\n",
            ".quad 2f, 3f - 2f, 4f\n",
            ".popsection\n",
            "lea rax, [rip + 77b]\n",
            "mov qword ptr [{area} + 8], rax\n",
            "2:\n",
            step!(0),
        )
    };
}

/// The abort handler: the signature (as an operand of `ud1`), then a jump out.
macro_rules! abort {
    ($to:literal) => {
        concat!(
            ".pushsection __rseq_failure, \"ax\"\n",
            ".byte 0x0f, 0xb9, 0x3d\n",
            ".long 0x53053053\n",
            "4:\n",
            $to,
            "\n.popsection\n",
        )
    };
}

/// A place where tests can hold a section for a while; nothing otherwise. Uses `r11` and the flags.
#[cfg(not(percpu_delay))]
macro_rules! step {
    ($at:literal) => {
        ""
    };
}

/// A place where tests can hold a section for a while; nothing otherwise. Uses `r11` and the flags.
#[cfg(percpu_delay)]
macro_rules! step {
    ($at:literal) => {
        concat!(
            "mov r11, qword ptr [rip + heliostat_percpu_delays + 8 * ",
            $at,
            "]\n",
            "76:\n",
            "sub r11, 1\n",
            "jc 75f\n",
            "pause\n",
            "jmp 76b\n",
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
                "mov eax, dword ptr [{area} + {field}]",
                step!(1),
                "cmp eax, {open:e}",
                "jae {elsewhere}",
                step!(2),
                "imul rax, {stride}",
                "add rax, {base}",
                "mov rcx, qword ptr [rax]",
                "lea rcx, [rcx + {n}]",
                step!(3),
                "mov qword ptr [rax], rcx",
                "3:",
                abort!("jmp {elsewhere}"),
                area = in(reg) area::here(),
                field = in(reg) at.field.offset(),
                open = in(reg) at.open,
                stride = in(reg) at.stride,
                base = in(reg) at.base,
                n = in(reg) n,
                elsewhere = label { return false },
                out("rax") _,
                out("rcx") _,
                out("r11") _,
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
                "cmp dword ptr [{area} + {field}], {row:e}",
                "jne {elsewhere}",
                step!(1),
                "cmp qword ptr [{second}], {second_value}",
                "jne {differs}",
                step!(2),
                "cmp qword ptr [{first}], {first_value}",
                "jne {differs}",
                step!(3),
                "mov qword ptr [{first}], {new}",
                "3:",
                abort!("jmp {elsewhere}"),
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
                out("rax") _,
                out("r11") _,
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
                "mov eax, dword ptr [{area} + {field}]",
                step!(1),
                "cmp eax, {open:e}",
                "jae {elsewhere}",
                step!(2),
                "imul rax, {stride}",
                "add rax, {base}",
                "mov rcx, qword ptr [rax]",
                "cmp rcx, 1",
                "je {closed}",
                "mov qword ptr [{link}], rcx",
                step!(3),
                "mov qword ptr [rax], {link}",
                "3:",
                abort!("jmp {elsewhere}"),
                area = in(reg) area::here(),
                field = in(reg) at.field.offset(),
                open = in(reg) at.open,
                stride = in(reg) at.stride,
                base = in(reg) at.base,
                link = in(reg) link,
                elsewhere = label { return Step::Elsewhere },
                closed = label { return Step::Differs },
                out("rax") _,
                out("rcx") _,
                out("r11") _,
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
                "mov ecx, 2",
                "mov eax, dword ptr [{area} + {field}]",
                step!(1),
                "cmp eax, {open:e}",
                "jae 5f",
                step!(2),
                "imul rax, {stride}",
                "add rax, {base}",
                "mov rcx, qword ptr [rax]",
                "cmp rcx, 1",
                "jbe 5f",
                "mov rdx, qword ptr [rcx]",
                step!(3),
                "mov qword ptr [rax], rdx",
                "3:",
                "5:",
                abort!("mov ecx, 2\njmp 5b"),
                area = in(reg) area::here(),
                field = in(reg) at.field.offset(),
                open = in(reg) at.open,
                stride = in(reg) at.stride,
                base = in(reg) at.base,
                out("rax") _,
                out("rcx") top,
                out("rdx") _,
                out("r11") _,
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
