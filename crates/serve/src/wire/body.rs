//! Response bodies in buffers that go back to their pool.
//!
//! A thread's answers are written into buffers that are used again and again; hyper writes them
//! to the socket straight from there. A slow client holds one buffer, as long as its request may
//! take; the pool keeps a bounded number of bounded buffers.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};

/// A whole response body.
#[derive(Debug)]
pub(crate) struct Whole(Option<Pooled>);

/// A buffer of the pool, and how much of it is sent.
#[derive(Debug)]
pub(crate) struct Pooled {
    bytes: Vec<u8>,
    sent: usize,
}

impl Whole {
    /// No body.
    pub(crate) const EMPTY: Whole = Whole(None);

    /// A body from a buffer that goes back to the pool when it is sent.
    pub(crate) fn new(bytes: Vec<u8>) -> Whole {
        Whole(Some(Pooled { bytes, sent: 0 }))
    }
}

/// An empty buffer, used before if possible.
pub(crate) fn buffer() -> Vec<u8> {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_default()
}

impl Body for Whole {
    type Data = Pooled;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Pooled>, Infallible>>> {
        Poll::Ready(self.0.take().map(|pooled| Ok(Frame::data(pooled))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |pooled| pooled.bytes.len() as u64))
    }
}

impl Buf for Pooled {
    fn remaining(&self) -> usize {
        self.bytes.len() - self.sent
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.remaining(), "advance past the end of a body");
        self.sent += count;
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.capacity() <= BUFFER_BYTES_MAX {
            bytes.clear();
            // While the thread ends, its pool may be gone before its last connection.
            let _ = POOL.try_with(|pool| {
                let mut pool = pool.borrow_mut();
                if pool.len() < BUFFERS_MAX {
                    pool.push(bytes);
                }
            });
        }
    }
}

/// Buffers that a thread keeps for later.
const BUFFERS_MAX: usize = 64;

/// Larger buffers are given back to the system.
const BUFFER_BYTES_MAX: usize = 256 * 1024;

thread_local! {
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}
