//! IPv4 and IPv6 addresses as numbers, so that one search serves both families.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::error::Error;

/// An address of one family.
pub(crate) trait Address: Copy + Ord + std::fmt::Debug {
    /// The first address of the prefix of `len` bits that `self` lies in.
    fn start(self, len: u8) -> Self;
    /// How many leading bits `self` and `other` share.
    fn common(self, other: Self) -> u8;
    /// The prefix of `len` bits that `self` lies in.
    fn net(self, len: u8) -> Option<IpNet>;
}

impl Address for u32 {
    #[inline]
    fn start(self, len: u8) -> Self {
        self & !Self::MAX.checked_shr(u32::from(len)).unwrap_or(0)
    }

    #[inline]
    fn common(self, other: Self) -> u8 {
        (self ^ other).leading_zeros() as u8
    }

    #[inline]
    fn net(self, len: u8) -> Option<IpNet> {
        Ipv4Net::new(Ipv4Addr::from_bits(self.start(len)), len).ok().map(IpNet::V4)
    }
}

impl Address for u128 {
    #[inline]
    fn start(self, len: u8) -> Self {
        self & !Self::MAX.checked_shr(u32::from(len)).unwrap_or(0)
    }

    #[inline]
    fn common(self, other: Self) -> u8 {
        (self ^ other).leading_zeros() as u8
    }

    #[inline]
    fn net(self, len: u8) -> Option<IpNet> {
        Ipv6Net::new(Ipv6Addr::from_bits(self.start(len)), len).ok().map(IpNet::V6)
    }
}

/// One prefix and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<A> {
    pub(crate) start: A,
    pub(crate) len: u8,
    pub(crate) value: u32,
}

impl<A: Address> Entry<A> {
    /// The order of all tables: by start, shorter first.
    pub(crate) fn key(&self) -> (A, u8) {
        (self.start, self.len)
    }
}

/// Looks at entries one after the other, and finds what is not as it must be.
#[derive(Debug)]
pub(crate) struct EntryOrder<A> {
    lens: RangeInclusive<u8>,
    at: usize,
    last: Option<(A, u8)>,
}

impl<A: Address> EntryOrder<A> {
    /// All entries must be of these lengths; the table they belong to begins at `at`.
    pub(crate) fn new(lens: RangeInclusive<u8>, at: usize) -> Self {
        Self { lens, at, last: None }
    }

    /// An entry must come after the one before it, and have no bits below its length.
    #[inline]
    pub(crate) fn check(&mut self, entry: &Entry<A>) -> Result<(), Error> {
        let last = self.last.replace(entry.key());
        if last.is_some_and(|last| last >= entry.key()) {
            return Err(Error::corrupt("order of prefixes", self.at));
        }
        if !self.lens.contains(&entry.len) || entry.start.start(entry.len) != entry.start {
            return Err(Error::corrupt("length of a prefix", self.at));
        }
        Ok(())
    }
}

/// The prefixes that contain the one last seen, that one included.
#[derive(Debug)]
pub(crate) struct Ancestors<A> {
    stack: Vec<(A, u8, u32)>,
}

impl<A: Address> Ancestors<A> {
    pub(crate) fn new() -> Self {
        Self { stack: Vec::new() }
    }

    /// The longest prefix seen that contains `start`: its length and number.
    pub(crate) fn of(&mut self, start: A) -> Option<(u8, u32)> {
        while self.stack.pop_if(|(first, len, _)| start.start(*len) != *first).is_some() {}
        self.stack.last().map(|(_, len, number)| (*len, *number))
    }

    /// Goes on to the next prefix in order, and returns its parent's length and number.
    pub(crate) fn push(&mut self, start: A, len: u8, number: u32) -> Option<(u8, u32)> {
        let parent = self.of(start);
        self.stack.push((start, len, number));
        parent
    }
}
