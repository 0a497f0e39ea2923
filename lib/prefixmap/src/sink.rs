//! Where encoded bytes go: into a new image, or against one that is being checked.
//!
//! Building and checking are one piece of code. An image is right if encoding what it says gives
//! the image again.

use crate::error::Error;
use crate::key::NODE;
use crate::record::SLACK;

/// Takes the bytes of an image, column by column.
pub(crate) trait Sink {
    /// These bytes belong at `at`.
    fn put(&mut self, at: usize, bytes: &[u8], what: &'static str) -> Result<(), Error>;

    /// From `at` to the next boundary of a node there is nothing.
    fn gap(&mut self, at: usize) -> Result<(), Error> {
        let size = at.next_multiple_of(NODE) - at;
        self.put(at, [0; NODE].get(..size).unwrap_or_default(), "padding")
    }

    /// From `at` there are the bytes that reading the last item touches, then nothing.
    fn slack(&mut self, at: usize) -> Result<(), Error> {
        let size = SLACK as usize;
        self.put(at, [0; NODE].get(..size).unwrap_or_default(), "padding")?;
        self.gap(at + size)
    }
}

/// Writes an image.
#[derive(Debug)]
pub(crate) struct Writer<'a>(pub(crate) &'a mut [u8]);

impl Sink for Writer<'_> {
    fn put(&mut self, at: usize, bytes: &[u8], what: &'static str) -> Result<(), Error> {
        let place = self.0.get_mut(at..).and_then(|place| place.get_mut(..bytes.len()));
        place.ok_or(Error::too_large(what))?.copy_from_slice(bytes);
        Ok(())
    }
}

/// Compares with an image.
#[derive(Debug)]
pub(crate) struct Comparer<'a>(pub(crate) &'a [u8]);

impl Sink for Comparer<'_> {
    fn put(&mut self, at: usize, bytes: &[u8], what: &'static str) -> Result<(), Error> {
        let place = self.0.get(at..).and_then(|place| place.get(..bytes.len()));
        let place = place.ok_or(Error::corrupt(what, at))?;
        if place == bytes {
            return Ok(());
        }
        let same = place.iter().zip(bytes).take_while(|(one, other)| one == other).count();
        Err(Error::corrupt(what, at + same))
    }
}

/// Items that are not a whole number of bytes wide.
#[derive(Debug)]
pub(crate) struct BitColumn {
    at: usize,
    width: u8,
    what: &'static str,
    bits: u128,
    filled: u8,
}

impl BitColumn {
    pub(crate) fn new(at: usize, width: u8, what: &'static str) -> Self {
        Self { at, width, what, bits: 0, filled: 0 }
    }

    /// Adds an item.
    pub(crate) fn push(&mut self, item: u64, sink: &mut impl Sink) -> Result<(), Error> {
        self.bits |= u128::from(item) << self.filled;
        self.filled += self.width;
        if self.filled >= 64 {
            sink.put(self.at, &(self.bits as u64).to_le_bytes(), self.what)?;
            self.at += 8;
            self.bits >>= 64;
            self.filled -= 64;
        }
        Ok(())
    }

    /// Writes the last items, and says where they end.
    pub(crate) fn finish(self, sink: &mut impl Sink) -> Result<usize, Error> {
        let size = usize::from(self.filled.div_ceil(8));
        let last = self.bits.to_le_bytes();
        sink.put(self.at, last.get(..size).unwrap_or_default(), self.what)?;
        Ok(self.at + size)
    }
}
