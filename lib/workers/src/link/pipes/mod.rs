//! Jobs and replies through pipes: what every kernel, every container and every language has.
//!
//! Nothing here waits. What does not fit into the pipe is kept and written when there is room;
//! what comes is kept until a frame is whole, and never more of it than one frame may hold.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;

use super::{Answer, Nonsense};
use crate::call::Call;
use crate::job::{Kept, read_at};
use crate::wire::{HEAD_BYTES, Head, Status, Tag, length};

/// See the module.
#[derive(Debug)]
pub(crate) struct Pipes {
    to: Option<Arc<OwnedFd>>,
    from: Arc<OwnedFd>,
    out: VecDeque<Bytes>,
    input: Vec<u8>,
    /// Where in `input` the next frame begins.
    at: usize,
    ended: bool,
}

impl Pipes {
    pub(crate) fn new(to: Arc<OwnedFd>, from: Arc<OwnedFd>) -> Pipes {
        Pipes { to: Some(to), from, out: VecDeque::new(), input: Vec::new(), at: 0, ended: false }
    }

    pub(crate) fn put(&mut self, call: &Call) -> Result<(), Nonsense> {
        let body = match &call.job.body.0 {
            Kept::Bytes(bytes) => bytes.clone(),
            Kept::File { fd, len, .. } => {
                let mut bytes = vec![0; *len];
                let read = read_at(fd, 0, &mut bytes).map_err(|_| "a body that cannot be read")?;
                bytes.truncate(read);
                bytes.into()
            }
        };
        let head = Head {
            tag: Tag::Job,
            word: call.job.kind,
            id: call.id,
            len: length(body.len()),
            max_reply: length(call.max_reply),
            run_ns: 0,
        };
        self.out.push_back(Bytes::copy_from_slice(&head.encode()));
        if !body.is_empty() {
            self.out.push_back(body);
        }
        self.flush();
        Ok(())
    }

    /// Writes what the pipe takes. A broken pipe is no news: the end of the worker is.
    pub(crate) fn flush(&mut self) {
        let Some(to) = self.to.clone() else { return };
        while !self.out.is_empty() {
            let parts: Vec<IoSlice<'_>> =
                self.out.iter().take(PARTS_MAX).map(|part| IoSlice::new(part)).collect();
            match rustix::io::writev(&to, &parts) {
                Ok(written) => self.advance(written),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(part) = self.out.front_mut() {
            if written < part.len() {
                let _ = part.split_to(written);
                return;
            }
            written -= part.len();
            self.out.pop_front();
        }
    }

    /// Whether something waits for room in the pipe.
    pub(crate) fn is_stuck(&self) -> bool {
        !self.out.is_empty()
    }

    pub(crate) fn take(&mut self, call: &Call) -> Result<Option<Answer>, Nonsense> {
        let Some(head) = self.head(call)? else { return Ok(None) };
        let whole = HEAD_BYTES + head.len as usize;
        if !self.have(whole)? {
            return Ok(None);
        }
        let status = Status::of(head.word).ok_or("unknown status")?;
        if status == Status::Skipped {
            return Err("skips a job that is wanted");
        }
        let body = self.input.get(self.at + HEAD_BYTES..self.at + whole).unwrap_or_default();
        let body = if call.is_wanted() { body.to_vec() } else { Vec::new() };
        self.at += whole;
        if self.at == self.input.len() {
            self.input.clear();
            self.at = 0;
        }
        Ok(Some(Answer { status, body, run_ns: head.run_ns }))
    }

    /// The head of the next frame, if it is there, checked against the call that it must answer.
    fn head(&mut self, call: &Call) -> Result<Option<Head>, Nonsense> {
        if !self.have(HEAD_BYTES)? {
            return Ok(None);
        }
        let bytes = self.input.get(self.at..).unwrap_or_default();
        match Head::decode(bytes) {
            Some(head) if head.tag != Tag::Reply => Err("no reply"),
            Some(head) if head.id != call.id => Err("answers what was not asked"),
            Some(head) if head.len as usize > call.max_reply => {
                Err("a reply longer than was asked for")
            }
            Some(head) => Ok(Some(head)),
            None => Err("no frame"),
        }
    }

    /// Reads until so many bytes are there; false if they are not to be had now.
    fn have(&mut self, wanted: usize) -> Result<bool, Nonsense> {
        while self.input.len() - self.at < wanted {
            if self.ended || !self.read(wanted)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads what is there, up to a chunk beyond what is wanted.
    fn read(&mut self, wanted: usize) -> Result<bool, Nonsense> {
        self.input.drain(..self.at);
        self.at = 0;
        let filled = self.input.len();
        self.input.resize(wanted.max(filled) + CHUNK_BYTES, 0);
        let room = self.input.get_mut(filled..).unwrap_or_default();
        let result = rustix::io::read(&self.from, room);
        self.input.truncate(filled + *result.as_ref().unwrap_or(&0));
        match result {
            Ok(0) => {
                self.ended = true;
                Ok(false)
            }
            Ok(_) | Err(Errno::INTR) => Ok(true),
            Err(Errno::AGAIN) => Ok(false),
            Err(_) => Err("a pipe that cannot be read"),
        }
    }

    pub(crate) fn check_silence(&mut self) -> Result<(), Nonsense> {
        if self.have(1)? { Err("answers more than was asked") } else { Ok(()) }
    }

    pub(crate) fn quit(&mut self) {
        self.flush();
        self.to = None;
    }
}

#[cfg(test)]
mod tests;

const CHUNK_BYTES: usize = 64 << 10;
const PARTS_MAX: usize = 64;
