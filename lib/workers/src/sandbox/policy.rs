//! The system calls that a worker keeps, each with its reason.
//!
//! This is data: [`apply`](super::apply) turns it into a filter, [`Report`](super::Report) counts
//! it, and the tests take each rule away and show that something stops working. Whatever is not
//! here kills the worker.

/// One system call that is left to a worker.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// In which mode it is there at all.
    pub when: When,
    /// Why a worker cannot do without.
    pub why: &'static str,
    pub(super) number: i64,
    /// Any of these sets of conditions is enough; none means any arguments.
    pub(super) arguments: &'static [&'static [Match]],
}

/// In which transport a rule is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In each.
    Always,
    /// Over shared memory.
    Ring,
    /// Over pipes.
    Pipes,
}

/// A condition on one argument.
#[derive(Debug, Clone, Copy)]
pub(super) enum Match {
    /// It is this number.
    Is(u8, u64),
    /// It is at least this number.
    AtLeast(u8, u64),
    /// It is the worker's own process.
    Itself(u8),
    /// The bits of a mask have this value.
    Bits(u8, u64, u64),
}

use Match::{AtLeast, Bits, Is, Itself};

/// The job's end of the channel.
const STDIN: u64 = 0;
/// Replies in pipe mode; the report at the start in either mode.
const STDOUT: u64 = 1;
/// Last words.
const STDERR: u64 = 2;
/// The event descriptor that wakes the parent in ring mode.
pub(super) const EVENT: u64 = 3;
/// The first descriptor of a body.
const BODIES: u64 = 4;

const PROT_EXEC: u64 = 4;
const FUTEX_COMMAND: u64 = 0x7f;
const FUTEX_WAIT: u64 = 0;
const FUTEX_WAKE: u64 = 1;
const FUTEX_WAIT_BITSET: u64 = 9;

/// The whole policy, in the order of how often a rule is used.
pub const RULES: &[Rule] = &[
    Rule {
        name: "futex",
        when: When::Always,
        why: "sleeping for the next job, waking a caller who sleeps; what a panic sets up once",
        number: libc::SYS_futex,
        arguments: &[
            &[Bits(1, FUTEX_COMMAND, FUTEX_WAIT)],
            &[Bits(1, FUTEX_COMMAND, FUTEX_WAKE)],
            &[Bits(1, FUTEX_COMMAND, FUTEX_WAIT_BITSET)],
        ],
    },
    Rule {
        name: "write",
        when: When::Always,
        why: "waking the parent (ring), replies (pipes), last words on standard error",
        number: libc::SYS_write,
        arguments: &[&[Is(0, STDOUT)], &[Is(0, STDERR)], &[Is(0, EVENT)]],
    },
    Rule {
        name: "read",
        when: When::Pipes,
        why: "the next job",
        number: libc::SYS_read,
        arguments: &[&[Is(0, STDIN)]],
    },
    Rule {
        name: "recvmsg",
        when: When::Ring,
        why: "the descriptor of a large body, or of a large reply",
        number: libc::SYS_recvmsg,
        arguments: &[&[Is(0, STDIN)]],
    },
    Rule {
        name: "close",
        when: When::Ring,
        why: "the descriptor of a large body, once it is mapped",
        number: libc::SYS_close,
        arguments: &[&[AtLeast(0, BODIES)]],
    },
    Rule {
        name: "sched_yield",
        when: When::Ring,
        why: "waiting for the next job for a moment without holding a CPU that others need",
        number: libc::SYS_sched_yield,
        arguments: &[],
    },
    Rule {
        name: "brk",
        when: When::Always,
        why: "the allocator: small pieces",
        number: libc::SYS_brk,
        arguments: &[],
    },
    Rule {
        name: "mmap",
        when: When::Always,
        why: "the allocator: large pieces; large bodies. Never executable",
        number: libc::SYS_mmap,
        arguments: &[&[Bits(2, PROT_EXEC, 0)]],
    },
    Rule {
        name: "munmap",
        when: When::Always,
        why: "giving large pieces back",
        number: libc::SYS_munmap,
        arguments: &[],
    },
    Rule {
        name: "mremap",
        when: When::Always,
        why: "a large vector that grows",
        number: libc::SYS_mremap,
        arguments: &[],
    },
    Rule {
        name: "madvise",
        when: When::Always,
        why: "allocators other than the C library's give pages back this way",
        number: libc::SYS_madvise,
        arguments: &[],
    },
    Rule {
        name: "mprotect",
        when: When::Always,
        why: "allocators grow a reserved heap this way. Never executable",
        number: libc::SYS_mprotect,
        arguments: &[&[Bits(2, PROT_EXEC, 0)]],
    },
    Rule {
        name: "getrandom",
        when: When::Always,
        why: "the seeds of hash maps",
        number: libc::SYS_getrandom,
        arguments: &[],
    },
    Rule {
        name: "clock_gettime",
        when: When::Always,
        why: "clocks that the vDSO does not answer: CPU time, and all on some virtual machines",
        number: libc::SYS_clock_gettime,
        arguments: &[],
    },
    Rule {
        name: "gettid",
        when: When::Always,
        why: "the first thing that a panic asks for; without it no message",
        number: libc::SYS_gettid,
        arguments: &[],
    },
    Rule {
        name: "getpid",
        when: When::Always,
        why: "abort: to be told from a forbidden call",
        number: libc::SYS_getpid,
        arguments: &[],
    },
    Rule {
        name: "rt_sigprocmask",
        when: When::Always,
        why: "abort, as above",
        number: libc::SYS_rt_sigprocmask,
        arguments: &[],
    },
    Rule {
        name: "tgkill",
        when: When::Always,
        why: "abort, as above: only itself, only SIGABRT",
        number: libc::SYS_tgkill,
        arguments: &[&[Itself(0), Is(2, 6)]],
    },
    Rule {
        name: "exit_group",
        when: When::Always,
        why: "ending",
        number: libc::SYS_exit_group,
        arguments: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::{RULES, When};

    #[test]
    fn at_most_twenty_calls_are_left() {
        for mode in [When::Ring, When::Pipes] {
            let rules = RULES.iter().filter(|rule| [When::Always, mode].contains(&rule.when));
            assert!(rules.count() <= 20);
        }
        let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
    }
}
