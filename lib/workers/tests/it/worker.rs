//! The worker side of the tests: this very binary, started again.
//!
//! The kind of a job says what it does to its worker.

use std::hint::black_box;
use std::time::{Duration, Instant};

use heliostat_workers::serve::{Job, Reply};

/// The body, backwards.
pub(crate) const REVERSE: u32 = 0;
/// An error with the body as its message.
pub(crate) const FAIL: u32 = 1;
/// A panic with the body as its message.
pub(crate) const PANIC: u32 = 2;
/// Signal 11.
pub(crate) const SEGFAULT: u32 = 3;
/// Never ends.
pub(crate) const HANG: u32 = 4;
/// Exits with the status in the body.
pub(crate) const EXIT: u32 = 5;
/// Takes memory until there is none.
pub(crate) const EAT: u32 = 6;
/// As many bytes as the body says.
pub(crate) const LONG: u32 = 7;
/// Sleeps (spins) for as many microseconds as the body says, then as REVERSE.
pub(crate) const SPIN: u32 = 8;
/// Writes as many lines to standard error as the body says.
pub(crate) const FLOOD: u32 = 9;
/// The sum of all bytes of the body.
pub(crate) const SUM: u32 = 10;
/// One system call by the name in the body; see `escape`.
pub(crate) const ESCAPE: u32 = 11;
/// Everything that an honest worker may need of the kernel.
pub(crate) const HONEST: u32 = 12;
/// Last words on standard error, then signal 6.
pub(crate) const ABORT: u32 = 13;

/// What `main` does when the first argument is `worker`.
pub(crate) fn main() -> ! {
    match std::env::args().nth(2).as_deref() {
        // What a kernel before 5.13 answers.
        Some("no-landlock") => super::support::switch_off(libc::SYS_landlock_create_ruleset),
        Some("no-seccomp") => super::support::switch_off(libc::SYS_seccomp),
        Some("no-unshare") => super::support::switch_off(libc::SYS_unshare),
        Some("no-prctl") => super::support::switch_off(libc::SYS_prctl),
        _ => {}
    }
    heliostat_workers::serve(work)
}

fn work(job: &Job<'_>, reply: &mut Reply<'_>) -> Result<(), String> {
    let text = || String::from_utf8_lossy(job.body()).into_owned();
    let number = || text().parse::<usize>().map_err(|error| error.to_string());
    match job.kind() {
        REVERSE => push(reply, &reversed(job.body())),
        FAIL => Err(text()),
        PANIC => panic!("{}", text()),
        SEGFAULT => segfault(),
        HANG => hang(),
        EXIT => exit(number()?),
        EAT => eat(),
        LONG => push(reply, &vec![7; number()?]),
        SPIN => {
            spin(Duration::from_micros(number()? as u64));
            push(reply, &reversed(job.body()))
        }
        FLOOD => {
            (0..number()?).for_each(|line| eprintln!("line {line} {}", "x".repeat(1000)));
            Ok(())
        }
        SUM => {
            let sum: u64 = job.body().iter().map(|byte| u64::from(*byte)).sum();
            push(reply, &sum.to_le_bytes())
        }
        ESCAPE => push(reply, super::escape::attempt(&text())?.as_bytes()),
        HONEST => push(reply, super::escape::honest(&text())?.as_bytes()),
        ABORT => {
            eprintln!("last words");
            std::process::abort()
        }
        kind => Err(format!("no such kind: {kind}")),
    }
}

fn push(reply: &mut Reply<'_>, part: &[u8]) -> Result<(), String> {
    reply.push(part).map_err(|error| error.to_string())
}

/// What REVERSE answers.
pub(crate) fn reversed(body: &[u8]) -> Vec<u8> {
    body.iter().rev().copied().collect()
}

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}

fn segfault() -> ! {
    let nowhere = black_box(std::ptr::without_provenance_mut::<u8>(8));
    // SAFETY: none: this is the crash that the test is about.
    unsafe { nowhere.write_volatile(1) };
    unreachable!("address 8 is not mapped")
}

fn hang() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn exit(code: usize) -> ! {
    // SAFETY: nothing of this process is left to be cleaned up.
    unsafe { libc::_exit(code as i32) }
}

fn eat() -> ! {
    let mut eaten = Vec::new();
    loop {
        eaten.push(black_box(vec![1_u8; 1 << 20]));
    }
}
