//! The walk from the first prefix to the last.

use super::layout::Tree;
use crate::address::Entry;
use crate::key::{Key, NODE, Order};
use crate::record::Record;

/// A walk over a tree's prefixes in order.
#[derive(Debug, Clone)]
pub(crate) struct TreeCursor<'a, O: Order> {
    tree: Tree<O>,
    bytes: &'a [u8],
    /// How many leaves have been begun.
    leaves: u32,
    /// The leaf the walk has come to: its first key in the level above, and its own keys.
    first: O::Upper,
    keys: &'a [u8; NODE],
    /// The next place in it.
    place: usize,
}

impl<'a, O: Order> TreeCursor<'a, O> {
    pub(crate) fn new(tree: Tree<O>, bytes: &'a [u8]) -> Self {
        let place = Tree::<O>::PER_LEAF;
        Self { tree, bytes, leaves: 0, first: O::Upper::MAX, keys: &[0; NODE], place }
    }

    fn next_leaf(&mut self) -> Option<()> {
        if self.leaves >= self.tree.leaves {
            return None;
        }
        self.first = O::Upper::read(self.bytes, self.tree.firsts, self.leaves as usize)?;
        self.keys = self.tree.keys(self.bytes, self.leaves as usize)?;
        self.leaves = self.leaves.wrapping_add(1);
        self.place = 0;
        Some(())
    }

    /// Length, rest and record of what stands at `place`.
    #[inline]
    fn at(&self, place: usize) -> Option<(u8, u64, Record)> {
        let leaf = self.leaves.wrapping_sub(1);
        let first = (leaf as usize).wrapping_mul(Tree::<O>::PER_LEAF);
        let rest = self.tree.rest(self.bytes, first.wrapping_add(place) as u32)?;
        let hit = self.tree.hit_in(self.bytes, leaf as usize, place)?;
        Some((hit.len, rest, hit.record))
    }
}

impl<O: Order> Iterator for TreeCursor<'_, O> {
    type Item = Entry<O::Address>;

    /// Ends at the first thing that is not as it must be.
    fn next(&mut self) -> Option<Entry<O::Address>> {
        if self.place >= Tree::<O>::PER_LEAF {
            self.next_leaf()?;
        }
        let key = O::Leaf::of(self.keys, self.place)?;
        let (len, rest, record) = self.at(self.place)?;
        self.place = self.place.wrapping_add(1);
        // If the next one is the same, then so are all up to the end of the leaf.
        if O::Leaf::of(self.keys, self.place) == Some(key) {
            let (next_len, next_rest, _) = self.at(self.place)?;
            if (next_len, next_rest) == (len, rest) {
                self.place = Tree::<O>::PER_LEAF;
            }
        }
        let start = O::join(self.first, key, rest);
        Some(Entry { start, len, value: self.tree.shape.value(record) })
    }
}
