//! What a worker that was taken over might try, and what an honest one may need.

use std::collections::HashMap;
use std::hint::black_box;
use std::ptr;

/// Everything that is tried from inside.
pub(crate) const ATTEMPTS: &[&str] = &[
    "open",
    "openat-proc",
    "socket",
    "udp",
    "connect",
    "ptrace",
    "fork",
    "vfork",
    "clone3",
    "exec",
    "mmap-exec",
    "mprotect-exec",
    "kill-parent",
    "kill-all",
    "tgkill-other",
    "read-fd-5",
    "recvmsg-fd-5",
    "write-fd-5",
    "memfd",
    "process_vm_readv",
    "prlimit",
    "setrlimit",
    "pidfd_open",
    "dup",
    "unshare",
    "io_uring",
    "bpf",
    "userfaultfd",
    "keyctl",
    "futex-requeue",
    "sendmsg",
    "seccomp",
    "prctl",
    "ioctl",
    "openat2",
    "close-own",
];

/// Tries one thing; the text says how it went, if the kernel let us live.
#[expect(clippy::multiple_unsafe_ops_per_block, reason = "a table, of which one line is done")]
pub(crate) fn attempt(name: &str) -> Result<String, String> {
    let path = c"/etc/passwd".as_ptr();
    let null = ptr::null_mut::<libc::c_void>();
    let own = i64::from(std::process::id());
    // SAFETY: raw system calls with constant arguments; none of them writes to memory of ours.
    let result = unsafe {
        match name {
            "open" => libc::syscall(libc::SYS_openat, libc::AT_FDCWD, path, libc::O_RDONLY),
            "openat-proc" => libc::syscall(
                libc::SYS_openat,
                libc::AT_FDCWD,
                c"/proc/self/mem".as_ptr(),
                libc::O_RDWR,
            ),
            "openat2" => libc::syscall(libc::SYS_openat2, libc::AT_FDCWD, path, null, 24),
            "socket" => libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_STREAM, 0),
            "udp" => libc::syscall(libc::SYS_socket, libc::AF_INET, libc::SOCK_DGRAM, 0),
            "connect" => libc::syscall(libc::SYS_connect, 0, null, 16),
            "ptrace" => libc::syscall(libc::SYS_ptrace, libc::PTRACE_TRACEME, 0, 0, 0),
            "fork" => libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0),
            "vfork" => libc::syscall(libc::SYS_clone, libc::CLONE_VFORK, 0, 0, 0, 0),
            "clone3" => libc::syscall(libc::SYS_clone3, null, 0),
            "exec" => libc::syscall(libc::SYS_execve, c"/bin/true".as_ptr(), null, null),
            "mmap-exec" => mmap_exec(),
            "mprotect-exec" => mprotect_exec(),
            "kill-parent" => libc::syscall(libc::SYS_kill, libc::getppid(), 0),
            "kill-all" => libc::syscall(libc::SYS_kill, -1, 0),
            "tgkill-other" => libc::syscall(libc::SYS_tgkill, own + 1, own + 1, 6),
            "read-fd-5" => libc::syscall(libc::SYS_read, 5, null, 0),
            "recvmsg-fd-5" => libc::syscall(libc::SYS_recvmsg, 5, null, 0),
            "write-fd-5" => libc::syscall(libc::SYS_write, 5, null, 0),
            "memfd" => libc::syscall(libc::SYS_memfd_create, path, 0),
            "process_vm_readv" => libc::syscall(libc::SYS_process_vm_readv, 1, null, 0, null, 0, 0),
            "prlimit" => libc::syscall(libc::SYS_prlimit64, 0, libc::RLIMIT_CPU, null, null),
            "setrlimit" => libc::syscall(libc::SYS_prlimit64, 0, libc::RLIMIT_AS, null, null),
            "pidfd_open" => libc::syscall(libc::SYS_pidfd_open, 1, 0),
            "dup" => libc::syscall(libc::SYS_dup, 0),
            "unshare" => libc::syscall(libc::SYS_unshare, libc::CLONE_NEWUSER),
            "io_uring" => libc::syscall(libc::SYS_io_uring_setup, 1, null),
            "bpf" => libc::syscall(libc::SYS_bpf, 0, null, 0),
            "userfaultfd" => libc::syscall(libc::SYS_userfaultfd, 0),
            "keyctl" => libc::syscall(libc::SYS_keyctl, 0, 0),
            "futex-requeue" => {
                libc::syscall(libc::SYS_futex, null, libc::FUTEX_REQUEUE, 0, 0, 0, 0)
            }
            "sendmsg" => libc::syscall(libc::SYS_sendmsg, 0, null, 0),
            "seccomp" => libc::syscall(libc::SYS_seccomp, 0, 0, null),
            "prctl" => libc::syscall(libc::SYS_prctl, libc::PR_SET_DUMPABLE, 1),
            "ioctl" => libc::syscall(libc::SYS_ioctl, 0, 0x5412, null),
            "close-own" => libc::syscall(libc::SYS_close, 0),
            other => return Err(format!("no such attempt: {other}")),
        }
    };
    let error = std::io::Error::last_os_error();
    Ok(if result < 0 { format!("refused: {error}") } else { "ALLOWED".into() })
}

unsafe fn mmap_exec() -> i64 {
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a fresh mapping disturbs nothing.
    unsafe { libc::syscall(libc::SYS_mmap, 0, 4096, protection, flags, -1, 0) }
}

unsafe fn mprotect_exec() -> i64 {
    let (protection, flags) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a fresh mapping disturbs nothing.
    let page = unsafe { libc::syscall(libc::SYS_mmap, 0, 4096, protection, flags, -1, 0) };
    // SAFETY: the page is ours alone.
    unsafe { libc::syscall(libc::SYS_mprotect, page, 4096, libc::PROT_READ | libc::PROT_EXEC) }
}

/// Does what needs one rule of the policy, in the way that needs it.
pub(crate) fn honest(rule: &str) -> Result<String, String> {
    match rule {
        // A small allocation that does not fit into what the heap has.
        "brk" => drop(black_box((0..64).map(|_| vec![1_u8; 100_000]).collect::<Vec<_>>())),
        "mmap" | "munmap" => drop(black_box(vec![1_u8; 4 << 20])),
        "mremap" => {
            // Longer than anything that the allocator takes from its heap, whatever was freed before.
            let mut grows: Vec<u8> = black_box(Vec::with_capacity(40 << 20));
            grows.reserve_exact(80 << 20);
            drop(black_box(grows));
        }
        "madvise" => raw(libc::SYS_madvise, [0, 0, 4])?,
        "mprotect" => raw(libc::SYS_mprotect, [0, 0, 1])?,
        "getrandom" => drop(black_box(HashMap::<u8, u8>::new())),
        "clock_gettime" => {
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            raw(libc::SYS_clock_gettime, [2, (&raw mut time) as i64, 0])?;
        }
        "sched_yield" => std::thread::yield_now(),
        "gettid" | "getpid" | "rt_sigprocmask" | "tgkill" | "exit_group" => {}
        "futex" | "write" | "read" | "recvmsg" | "close" => {}
        other => return Err(format!("nobody knows how to need {other}")),
    }
    Ok("needed it".into())
}

fn raw(number: i64, [a, b, c]: [i64; 3]) -> Result<(), String> {
    // SAFETY: calls of length zero on the null page, or into a local, as above.
    let result = unsafe { libc::syscall(number, a, b, c) };
    if result < 0 { Err(std::io::Error::last_os_error().to_string()) } else { Ok(()) }
}
