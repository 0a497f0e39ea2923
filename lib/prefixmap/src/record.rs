//! A prefix's length, value and link to its parent, side by side in a few bytes.
//!
//! The three fields are packed from the lowest bit up, each as narrow as the widest one in the
//! table needs, and the sum is rounded up to whole bytes; what the rounding leaves over goes to the
//! link. A record is read with one eight-byte load.

/// How the records of one table are packed. The same three numbers always give the same shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The shortest length in the table; lengths are stored as the distance from it.
    pub(crate) len_min: u8,
    /// The longest length in the table.
    pub(crate) len_max: u8,
    /// The width of a value.
    pub(crate) value_bits: u8,
    /// The width of a length.
    pub(crate) len_bits: u8,
    /// The width of a link.
    pub(crate) link_bits: u8,
    /// The size of a record.
    pub(crate) size: u8,
}

/// A record as it was read: its fields, then bits of its neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record(u64);

impl Shape {
    /// The shape for lengths from `len_min` to `len_max`, values of `value_bits`, and links of at
    /// least `link_bits`.
    pub(crate) fn new(len_min: u8, len_max: u8, value_bits: u8, link_bits: u8) -> Self {
        let len_bits = bits_for(u64::from(len_max.saturating_sub(len_min)));
        let size = (len_bits + value_bits + link_bits).div_ceil(8);
        let link_bits = size * 8 - len_bits - value_bits;
        Self { len_min, len_max, value_bits, len_bits, link_bits, size }
    }

    /// How many different links there are.
    #[inline]
    pub(crate) fn links(self) -> u64 {
        1_u64.wrapping_shl(u32::from(self.link_bits))
    }

    /// Reads record number `index` of the column that begins at `column`.
    #[inline]
    pub(crate) fn read(self, bytes: &[u8], column: u32, index: usize) -> Option<Record> {
        let at = index.wrapping_mul(usize::from(self.size)).wrapping_add(column as usize);
        let chunk = bytes.get(at..)?.first_chunk::<WIDTH>()?;
        Some(Record(u64::from_le_bytes(*chunk)))
    }

    /// The length in `record`.
    #[inline]
    pub(crate) fn len(self, record: Record) -> u8 {
        ((record.0 & low_mask(self.len_bits)) as u8).wrapping_add(self.len_min)
    }

    /// The value in `record`.
    #[inline]
    pub(crate) fn value(self, record: Record) -> u32 {
        (record.0.wrapping_shr(u32::from(self.len_bits)) & low_mask(self.value_bits)) as u32
    }

    /// The link in `record`.
    #[inline]
    pub(crate) fn link(self, record: Record) -> u64 {
        let below = u32::from(self.len_bits.wrapping_add(self.value_bits));
        record.0.wrapping_shr(below) & low_mask(self.link_bits)
    }

    /// The bits that belong to `record` itself.
    pub(crate) fn own_bits(self, record: Record) -> u64 {
        record.0 & low_mask(self.size * 8)
    }

    /// The record of these three fields; all must fit.
    pub(crate) fn pack(self, len: u8, value: u32, link: u64) -> u64 {
        let len = u64::from(len.wrapping_sub(self.len_min));
        len | u64::from(value) << self.len_bits | link << (self.len_bits + self.value_bits)
    }

    /// The size of a column of `count` records: the last one, too, is read as eight bytes.
    pub(crate) fn column_size(self, count: u64) -> u64 {
        if count == 0 { 0 } else { count * u64::from(self.size) + WIDTH as u64 }
    }
}

/// The number of bits that hold `value`.
pub(crate) fn bits_for(value: u64) -> u8 {
    (u64::BITS - value.leading_zeros()) as u8
}

#[inline]
fn low_mask(bits: u8) -> u64 {
    !u64::MAX.wrapping_shl(u32::from(bits))
}

/// What one load reads. No record is wider: 7 bits of length, 32 of value, at most 17 of link.
const WIDTH: usize = 8;
