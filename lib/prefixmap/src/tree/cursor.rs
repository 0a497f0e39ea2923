//! The walk from the first prefix to the last.

use super::layout::Tree;
use crate::address::Entry;
use crate::key::{Key, Order};

/// A walk over a tree's prefixes in order.
#[derive(Debug, Clone)]
pub(crate) struct TreeCursor<'a, O> {
    tree: Tree<O>,
    bytes: &'a [u8],
    /// The slot the walk has come to.
    index: u32,
    /// How many slots there are.
    end: u32,
}

impl<'a, O: Order> TreeCursor<'a, O> {
    pub(crate) fn new(tree: Tree<O>, bytes: &'a [u8]) -> Self {
        let end = tree.leaves.wrapping_mul(Tree::<O>::PER_LEAF as u32);
        Self { tree, bytes, index: 0, end }
    }

    fn entry(&self, index: u32) -> Option<Entry<O::Address>> {
        let (tree, bytes) = (&self.tree, self.bytes);
        let (leaf, place) = Tree::<O>::leaf_and_place(index);
        let key = O::Leaf::of(tree.keys(bytes, leaf)?, place)?;
        let first = O::Upper::read(bytes, tree.firsts, leaf)?;
        let start = O::join(first, key, tree.rest(bytes, index)?);
        let hit = tree.hit(bytes, index)?;
        Some(Entry { start, len: hit.len, value: tree.shape.value(hit.record) })
    }
}

impl<O: Order> Iterator for TreeCursor<'_, O> {
    type Item = Entry<O::Address>;

    /// Ends at the first thing that is not as it must be.
    fn next(&mut self) -> Option<Entry<O::Address>> {
        if self.index >= self.end {
            return None;
        }
        let entry = self.entry(self.index)?;
        let (leaf, mut place) = Tree::<O>::leaf_and_place(self.index);
        self.index = self.index.wrapping_add(1);
        // If the next one is the same, then so are all up to the end of the leaf.
        place += 1;
        if place < Tree::<O>::PER_LEAF {
            let next = O::Leaf::of(self.tree.keys(self.bytes, leaf)?, place)?;
            let own = O::Leaf::of(self.tree.keys(self.bytes, leaf)?, place - 1)?;
            let repeats = next == own && self.entry(self.index)?.key() == entry.key();
            if repeats {
                let left = Tree::<O>::PER_LEAF - place;
                self.index = self.index.wrapping_add(left as u32);
            }
        }
        Some(entry)
    }
}
