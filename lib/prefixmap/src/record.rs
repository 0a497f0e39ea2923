//! A prefix's length, value and link to its parent, side by side in a few bits.
//!
//! Each field is as narrow as the widest one in the table needs, and records follow each other
//! without a gap. A record is read with one eight-byte load.

/// How the records of one tree are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The shortest length in the table; lengths are stored as the distance from it.
    pub(crate) len_min: u8,
    /// The longest length in the table.
    pub(crate) len_max: u8,
    /// The width of a value.
    pub(crate) value_bits: u8,
    /// The width of a length.
    len_bits: u8,
    /// The width of a record; what length and value leave of it is the link.
    width: u8,
}

/// A record as it was read: its fields, then bits of its neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record(u64);

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// No shorter prefix contains this one.
    Root,
    /// The parent has this length; it has to be searched for.
    Far(u8),
    /// The parent is this many records before.
    Near(u32),
}

impl Shape {
    /// The shape for lengths from `len_min` to `len_max` and values of `value_bits`.
    ///
    /// A link is wide enough to count some hundred records besides naming every length.
    pub(crate) fn new(len_min: u8, len_max: u8, value_bits: u8) -> Self {
        let range = len_max.saturating_sub(len_min);
        let len_bits = bits_for(range.into());
        let link_bits = bits_for(u64::from(range) + 128);
        let width = len_bits.saturating_add(value_bits).saturating_add(link_bits);
        Self { len_min, len_max, value_bits, len_bits, width }
    }

    /// The width of a record.
    pub(crate) fn width(self) -> u8 {
        self.width
    }

    /// Reads record number `index` of those that begin at `at`.
    #[inline]
    pub(crate) fn read(self, bytes: &[u8], at: usize, index: usize) -> Option<Record> {
        Some(Record(read_bits(bytes, at, index, self.width)?))
    }

    /// The length in `record`.
    #[inline]
    pub(crate) fn len(self, record: Record) -> u8 {
        (low_bits(record.0, self.len_bits) as u8).wrapping_add(self.len_min)
    }

    /// The value in `record`.
    #[inline]
    pub(crate) fn value(self, record: Record) -> u32 {
        low_bits(record.0.wrapping_shr(u32::from(self.len_bits)), self.value_bits) as u32
    }

    /// The link in `record`.
    #[inline]
    pub(crate) fn link(self, record: Record) -> Link {
        let below = self.len_bits.wrapping_add(self.value_bits);
        let link = low_bits(record.0, self.width).wrapping_shr(u32::from(below)) as u32;
        let far = self.far();
        match link {
            0 => Link::Root,
            link if link > far => Link::Near(link.wrapping_sub(far)),
            link => Link::Far(self.len_min.wrapping_add(link as u8).wrapping_sub(1)),
        }
    }

    /// The record with these fields. The parent is given by its length and its distance.
    pub(crate) fn pack(self, len: u8, value: u32, parent: Option<(u8, u32)>) -> u64 {
        let below = self.len_bits.saturating_add(self.value_bits);
        let link_bits = self.width.saturating_sub(below);
        let link = match parent {
            None => 0,
            Some((len, distance)) => {
                let near = u64::from(distance).saturating_add(self.far().into());
                let fits = near.checked_shr(link_bits.into()) == Some(0);
                if fits { near } else { u64::from(len.wrapping_sub(self.len_min)).wrapping_add(1) }
            }
        };
        let len = u64::from(len.wrapping_sub(self.len_min));
        len | u64::from(value) << self.len_bits | link << below
    }

    /// How many links name a length.
    #[inline]
    fn far(self) -> u32 {
        u32::from(self.len_max.wrapping_sub(self.len_min)).wrapping_add(1)
    }
}

/// Reads `width` bits, and what follows them, of item number `index` of those that begin at `at`.
#[inline]
pub(crate) fn read_bits(bytes: &[u8], at: usize, index: usize, width: u8) -> Option<u64> {
    let bit = index.wrapping_mul(usize::from(width));
    let chunk = bytes.get(at.wrapping_add(bit >> 3)..)?.first_chunk()?;
    Some(u64::from_le_bytes(*chunk).wrapping_shr((bit & 7) as u32))
}

/// The size of `count` items of `width` bits.
pub(crate) fn bits_size(count: u64, width: u8) -> u64 {
    (count * u64::from(width)).div_ceil(8)
}

/// What a column of items ends with, since the last one, too, is read as eight bytes.
pub(crate) const SLACK: u64 = 8;

/// The number of bits that hold `value`.
pub(crate) fn bits_for(value: u64) -> u8 {
    (u64::BITS - value.leading_zeros()) as u8
}

/// The lowest `count` bits of `bits`.
#[inline]
pub(crate) fn low_bits(bits: u64, count: u8) -> u64 {
    bits & !u64::MAX.wrapping_shl(u32::from(count))
}
