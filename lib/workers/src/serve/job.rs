//! One job as its worker sees it, and the way back.

use std::fmt;
use std::io;

use crate::region::{Map, Region};

/// What is to be done.
#[derive(Debug)]
pub struct Job<'a> {
    pub(super) kind: u32,
    pub(super) id: u64,
    pub(super) body: &'a [u8],
    pub(super) max_reply: usize,
}

impl Job<'_> {
    /// The number that the caller gave with [`Job::kind`](crate::Job::kind), zero by default.
    #[must_use]
    pub fn kind(&self) -> u32 {
        self.kind
    }

    /// A number of this job alone, for messages.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The bytes to work on. They come from wherever the caller has them: distrust them.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body
    }

    /// How long the reply may be.
    #[must_use]
    pub fn max_reply(&self) -> usize {
        self.max_reply
    }
}

/// The way back. What does not fit into [`Job::max_reply`] fails the job.
#[derive(Debug)]
pub struct Reply<'a> {
    to: To<'a>,
    len: usize,
    max: usize,
    overflowed: bool,
}

/// Where the bytes of a reply go.
#[derive(Debug)]
pub(super) enum To<'a> {
    Slot(&'a Region, u32),
    Map(&'a Map),
    Buffer(&'a mut Vec<u8>),
}

impl<'a> Reply<'a> {
    pub(super) fn new(to: To<'a>, max: usize) -> Reply<'a> {
        Reply { to, len: 0, max, overflowed: false }
    }

    /// Appends bytes to the reply.
    ///
    /// # Errors
    ///
    /// When the reply is longer than it may be. The job has failed then, whatever is done with
    /// the error.
    pub fn push(&mut self, part: &[u8]) -> Result<(), TooLong> {
        let fits = !self.overflowed && part.len() <= self.max - self.len;
        let written = fits
            && match &mut self.to {
                To::Slot(region, index) => region.put_reply(*index, self.len, part),
                To::Map(map) => map.put(self.len, part),
                To::Buffer(buffer) => {
                    buffer.extend_from_slice(part);
                    true
                }
            };
        if !written {
            self.overflowed = true;
            return Err(TooLong);
        }
        self.len += part.len();
        Ok(())
    }

    /// How long the reply is so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was pushed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// A message instead of whatever was pushed.
    pub(super) fn replace(&mut self, text: &str) {
        if let To::Buffer(buffer) = &mut self.to {
            buffer.truncate(buffer.len() - self.len);
        }
        (self.len, self.overflowed) = (0, false);
        let text = text.as_bytes();
        let _ = self.push(text.get(..text.len().min(self.max)).unwrap_or_default());
    }
}

impl io::Write for Reply<'_> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.push(part).map(|()| part.len()).map_err(io::Error::other)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reply is longer than the caller wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reply is longer than the caller wants it")
    }
}

impl std::error::Error for TooLong {}
