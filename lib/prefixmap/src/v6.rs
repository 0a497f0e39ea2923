//! The IPv6 prefixes of a map.
//!
//! Those up to /48, which are nearly all there are in routing, lie in a [`Tree`] with narrow keys,
//! the longer ones in another. If the addresses are so scattered that narrow keys would not save
//! anything, then the other tree holds all.

use crate::address::{Address, Entry};
use crate::error::Error;
use crate::key::{Halves, Paged};
use crate::layout::NUMBERS;
use crate::sink::Sink;
use crate::tree::{Hit, Tree, TreeCursor, TreeNumbers, encode_tree};
use crate::v4::Found;

/// Where the IPv6 prefixes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct V6 {
    pub(crate) short: Tree<Paged>,
    pub(crate) rest: Tree<Halves>,
}

/// What the header says of the IPv6 prefixes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct V6Numbers {
    pub(crate) short: TreeNumbers,
    pub(crate) rest: TreeNumbers,
}

/// Where a prefix was found, and so where its parent is to be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Rest(Hit),
    Short(Hit),
}

impl V6 {
    /// Lays out the tables from byte `at` on, and says where they end.
    pub(crate) fn plan(numbers: V6Numbers, at: u64) -> Option<(Self, u64)> {
        let (short, at) = Tree::plan(numbers.short, at)?;
        let (rest, at) = Tree::plan(numbers.rest, at)?;
        Some((Self { short, rest }, at))
    }

    /// The numbers these tables were planned from.
    pub(crate) fn numbers(&self) -> V6Numbers {
        V6Numbers { short: self.short.numbers(), rest: self.rest.numbers() }
    }

    /// How many prefixes there are.
    pub(crate) fn count(&self) -> u32 {
        self.short.count.saturating_add(self.rest.count)
    }

    /// The longest prefix of at most `len_max` bits that contains `address`.
    #[inline]
    pub(crate) fn find(&self, bytes: &[u8], address: u128, len_max: u8) -> Option<Found<Place>> {
        if self.rest.count != 0 && (len_max > SHORT_MAX || self.short.count == 0) {
            let rest = self.find_in_rest(bytes, address, len_max);
            if rest.is_some() {
                return rest;
            }
        }
        self.short.find(bytes, address, len_max).map(|hit| self.short_at(hit))
    }

    /// The next longer prefix than `found` that contains `address`.
    #[inline]
    pub(crate) fn parent(
        &self,
        bytes: &[u8],
        address: u128,
        found: Found<Place>,
    ) -> Option<Found<Place>> {
        match found.place {
            Place::Short(hit) => {
                self.short.parent(bytes, address, hit).map(|hit| self.short_at(hit))
            }
            Place::Rest(hit) => match self.rest.parent(bytes, address, hit) {
                Some(hit) => Some(self.rest_at(hit)),
                None => self.short.find(bytes, address, SHORT_MAX).map(|hit| self.short_at(hit)),
            },
        }
    }

    /// The value of exactly this prefix.
    pub(crate) fn exact(&self, bytes: &[u8], address: u128, len: u8) -> Option<u32> {
        let start = address.start(len);
        if len <= SHORT_MAX && self.short.count != 0 {
            let hit = self.short.exact(bytes, start, len)?;
            return Some(self.short.shape.value(hit.record));
        }
        let hit = self.rest.exact(bytes, start, len)?;
        Some(self.rest.shape.value(hit.record))
    }

    #[inline(never)]
    fn find_in_rest(&self, bytes: &[u8], address: u128, len_max: u8) -> Option<Found<Place>> {
        self.rest.find(bytes, address, len_max).map(|hit| self.rest_at(hit))
    }

    #[inline]
    fn rest_at(&self, hit: Hit) -> Found<Place> {
        let value = self.rest.shape.value(hit.record);
        Found { len: hit.len, value, place: Place::Rest(hit) }
    }

    #[inline]
    fn short_at(&self, hit: Hit) -> Found<Place> {
        let value = self.short.shape.value(hit.record);
        Found { len: hit.len, value, place: Place::Short(hit) }
    }

    /// The prefixes of each table, in order.
    pub(crate) fn cursors<'a>(
        &self,
        bytes: &'a [u8],
    ) -> (TreeCursor<'a, Paged>, TreeCursor<'a, Halves>) {
        (TreeCursor::new(self.short, bytes), TreeCursor::new(self.rest, bytes))
    }

    /// Writes the tables.
    ///
    /// # Errors
    ///
    /// What `sink` says, or that the entries are not the ones the tables were planned for.
    pub(crate) fn encode(
        &self,
        short: impl Iterator<Item = Entry<u128>>,
        rest: impl Iterator<Item = Entry<u128>>,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        let rest_min = if self.short.count != 0 { SHORT_MAX + 1 } else { 0 };
        let numbers = V6Numbers {
            short: encode_tree(&self.short, 0..=SHORT_MAX, short, sink)?,
            rest: encode_tree(&self.rest, rest_min..=128, rest, sink)?,
        };
        if numbers != self.numbers() || !V6Numbers::narrow_is_worth_it(numbers.short) {
            return Err(Error::corrupt("numbers of IPv6 prefixes", NUMBERS));
        }
        Ok(())
    }
}

impl V6Numbers {
    /// Whether narrow keys are worth it for prefixes with these numbers.
    pub(crate) fn narrow_is_worth_it(short: TreeNumbers) -> bool {
        let wide = short.count.div_ceil(Tree::<Halves>::PER_LEAF as u32);
        short.leaves <= wide
    }
}

/// The longest prefix that narrow keys tell from its neighbours.
pub(crate) const SHORT_MAX: u8 = 48;
