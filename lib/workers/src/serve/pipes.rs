//! Jobs through pipes: read one, do it, write its reply.
//!
//! Each reply is written before the next job begins. Replies of a burst could be written together,
//! at fewer system calls; but then a job that ends its worker takes the replies before it along, and
//! the parent blames the first of those.

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, Read};

use rustix::stdio::stdin;

use super::job::To;
use super::{HELLO_MAX, Job, Reply, check_hello, enter, unfit, work_on, write_all};
use crate::hello::Hello;
use crate::wire::{HEAD_BYTES, Head, Status, Tag, length};

/// Does jobs until the parent closes the pipe.
pub(super) fn run<E: Display>(
    work: &mut impl FnMut(&Job<'_>, &mut Reply<'_>) -> Result<(), E>,
) -> io::Result<()> {
    let mut from = BufReader::with_capacity(BUFFER_BYTES, Standard);
    meet(&mut from)?;
    let mut body = Vec::new();
    let mut reply = Vec::new();
    loop {
        if from.fill_buf()?.is_empty() {
            return Ok(());
        }
        let head = read_head(&mut from)?;
        if head.tag != Tag::Job {
            return Err(unfit("no job"));
        }
        body.resize(head.len as usize, 0);
        from.read_exact(&mut body)?;
        reply.clear();
        let status = one(work, head, &body, &mut reply);
        write_all(&reply)?;
        if status == Status::Panicked {
            return Err(io::Error::other("a job panicked"));
        }
    }
}

fn meet(from: &mut impl Read) -> io::Result<()> {
    let mut head = [0; HEAD_BYTES];
    from.read_exact(&mut head)?;
    let len = check_hello(&head)?.len as usize;
    if len > HELLO_MAX {
        return Err(unfit("the parent's settings are too long"));
    }
    let mut text = vec![0; len];
    from.read_exact(&mut text)?;
    let hello = str::from_utf8(&text).ok().and_then(Hello::decode);
    enter(&hello.ok_or_else(|| unfit("the parent's settings cannot be read"))?)
}

fn read_head(from: &mut impl Read) -> io::Result<Head> {
    let mut head = [0; HEAD_BYTES];
    from.read_exact(&mut head)?;
    Head::decode(&head).ok_or_else(|| unfit("no frame"))
}

/// Does one job and makes the frame of its reply.
fn one<E: Display>(
    work: &mut impl FnMut(&Job<'_>, &mut Reply<'_>) -> Result<(), E>,
    head: Head,
    body: &[u8],
    frame: &mut Vec<u8>,
) -> Status {
    frame.extend_from_slice(&[0; HEAD_BYTES]);
    let max = head.max_reply as usize;
    let job = Job { kind: head.word, id: head.id, body, max_reply: max };
    let mut reply = Reply::new(To::Buffer(frame), max);
    let (status, run_ns) = work_on(work, &job, &mut reply);
    let len = match status {
        Status::TooLong => {
            frame.truncate(HEAD_BYTES);
            0
        }
        _ => reply.len(),
    };
    let (tag, word) = (Tag::Reply, status.number());
    let head = Head { tag, word, id: head.id, len: length(len), max_reply: 0, run_ns };
    if let Some(room) = frame.get_mut(..HEAD_BYTES) {
        room.copy_from_slice(&head.encode());
    }
    status
}

/// Standard input without the standard library's lock and buffer.
struct Standard;

impl Read for Standard {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(stdin(), &mut *buffer) {
                Err(rustix::io::Errno::INTR) => {}
                other => return other.map_err(io::Error::from),
            }
        }
    }
}

const BUFFER_BYTES: usize = 128 << 10;
