//! Bodies: as they are, at a pace, without an end.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

/// A body.
pub(crate) struct Body {
    pieces: Box<dyn FnMut() -> Option<Piece> + Send>,
    /// What remains of a piece that goes out at a pace.
    rest: Bytes,
    pace: Option<Pace>,
    /// What its sudden end waits for, so that what came before it is really sent.
    linger: Option<Pin<Box<Sleep>>>,
    length: Option<u64>,
}

/// A part of a body, or its sudden end.
pub(crate) type Piece = Result<Bytes, Cut>;

/// The mirror has gone away in the middle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the mirror went away")
    }
}

impl std::error::Error for Cut {}

/// So many bytes after each pause.
#[derive(Debug)]
struct Pace {
    bytes: usize,
    pause: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Body {
    pub(crate) fn empty() -> Body {
        Body { length: Some(0), ..Body::of(|| None) }
    }

    pub(crate) fn full(bytes: Bytes) -> Body {
        let length = bytes.len() as u64;
        let mut left = Some(Ok(bytes));
        Body { length: Some(length), ..Body::of(move || left.take()) }
    }

    /// Pieces, for as long as there are any; nobody knows how many.
    pub(crate) fn of(pieces: impl FnMut() -> Option<Piece> + Send + 'static) -> Body {
        Body {
            pieces: Box::new(pieces),
            rest: Bytes::new(),
            pace: None,
            linger: None,
            length: None,
        }
    }

    /// The same with a length that is told, true or not.
    pub(crate) fn told(self, length: u64) -> Body {
        Body { length: Some(length), ..self }
    }

    /// The same, but slowly.
    pub(crate) fn paced(self, bytes_per_s: u32) -> Body {
        let bytes_per_s = bytes_per_s.max(1);
        // At most 64 pauses a second: timers are no finer than they need to be.
        let bytes = (bytes_per_s / 64).max(1);
        let pause = Duration::from_secs(1) * bytes / bytes_per_s;
        let timer = Box::pin(tokio::time::sleep(pause));
        Body { pace: Some(Pace { bytes: bytes as usize, pause, timer }), ..self }
    }

    /// The same, whose end comes earlier than its head says.
    pub(crate) fn cut(mut self) -> Body {
        let mut pieces = self.pieces;
        self.pieces = Box::new(move || pieces().or(Some(Err(Cut))));
        self
    }

    /// What the head says of it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Body>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let body = &mut *self;
        if body.rest.is_empty() {
            match (body.pieces)() {
                Some(Ok(piece)) => body.rest = piece,
                Some(Err(cut)) => {
                    let linger = || Box::pin(tokio::time::sleep(LINGER));
                    ready!(body.linger.get_or_insert_with(linger).as_mut().poll(context));
                    return Poll::Ready(Some(Err(cut)));
                }
                None => return Poll::Ready(None),
            }
        }
        let piece = match &mut body.pace {
            None => std::mem::take(&mut body.rest),
            Some(pace) => {
                ready!(pace.timer.as_mut().poll(context));
                pace.timer = Box::pin(tokio::time::sleep(pace.pause));
                body.rest.split_to(pace.bytes.min(body.rest.len()))
            }
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        // Heads tell lengths; a hint that is wrong would be put right.
        SizeHint::default()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Long enough for what was written to be sent.
const LINGER: Duration = Duration::from_millis(20);
