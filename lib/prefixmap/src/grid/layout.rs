//! Where the columns of the grid lie. Everything follows from a few numbers.

use super::cell::CellShape;
use crate::key::NODE;
use crate::record::SLACK;

/// Where the columns of the grid lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The number of the first block: its upper 16 bits.
    pub(crate) first: u32,
    /// How many blocks there are. A map without a grid has none.
    pub(crate) blocks: u32,
    /// How many prefixes there are.
    pub(crate) count: u32,
    /// How many bytes the cells of all blocks take.
    pub(crate) size: u32,
    /// Where the blocks begin.
    pub(crate) block_column: u32,
    /// Where the cells begin.
    pub(crate) cell_column: u32,
    /// How heads and shadows are packed.
    pub(crate) shape: CellShape,
}

/// What the header says of the grid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct GridNumbers {
    pub(crate) first: u32,
    pub(crate) blocks: u32,
    pub(crate) count: u32,
    pub(crate) size: u32,
    pub(crate) value_bits: u8,
    pub(crate) with_longer: bool,
}

impl Grid {
    /// Lays out a grid from byte `at` on, and says where it ends.
    pub(crate) fn plan(numbers: GridNumbers, at: u64) -> Option<(Self, u64)> {
        let GridNumbers { first, blocks, count, size, value_bits, with_longer } = numbers;
        let block_column = u32::try_from(at).ok()?;
        let cell_column = (at + u64::from(blocks) * BLOCK as u64).next_multiple_of(NODE as u64);
        let slack = if blocks > 0 { SLACK } else { 0 };
        let end = (cell_column + u64::from(size) + slack).next_multiple_of(NODE as u64);
        let cell_column = u32::try_from(cell_column).ok()?;
        let shape = CellShape::new(value_bits, with_longer);
        Some((Self { first, blocks, count, size, block_column, cell_column, shape }, end))
    }

    /// The numbers this grid was planned from.
    pub(crate) fn numbers(&self) -> GridNumbers {
        GridNumbers {
            first: self.first,
            blocks: self.blocks,
            count: self.count,
            size: self.size,
            value_bits: self.shape.value_bits,
            with_longer: self.shape.with_longer,
        }
    }
}

/// The last word of a block, behind four words of slot bits.
///
/// From the lowest byte up: how many of the block's heads lie in its first word, in the first two,
/// in the first three; how many shadows there are; and, in four bytes, where the block's cells
/// begin. These are: the carry in [`CARRY`] bytes, the heads, the slots of the shadows in a byte
/// each, the shadows. The carry is the number of the longest prefix up to /16 that covers the
/// block, plus one, or 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockHead(u64);

impl BlockHead {
    pub(crate) fn new(words: [u64; 4], shadows: usize, place: u32) -> Self {
        let [one, two, three, _] = words.map(u64::count_ones);
        let counts = u64::from(one) | u64::from(one + two) << 8;
        let counts = counts | u64::from(one + two + three) << 16;
        Self(counts | (shadows as u64) << 24 | u64::from(place) << 32)
    }

    #[inline]
    pub(crate) fn from_le_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }

    /// The block with these slot bits.
    pub(crate) fn block(self, words: [u64; 4]) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        let all = words.into_iter().chain([self.0]);
        for (chunk, word) in block.as_chunks_mut::<8>().0.iter_mut().zip(all) {
            *chunk = word.to_le_bytes();
        }
        block
    }

    /// How many of the block's heads lie before `word`.
    #[inline]
    pub(crate) fn before(self, word: u32) -> u32 {
        (self.0 << 8).wrapping_shr(word.wrapping_mul(8)) as u32 & 0xff
    }

    /// How many shadows there are.
    pub(crate) fn shadows(self) -> usize {
        (self.0 >> 24) as usize & 0xff
    }

    /// Where the block's cells begin, counted from the first block's.
    #[inline]
    pub(crate) fn place(self) -> usize {
        (self.0 >> 32) as usize
    }
}

/// The size of slot bits and [`BlockHead`].
pub(crate) const BLOCK: usize = 40;
/// The size of a carry: there are less than 2^17 prefixes up to /16.
pub(crate) const CARRY: usize = 3;
