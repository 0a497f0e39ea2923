//! From prefixes to bytes.

use std::iter::{Peekable, Zip};
use std::ops::RangeFrom;

use super::cell::{Cell, CellShape, EMPTY};
use super::layout::{BLOCK, BlockHead, CARRY, Grid, GridNumbers};
use crate::address::{Address, Ancestors, Entry, EntryOrder};
use crate::error::Error;
use crate::record::{bits_for, bits_size};
use crate::sink::{BitColumn, Sink};
use crate::v4::{GRID_MAX, SHORTER_MAX};

impl GridNumbers {
    /// The numbers of a grid of these prefixes, all from /17 to /24, in order, and of these longer
    /// ones. `None` if it would not be worth its bytes.
    pub(crate) fn of(
        middle: impl Iterator<Item = Entry<u32>> + Clone,
        longer: impl Iterator<Item = Entry<u32>>,
    ) -> Option<Self> {
        let mut numbers = Self::of_middle(middle.clone())?;
        let mut filler = Filler::new(middle, longer, numbers.first, 0);
        let mut block = Block::default();
        // Whether the cells need a bit for longer prefixes is known in the end.
        let (mut size, mut size_with_longer) = (0_u64, 0_u64);
        for number in numbers.first..numbers.first.saturating_add(numbers.blocks) {
            block.clear();
            filler.fill(number, &mut block).ok()?;
            size += block.size(CellShape::new(numbers.value_bits, false));
            size_with_longer += block.size(CellShape::new(numbers.value_bits, true));
        }
        numbers.with_longer = filler.with_longer;
        let size = if numbers.with_longer { size_with_longer } else { size };
        numbers.size = u32::try_from(size).ok()?;
        Some(numbers)
    }

    /// What can be known without the longer ones.
    fn of_middle(middle: impl Iterator<Item = Entry<u32>>) -> Option<Self> {
        let mut numbers = Self::default();
        for entry in middle {
            let block = entry.start >> 16;
            if numbers.count == 0 {
                numbers.first = block;
            }
            numbers.count = numbers.count.checked_add(1)?;
            numbers.blocks = block.checked_sub(numbers.first)?.checked_add(1)?;
            numbers.value_bits = numbers.value_bits.max(bits_for(entry.value.into()));
        }
        numbers.is_worth_it().then_some(numbers)
    }

    /// Whether there are enough prefixes for so many blocks.
    pub(crate) fn is_worth_it(&self) -> bool {
        let size = u64::from(self.blocks) * (BLOCK + CARRY) as u64;
        self.count > 0 && size <= u64::from(self.count) * BYTES_PER_PREFIX
    }
}

/// Writes a grid of `middle`, which are from /17 to /24, under `shorter`, over `longer`, and
/// returns its numbers.
///
/// # Errors
///
/// What `sink` says, or that the entries are not what they must be. If the numbers are those that
/// the grid was planned with, then every byte of it was written.
pub(crate) fn encode_grid(
    grid: &Grid,
    shorter: impl Iterator<Item = Entry<u32>>,
    middle: impl Iterator<Item = Entry<u32>>,
    longer: impl Iterator<Item = Entry<u32>>,
    sink: &mut impl Sink,
) -> Result<GridNumbers, Error> {
    let mut numbers = GridNumbers::default();
    if grid.blocks == 0 {
        return Ok(numbers);
    }
    let mut carries = Carries::new(shorter);
    let mut filler = Filler::new(middle, longer, grid.first, grid.cell_column);
    let mut block = Block::default();
    let (mut at, mut cell_at) = (grid.block_column as usize, grid.cell_column as usize);
    for number in grid.first..grid.first.saturating_add(grid.blocks) {
        block.clear();
        filler.fill(number, &mut block)?;
        let place = cell_at.wrapping_sub(grid.cell_column as usize);
        let head = BlockHead::new(block.words, block.shadows.len(), place as u32);
        sink.put(at, &head.block(block.words), "block")?;
        at += BLOCK;
        cell_at = block.put(cell_at, carries.of(number), grid.shape, sink)?;
        if block.prefixes > 0 {
            let first = if numbers.count == 0 { number } else { numbers.first };
            numbers.first = first;
            numbers.blocks = number - first + 1;
            numbers.count = numbers.count.saturating_add(block.prefixes);
        }
    }
    sink.gap(at)?;
    sink.slack(cell_at)?;
    numbers.size = cell_at.wrapping_sub(grid.cell_column as usize) as u32;
    numbers.value_bits = filler.value_bits;
    numbers.with_longer = filler.with_longer;
    Ok(numbers)
}

/// Deals prefixes out to blocks.
struct Filler<M: Iterator, L: Iterator> {
    middle: Peekable<M>,
    longer: Peekable<L>,
    ancestors: Ancestors<u32>,
    order: EntryOrder<u32>,
    value_bits: u8,
    /// Whether any block contains longer prefixes.
    with_longer: bool,
}

impl<M: Iterator<Item = Entry<u32>>, L: Iterator<Item = Entry<u32>>> Filler<M, L> {
    fn new(middle: M, longer: L, first: u32, at: u32) -> Self {
        let mut longer = longer.peekable();
        while longer.next_if(|entry| entry.start >> 16 < first).is_some() {}
        Self {
            middle: middle.peekable(),
            longer,
            ancestors: Ancestors::new(),
            order: EntryOrder::new(SHORTER_MAX + 1..=GRID_MAX, at as usize),
            value_bits: 0,
            with_longer: false,
        }
    }

    /// Fills `block` with the prefixes of block number `number`.
    fn fill(&mut self, number: u32, block: &mut Block) -> Result<(), Error> {
        loop {
            let here = |entry: &Entry<u32>| entry.start >> 16 == number;
            let longer = self.longer.peek().filter(|entry| here(entry));
            let longer = longer.map(|entry| entry.start.start(GRID_MAX));
            let Some(entry) = self.middle.next_if(here) else {
                let Some(slot) = longer else { return Ok(()) };
                self.empty(slot, block);
                continue;
            };
            self.order.check(&entry)?;
            if let Some(slot) = longer.filter(|slot| *slot < entry.start) {
                // Between the last prefix and this one.
                self.empty_until(slot, entry.start, block);
            }
            let parent = self.ancestors.push(entry.start, entry.len, 0);
            let parent = parent.map_or(0, |(len, _)| beyond_block(len));
            self.value_bits = self.value_bits.max(bits_for(entry.value.into()));
            let len = beyond_block(entry.len);
            let mut cell = Cell { len, parent, longer: false, value: entry.value };
            block.prefixes += 1;
            if self.middle.peek().is_some_and(|next| next.start == entry.start) {
                block.slots.push((entry.start >> 8) as u8);
                block.shadows.push(cell);
            } else {
                cell.longer = self.skip_longer(entry.start);
                block.push_head(entry.start, cell);
            }
        }
    }

    /// Adds empty heads for the longer prefixes from `slot` to before `end`.
    fn empty_until(&mut self, slot: u32, end: u32, block: &mut Block) {
        let mut next = Some(slot);
        while let Some(slot) = next.filter(|slot| *slot < end) {
            self.empty(slot, block);
            next = self.longer.peek().map(|entry| entry.start.start(GRID_MAX));
        }
    }

    /// Adds an empty head for the longer prefixes in `slot`.
    fn empty(&mut self, slot: u32, block: &mut Block) {
        let parent = self.ancestors.of(slot).map_or(0, |(len, _)| beyond_block(len));
        self.skip_longer(slot);
        block.push_head(slot, Cell { len: EMPTY, parent, longer: true, value: 0 });
    }

    /// Passes the longer prefixes in `slot`, and says whether there are any.
    fn skip_longer(&mut self, slot: u32) -> bool {
        let mut any = false;
        while self.longer.next_if(|entry| entry.start.start(GRID_MAX) == slot).is_some() {
            any = true;
        }
        self.with_longer |= any;
        any
    }
}

/// The block that is being filled.
#[derive(Debug, Default)]
struct Block {
    words: [u64; 4],
    heads: Vec<Cell>,
    slots: Vec<u8>,
    shadows: Vec<Cell>,
    prefixes: u32,
}

impl Block {
    fn clear(&mut self) {
        self.words = [0; 4];
        self.heads.clear();
        self.slots.clear();
        self.shadows.clear();
        self.prefixes = 0;
    }

    fn push_head(&mut self, slot: u32, cell: Cell) {
        let number = slot >> 8 & 0xff;
        if let Some(word) = self.words.get_mut(number as usize >> 6) {
            *word |= 1 << (number & 63);
        }
        self.heads.push(cell);
    }

    /// The size of the block's cells.
    fn size(&self, shape: CellShape) -> u64 {
        let (heads, shadows) = (self.heads.len() as u64, self.shadows.len() as u64);
        CARRY as u64 + bits_size(heads, shape.width()) + shadows + bits_size(shadows, shape.width())
    }

    /// Writes the block's cells, and says where they end.
    fn put(
        &self,
        at: usize,
        carry: u32,
        shape: CellShape,
        sink: &mut impl Sink,
    ) -> Result<usize, Error> {
        sink.put(at, carry.to_le_bytes().get(..CARRY).unwrap_or_default(), "carry")?;
        let mut heads = BitColumn::new(at + CARRY, shape.width(), "head");
        self.heads.iter().try_for_each(|cell| heads.push(shape.pack(*cell), sink))?;
        let at = heads.finish(sink)?;
        sink.put(at, &self.slots, "slot of a shadow")?;
        let mut shadows = BitColumn::new(at + self.slots.len(), shape.width(), "shadow");
        self.shadows.iter().try_for_each(|cell| shadows.push(shape.pack(*cell), sink))?;
        shadows.finish(sink)
    }
}

/// A length counted from the block's.
fn beyond_block(len: u8) -> u8 {
    len.saturating_sub(SHORTER_MAX)
}

/// The longest of the prefixes up to /16 that covers each block.
struct Carries<I: Iterator> {
    shorter: Peekable<Zip<I, RangeFrom<u32>>>,
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

/// What the blocks may cost. A tree needs between four and five bytes for what a block does.
const BYTES_PER_PREFIX: u64 = 10;
