//! The IPv4 prefixes of a map.
//!
//! If there are enough of them, those from /17 to /24 lie in a [`Grid`], the shorter ones in a
//! [`Tree`] above it, the longer ones in one below. Otherwise one tree holds all.

use crate::address::{Address, Entry};
use crate::error::Error;
use crate::grid::{Grid, GridCursor, GridNumbers, Look, Spot, encode_grid};
use crate::key::Whole;
use crate::layout::NUMBERS;
use crate::sink::Sink;
use crate::tree::{Hit, Tree, TreeCursor, TreeNumbers, encode_tree};

/// Where the IPv4 prefixes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct V4 {
    pub(crate) shorter: Tree<Whole>,
    pub(crate) grid: Grid,
    pub(crate) rest: Tree<Whole>,
}

/// What the header says of the IPv4 prefixes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct V4Numbers {
    pub(crate) shorter: TreeNumbers,
    pub(crate) grid: GridNumbers,
    pub(crate) rest: TreeNumbers,
}

/// A prefix that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found<P> {
    pub(crate) len: u8,
    pub(crate) value: u32,
    pub(crate) place: P,
}

/// Where a prefix was found, and so where its parent is to be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Rest(Hit),
    /// The length of its parent.
    Grid(u8),
    Shorter(Hit),
}

impl V4 {
    /// Lays out the tables from byte `at` on, and says where they end.
    pub(crate) fn plan(numbers: V4Numbers, at: u64) -> Option<(Self, u64)> {
        let (shorter, at) = Tree::plan(numbers.shorter, at)?;
        let (grid, at) = Grid::plan(numbers.grid, at)?;
        let (rest, at) = Tree::plan(numbers.rest, at)?;
        Some((Self { shorter, grid, rest }, at))
    }

    /// The numbers these tables were planned from.
    pub(crate) fn numbers(&self) -> V4Numbers {
        V4Numbers {
            shorter: self.shorter.numbers(),
            grid: self.grid.numbers(),
            rest: self.rest.numbers(),
        }
    }

    /// How many prefixes there are.
    pub(crate) fn count(&self) -> u32 {
        let trees = self.shorter.count.saturating_add(self.rest.count);
        trees.saturating_add(self.grid.count)
    }

    /// The longest prefix of at most `len_max` bits that contains `address`.
    #[inline]
    pub(crate) fn find(&self, bytes: &[u8], address: u32, len_max: u8) -> Option<Found<Place>> {
        if self.grid.blocks == 0 {
            return self.find_in_rest(bytes, address, len_max);
        }
        match self.grid.look(bytes, address, len_max) {
            Some(Look { longer, spot }) if len_max > SHORTER_MAX => {
                let rest = if longer && len_max > GRID_MAX {
                    self.find_in_rest(bytes, address, len_max)
                } else {
                    None
                };
                rest.or_else(|| self.at(bytes, spot))
            }
            _ => self.find_outside(bytes, address, len_max),
        }
    }

    /// The next longer prefix than `found` that contains `address`.
    #[inline]
    pub(crate) fn parent(
        &self,
        bytes: &[u8],
        address: u32,
        found: Found<Place>,
    ) -> Option<Found<Place>> {
        match found.place {
            Place::Grid(parent) => self.at(bytes, self.grid.parent(bytes, address, parent)?),
            Place::Shorter(hit) => {
                self.shorter.parent(bytes, address, hit).map(|hit| self.shorter_at(hit))
            }
            Place::Rest(hit) => match self.rest.parent(bytes, address, hit) {
                Some(hit) => Some(self.rest_at(hit)),
                None if self.grid.blocks == 0 => None,
                None => match self.grid.look(bytes, address, GRID_MAX) {
                    Some(look) => self.at(bytes, look.spot),
                    None => self.find_in_shorter(bytes, address, SHORTER_MAX),
                },
            },
        }
    }

    /// The value of exactly this prefix.
    pub(crate) fn exact(&self, bytes: &[u8], address: u32, len: u8) -> Option<u32> {
        let start = address.start(len);
        if self.grid.blocks != 0 && len <= SHORTER_MAX {
            let hit = self.shorter.exact(bytes, start, len)?;
            return Some(self.shorter.shape.value(hit.record));
        }
        if self.grid.blocks != 0 && len <= GRID_MAX {
            return self.grid.exact(bytes, start, len).map(|cell| cell.value);
        }
        let hit = self.rest.exact(bytes, start, len)?;
        Some(self.rest.shape.value(hit.record))
    }

    #[inline]
    fn at(&self, bytes: &[u8], spot: Spot) -> Option<Found<Place>> {
        match spot {
            Spot::Prefix(cell) => Some(Found {
                len: cell.len.wrapping_add(SHORTER_MAX),
                value: cell.value,
                place: Place::Grid(cell.parent),
            }),
            Spot::Above(carry) => {
                let hit = self.shorter.hit(bytes, carry.checked_sub(1)?)?;
                Some(self.shorter_at(hit))
            }
        }
    }

    #[inline(never)]
    fn find_outside(&self, bytes: &[u8], address: u32, len_max: u8) -> Option<Found<Place>> {
        self.find_in_rest(bytes, address, len_max)
            .or_else(|| self.find_in_shorter(bytes, address, len_max))
    }

    #[inline(never)]
    fn find_in_rest(&self, bytes: &[u8], address: u32, len_max: u8) -> Option<Found<Place>> {
        self.rest.find(bytes, address, len_max).map(|hit| self.rest_at(hit))
    }

    #[inline(never)]
    fn find_in_shorter(&self, bytes: &[u8], address: u32, len_max: u8) -> Option<Found<Place>> {
        self.shorter.find(bytes, address, len_max).map(|hit| self.shorter_at(hit))
    }

    #[inline]
    fn rest_at(&self, hit: Hit) -> Found<Place> {
        let value = self.rest.shape.value(hit.record);
        Found { len: hit.len, value, place: Place::Rest(hit) }
    }

    #[inline]
    fn shorter_at(&self, hit: Hit) -> Found<Place> {
        let value = self.shorter.shape.value(hit.record);
        Found { len: hit.len, value, place: Place::Shorter(hit) }
    }

    /// The prefixes of each table, in order.
    pub(crate) fn cursors<'a>(
        &self,
        bytes: &'a [u8],
    ) -> (TreeCursor<'a, Whole>, GridCursor<'a>, TreeCursor<'a, Whole>) {
        (
            TreeCursor::new(self.shorter, bytes),
            GridCursor::new(self.grid, bytes),
            TreeCursor::new(self.rest, bytes),
        )
    }

    /// Writes the tables.
    ///
    /// # Errors
    ///
    /// What `sink` says, or that the entries are not the ones the tables were planned for.
    pub(crate) fn encode(
        &self,
        shorter: impl Iterator<Item = Entry<u32>> + Clone,
        middle: impl Iterator<Item = Entry<u32>>,
        rest: impl Iterator<Item = Entry<u32>> + Clone,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        let with_grid = self.grid.blocks != 0;
        let rest_min = if with_grid { GRID_MAX + 1 } else { 0 };
        let numbers = V4Numbers {
            shorter: encode_tree(&self.shorter, 0..=SHORTER_MAX, shorter.clone(), sink)?,
            grid: encode_grid(&self.grid, shorter, middle, rest.clone(), sink)?,
            rest: encode_tree(&self.rest, rest_min..=32, rest, sink)?,
        };
        let fits = with_grid == numbers.grid.is_worth_it();
        if numbers != self.numbers() || !fits || (!with_grid && self.shorter.count != 0) {
            return Err(Error::corrupt("numbers of IPv4 prefixes", NUMBERS));
        }
        Ok(())
    }
}

/// The longest prefix that covers whole blocks.
pub(crate) const SHORTER_MAX: u8 = 16;
/// The longest prefix in the grid.
pub(crate) const GRID_MAX: u8 = 24;
