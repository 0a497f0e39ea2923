//! Whose question it is: addresses behind proxies and tunnels.
//!
//! Headers count only when the peer is a proxy that the operator trusts, and then from the right:
//! each proxy appends the address it saw, so everything to the left of the first untrusted
//! address is hearsay.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;

/// The proxies whose word counts.
#[derive(Clone, Debug)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// Loopback and the given networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> TrustedProxies {
        TrustedProxies(networks.into_iter().collect())
    }

    /// Whether an address is a trusted proxy's.
    pub fn trusts(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the right-most one that is not a trusted proxy's, else the last one
    /// that could be read.
    ///
    /// `forwarded` are the values of the `X-Forwarded-For` header lines, or of `Forwarded` when
    /// there are none, in the order in which they came.
    pub fn client<'h>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'h [u8]>,
    ) -> IpAddr {
        let mut client = behind_mapping(peer);
        let entries = forwarded.rev().flat_map(|line| line.rsplit(|&byte| byte == b','));
        for entry in entries {
            if !self.trusts(client) {
                break;
            }
            match address(entry) {
                Some(address) => client = behind_mapping(address),
                None => break,
            }
        }
        client
    }
}

/// The IPv4 address that an IPv6 address stands for, when it is a mapped, 6to4 or Teredo address.
///
/// 6to4 (RFC 3056) carries the address in bits 16 to 47, Teredo (RFC 4380) carries it inverted in
/// the last 32.
pub fn behind_tunnel(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let octets = v6.octets();
    let v4 = |at: usize, invert: u8| {
        let byte = |n: usize| octets[at + n] ^ invert;
        IpAddr::V4(Ipv4Addr::new(byte(0), byte(1), byte(2), byte(3)))
    };
    match octets {
        [0x20, 0x02, ..] => v4(2, 0),
        [0x20, 0x01, 0, 0, ..] => v4(12, 0xff),
        _ => behind_mapping(address),
    }
}

fn behind_mapping(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// One entry of either header: an address alone, in brackets, with a port, or as
/// `for="[2001:db8::1]:4711";proto=https`.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?.trim();
    // What nearly every proxy writes.
    if let Ok(address) = entry.parse() {
        return Some(address);
    }
    let entry = entry.split(';').map(str::trim).find_map(for_value).unwrap_or(entry);
    let entry = entry.trim_matches('"');
    if let Ok(address) = entry.parse() {
        return Some(address);
    }
    if let Ok(socket) = entry.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

fn for_value(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("for").then(|| value.trim())
}
