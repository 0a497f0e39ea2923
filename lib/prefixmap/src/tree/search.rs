//! The search for the longest match, and the climb from a prefix to its parents.

use super::layout::Tree;
use crate::address::Address;
use crate::key::{Key, NODE, Order};
use crate::record::{Link, Record};

/// A prefix that was found: its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) index: u32,
    pub(crate) len: u8,
    pub(crate) record: Record,
}

impl<O: Order> Tree<O> {
    /// The longest prefix of at most `len_max` bits that contains `address`.
    #[inline]
    pub(crate) fn find(&self, bytes: &[u8], address: O::Address, len_max: u8) -> Option<Hit> {
        let (mut hit, start) = self.last_not_above(bytes, address)?;
        let common = start.common(address).min(len_max);
        while hit.len > common {
            hit = self.parent(bytes, start, hit)?;
        }
        Some(hit)
    }

    /// The parent of `hit`, which contains `address`.
    ///
    /// A parent is always shorter; bytes that say otherwise end the climb, so that it takes at most
    /// as many steps as an address has bits, whatever the bytes are.
    #[inline]
    pub(crate) fn parent(&self, bytes: &[u8], address: O::Address, hit: Hit) -> Option<Hit> {
        let parent = match self.shape.link(hit.record) {
            Link::Root => return None,
            Link::Near(distance) => self.hit(bytes, hit.index.checked_sub(distance)?)?,
            Link::Far(len) => self.exact(bytes, address.start(len), len)?,
        };
        (parent.len < hit.len).then_some(parent)
    }

    /// The prefix that starts at `start` and has exactly `len` bits.
    #[inline(never)]
    pub(crate) fn exact(&self, bytes: &[u8], start: O::Address, len: u8) -> Option<Hit> {
        let (mut hit, found) = self.last_not_above(bytes, start)?;
        if found != start {
            return None;
        }
        // Of several prefixes with this start, the longest was found; the others are its
        // ancestors, and near.
        while hit.len > len {
            let Link::Near(distance) = self.shape.link(hit.record) else { return None };
            let parent = self.hit(bytes, hit.index.checked_sub(distance)?)?;
            if parent.len >= hit.len {
                return None;
            }
            hit = parent;
        }
        (hit.len == len).then_some(hit)
    }

    /// The prefix in slot `index`, counted through all leaves.
    #[inline]
    pub(crate) fn hit(&self, bytes: &[u8], index: u32) -> Option<Hit> {
        self.hit_in(bytes, index as usize / Self::PER_LEAF, index as usize % Self::PER_LEAF)
    }

    /// The prefix at `place` of leaf number `leaf`.
    #[inline]
    pub(super) fn hit_in(&self, bytes: &[u8], leaf: usize, place: usize) -> Option<Hit> {
        let at = self.leaf_at(leaf).wrapping_add(NODE);
        let record = self.shape.read(bytes, at, place)?;
        let index = leaf.wrapping_mul(Self::PER_LEAF).wrapping_add(place) as u32;
        Some(Hit { index, len: self.shape.len(record), record })
    }

    /// The last prefix that starts at or before `address`, and its start.
    #[inline]
    fn last_not_above(&self, bytes: &[u8], address: O::Address) -> Option<(Hit, O::Address)> {
        let (index, first, key) = self.search(bytes, O::upper(address), O::leaf(address))?;
        if self.rests == 0 {
            return Some((self.hit(bytes, index)?, O::join(first, key, 0)));
        }
        let start = O::join(first, key, self.rest(bytes, index)?);
        if start > address {
            return self.step_back(bytes, address, index);
        }
        Some((self.hit(bytes, index)?, start))
    }

    /// The last prefix whose keys are not above these: its slot, its leaf's first key, its key.
    #[inline]
    fn search(
        &self,
        bytes: &[u8],
        upper: O::Upper,
        leaf: O::Leaf,
    ) -> Option<(u32, O::Upper, O::Leaf)> {
        let number = self.last_leaf_not_above(bytes, upper)?;
        let first = O::Upper::read(bytes, self.firsts, number)?;
        // On a later page than the leaf's, every key of the leaf is below.
        let key = if O::same_page(first, upper) { leaf } else { O::Leaf::MAX };
        let keys = self.keys(bytes, number)?;
        let place = O::Leaf::count_not_above(keys, key).wrapping_sub(1);
        let index = number.wrapping_mul(Self::PER_LEAF).wrapping_add(place);
        Some((index as u32, first, O::Leaf::of(keys, place)?))
    }

    /// The last leaf whose first key is not above `upper`.
    #[inline]
    fn last_leaf_not_above(&self, bytes: &[u8], upper: O::Upper) -> Option<usize> {
        let last = (self.leaves as usize).checked_sub(1)?;
        if upper == O::Upper::MAX {
            // The padding of the last node would count as not above.
            return Some(last);
        }
        let mut node = 0_usize;
        for level in self.levels.get(..usize::from(self.height))? {
            let at = node.wrapping_mul(NODE).wrapping_add(*level as usize);
            let keys = bytes.get(at..)?.first_chunk()?;
            let below = O::Upper::count_not_above(keys, upper);
            // Only in the root can all keys be above.
            node = node.wrapping_mul(O::Upper::PER_NODE).wrapping_add(below).checked_sub(1)?;
        }
        Some(node)
    }

    /// The search among starts that differ in their rests only, the last of which is `last`.
    #[cold]
    fn step_back(&self, bytes: &[u8], address: O::Address, last: u32) -> Option<(Hit, O::Address)> {
        let upper = O::upper(address);
        let before = match (upper.before(), O::leaf(address).before()) {
            (Some(upper), Some(leaf)) => self.search(bytes, upper, leaf),
            _ => None,
        };
        let (mut low, mut high) = (before.map_or(0, |(index, ..)| index.wrapping_add(1)), last);
        while low < high {
            let middle = low.midpoint(high);
            if self.rest(bytes, middle)? <= O::rest(address) {
                low = middle.wrapping_add(1);
            } else {
                high = middle;
            }
        }
        let index = low.checked_sub(1)?;
        let rest = self.rest(bytes, index)?;
        let (first, key) = match before {
            Some((before, first, key)) if before == index => (first, key),
            _ => (upper, O::leaf(address)),
        };
        Some((self.hit(bytes, index)?, O::join(first, key, rest)))
    }

    /// The keys of leaf number `leaf`.
    #[inline]
    pub(super) fn keys<'a>(&self, bytes: &'a [u8], leaf: usize) -> Option<&'a [u8; NODE]> {
        bytes.get(self.leaf_at(leaf)..)?.first_chunk()
    }

    #[inline]
    fn leaf_at(&self, leaf: usize) -> usize {
        leaf.wrapping_mul(self.leaf_size as usize).wrapping_add(self.leaf as usize)
    }

    #[inline]
    pub(super) fn rest(&self, bytes: &[u8], index: u32) -> Option<u64> {
        if self.rests == 0 { Some(0) } else { u64::read(bytes, self.rests, index as usize) }
    }
}
