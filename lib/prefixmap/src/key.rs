//! The numbers a search node is made of, and how addresses become them.

use std::fmt::Debug;

use crate::address::Address;

/// A number in a search node.
pub(crate) trait Key: Copy + Ord + Debug {
    /// The size of a key.
    const SIZE: usize;
    /// How many keys fill a node.
    const PER_NODE: usize = NODE / Self::SIZE;
    /// Above every key that is searched for.
    const MAX: Self;

    /// Reads key number `index` of the column that begins at `column`.
    fn read(bytes: &[u8], column: u32, index: usize) -> Option<Self>;
    /// How many keys of `node` are not above `key`.
    fn count_not_above(node: &[u8; NODE], key: Self) -> usize;
    /// Key number `index` of `node`.
    fn of(node: &[u8; NODE], index: usize) -> Option<Self>;
    /// Puts key number `index` into `node`.
    fn put(self, node: &mut [u8; NODE], index: usize);
    /// The next lower key.
    fn before(self) -> Option<Self>;
}

macro_rules! key {
    ($int:ty) => {
        impl Key for $int {
            const SIZE: usize = size_of::<$int>();
            const MAX: Self = <$int>::MAX;

            #[inline]
            fn read(bytes: &[u8], column: u32, index: usize) -> Option<Self> {
                let at = index.wrapping_mul(Self::SIZE).wrapping_add(column as usize);
                bytes.get(at..)?.first_chunk().map(|chunk| Self::from_le_bytes(*chunk))
            }

            #[inline]
            fn count_not_above(node: &[u8; NODE], key: Self) -> usize {
                let (keys, _) = node.as_chunks::<{ size_of::<$int>() }>();
                let keys = keys.iter().map(|chunk| Self::from_le_bytes(*chunk));
                keys.map(|own| Self::from(own <= key)).sum::<Self>() as usize
            }

            #[inline]
            fn of(node: &[u8; NODE], index: usize) -> Option<Self> {
                let (keys, _) = node.as_chunks::<{ size_of::<$int>() }>();
                keys.get(index).map(|chunk| Self::from_le_bytes(*chunk))
            }

            fn put(self, node: &mut [u8; NODE], index: usize) {
                let (keys, _) = node.as_chunks_mut::<{ size_of::<$int>() }>();
                if let Some(chunk) = keys.get_mut(index) {
                    *chunk = self.to_le_bytes();
                }
            }

            fn before(self) -> Option<Self> {
                self.checked_sub(1)
            }
        }
    };
}

key!(u32);
key!(u64);

/// How the addresses of one table become keys.
///
/// The upper levels of a tree compare [`Order::Upper`], its leaves [`Order::Leaf`]. A leaf may
/// leave out leading bits that all addresses in it share: such addresses are said to lie on one
/// page, and no leaf holds two pages.
pub(crate) trait Order: Copy + Debug + PartialEq + Eq {
    type Address: Address;
    type Upper: Key;
    type Leaf: Key;

    fn upper(address: Self::Address) -> Self::Upper;
    fn leaf(address: Self::Address) -> Self::Leaf;
    /// What neither key holds.
    fn rest(address: Self::Address) -> u64;
    fn same_page(one: Self::Upper, other: Self::Upper) -> bool;
    /// The address with this leaf key and rest, on the page of `upper`.
    fn join(upper: Self::Upper, leaf: Self::Leaf, rest: u64) -> Self::Address;
}

/// IPv4: one key holds the whole address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Whole;

impl Order for Whole {
    type Address = u32;
    type Upper = u32;
    type Leaf = u32;

    #[inline]
    fn upper(address: u32) -> u32 {
        address
    }

    #[inline]
    fn leaf(address: u32) -> u32 {
        address
    }

    #[inline]
    fn rest(_address: u32) -> u64 {
        0
    }

    #[inline]
    fn same_page(_one: u32, _other: u32) -> bool {
        true
    }

    #[inline]
    fn join(_upper: u32, leaf: u32, _rest: u64) -> u32 {
        leaf
    }
}

/// IPv6 up to /48: pages of 16 bits, leaves of the next 32. Nearly all routes are of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paged;

impl Order for Paged {
    type Address = u128;
    type Upper = u64;
    type Leaf = u32;

    #[inline]
    fn upper(address: u128) -> u64 {
        (address >> 64) as u64
    }

    #[inline]
    fn leaf(address: u128) -> u32 {
        (address >> 80) as u32
    }

    #[inline]
    fn rest(_address: u128) -> u64 {
        0
    }

    #[inline]
    fn same_page(one: u64, other: u64) -> bool {
        (one ^ other) >> 48 == 0
    }

    #[inline]
    fn join(upper: u64, leaf: u32, _rest: u64) -> u128 {
        u128::from(upper >> 48) << 112 | u128::from(leaf) << 80
    }
}

/// IPv6 of any length: keys of the upper half; the lower half, if it is ever in use, in a column
/// of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Halves;

impl Order for Halves {
    type Address = u128;
    type Upper = u64;
    type Leaf = u64;

    #[inline]
    fn upper(address: u128) -> u64 {
        (address >> 64) as u64
    }

    #[inline]
    fn leaf(address: u128) -> u64 {
        (address >> 64) as u64
    }

    #[inline]
    fn rest(address: u128) -> u64 {
        address as u64
    }

    #[inline]
    fn same_page(_one: u64, _other: u64) -> bool {
        true
    }

    #[inline]
    fn join(_upper: u64, leaf: u64, rest: u64) -> u128 {
        u128::from(leaf) << 64 | u128::from(rest)
    }
}

/// The size of a node: a cache line.
pub(crate) const NODE: usize = 64;
