//! One family's prefixes, sorted, and the search in them.
//!
//! Prefixes are ordered by start address, shorter first. The keys of the starts are the lowest
//! level of a search tree; every level above holds the first key of each node below. A node is 64
//! bytes, and a step down counts how many of its keys are not above the address: no branch depends
//! on the data. The search ends at the last prefix that starts at or before the address. If that
//! one does not contain the address, then the answer is the first of its ancestors that does.
//!
//! A record's link leads to the parent: 0 means there is none; the next few numbers mean "far, and
//! of this length", which is found by searching for it; all others are the distance, counted in
//! records.

use std::marker::PhantomData;

use crate::address::Address;
use crate::record::{Record, Shape, bits_for};

/// Where the columns of one table of sorted prefixes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tree<A> {
    /// How many prefixes there are.
    pub(crate) count: u32,
    /// How many levels of nodes lie above each other.
    pub(crate) height: u8,
    /// Where each level begins, the root first.
    pub(crate) levels: [u32; HEIGHT_MAX],
    /// Where the rests of the start addresses begin, or 0 if all of them are 0.
    pub(crate) rests: u32,
    /// Where the records begin.
    pub(crate) records: u32,
    /// How a record is packed.
    pub(crate) shape: Shape,
    pub(crate) family: PhantomData<A>,
}

/// A prefix that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) index: usize,
    pub(crate) record: Record,
    pub(crate) len: u8,
}

/// What a link says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// No shorter prefix contains this one.
    Root,
    /// The parent has this length.
    Far(u8),
    /// The parent is this many records before.
    Near(usize),
}

impl<A: Address> Tree<A> {
    /// Lays out a table of `count` prefixes from byte `at` on, and says where it ends.
    pub(crate) fn plan(count: u32, shape: Shape, with_rests: bool, at: u64) -> Option<(Self, u64)> {
        let per_node = A::Key::PER_NODE as u64;
        let mut sizes = [0_u64; HEIGHT_MAX];
        let mut height = 0_usize;
        let mut nodes = u64::from(count);
        while nodes > 1 || (nodes == 1 && height == 0) {
            nodes = nodes.div_ceil(per_node);
            *sizes.get_mut(height)? = nodes * NODE as u64;
            height += 1;
        }
        let mut at = at;
        let mut place = |size: u64| {
            let here = u32::try_from(at).ok()?;
            at = (at + size).next_multiple_of(NODE as u64);
            Some(here)
        };
        let mut levels = [0; HEIGHT_MAX];
        for (level, size) in levels.iter_mut().zip(sizes.get(..height)?.iter().rev()) {
            *level = place(*size)?;
        }
        let rests = if with_rests { place(u64::from(count) * 8)? } else { 0 };
        let records = place(shape.column_size(u64::from(count)))?;
        let height = height as u8;
        Some((Self { count, height, levels, rests, records, shape, family: PhantomData }, at))
    }

    /// The longest prefix of at most `len_max` bits that contains `address`.
    #[inline]
    pub(crate) fn find(&self, bytes: &[u8], address: A, len_max: u8) -> Option<Hit> {
        let (index, start) = self.last_not_above(bytes, address)?;
        let common = start.common(address).min(len_max);
        let record = self.shape.read(bytes, self.records, index)?;
        let mut hit = Hit { index, record, len: self.shape.len(record) };
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
    pub(crate) fn parent(&self, bytes: &[u8], address: A, hit: Hit) -> Option<Hit> {
        let parent = match self.link(hit.record) {
            Link::Root => return None,
            Link::Near(distance) => self.hit(bytes, hit.index.checked_sub(distance)?)?,
            Link::Far(len) => self.exact(bytes, address.start(len), len)?,
        };
        (parent.len < hit.len).then_some(parent)
    }

    /// The prefix that starts at `start` and has exactly `len` bits.
    #[inline(never)]
    pub(crate) fn exact(&self, bytes: &[u8], start: A, len: u8) -> Option<Hit> {
        let (index, _) = self.last_not_above(bytes, start)?;
        // Prefixes with the same start lie side by side, the longest last.
        let mut hit = self.hit(bytes, index)?;
        while hit.len > len {
            let before = self.hit(bytes, hit.index.checked_sub(1)?)?;
            if before.len >= hit.len {
                return None;
            }
            hit = before;
        }
        (hit.len == len && self.start(bytes, hit.index)? == start).then_some(hit)
    }

    /// The prefix number `index`.
    #[inline]
    pub(crate) fn hit(&self, bytes: &[u8], index: usize) -> Option<Hit> {
        let record = self.shape.read(bytes, self.records, index)?;
        Some(Hit { index, record, len: self.shape.len(record) })
    }

    /// Where the prefix number `index` starts.
    #[inline]
    pub(crate) fn start(&self, bytes: &[u8], index: usize) -> Option<A> {
        let height = usize::from(self.height);
        let leaves = *self.levels.get(height.checked_sub(1)?)?;
        let key = A::Key::read(bytes, leaves, index)?;
        Some(A::join(key, self.rest(bytes, index)?))
    }

    /// What the link of `record` says.
    #[inline]
    pub(crate) fn link(&self, record: Record) -> Link {
        let link = self.shape.link(record);
        let far = Self::far_codes(self.shape);
        match link {
            0 => Link::Root,
            link if link > far => Link::Near(link.wrapping_sub(far) as usize),
            link => Link::Far(self.shape.len_min.wrapping_add(link as u8).wrapping_sub(1)),
        }
    }

    /// The link to the prefix of `parent_len` bits that lies `distance` records before.
    pub(crate) fn link_to(shape: Shape, parent_len: u8, distance: usize) -> u64 {
        let far = Self::far_codes(shape);
        let near = (distance as u64).saturating_add(far);
        if near < shape.links() {
            near
        } else {
            u64::from(parent_len.wrapping_sub(shape.len_min)).wrapping_add(1)
        }
    }

    /// How wide a link must at least be: wide enough for every length, and for 255 neighbours.
    pub(crate) fn link_bits(len_min: u8, len_max: u8) -> u8 {
        bits_for(u64::from(len_max.saturating_sub(len_min)).saturating_add(256))
    }

    #[inline]
    fn far_codes(shape: Shape) -> u64 {
        u64::from(shape.len_max.wrapping_sub(shape.len_min)).wrapping_add(1)
    }

    /// The last prefix that starts at or before `address`, and its start.
    #[inline]
    fn last_not_above(&self, bytes: &[u8], address: A) -> Option<(usize, A)> {
        let index = self.last_key_not_above(bytes, address.key())?;
        let start = self.start(bytes, index)?;
        if start <= address { Some((index, start)) } else { self.step_back(bytes, address, index) }
    }

    /// The last prefix whose key is not above `key`.
    #[inline]
    fn last_key_not_above(&self, bytes: &[u8], key: A::Key) -> Option<usize> {
        if key == A::Key::PADDING {
            // Padding would count as not above.
            return (self.count as usize).checked_sub(1);
        }
        let mut index = 0_usize;
        for level in self.levels.get(..usize::from(self.height))? {
            let at = index.wrapping_mul(NODE).wrapping_add(*level as usize);
            let keys = bytes.get(at..)?.first_chunk::<NODE>()?;
            let below = A::Key::count_not_above(keys, key);
            // Only in the root can all keys be above.
            index = index.wrapping_mul(A::Key::PER_NODE).wrapping_add(below).checked_sub(1)?;
        }
        Some(index)
    }

    /// The search among starts whose keys are equal.
    #[cold]
    fn step_back(&self, bytes: &[u8], address: A, above: usize) -> Option<(usize, A)> {
        let (mut low, mut high) = (0, above);
        while low < high {
            let middle = low.midpoint(high);
            if self.start(bytes, middle)? <= address {
                low = middle.wrapping_add(1);
            } else {
                high = middle;
            }
        }
        let index = low.checked_sub(1)?;
        let start = self.start(bytes, index)?;
        (start <= address).then_some((index, start))
    }

    #[inline]
    fn rest(&self, bytes: &[u8], index: usize) -> Option<u64> {
        if self.rests == 0 { Some(0) } else { u64::read(bytes, self.rests, index) }
    }
}

/// What a level of the tree is made of.
pub(crate) trait Key: Copy + Ord + std::fmt::Debug {
    /// The size of a key.
    const SIZE: usize;
    /// How many keys fill a node.
    const PER_NODE: usize = NODE / Self::SIZE;
    /// Fills the last node of a level.
    const PADDING: Self;

    /// Reads key number `index` of the column that begins at `column`.
    fn read(bytes: &[u8], column: u32, index: usize) -> Option<Self>;
    /// Writes key number `index` of the column that begins at `column`.
    fn write(self, bytes: &mut [u8], column: u32, index: usize) -> Option<()>;
    /// How many keys of a node are not above `self`.
    fn count_not_above(node: &[u8; NODE], key: Self) -> usize;
}

macro_rules! key {
    ($int:ty) => {
        impl Key for $int {
            const SIZE: usize = size_of::<$int>();
            const PADDING: Self = Self::MAX;

            #[inline]
            fn read(bytes: &[u8], column: u32, index: usize) -> Option<Self> {
                let at = index.wrapping_mul(Self::SIZE).wrapping_add(column as usize);
                bytes.get(at..)?.first_chunk().map(|chunk| Self::from_le_bytes(*chunk))
            }

            #[inline]
            fn write(self, bytes: &mut [u8], column: u32, index: usize) -> Option<()> {
                let at = index.wrapping_mul(Self::SIZE).wrapping_add(column as usize);
                *bytes.get_mut(at..)?.first_chunk_mut()? = self.to_le_bytes();
                Some(())
            }

            #[inline]
            fn count_not_above(node: &[u8; NODE], key: Self) -> usize {
                let (keys, _) = node.as_chunks::<{ size_of::<$int>() }>();
                let below: $int =
                    keys.iter().map(|chunk| <$int>::from(Self::from_le_bytes(*chunk) <= key)).sum();
                below as usize
            }
        }
    };
}

key!(u32);
key!(u64);

/// The size of a node: a cache line.
pub(crate) const NODE: usize = 64;

/// 2^32 keys in nodes of 8 need no more levels than this.
pub(crate) const HEIGHT_MAX: usize = 11;
