//! Workers that lie. The parent survives each with the right error, in bounded time and memory.
//!
//! The hostile worker knows the layout of the ring by heart and trusts nobody's library, so that
//! it can break every rule that ours keeps.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use heliostat_workers::{Cause, Job, Program, Retry, Sandbox, Settings};

use crate::support::{pool, resident_bytes, run, settings};
use crate::tests;

tests!(
    lies_in_the_ring,
    scribbles_all_over_the_ring,
    lies_in_the_pipe,
    never_becomes_ready,
    floods_and_storms,
    forks,
);

fn hostile(what: &str, pipes_only: bool) -> Settings {
    Settings {
        program: Program::itself(["hostile", what]),
        sandbox: Sandbox::none(),
        retry: Retry::Never,
        limit: Duration::from_millis(300),
        launch_limit: Duration::from_millis(500),
        back_off: Duration::from_millis(1),
        pipes_only,
        ..settings()
    }
}

/// What becomes of a job that a hostile worker gets.
async fn fate(what: &str, pipes_only: bool) -> Cause {
    let pool = pool(hostile(what, pipes_only));
    let error = pool.call(Job::new(vec![1; 100]).max_reply(1000)).await.expect_err(what);
    error.cause().unwrap_or_else(|| panic!("{what}: {error}")).clone()
}

fn lies_in_the_ring() {
    run(async {
        for (lie, rule) in [
            ("count", "answers more than was asked"),
            ("count-back", "answers more than was asked"),
            ("id", "answers what was not asked"),
            ("length", "a reply longer than was asked for"),
            ("length-max", "a reply longer than was asked for"),
            ("status", "unknown status"),
            ("skip", "skips a job that is wanted"),
        ] {
            assert_eq!(fate(lie, false).await, Cause::Nonsense(rule), "{lie}");
        }
        // Everything looks right, and then there is one answer more than jobs.
        answers_twice(false).await;
        assert!(matches!(fate("silent", false).await, Cause::Deadline(_)));
        assert!(matches!(fate("spin", false).await, Cause::Deadline(_)));
    });
}

/// The second answer is noticed at the latest with the next job; whether that job is the one to
/// blame, or nobody was there, is a matter of time.
async fn answers_twice(pipes_only: bool) {
    let pool = pool(hostile("twice", pipes_only));
    let began = Instant::now();
    while pool.counts().nonsense == 0 {
        assert!(began.elapsed() < crate::support::PATIENCE, "{:?}", pool.counts());
        if let Err(error) = pool.call(Job::new("abc")).await {
            assert!(matches!(error.cause(), Some(Cause::Nonsense(_))), "{error}");
        }
    }
}

fn scribbles_all_over_the_ring() {
    run(async {
        let pool = pool(Settings {
            workers: 2,
            limit: Duration::from_millis(20),
            ..hostile("scribble", false)
        });
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(2) {
            let tickets: Vec<_> =
                (0..30).filter_map(|_| pool.submit(Job::new(vec![1; 500])).ok()).collect();
            for ticket in tickets {
                // Any answer is possible; a crash or a hang is not.
                let _ = ticket.await;
            }
        }
        assert!(pool.counts().died > 0);
    });
}

fn lies_in_the_pipe() {
    run(async {
        for (lie, rule) in [
            ("garbage", "no frame"),
            ("id", "answers what was not asked"),
            ("length-max", "a reply longer than was asked for"),
            ("status", "unknown status"),
            ("skip", "skips a job that is wanted"),
            ("ready-again", "no reply"),
        ] {
            assert_eq!(fate(lie, true).await, Cause::Nonsense(rule), "{lie}");
        }
        assert!(matches!(fate("half", true).await, Cause::Deadline(_)));
        assert!(matches!(fate("silent", true).await, Cause::Deadline(_)));
        answers_twice(true).await;
    });
}

fn never_becomes_ready() {
    run(async {
        for (what, pipes_only) in [
            ("ready-garbage", false),
            ("ready-huge", false),
            ("ready-never", false),
            ("ready-exit", false),
            ("ready-garbage", true),
            ("ready-huge", true),
            ("ready-never", true),
            ("ready-exit", true),
        ] {
            let pool = pool(hostile(what, pipes_only));
            let error = pool.call(Job::new("abc")).await.expect_err(what);
            assert!(error.is_launch(), "{what}: {error}");
        }
    });
}

fn floods_and_storms() {
    run(async {
        let before = resident_bytes();
        for what in ["flood-stderr", "storm"] {
            assert!(matches!(fate(what, false).await, Cause::Deadline(_)), "{what}");
        }
        assert!(matches!(fate("flood-stdout", true).await, Cause::Nonsense(_)));
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 64 << 20, "{grown}");
    });
}

/// A child of a worker that holds its pipes does not hold the parent up.
fn forks() {
    run(async {
        assert!(matches!(fate("fork", true).await, Cause::Exit(_) | Cause::Signal(_)));
    });
}

/// The other side.
pub(crate) fn main() -> ! {
    let what = std::env::args().nth(2).unwrap();
    if what == "fork" {
        // SAFETY: one thread, and the child only sleeps.
        if unsafe { libc::fork() } == 0 {
            std::thread::sleep(Duration::from_secs(2));
            std::process::exit(0);
        }
    }
    match what.as_str() {
        "ready-exit" => std::process::exit(3),
        "ready-never" => forever(),
        _ => {}
    }
    let mut kind: libc::c_int = 0;
    let mut len = 4;
    // SAFETY: an out-parameter of the right size.
    unsafe {
        libc::getsockopt(0, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &raw mut len)
    };
    if kind == libc::SOCK_SEQPACKET { in_ring(&what) } else { in_pipe(&what) }
}

fn forever() -> ! {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn ready(what: &str) {
    let mut frame = b"REDY".to_vec();
    frame.extend_from_slice(&[0; 28]);
    match what {
        "ready-garbage" => frame.fill(0xee),
        "ready-huge" => frame[16..20].fill(0xff),
        _ => {}
    }
    // SAFETY: a live buffer of that length.
    unsafe { libc::write(1, frame.as_ptr().cast(), frame.len()) };
    if what.starts_with("ready-") && what != "ready-again" {
        forever();
    }
}

const REPLIES: usize = 128;
const SLOTS: usize = 384;

/// The ring, as the layout says: doors at 0 and 128, slots of 128 bytes from 384 on.
struct Ring(*mut u8, usize);

impl Ring {
    fn word(&self, at: usize) -> &std::sync::atomic::AtomicU32 {
        // SAFETY: inside of the mapping, and aligned, by the constants of this file.
        unsafe { &*self.0.wrapping_add(at).cast() }
    }

    fn get(&self, at: usize) -> u32 {
        self.word(at).load(std::sync::atomic::Ordering::SeqCst)
    }

    fn set(&self, at: usize, value: u32) {
        self.word(at).store(value, std::sync::atomic::Ordering::SeqCst);
    }

    /// Says that so many answers are there, and rings.
    fn publish(&self, count: u32) {
        self.set(REPLIES, count);
        self.set(REPLIES + 4, 0);
        self.bell();
        let word = self.0.wrapping_add(REPLIES + 4);
        // SAFETY: a futex word inside of the mapping.
        unsafe { libc::syscall(libc::SYS_futex, word, libc::FUTEX_WAKE, 9) };
    }

    fn bell(&self) {
        // SAFETY: eight bytes to the event descriptor.
        unsafe { libc::write(3, (&raw const ONE).cast(), 8) };
    }

    fn wait(&self, seen: u32) {
        while self.get(0) == seen {
            std::thread::yield_now();
        }
    }
}

static ONE: u64 = 1;

fn meet() -> Ring {
    let mut buffer = vec![0_u8; 16384];
    let mut control = [0_u64; 8];
    let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: zero is a valid message header.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = 64;
    // SAFETY: all pointers are to live locals.
    assert!(unsafe { libc::recvmsg(0, &raw mut message, 0) } > 32);
    // The bell is descriptor 3, the memory 4.
    // SAFETY: zero is a valid stat.
    let mut stat: libc::stat = unsafe { std::mem::zeroed() };
    // SAFETY: an out-parameter.
    assert_eq!(unsafe { libc::fstat(4, &raw mut stat) }, 0);
    let len = stat.st_size as usize;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a fresh mapping.
    let map = unsafe { libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, 4, 0) };
    assert_ne!(map, libc::MAP_FAILED);
    Ring(map.cast(), len)
}

fn in_ring(what: &str) -> ! {
    let ring = meet();
    ready(what);
    ring.wait(0);
    // An honest answer to the first job, but for the lie.
    let id = ring.get(SLOTS);
    ring.set(SLOTS + 64, id);
    ring.set(SLOTS + 84, 3);
    match what {
        "count" => ring.publish(1_000_000),
        "count-back" => ring.publish(u32::MAX),
        "id" => ring.set(SLOTS + 64, id + 1),
        "length" => ring.set(SLOTS + 84, 1001),
        "length-max" => ring.set(SLOTS + 84, u32::MAX),
        "status" => ring.set(SLOTS + 80, 77),
        "skip" => ring.set(SLOTS + 80, 4),
        "twice" => {
            ring.publish(1);
            std::thread::sleep(Duration::from_millis(30));
            ring.publish(2);
            forever()
        }
        "silent" => forever(),
        "scribble" => scribble(&ring),
        "flood-stderr" => loop {
            eprintln!("{}", "flood ".repeat(1000));
        },
        "storm" => loop {
            ring.bell();
        },
        "spin" => loop {
            std::hint::spin_loop();
        },
        other => panic!("{other}"),
    }
    ring.publish(1.max(ring.get(REPLIES)));
    forever()
}

fn scribble(ring: &Ring) -> ! {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ u64::from(std::process::id());
    loop {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let head = state >> 60 != 0;
        let words = if head { SLOTS / 4 + 64 * 32 } else { ring.1 / 4 };
        let small = state >> 56 & 1 == 0;
        let value = if small { (state >> 40) as u32 % 32 } else { (state >> 20) as u32 };
        ring.set((state as usize >> 8) % words.min(ring.1 / 4) * 4, value);
        if state.is_multiple_of(64) {
            ring.bell();
        }
    }
}

fn in_pipe(what: &str) -> ! {
    let mut input = std::io::stdin().lock();
    let mut head = [0; 32];
    input.read_exact(&mut head).unwrap();
    let mut rest = vec![0; u32::from_le_bytes(head[16..20].try_into().unwrap()) as usize];
    input.read_exact(&mut rest).unwrap();
    ready(what);
    input.read_exact(&mut head).unwrap();
    rest.resize(u32::from_le_bytes(head[16..20].try_into().unwrap()) as usize, 0);
    input.read_exact(&mut rest).unwrap();
    let mut answer = head;
    answer[..4].copy_from_slice(b"RPLY");
    answer[4..8].fill(0);
    answer[16..24].fill(0);
    match what {
        "garbage" => answer.fill(0x55),
        "id" => answer[8] ^= 1,
        "length-max" => answer[16..20].fill(0xff),
        "status" => answer[4] = 77,
        "skip" => answer[4] = 4,
        "ready-again" => answer[..4].copy_from_slice(b"REDY"),
        "half" => answer[16] = 100,
        "silent" => forever(),
        "fork" => std::process::exit(1),
        "flood-stdout" => loop {
            let _ = std::io::stdout().write_all(&[0x5a; 65536]);
        },
        "twice" => {
            let _ = std::io::stdout().write_all(&[answer, answer].concat());
            let _ = std::io::stdout().flush();
            forever()
        }
        other => panic!("{other}"),
    }
    let _ = std::io::stdout().write_all(&answer);
    let _ = std::io::stdout().flush();
    forever()
}
