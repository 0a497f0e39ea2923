//! IPv4 and IPv6 addresses as numbers, so that one search serves both families.
//!
//! An address splits into a *key*, the part the search tree is sorted by, and a *rest*. For IPv4
//! the key is everything. For IPv6 it is the upper half: hardly any prefix is longer than /64, and
//! a tree over halves is half as big.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::tree::Key;

/// An address of one family.
pub(crate) trait Address: Copy + Ord + std::fmt::Debug {
    /// The length of the longest prefix.
    const BITS: u8;
    /// The address that a tree is sorted by.
    type Key: Key;

    /// The upper part of the address.
    fn key(self) -> Self::Key;
    /// What the key leaves out.
    fn rest(self) -> u64;
    /// Key and rest put together again.
    fn join(key: Self::Key, rest: u64) -> Self;
    /// The first address of the prefix of `len` bits that `self` lies in.
    fn start(self, len: u8) -> Self;
    /// How many leading bits `self` and `other` share.
    fn common(self, other: Self) -> u8;
    /// The prefix of `len` bits that `self` lies in.
    fn net(self, len: u8) -> Option<IpNet>;
}

impl Address for u32 {
    const BITS: u8 = 32;
    type Key = u32;

    #[inline]
    fn key(self) -> u32 {
        self
    }

    #[inline]
    fn rest(self) -> u64 {
        0
    }

    #[inline]
    fn join(key: u32, _rest: u64) -> Self {
        key
    }

    #[inline]
    fn start(self, len: u8) -> Self {
        self & !u32::MAX.checked_shr(u32::from(len)).unwrap_or(0)
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
    const BITS: u8 = 128;
    type Key = u64;

    #[inline]
    fn key(self) -> u64 {
        (self >> 64) as u64
    }

    #[inline]
    fn rest(self) -> u64 {
        self as u64
    }

    #[inline]
    fn join(key: u64, rest: u64) -> Self {
        (u128::from(key) << 64) | u128::from(rest)
    }

    #[inline]
    fn start(self, len: u8) -> Self {
        self & !u128::MAX.checked_shr(u32::from(len)).unwrap_or(0)
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
