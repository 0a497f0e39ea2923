//! From prefixes to bytes.

use std::ops::RangeInclusive;

use super::layout::{Tally, Tree, TreeNumbers};
use crate::address::{Address, Ancestors, Entry, EntryOrder};
use crate::error::Error;
use crate::key::{Key, NODE, Order};
use crate::sink::{BitColumn, Sink};

/// Writes a tree of `entries`, all of which must be of these lengths, and returns its numbers.
///
/// # Errors
///
/// What `sink` says, or that the entries are not what they must be. If the numbers are those that
/// the tree was planned with, then every byte of it was written.
pub(crate) fn encode_tree<O: Order>(
    tree: &Tree<O>,
    lens: RangeInclusive<u8>,
    entries: impl Iterator<Item = Entry<O::Address>>,
    sink: &mut impl Sink,
) -> Result<TreeNumbers, Error> {
    let levels = tree.levels.get(..usize::from(tree.height)).unwrap_or_default();
    let mut nodes: Vec<Node<O::Upper>> = levels.iter().rev().map(|at| Node::new(*at)).collect();
    let mut leaf = Leaf::new(tree);
    let mut tally = Tally::<O>::default();
    let mut ancestors = Ancestors::new();
    let mut order = EntryOrder::new(lens, leaf.at);
    for entry in entries {
        order.check(&entry)?;
        if tally.push(&entry) {
            leaf.finish(tree, sink)?;
            add(&mut nodes, O::upper(entry.start), sink)?;
        }
        let parent = ancestors.push(entry.start, entry.len, leaf.next_index());
        leaf.prefixes.push((entry, parent));
    }
    leaf.finish(tree, sink)?;
    leaf.finish_columns(tree, sink)?;
    nodes.iter_mut().try_for_each(|node| node.finish(sink))?;
    Ok(tally.numbers)
}

/// Adds a key to the lowest of `nodes`, and, where a node begins, to the one above.
fn add<K: Key>(nodes: &mut [Node<K>], key: K, sink: &mut impl Sink) -> Result<(), Error> {
    for node in nodes {
        if node.keys.len() == K::PER_NODE {
            node.finish(sink)?;
        }
        node.keys.push(key);
        if node.keys.len() > 1 {
            break;
        }
    }
    Ok(())
}

/// The node of one level that is being filled.
struct Node<K> {
    at: usize,
    keys: Vec<K>,
}

impl<K: Key> Node<K> {
    fn new(at: u32) -> Self {
        Self { at: at as usize, keys: Vec::with_capacity(K::PER_NODE) }
    }

    /// Writes the node, padded behind, and begins the next.
    fn finish(&mut self, sink: &mut impl Sink) -> Result<(), Error> {
        let mut node = [0; NODE];
        let padding = std::iter::repeat(K::MAX);
        for (index, key) in self.keys.drain(..).chain(padding).take(K::PER_NODE).enumerate() {
            key.put(&mut node, index);
        }
        sink.put(self.at, &node, "search key")?;
        self.at += NODE;
        Ok(())
    }
}

/// A prefix, and the length and slot of its parent.
type Placed<A> = (Entry<A>, Option<(u8, u32)>);

/// The leaf that is being filled.
struct Leaf<A> {
    number: u32,
    prefixes: Vec<Placed<A>>,
    at: usize,
    rest_at: usize,
    per_leaf: usize,
}

impl<A: Address> Leaf<A> {
    fn new<O: Order<Address = A>>(tree: &Tree<O>) -> Self {
        let (at, rest_at) = (tree.leaf as usize, tree.rests as usize);
        Self { number: 0, prefixes: Vec::new(), at, rest_at, per_leaf: Tree::<O>::PER_LEAF }
    }

    /// The slot of the next prefix.
    fn next_index(&self) -> u32 {
        let first = self.number.wrapping_mul(self.per_leaf as u32);
        first.wrapping_add(self.prefixes.len() as u32)
    }

    /// Writes the leaf, its last prefix repeated up to the end, and begins the next.
    fn finish<O: Order<Address = A>>(
        &mut self,
        tree: &Tree<O>,
        sink: &mut impl Sink,
    ) -> Result<(), Error> {
        let Some(last) = self.prefixes.last().copied() else { return Ok(()) };
        let mut keys = [0; NODE];
        let mut records = BitColumn::new(self.at + NODE, tree.shape.width(), "record");
        let first = self.number.wrapping_mul(self.per_leaf as u32);
        let all = self.prefixes.drain(..).chain(std::iter::repeat(last)).take(self.per_leaf);
        for ((entry, parent), place) in all.zip(0_usize..) {
            O::leaf(entry.start).put(&mut keys, place);
            let index = first.wrapping_add(place as u32);
            let parent = parent.map(|(len, parent)| (len, index.wrapping_sub(parent)));
            records.push(tree.shape.pack(entry.len, entry.value, parent), sink)?;
            if tree.rests != 0 {
                let rest = O::rest(entry.start).to_le_bytes();
                sink.put(self.rest_at, &rest, "rest of an address")?;
                self.rest_at += 8;
            }
        }
        sink.put(self.at, &keys, "key")?;
        self.at = records.finish(sink)?;
        self.number += 1;
        Ok(())
    }

    /// Writes what follows the last leaf and the last rest.
    fn finish_columns<O: Order>(&self, tree: &Tree<O>, sink: &mut impl Sink) -> Result<(), Error> {
        if self.number > 0 {
            sink.slack(self.at)?;
        }
        if tree.rests != 0 { sink.gap(self.rest_at) } else { Ok(()) }
    }
}
