//! The iterators the map hands out.

use std::iter::FusedIterator;

use ipnet::IpNet;

use crate::address::Address;
use crate::layout::Layout;
use crate::tree::{Hit, Tree};

/// All prefixes that contain an address or a prefix, the longest first.
///
/// Made by [`PrefixMap::covering`](crate::PrefixMap::covering) and
/// [`PrefixMap::covering_net`](crate::PrefixMap::covering_net).
#[derive(Debug, Clone)]
pub struct Covering<'a> {
    bytes: &'a [u8],
    chain: Chain,
}

#[derive(Debug, Clone)]
enum Chain {
    V4(Tree<u32>, u32, Option<Hit>),
    V6(Tree<u128>, u128, Option<Hit>),
}

impl<'a> Covering<'a> {
    #[inline]
    pub(crate) fn v4(layout: &Layout, bytes: &'a [u8], address: u32, len: u8) -> Self {
        let address = address.start(len);
        let hit = layout.v4.find(bytes, address, len);
        Self { bytes, chain: Chain::V4(layout.v4, address, hit) }
    }

    #[inline]
    pub(crate) fn v6(layout: &Layout, bytes: &'a [u8], address: u128, len: u8) -> Self {
        let address = address.start(len);
        let hit = layout.v6.find(bytes, address, len);
        Self { bytes, chain: Chain::V6(layout.v6, address, hit) }
    }
}

impl Iterator for Covering<'_> {
    type Item = (IpNet, u32);

    #[inline]
    fn next(&mut self) -> Option<(IpNet, u32)> {
        match &mut self.chain {
            Chain::V4(tree, address, hit) => next_up(tree, self.bytes, *address, hit),
            Chain::V6(tree, address, hit) => next_up(tree, self.bytes, *address, hit),
        }
    }
}

impl FusedIterator for Covering<'_> {}

#[inline]
fn next_up<A: Address>(
    tree: &Tree<A>,
    bytes: &[u8],
    address: A,
    place: &mut Option<Hit>,
) -> Option<(IpNet, u32)> {
    let hit = place.take()?;
    *place = tree.parent(bytes, address, hit);
    Some((address.net(hit.len)?, tree.shape.value(hit.record)))
}

/// All prefixes and their values, in order.
///
/// Made by [`PrefixMap::iter`](crate::PrefixMap::iter).
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    layout: Layout,
    next: usize,
}

impl<'a> Iter<'a> {
    pub(crate) fn new(bytes: &'a [u8], layout: Layout) -> Self {
        Self { bytes, layout, next: 0 }
    }
}

impl Iterator for Iter<'_> {
    type Item = (IpNet, u32);

    fn next(&mut self) -> Option<(IpNet, u32)> {
        let v4 = self.layout.v4.count as usize;
        let item = if self.next < v4 {
            entry(&self.layout.v4, self.bytes, self.next)
        } else {
            let index = self.next.wrapping_sub(v4);
            if index >= self.layout.v6.count as usize {
                return None;
            }
            entry(&self.layout.v6, self.bytes, index)
        };
        self.next = self.next.saturating_add(1);
        item
    }
}

impl FusedIterator for Iter<'_> {}

fn entry<A: Address>(tree: &Tree<A>, bytes: &[u8], index: usize) -> Option<(IpNet, u32)> {
    let start = tree.start(bytes, index)?;
    let hit = tree.hit(bytes, index)?;
    Some((start.net(hit.len)?, tree.shape.value(hit.record)))
}
