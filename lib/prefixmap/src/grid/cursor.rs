//! The walk from the first prefix to the last.

use super::cell::EMPTY;
use super::layout::{BlockHead, Grid};
use super::search::Block;
use crate::address::Entry;

/// A walk over a grid's prefixes in order.
#[derive(Debug, Clone)]
pub(crate) struct GridCursor<'a> {
    grid: Grid,
    bytes: &'a [u8],
    /// How many blocks have been begun.
    blocks: u32,
    /// The block the walk has come to, without the slot bits that lie behind.
    block: Block,
    /// The slots of its shadows that lie ahead.
    slots: &'a [u8],
    /// Where its shadows begin.
    shadows: usize,
    /// The next head, and the next shadow.
    head: u32,
    shadow: u32,
}

impl<'a> GridCursor<'a> {
    pub(crate) fn new(grid: Grid, bytes: &'a [u8]) -> Self {
        let head = BlockHead::from_le_bytes([0; 8]);
        let block = Block { words: [0; 4], head, at: 0 };
        Self { grid, bytes, blocks: 0, block, slots: &[], shadows: 0, head: 0, shadow: 0 }
    }

    /// The next slot that has a head.
    fn slot(&mut self) -> Option<u32> {
        loop {
            let mut words = self.block.words.iter().zip(0_u32..);
            if let Some((bits, word)) = words.find(|(bits, _)| **bits != 0) {
                return Some(word << 6 | bits.trailing_zeros());
            }
            if self.blocks >= self.grid.blocks {
                return None;
            }
            self.block = self.grid.block(self.bytes, self.blocks)?;
            (self.slots, self.shadows) = self.grid.shadows(self.bytes, &self.block)?;
            (self.head, self.shadow) = (0, 0);
            self.blocks = self.blocks.wrapping_add(1);
        }
    }

    /// Leaves the slot that [`Self::slot`] returned.
    fn leave(&mut self) {
        if let Some(bits) = self.block.words.iter_mut().find(|bits| **bits != 0) {
            *bits &= bits.wrapping_sub(1);
        }
    }
}

impl Iterator for GridCursor<'_> {
    type Item = Entry<u32>;

    /// Ends at the first thing that is not as it must be.
    fn next(&mut self) -> Option<Entry<u32>> {
        loop {
            let slot = self.slot()?;
            let number = self.grid.first.wrapping_add(self.blocks).wrapping_sub(1);
            let cell = match self.slots.split_first() {
                Some((own, rest)) if u32::from(*own) == slot => {
                    self.slots = rest;
                    self.shadow = self.shadow.wrapping_add(1);
                    self.grid.cell(self.bytes, self.shadows, self.shadow.wrapping_sub(1))?
                }
                _ => {
                    self.leave();
                    self.head = self.head.wrapping_add(1);
                    self.grid.head(self.bytes, &self.block, self.head)?
                }
            };
            if cell.len != EMPTY {
                let start = number << 16 | slot << 8;
                return Some(Entry { start, len: 16 + cell.len, value: cell.value });
            }
        }
    }
}
