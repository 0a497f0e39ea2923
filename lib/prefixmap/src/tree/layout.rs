//! Where the columns of a tree lie. Everything follows from a few numbers.

use std::marker::PhantomData;

use crate::address::Entry;
use crate::key::{Key, NODE, Order};
use crate::record::{SLACK, Shape, bits_for, bits_size};

/// Where the columns of one tree lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tree<O> {
    /// How many prefixes there are.
    pub(crate) count: u32,
    /// How many leaves there are.
    pub(crate) leaves: u32,
    /// How many levels lie above the leaves.
    pub(crate) height: u8,
    /// Where each level above the leaves begins, the root first.
    pub(crate) levels: [u32; HEIGHT_MAX],
    /// Where the level right above the leaves begins.
    pub(crate) firsts: u32,
    /// Where the leaves begin.
    pub(crate) leaf: u32,
    /// The size of a leaf.
    pub(crate) leaf_size: u32,
    /// Where the rests of the start addresses begin, or 0 if all of them are 0.
    pub(crate) rests: u32,
    /// How a record is packed.
    pub(crate) shape: Shape,
    pub(crate) order: PhantomData<O>,
}

/// What the header says of a tree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TreeNumbers {
    pub(crate) count: u32,
    pub(crate) leaves: u32,
    pub(crate) len_min: u8,
    pub(crate) len_max: u8,
    pub(crate) value_bits: u8,
    pub(crate) with_rests: bool,
}

impl TreeNumbers {
    /// The numbers of a tree of these prefixes. `None` if there are too many.
    pub(crate) fn of<O: Order>(entries: impl Iterator<Item = Entry<O::Address>>) -> Option<Self> {
        let mut tally = Tally::<O>::default();
        for entry in entries {
            tally.push(&entry);
        }
        Some(tally.numbers).filter(|numbers| numbers.count < u32::MAX)
    }
}

/// Learns the numbers of a tree, one prefix after the other.
#[derive(Debug)]
pub(crate) struct Tally<O: Order> {
    pub(crate) numbers: TreeNumbers,
    leaves: Leaves<O>,
}

impl<O: Order> Default for Tally<O> {
    fn default() -> Self {
        Self { numbers: TreeNumbers::default(), leaves: Leaves::default() }
    }
}

impl<O: Order> Tally<O> {
    /// Goes on to the next prefix in order, and says whether a leaf begins with it.
    pub(crate) fn push(&mut self, entry: &Entry<O::Address>) -> bool {
        let begins = self.leaves.push(entry.start);
        let numbers = &mut self.numbers;
        let len_min = if numbers.count == 0 { entry.len } else { numbers.len_min };
        numbers.count = numbers.count.saturating_add(1);
        numbers.leaves = numbers.leaves.saturating_add(begins.into());
        numbers.len_min = len_min.min(entry.len);
        numbers.len_max = numbers.len_max.max(entry.len);
        numbers.value_bits = numbers.value_bits.max(bits_for(entry.value.into()));
        numbers.with_rests |= O::rest(entry.start) != 0;
        begins
    }
}

/// Knows where leaves begin: when the last is full, and on every new page.
#[derive(Debug)]
struct Leaves<O: Order> {
    keys: usize,
    page: Option<O::Upper>,
}

impl<O: Order> Default for Leaves<O> {
    fn default() -> Self {
        Self { keys: 0, page: None }
    }
}

impl<O: Order> Leaves<O> {
    fn push(&mut self, start: O::Address) -> bool {
        let upper = O::upper(start);
        let same_page = self.page.is_some_and(|page| O::same_page(page, upper));
        let begins = !same_page || self.keys == Tree::<O>::PER_LEAF;
        if begins {
            self.keys = 0;
            self.page = Some(upper);
        }
        self.keys += 1;
        begins
    }
}

impl<O: Order> Tree<O> {
    /// How many prefixes a leaf holds.
    pub(crate) const PER_LEAF: usize = O::Leaf::PER_NODE;

    /// Lays out a tree from byte `at` on, and says where it ends.
    pub(crate) fn plan(numbers: TreeNumbers, at: u64) -> Option<(Self, u64)> {
        let TreeNumbers { count, leaves, len_min, len_max, value_bits, with_rests } = numbers;
        let shape = Shape::new(len_min, len_max, value_bits);
        let leaf_size = NODE as u64 + bits_size(Self::PER_LEAF as u64, shape.width());
        let slots = u64::from(leaves) * Self::PER_LEAF as u64;
        let mut sizes = [0_u64; HEIGHT_MAX];
        let mut height = 0_usize;
        let mut nodes = u64::from(leaves);
        while nodes > 1 || (nodes == 1 && height == 0) {
            nodes = nodes.div_ceil(O::Upper::PER_NODE as u64);
            *sizes.get_mut(height)? = nodes * NODE as u64;
            height += 1;
        }
        u32::try_from(slots).ok()?;
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
        let firsts = height.checked_sub(1).and_then(|last| levels.get(last).copied());
        let tree = Self {
            count,
            leaves,
            height: height as u8,
            levels,
            firsts: firsts.unwrap_or(0),
            leaf: place(u64::from(leaves) * leaf_size + if leaves > 0 { SLACK } else { 0 })?,
            leaf_size: leaf_size as u32,
            rests: if with_rests { place(slots * 8)? } else { 0 },
            shape,
            order: PhantomData,
        };
        Some((tree, at))
    }

    /// The numbers this tree was planned from.
    pub(crate) fn numbers(&self) -> TreeNumbers {
        TreeNumbers {
            count: self.count,
            leaves: self.leaves,
            len_min: self.shape.len_min,
            len_max: self.shape.len_max,
            value_bits: self.shape.value_bits,
            with_rests: self.rests != 0,
        }
    }
}

/// More levels than 2^32 keys need.
pub(crate) const HEIGHT_MAX: usize = 11;
