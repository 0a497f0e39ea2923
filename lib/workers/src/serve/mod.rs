//! The worker's side: [`serve`](fn@serve).
//!
//! A worker reads its settings from the parent, builds its sandbox, says what came of it, and
//! then does one job after the other until the parent has no more. It is one thread; whatever it
//! keeps between jobs, it keeps between strangers.

/// One job, and the way back.
mod job;
/// Jobs through shared memory.
mod ring;
/// Jobs through pipes.
mod pipes;

use std::fmt::Display;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;
use rustix::stdio::{stdin, stdout};

pub use job::{Job, Reply, TooLong};

use crate::hello::Hello;
use crate::sandbox::apply;
use crate::sys::{close_from, forget_handlers, leave};
use crate::wire::{HEAD_BYTES, Head, Status, Tag, VERSION};

/// Does jobs until the parent has no more, and ends the process.
///
/// To be called at the very beginning of a worker's `main`: it closes every descriptor but the
/// standard three, and the sandbox that it enters allows no threads. The function may keep what
/// it likes between jobs. An error fails the job and nothing else; a panic fails the job and ends
/// the worker, because nobody knows what is half-changed.
///
/// Standard output belongs to the protocol; print to standard error, whose last lines are kept
/// and become part of the error if a job ends the worker.
///
/// ```no_run
/// heliostat_workers::serve(|job, reply| reply.push(&job.body().to_ascii_uppercase()));
/// ```
pub fn serve<E: Display>(mut work: impl FnMut(&Job<'_>, &mut Reply<'_>) -> Result<(), E>) -> ! {
    // Descriptors first: nothing here owns one yet.
    close_from(3);
    forget_handlers();
    let result = if is_socket() { ring::run(&mut work) } else { pipes::run(&mut work) };
    if let Err(error) = result {
        let _ = writeln!(io::stderr(), "worker: {error}");
        leave(1);
    }
    leave(0)
}

/// Whether the parent offers shared memory.
fn is_socket() -> bool {
    socket_type(stdin()).is_ok_and(|kind| kind == SocketType::SEQPACKET)
}

/// Checks the head of the parent's first frame.
fn check_hello(head: &[u8]) -> io::Result<Head> {
    match Head::decode(head) {
        Some(head) if head.tag == Tag::Hello && head.word == VERSION => Ok(head),
        _ => Err(unfit("the parent speaks another protocol")),
    }
}

/// Builds the sandbox, and tells the parent what came of it.
fn enter(hello: &Hello) -> io::Result<()> {
    let applied = apply(&hello.sandbox, hello.ring.is_some(), hello.parent);
    let (word, text) = match &applied {
        Ok(report) => (Status::Done, report.encode()),
        Err(missing) => (Status::Failed, missing.clone()),
    };
    let mut frame = Head::handshake(Tag::Ready, word.number(), text.len()).encode().to_vec();
    frame.extend_from_slice(text.as_bytes());
    write_all(&frame)?;
    applied.map(drop).map_err(|missing| io::Error::other(format!("no sandbox: {missing}")))
}

/// Does one job; the message of an error or panic becomes the reply.
fn work_on<E: Display>(
    work: &mut impl FnMut(&Job<'_>, &mut Reply<'_>) -> Result<(), E>,
    job: &Job<'_>,
    reply: &mut Reply<'_>,
) -> (Status, u64) {
    let began = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| work(job, reply)));
    let status = match result {
        Ok(Ok(())) if reply.overflowed() => Status::TooLong,
        Ok(Ok(())) => Status::Done,
        Ok(Err(_)) if reply.overflowed() => Status::TooLong,
        Ok(Err(error)) => {
            reply.replace(&error.to_string());
            Status::Failed
        }
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            reply.replace(&text.unwrap_or_else(|| "no message".into()));
            Status::Panicked
        }
    };
    (status, u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(stdout(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn unfit(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const HELLO_MAX: usize = 16 << 10;
const _: () = assert!(HELLO_MAX > HEAD_BYTES);
