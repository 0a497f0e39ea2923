//! Which addresses may be reached.
//!
//! A mirror's owner writes its URLs, and a mirror answers with redirects, so both can name whatever
//! this machine can reach and strangers cannot: itself, its neighbours, the metadata service of its
//! cloud. Names are resolved here, and an address that is not the world's is refused before a
//! packet is sent to it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Which addresses may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Addresses of the public network only.
    Public,
    /// Those, and this machine itself: for demonstrations and tests.
    Loopback,
    /// Any address: for what the operator names.
    Anywhere,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Family {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }
}

/// A name without an address of the family that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it has no address of this family")]
pub(crate) struct NoSuchFamily;

/// The addresses of a host, if all of them may be reached.
///
/// # Errors
///
/// When there are none, or one of them is [`Forbidden`].
pub async fn addresses(host: &str, reach: Reach) -> io::Result<Vec<IpAddr>> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip());
    let checked = found.map(|address| reach.check(address).map(|()| address));
    checked.collect::<Result<_, Forbidden>>().map_err(io::Error::other)
}

/// An address that may not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no address of the public network")]
pub struct Forbidden(pub IpAddr);

impl Reach {
    /// Checks an address.
    ///
    /// # Errors
    ///
    /// When it may not be reached.
    pub fn check(self, address: IpAddr) -> Result<(), Forbidden> {
        match self {
            Reach::Anywhere => Ok(()),
            Reach::Loopback if address.is_loopback() => Ok(()),
            _ if is_public(address) => Ok(()),
            _ => Err(Forbidden(address)),
        }
    }

    /// Checks the host of a URL, if it is an address; names are checked when they are resolved.
    pub(crate) fn check_host(self, host: Option<&str>) -> Result<(), Forbidden> {
        let Some(host) = host else { return Ok(()) };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host.parse().map_or(Ok(()), |address| self.check(address))
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match embedded(address) {
            Some(inner) => is_public_v4(inner),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_unspecified()
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation();
    let shared = a == 100 && b & 0xc0 == 64;
    let benchmark = a == 198 && b & 0xfe == 18;
    let protocol = (a, b, c) == (192, 0, 0);
    !(special || a == 0 || shared || benchmark || protocol || a >= 240)
}

/// Only what is handed out to the world: 2000::/3, without documentation and the like.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let documentation = (a, b) == (0x2001, 0xdb8) || (a == 0x3fff && b & 0xf000 == 0);
    let special = a == 0x2001 && b < 0x200;
    a & 0xe000 == 0x2000 && !documentation && !special
}

/// The IPv4 address that an IPv6 address is a way to.
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        // Mapped, compatible, and both prefixes of translators.
        (0, 0, 0, 0, 0, 0xffff | 0) if (g, h) != (0, 1) && (g, h) != (0, 0) => Some(v4(g, h)),
        (0x64, 0xff9b, 0, 0, 0, 0) | (0x64, 0xff9b, 1, _, _, _) => Some(v4(g, h)),
        (0x2002, ..) => Some(v4(b, c)),
        _ => None,
    }
}

/// Resolves names to the addresses that may be reached, or to none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver {
    pub(crate) reach: Reach,
    pub(crate) family: Option<Family>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let Resolver { reach, family } = *self;
        Box::pin(async move {
            // One forbidden address is enough: nobody honest publishes it beside others.
            let found = addresses(name.as_str(), reach).await.map_err(forbidden)?;
            let wanted = |address: &IpAddr| family.is_none_or(|own| own == Family::of(*address));
            let found: Vec<SocketAddr> =
                found.into_iter().filter(wanted).map(|address| (address, 0).into()).collect();
            if found.is_empty() {
                return Err(NoSuchFamily.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The guard's own word, where it was the guard's.
fn forbidden(error: io::Error) -> Box<dyn std::error::Error + Send + Sync> {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Forbidden>()) {
        Some(forbidden) => (*forbidden).into(),
        None => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Forbidden, Reach};

    #[test]
    fn only_the_worlds_addresses_are_public() {
        let check = |text: &str| Reach::Public.check(text.parse().unwrap());
        for text in ["1.1.1.1", "193.0.6.139", "2a00:1450::1", "2606:4700::1111", "::ffff:8.8.8.8"]
        {
            assert_eq!(check(text), Ok(()), "{text}");
        }
        for text in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.8",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "::10.0.0.1",
        ] {
            assert_eq!(check(text), Err(Forbidden(text.parse().unwrap())), "{text}");
            assert_eq!(Reach::Anywhere.check(text.parse().unwrap()), Ok(()));
        }
        assert!(Reach::Public.check_host(Some("[::1]")).is_err());
        assert!(Reach::Public.check_host(Some("mirror.example")).is_ok());
    }
}
