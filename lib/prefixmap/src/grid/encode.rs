//! From prefixes to bytes.

use std::iter::Peekable;

use super::cell::{Cell, CellShape, EMPTY};
use super::layout::{BLOCK, BlockHead, CARRY, Grid, GridNumbers};
use crate::address::{Address, Ancestors, Entry};
use crate::error::Error;
use crate::record::{bits_for, bits_size};
use crate::sink::{BitColumn, Sink};

impl GridNumbers {
    /// The numbers of a grid of these prefixes, all from /17 to /24, in order, and of these longer
    /// ones. `None` if it would not be worth its bytes.
    pub(crate) fn of(
        middle: impl Iterator<Item = Entry<u32>> + Clone,
        longer: impl Iterator<Item = Entry<u32>>,
    ) -> Option<Self> {
        let (mut count, mut value_max, mut last) = (0_u32, 0, 0);
        for entry in middle.clone() {
            count = count.checked_add(1)?;
            value_max = value_max.max(entry.value);
            last = entry.start >> 16;
        }
        let first = middle.clone().next()?.start >> 16;
        let blocks = last.checked_sub(first)? + 1;
        if u64::from(blocks) * (BLOCK + CARRY) as u64 > u64::from(count) * BYTES_PER_PREFIX {
            return None;
        }
        // Without a bit for it, no head can say that there is something longer.
        let mut longer = longer.peekable();
        while longer.next_if(|entry| (entry.start >> 16).wrapping_sub(first) >= blocks).is_some() {}
        let with_longer = longer.peek().is_some();
        let mut numbers = Self {
            first,
            blocks,
            count,
            size: 0,
            value_bits: bits_for(value_max.into()),
            with_longer,
        };
        let width = CellShape::new(numbers.value_bits, with_longer).width();
        let mut slots = Slots::new(middle, longer, first, blocks).peekable();
        for block in first..first + blocks {
            let (mut heads, mut shadows) = (0, 0);
            while let Some(slot) = slots.next_if(|slot| slot.start >> 16 == block) {
                heads += 1;
                shadows += slot.shadows;
            }
            let size = bits_size(heads, width) + shadows + bits_size(shadows, width);
            numbers.size = numbers.size.checked_add(CARRY as u32)?.checked_add(size as u32)?;
        }
        Some(numbers)
    }
}

/// Writes a grid of `middle`, which are from /17 to /24, under `shorter`, over `longer`; all must
/// be in order.
pub(crate) fn encode_grid(
    grid: &Grid,
    shorter: impl Iterator<Item = Entry<u32>>,
    middle: impl Iterator<Item = Entry<u32>>,
    longer: impl Iterator<Item = Entry<u32>>,
    sink: &mut impl Sink,
) -> Result<(), Error> {
    if grid.blocks == 0 {
        return Ok(());
    }
    let mut carries = Carries::new(shorter);
    let mut slots = Slots::new(middle, longer, grid.first, grid.blocks).peekable();
    let mut ancestors = Ancestors::new();
    let (mut at, mut cell_at) = (grid.block_column as usize, grid.cell_column as usize);
    let mut block = Block::default();
    for number in grid.first..grid.first.saturating_add(grid.blocks) {
        while let Some(slot) = slots.next_if(|slot| slot.start >> 16 == number) {
            block.add(&slot, &mut ancestors);
        }
        let place = (cell_at - grid.cell_column as usize) as u32;
        let head = BlockHead::new(block.words, block.shadows.len(), place);
        for word in block.words.map(u64::to_le_bytes).iter().chain([&head.to_le_bytes()]) {
            sink.put(at, word, "block")?;
            at += 8;
        }
        cell_at = block.finish(cell_at, carries.of(number), grid.shape, sink)?;
    }
    sink.gap(at)?;
    sink.slack(cell_at)
}

/// The block that is being filled.
#[derive(Debug, Default)]
struct Block {
    words: [u64; 4],
    heads: Vec<Cell>,
    slots: Vec<u8>,
    shadows: Vec<Cell>,
}

impl Block {
    fn add(&mut self, slot: &Slot, ancestors: &mut Ancestors<u32>) {
        let number = (slot.start >> 8) as u8;
        if let Some(word) = self.words.get_mut(usize::from(number) >> 6) {
            *word |= 1 << (number & 63);
        }
        let mut prefixes = slot.prefixes.iter().flatten().peekable();
        if prefixes.peek().is_none() {
            let parent = ancestors.of(slot.start).map_or(0, |(len, _)| len.saturating_sub(16));
            self.heads.push(Cell { len: EMPTY, parent, longer: true, value: 0 });
        }
        while let Some(Entry { start, len, value }) = prefixes.next() {
            let parent = ancestors.push(*start, *len, 0);
            let parent = parent.map_or(0, |(len, _)| len.saturating_sub(16));
            let cell = Cell { len: len.saturating_sub(16), parent, longer: false, value: *value };
            if prefixes.peek().is_some() {
                self.slots.push(number);
                self.shadows.push(cell);
            } else {
                self.heads.push(Cell { longer: slot.longer, ..cell });
            }
        }
    }

    /// Writes the block's cells, says where they end, and begins the next block.
    fn finish(
        &mut self,
        at: usize,
        carry: u32,
        shape: CellShape,
        sink: &mut impl Sink,
    ) -> Result<usize, Error> {
        self.words = [0; 4];
        sink.put(at, carry.to_le_bytes().get(..CARRY).unwrap_or_default(), "carry")?;
        let mut heads = BitColumn::new(at + CARRY, shape.width(), "head");
        self.heads.drain(..).try_for_each(|cell| heads.push(shape.pack(cell), sink))?;
        let at = heads.finish(sink)?;
        sink.put(at, &self.slots, "slot of a shadow")?;
        let mut shadows = BitColumn::new(at + self.slots.len(), shape.width(), "shadow");
        self.shadows.drain(..).try_for_each(|cell| shadows.push(shape.pack(cell), sink))?;
        self.slots.clear();
        shadows.finish(sink)
    }
}

/// The longest of the prefixes up to /16 that covers each block.
struct Carries<I: Iterator> {
    shorter: Peekable<std::iter::Zip<I, std::ops::RangeFrom<u32>>>,
    ancestors: Ancestors<u32>,
}

impl<I: Iterator<Item = Entry<u32>>> Carries<I> {
    fn new(shorter: I) -> Self {
        Self { shorter: shorter.zip(0..).peekable(), ancestors: Ancestors::new() }
    }

    /// The number, counted from one, of the prefix that covers `block`, or 0.
    fn of(&mut self, block: u32) -> u32 {
        let start = block << 16;
        while let Some((entry, number)) = self.shorter.next_if(|(entry, _)| entry.start <= start) {
            self.ancestors.push(entry.start, entry.len, number);
        }
        self.ancestors.of(start).map_or(0, |(_, number)| number.saturating_add(1))
    }
}

/// A slot that something starts in.
#[derive(Debug)]
struct Slot {
    start: u32,
    /// The prefixes that start here, the shortest first: one of each length.
    prefixes: [Option<Entry<u32>>; 8],
    /// How many of them are not the last.
    shadows: u64,
    /// Whether there are prefixes longer than /24 in it.
    longer: bool,
}

/// All slots that something starts in, in order.
struct Slots<M: Iterator, L: Iterator> {
    middle: Peekable<M>,
    longer: Peekable<L>,
    first: u32,
    blocks: u32,
}

impl<M: Iterator<Item = Entry<u32>>, L: Iterator<Item = Entry<u32>>> Slots<M, L> {
    fn new(middle: M, longer: L, first: u32, blocks: u32) -> Self {
        Self { middle: middle.peekable(), longer: longer.peekable(), first, blocks }
    }
}

impl<M: Iterator<Item = Entry<u32>>, L: Iterator<Item = Entry<u32>>> Iterator for Slots<M, L> {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        let inside = |start: u32| (start >> 16).wrapping_sub(self.first) < self.blocks;
        while self.longer.next_if(|entry| !inside(entry.start)).is_some() {}
        let middle = self.middle.peek().map(|entry| entry.start.start(24));
        let longer = self.longer.peek().map(|entry| entry.start.start(24));
        let start = match (middle, longer) {
            (Some(middle), Some(longer)) => middle.min(longer),
            (middle, longer) => middle.or(longer)?,
        };
        let mut slot = Slot { start, prefixes: [None; 8], shadows: 0, longer: false };
        let mut places = slot.prefixes.iter_mut();
        while let Some(entry) = self.middle.next_if(|entry| entry.start.start(24) == start) {
            if let Some(place) = places.next() {
                *place = Some(entry);
            }
        }
        slot.shadows = slot.prefixes.iter().flatten().count().saturating_sub(1) as u64;
        while self.longer.next_if(|entry| entry.start.start(24) == start).is_some() {
            slot.longer = true;
        }
        Some(slot)
    }
}

/// What the blocks may cost. A tree needs between four and five bytes for what a block does.
const BYTES_PER_PREFIX: u64 = 10;
