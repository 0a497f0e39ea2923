//! A buffer that grows by copies of pieces.
//!
//! An answer is a hundred pieces of some fifty bytes each. Copying such a piece through `memcpy`
//! costs more in the call than in the copy, so pieces of a pool that may be read past their end
//! are copied in strides of fixed length, which compile to two moves each.

use heliostat_snapshot::records::Text;

/// Bytes that were gathered.
#[derive(Debug, Default)]
pub struct Gather {
    /// Initialised to its whole length; what counts is the first `len`.
    bytes: Vec<u8>,
    len: usize,
    /// Where short pieces are put together.
    aside: Vec<u8>,
}

impl Gather {
    /// What was gathered.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// How much was gathered.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was gathered.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What it takes in memory.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Forgets what was gathered; keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Makes room for `more` bytes, so that strides need not.
    pub fn reserve(&mut self, more: usize) {
        let needed = self.len + more + STRIDE;
        if self.bytes.len() < needed {
            self.bytes.resize(needed.next_multiple_of(4096), 0);
        }
    }

    /// Copies bytes.
    #[inline]
    pub fn put(&mut self, piece: &[u8]) {
        if self.bytes.len() < self.len + piece.len() {
            self.reserve(piece.len());
        }
        self.bytes[self.len..self.len + piece.len()].copy_from_slice(piece);
        self.len += piece.len();
    }

    /// Copies a piece of a pool in strides, reading up to a stride past its end.
    ///
    /// What was read too much is overwritten by the next piece. Where the room or the pool ends
    /// too early for that, the piece is copied exactly.
    #[inline(always)]
    pub fn put_piece(&mut self, pool: &[u8], piece: Text) {
        let start = piece.offset.get() as usize;
        let strides = piece.len().div_ceil(STRIDE) * STRIDE;
        let from = pool.get(start..start + strides);
        let to = self.bytes.get_mut(self.len..self.len + strides);
        let (Some(from), Some(to)) = (from, to) else {
            return self.put(pool.get(start..start + piece.len()).unwrap_or(&[]));
        };
        for (to, from) in to.as_chunks_mut::<STRIDE>().0.iter_mut().zip(from.as_chunks().0) {
            *to = *from;
        }
        self.len += piece.len();
    }

    /// Writes a decimal number.
    pub fn put_number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.put(&digits[at..]);
    }

    /// Lets a function that appends to a vector append here, for short pieces.
    pub(crate) fn put_with(&mut self, append: impl FnOnce(&mut Vec<u8>)) {
        let mut aside = std::mem::take(&mut self.aside);
        aside.clear();
        append(&mut aside);
        self.put(&aside);
        self.aside = aside;
    }
}

/// Two moves of a 32-byte register, or four of a 16-byte one.
const STRIDE: usize = 32;
