//! What stands in a head or shadow: a length, the parent's length, and a value.
//!
//! Lengths count from /16: 1 is /17 and 8 is /24. A parent of 0 is one that covers the whole
//! block. Length and parent share six bits: a parent is shorter than its child, so that of the 64
//! combinations 36 are possible, and eight of the others denote the empty cell with each parent.

use crate::record::low_bits;

/// How the cells of a grid are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CellShape {
    pub(crate) value_bits: u8,
    /// Whether any slot contains longer prefixes; if so, a bit of each cell tells which.
    pub(crate) with_longer: bool,
    /// Everything below the value.
    below: u8,
}

/// What stands in a head or shadow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The length, from 1 to 8, or 9 if the cell is empty.
    pub(crate) len: u8,
    /// The parent's length, from 0 to 7.
    pub(crate) parent: u8,
    /// Whether the slot contains longer prefixes.
    pub(crate) longer: bool,
    pub(crate) value: u32,
}

impl CellShape {
    pub(crate) fn new(value_bits: u8, with_longer: bool) -> Self {
        Self { value_bits, with_longer, below: KIND_BITS + u8::from(with_longer) }
    }

    /// The width of a cell.
    #[inline]
    pub(crate) fn width(self) -> u8 {
        self.below.wrapping_add(self.value_bits)
    }

    pub(crate) fn pack(self, cell: Cell) -> u64 {
        let kind = match (cell.len, cell.parent) {
            (EMPTY, parent @ 0..7) => parent + 1,
            (EMPTY, _) => LAST_EMPTY,
            (len, parent) => (len.wrapping_sub(1) << 3) | parent,
        };
        let longer = u64::from(cell.longer && self.with_longer) << KIND_BITS;
        u64::from(kind) | longer | u64::from(cell.value) << self.below
    }

    #[inline]
    pub(crate) fn unpack(self, bits: u64) -> Cell {
        let kind = KINDS.get(low_bits(bits, KIND_BITS) as usize).copied().unwrap_or(0);
        let longer = self.with_longer && (bits >> KIND_BITS) & 1 != 0;
        let value = low_bits(bits.wrapping_shr(self.below.into()), self.value_bits) as u32;
        Cell { len: kind >> 3, parent: kind & 7, longer, value }
    }
}

/// Length times eight plus parent, for each of the 64 combinations.
const KINDS: [u8; 64] = {
    let mut kinds = [0; 64];
    let mut kind = 0_u8;
    let mut rest: &mut [u8] = &mut kinds;
    while let Some((own, behind)) = rest.split_first_mut() {
        let (len, parent) = (kind / 8 + 1, kind % 8);
        *own = if kind == LAST_EMPTY {
            EMPTY << 3 | 7
        } else if len == 1 && parent > 0 {
            EMPTY << 3 | (parent - 1)
        } else if parent < len {
            len << 3 | parent
        } else {
            // Nothing writes this. Whoever reads it must still see a parent shorter than its child.
            len << 3
        };
        kind += 1;
        rest = behind;
    }
    kinds
};

const KIND_BITS: u8 = 6;
/// Longer than any address can match, so that an empty cell never does.
pub(crate) const EMPTY: u8 = 9;
/// The empty cell whose parent is a /23: there are only seven numbers beside /17 without parent.
const LAST_EMPTY: u8 = 1 << 3 | 7;
