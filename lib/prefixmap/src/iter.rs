//! The iterators the map hands out.

use std::iter::{FusedIterator, Peekable};

use ipnet::IpNet;

use crate::address::{Address, Entry};
use crate::grid::GridCursor;
use crate::key::{Halves, Paged, Whole};
use crate::layout::Layout;
use crate::tree::TreeCursor;
use crate::v4::{self, Found};
use crate::v6;

/// All prefixes that contain an address or a prefix, the longest first.
///
/// Made by [`PrefixMap::covering`](crate::PrefixMap::covering) and
/// [`PrefixMap::covering_net`](crate::PrefixMap::covering_net).
#[derive(Debug, Clone)]
pub struct Covering<'a> {
    bytes: &'a [u8],
    layout: &'a Layout,
    chain: Chain,
}

#[derive(Debug, Clone)]
enum Chain {
    V4(u32, Option<Found<v4::Place>>),
    V6(u128, Option<Found<v6::Place>>),
}

impl<'a> Covering<'a> {
    #[inline]
    pub(crate) fn v4(layout: &'a Layout, bytes: &'a [u8], address: u32, len: u8) -> Self {
        let found = layout.v4.find(bytes, address.start(len), len);
        Self { bytes, layout, chain: Chain::V4(address.start(len), found) }
    }

    #[inline]
    pub(crate) fn v6(layout: &'a Layout, bytes: &'a [u8], address: u128, len: u8) -> Self {
        let found = layout.v6.find(bytes, address.start(len), len);
        Self { bytes, layout, chain: Chain::V6(address.start(len), found) }
    }
}

impl Iterator for Covering<'_> {
    type Item = (IpNet, u32);

    #[inline]
    fn next(&mut self) -> Option<(IpNet, u32)> {
        let Self { bytes, layout, chain } = self;
        match chain {
            Chain::V4(address, place) => {
                let found = place.take()?;
                *place = layout.v4.parent(bytes, *address, found);
                Some((address.net(found.len)?, found.value))
            }
            Chain::V6(address, place) => {
                let found = place.take()?;
                *place = layout.v6.parent(bytes, *address, found);
                Some((address.net(found.len)?, found.value))
            }
        }
    }
}

impl FusedIterator for Covering<'_> {}

/// All prefixes and their values, in order.
///
/// Made by [`PrefixMap::iter`](crate::PrefixMap::iter).
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    /// How many prefixes lie ahead, by the header: damaged bytes may hold more.
    ahead: usize,
    v4: Merge<u32, Merge<u32, TreeCursor<'a, Whole>, GridCursor<'a>>, TreeCursor<'a, Whole>>,
    v6: Merge<u128, TreeCursor<'a, Paged>, TreeCursor<'a, Halves>>,
}

impl<'a> Iter<'a> {
    pub(crate) fn new(layout: &Layout, bytes: &'a [u8]) -> Self {
        let (shorter, middle, rest) = layout.v4.cursors(bytes);
        let v4 = Merge::new(Merge::new(shorter, middle), rest);
        let (short, rest) = layout.v6.cursors(bytes);
        let ahead = (layout.v4.count() as usize).saturating_add(layout.v6.count() as usize);
        Self { ahead, v4, v6: Merge::new(short, rest) }
    }
}

impl Iterator for Iter<'_> {
    type Item = (IpNet, u32);

    fn next(&mut self) -> Option<(IpNet, u32)> {
        self.ahead = self.ahead.checked_sub(1)?;
        if let Some(Entry { start, len, value }) = self.v4.next() {
            return Some((start.net(len)?, value));
        }
        let Entry { start, len, value } = self.v6.next()?;
        Some((start.net(len)?, value))
    }
}

impl FusedIterator for Iter<'_> {}

/// Two walks in order become one.
#[derive(Debug, Clone)]
struct Merge<A, I, J>
where
    I: Iterator<Item = Entry<A>>,
    J: Iterator<Item = Entry<A>>,
{
    one: Peekable<I>,
    other: Peekable<J>,
}

impl<A, I: Iterator<Item = Entry<A>>, J: Iterator<Item = Entry<A>>> Merge<A, I, J> {
    fn new(one: I, other: J) -> Self {
        Self { one: one.peekable(), other: other.peekable() }
    }
}

impl<A, I, J> Iterator for Merge<A, I, J>
where
    A: Address,
    I: Iterator<Item = Entry<A>>,
    J: Iterator<Item = Entry<A>>,
{
    type Item = Entry<A>;

    fn next(&mut self) -> Option<Entry<A>> {
        match (self.one.peek(), self.other.peek()) {
            (Some(one), Some(other)) if one.key() > other.key() => self.other.next(),
            (Some(_), _) => self.one.next(),
            (None, _) => self.other.next(),
        }
    }
}
