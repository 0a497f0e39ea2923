//! System calls that a filter denies give typed errors, and counting goes on.

use heliostat_percpu::affinity::Watch;
use heliostat_percpu::rseq::{self, Fence};
use heliostat_percpu::{Counter, FreeList, Item, PinError, Query, affinity, pin_on_cpu};

use crate::alone;

/// From now on this process gets `EPERM` from the given system calls.
fn deny(calls: &[i64]) {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    // The number of the call is the first word of what a filter sees.
    let mut filter = vec![statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0)];
    for call in calls {
        let mut jump = statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, *call as u32);
        jump.jf = 1;
        filter.push(jump);
        let error = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
        filter.push(statement(libc::BPF_RET | libc::BPF_K, error));
    }
    filter.push(statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: a plain switch of this process.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: the kernel reads the program and copies it.
    let done = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const program,
        )
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn denied_masks_are_typed_errors() {
    alone::run("filters::masks", &[]);
}

#[test]
#[ignore = "run in a process of its own, which it maims"]
fn masks() {
    let cpu = rseq::cpu();
    deny(&[libc::SYS_sched_setaffinity]);
    assert!(affinity::reset().unwrap_err().is_denied());
    assert!(affinity::allowed().unwrap_err().is_denied());
    assert!(affinity::current().is_ok());
    assert!(Watch::start().unwrap_err().is_denied());
    assert!(Watch::start_within_mask().is_ok());
    assert!(matches!(pin_on_cpu(cpu), Err(PinError::Os(error)) if error.is_denied()));
    assert!(!Query::new().can_pin());
    deny(&[libc::SYS_sched_getaffinity]);
    assert!(affinity::current().unwrap_err().is_denied());
    assert!(matches!(pin_on_cpu(cpu), Err(PinError::Os(_))));
    count();
}

#[test]
fn a_denied_fence_is_a_typed_error() {
    alone::run("filters::fence", &[]);
}

#[test]
#[ignore = "run in a process of its own, which it maims"]
fn fence() {
    let restartable = rseq::mode().is_restartable();
    let list: FreeList<u8> = FreeList::new();
    (0..10).for_each(|n| list.push(Item::new(n)));
    deny(&[libc::SYS_membarrier]);
    if restartable {
        assert!(rseq::fence(Fence::All).unwrap_err().is_denied());
        assert!(list.drain().unwrap_err().is_denied());
    }
    // Nothing was taken, and what is there can still be had one by one, and counted.
    let mut left = 0;
    for _ in 0..1_000_000 {
        left += usize::from(list.pop().is_some());
        if left == 10 {
            break;
        }
        std::thread::yield_now();
    }
    assert!(left >= 1);
    count();
}

#[test]
fn denied_sequences_leave_the_twin() {
    let text = alone::run("filters::sequences", &[("GLIBC_TUNABLES", "glibc.pthread.rseq=0")]);
    assert!(text.contains("atomic operations"), "{text}");
}

#[test]
#[ignore = "run in a process of its own, which it maims"]
#[expect(clippy::print_stdout, reason = "the other end reads it")]
fn sequences() {
    deny(&[libc::SYS_rseq, libc::SYS_membarrier]);
    println!("{}", rseq::mode());
    count();
    rseq::fence(Fence::All).unwrap();
}

fn count() {
    let counter: Counter = Counter::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10_000).for_each(|_| counter.increment()));
        }
    });
    assert_eq!(counter.sum(), 40_000);
}
