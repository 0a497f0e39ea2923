//! The search in the grid, and the climb from a prefix to its parents.

use super::cell::Cell;
use super::layout::{BLOCK, BlockHead, CARRY, Grid};
use crate::record::{bits_size, read_bits};

/// What the grid knows of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Whether the address's slot contains prefixes longer than /24.
    pub(crate) longer: bool,
    pub(crate) spot: Spot,
}

/// A place in the grid, or above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spot {
    /// This prefix, from /17 to /24.
    Prefix(Cell),
    /// None; the block is covered by the prefix up to /16 with this number less one, or, if 0, by
    /// none.
    Above(u32),
}

/// A block as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) words: [u64; 4],
    pub(super) head: BlockHead,
    /// Where its cells begin: the carry, then the heads.
    pub(super) at: usize,
}

impl Grid {
    /// The longest prefix from /17 to /24, and at most `len_max` bits long, that contains
    /// `address`. `None` outside of the grid.
    #[inline]
    pub(crate) fn look(&self, bytes: &[u8], address: u32, len_max: u8) -> Option<Look> {
        let block = self.block(bytes, self.number(address)?)?;
        let slot = address >> 8 & 0xff;
        let (count, place) = block.last_not_above(slot);
        if count == 0 {
            return Some(Look { longer: false, spot: self.above(bytes, &block)? });
        }
        let cell = self.head(bytes, &block, count)?;
        let longer = cell.longer && place == slot;
        let common = common(place, slot).min(len_max.saturating_sub(16));
        if cell.len <= common {
            return Some(Look { longer, spot: Spot::Prefix(cell) });
        }
        Some(Look { longer, spot: self.climb(bytes, &block, place, cell, common)? })
    }

    /// The parent of a prefix in the grid that contains `address` and whose parent is this long.
    pub(crate) fn parent(&self, bytes: &[u8], address: u32, parent: u8) -> Option<Spot> {
        let block = self.block(bytes, self.number(address)?)?;
        if parent == 0 {
            return self.above(bytes, &block);
        }
        self.prefix(bytes, &block, address >> 8 & 0xff, parent).map(Spot::Prefix)
    }

    /// The prefix of exactly `len` bits, from /17 to /24, that `address` lies in.
    pub(crate) fn exact(&self, bytes: &[u8], address: u32, len: u8) -> Option<Cell> {
        let block = self.block(bytes, self.number(address)?)?;
        let len = len.checked_sub(16).filter(|len| (1..=8).contains(len))?;
        self.prefix(bytes, &block, address >> 8 & 0xff, len)
    }

    /// The first of the ancestors of `cell`, which starts at `place`, that is short enough.
    ///
    /// Each step leads to a shorter prefix, whatever the bytes are: a cell's parent is always
    /// shorter than the cell, and what is looked for has exactly the parent's length.
    fn climb(
        &self,
        bytes: &[u8],
        block: &Block,
        place: u32,
        cell: Cell,
        common: u8,
    ) -> Option<Spot> {
        let mut cell = cell;
        while cell.len > common {
            if cell.parent == 0 {
                return self.above(bytes, block);
            }
            cell = self.prefix(bytes, block, place, cell.parent)?;
        }
        Some(Spot::Prefix(cell))
    }

    /// The prefix of `len` bits beyond the block's that `slot` lies in.
    fn prefix(&self, bytes: &[u8], block: &Block, slot: u32, len: u8) -> Option<Cell> {
        let start = slot & !0xff_u32.wrapping_shr(len.into());
        let (count, place) = block.last_not_above(start);
        if count == 0 || place != start {
            return None;
        }
        let head = self.head(bytes, block, count)?;
        if head.len == len { Some(head) } else { self.shadow(bytes, block, start, len) }
    }

    /// The shadow of `len` bits that starts at `slot`.
    fn shadow(&self, bytes: &[u8], block: &Block, slot: u32, len: u8) -> Option<Cell> {
        let (slots, at) = self.shadows(bytes, block)?;
        let same = |own: &u8| u32::from(*own) == slot;
        let first = slots.iter().position(same)?;
        let run = slots.get(first..)?.iter().take_while(|own| same(own));
        let mut shadows = run.zip(first as u32..).map(|(_, index)| self.cell(bytes, at, index));
        shadows.find_map(|shadow| shadow.filter(|shadow| shadow.len == len))
    }

    /// The slots of a block's shadows, and where the shadows begin.
    pub(super) fn shadows<'a>(&self, bytes: &'a [u8], block: &Block) -> Option<(&'a [u8], usize)> {
        let [.., last] = block.words;
        let heads = block.head.before(3).wrapping_add(last.count_ones());
        let size = bits_size(heads.into(), self.shape.width()) as usize;
        let at = block.at.wrapping_add(CARRY).wrapping_add(size);
        let slots = bytes.get(at..)?.get(..block.head.shadows())?;
        Some((slots, at.wrapping_add(slots.len())))
    }

    /// The number of the block that `address` lies in.
    #[inline]
    fn number(&self, address: u32) -> Option<u32> {
        let number = (address >> 16).wrapping_sub(self.first);
        (number < self.blocks).then_some(number)
    }

    #[inline]
    pub(super) fn block(&self, bytes: &[u8], number: u32) -> Option<Block> {
        let at = (number as usize).wrapping_mul(BLOCK).wrapping_add(self.block_column as usize);
        let block: &[u8; BLOCK] = bytes.get(at..)?.first_chunk()?;
        let (words, _) = block.as_chunks::<8>();
        let &[a, b, c, d, head] = words else { return None };
        let words = [a, b, c, d].map(u64::from_le_bytes);
        let head = BlockHead::from_le_bytes(head);
        Some(Block { words, head, at: head.place().wrapping_add(self.cell_column as usize) })
    }

    /// What covers the whole block.
    #[inline]
    fn above(&self, bytes: &[u8], block: &Block) -> Option<Spot> {
        let &[low, middle, high] = bytes.get(block.at..)?.first_chunk::<CARRY>()?;
        Some(Spot::Above(u32::from_le_bytes([low, middle, high, 0])))
    }

    /// Head number `count` of a block, counted from one.
    #[inline]
    pub(super) fn head(&self, bytes: &[u8], block: &Block, count: u32) -> Option<Cell> {
        self.cell(bytes, block.at.wrapping_add(CARRY), count.wrapping_sub(1))
    }

    /// Cell number `index` of those that begin at `at`.
    #[inline]
    pub(super) fn cell(&self, bytes: &[u8], at: usize, index: u32) -> Option<Cell> {
        let bits = read_bits(bytes, at, index as usize, self.shape.width())?;
        Some(self.shape.unpack(bits))
    }
}

impl Block {
    /// How many heads lie at or before `slot`, and in which slot the last of them.
    #[inline]
    fn last_not_above(&self, slot: u32) -> (u32, u32) {
        let word = slot >> 6;
        let above = 63 - (slot & 63);
        let bits = self.words.get(word as usize).map_or(0, |bits| bits << above);
        let count = self.head.before(word).wrapping_add(bits.count_ones());
        let mut place = slot.wrapping_sub(bits.leading_zeros());
        if bits == 0 {
            place = (0..word).rev().find_map(|word| self.last_in(word)).unwrap_or(0);
        }
        (count, place)
    }

    /// The last slot with a head in one word.
    fn last_in(&self, word: u32) -> Option<u32> {
        let bits = self.words.get(word as usize).copied().filter(|bits| *bits != 0)?;
        Some(word << 6 | (63 - bits.leading_zeros()))
    }
}

/// How many leading bits two slots share.
#[inline]
fn common(one: u32, other: u32) -> u8 {
    ((one ^ other) as u8).leading_zeros() as u8
}
