//! The map: every question that can be asked.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::address::Address;
use crate::build::build;
use crate::check::check;
use crate::error::Error;
use crate::iter::{Covering, Iter};
use crate::layout::Layout;

/// An immutable map from IPv4 and IPv6 prefixes to small numbers, over the bytes `B`.
///
/// `B` is whatever holds the image: a `&[u8]`, a `Vec<u8>`, an `Arc<[u8]>`, a mapped file.
#[derive(Clone, Copy)]
pub struct PrefixMap<B> {
    bytes: B,
    layout: Layout,
}

impl PrefixMap<Vec<u8>> {
    /// Builds an image and a map over it; [`build`](crate::build()) says by which rules.
    ///
    /// # Errors
    ///
    /// [`Error::is_too_large`], if the image would not fit into 4 GiB.
    pub fn build(prefixes: impl IntoIterator<Item = (IpNet, u32)>) -> Result<Self, Error> {
        let bytes = build(prefixes)?;
        let layout = Layout::decode(&bytes)?;
        Ok(Self { bytes, layout })
    }
}

impl<B: AsRef<[u8]>> PrefixMap<B> {
    /// A map over an image that was built before, wherever it comes from.
    ///
    /// The image is checked from end to end, once: it is accepted if and only if
    /// [`build`](crate::build()) could have written it. Whether its *values* are the ones once
    /// written cannot be seen from the image; files that can rot want a checksum around it.
    ///
    /// # Errors
    ///
    /// The predicates of [`Error`] tell what is wrong, [`Error::offset`] where.
    ///
    /// # Examples
    ///
    /// ```
    /// use heliostat_prefixmap::{PrefixMap, build};
    ///
    /// let mut image = build([("192.0.2.0/24".parse()?, 7)])?;
    /// assert!(PrefixMap::open(&image).is_ok());
    /// assert!(PrefixMap::open(&image[..image.len() - 1]).unwrap_err().is_wrong_size());
    /// image[200] ^= 1;
    /// assert!(PrefixMap::open(&image).unwrap_err().is_corrupt());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(bytes: B) -> Result<Self, Error> {
        let layout = check(bytes.as_ref())?;
        Ok(Self { bytes, layout })
    }

    #[inline]
    pub(crate) fn from_parts(bytes: B, layout: Layout) -> Self {
        Self { bytes, layout }
    }

    /// Where each column lies: keep it to get this map again for nothing.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The image.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The bytes the map was made from.
    pub fn into_inner(self) -> B {
        self.bytes
    }

    /// The number of prefixes.
    pub fn len(&self) -> usize {
        self.len_v4().saturating_add(self.len_v6())
    }

    /// Whether there are no prefixes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of IPv4 prefixes.
    pub fn len_v4(&self) -> usize {
        self.layout.v4.count() as usize
    }

    /// The number of IPv6 prefixes.
    pub fn len_v6(&self) -> usize {
        self.layout.v6.count() as usize
    }

    /// The value of the longest prefix that contains `address`.
    ///
    /// ```
    /// use std::net::{IpAddr, Ipv4Addr};
    /// use heliostat_prefixmap::PrefixMap;
    ///
    /// let map = PrefixMap::build([("10.0.0.0/8".parse()?, 1), ("10.1.0.0/16".parse()?, 2)])?;
    /// assert_eq!(map.value(Ipv4Addr::new(10, 1, 2, 3)), Some(2));
    /// assert_eq!(map.value(Ipv4Addr::new(10, 2, 2, 3)), Some(1));
    /// assert_eq!(map.value(Ipv4Addr::new(11, 1, 2, 3)), None);
    /// // The families are separate: a mapped address is an IPv6 address.
    /// assert_eq!(map.value("::ffff:10.1.2.3".parse::<IpAddr>()?), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn value(&self, address: impl Into<IpAddr>) -> Option<u32> {
        let bytes = self.bytes.as_ref();
        match address.into() {
            IpAddr::V4(address) => Some(self.layout.v4.find(bytes, address.to_bits(), 32)?.value),
            IpAddr::V6(address) => Some(self.layout.v6.find(bytes, address.to_bits(), 128)?.value),
        }
    }

    /// The longest prefix that contains `address`, and its value.
    ///
    /// ```
    /// use std::net::Ipv6Addr;
    /// use heliostat_prefixmap::PrefixMap;
    ///
    /// let map = PrefixMap::build([("2001:db8::/32".parse()?, 1), ("2001:db8:7::/48".parse()?, 2)])?;
    /// let (prefix, value) = map.longest_match("2001:db8:7::1".parse::<Ipv6Addr>()?).unwrap();
    /// assert_eq!((prefix.to_string().as_str(), value), ("2001:db8:7::/48", 2));
    /// assert_eq!(map.longest_match(Ipv6Addr::LOCALHOST), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn longest_match(&self, address: impl Into<IpAddr>) -> Option<(IpNet, u32)> {
        let bytes = self.bytes.as_ref();
        match address.into() {
            IpAddr::V4(address) => {
                let found = self.layout.v4.find(bytes, address.to_bits(), 32)?;
                Some((address.to_bits().net(found.len)?, found.value))
            }
            IpAddr::V6(address) => {
                let found = self.layout.v6.find(bytes, address.to_bits(), 128)?;
                Some((address.to_bits().net(found.len)?, found.value))
            }
        }
    }

    /// The value of exactly this prefix. Bits below its length are ignored.
    ///
    /// ```
    /// use heliostat_prefixmap::PrefixMap;
    ///
    /// let map = PrefixMap::build([("10.0.0.0/8".parse()?, 1)])?;
    /// assert_eq!(map.exact("10.0.0.0/8".parse()?), Some(1));
    /// assert_eq!(map.exact("10.0.0.0/9".parse()?), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exact(&self, prefix: IpNet) -> Option<u32> {
        let bytes = self.bytes.as_ref();
        let len = prefix.prefix_len();
        match prefix {
            IpNet::V4(net) => self.layout.v4.exact(bytes, net.addr().to_bits(), len),
            IpNet::V6(net) => self.layout.v6.exact(bytes, net.addr().to_bits(), len),
        }
    }

    /// All prefixes that contain `address`, the longest first.
    ///
    /// ```
    /// use std::net::Ipv4Addr;
    /// use heliostat_prefixmap::PrefixMap;
    ///
    /// let map = PrefixMap::build([("0.0.0.0/0".parse()?, 0), ("10.1.0.0/16".parse()?, 2)])?;
    /// let values = |address| map.covering(address).map(|(_, value)| value).collect::<Vec<_>>();
    /// assert_eq!(values(Ipv4Addr::new(10, 1, 2, 3)), [2, 0]);
    /// assert_eq!(values(Ipv4Addr::new(10, 2, 2, 3)), [0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn covering(&self, address: impl Into<IpAddr>) -> Covering<'_> {
        let bytes = self.bytes.as_ref();
        match address.into() {
            IpAddr::V4(address) => Covering::v4(&self.layout, bytes, address.to_bits(), 32),
            IpAddr::V6(address) => Covering::v6(&self.layout, bytes, address.to_bits(), 128),
        }
    }

    /// All prefixes that contain all of `prefix`, the longest first; the first may be `prefix`
    /// itself.
    ///
    /// ```
    /// use heliostat_prefixmap::PrefixMap;
    ///
    /// let map = PrefixMap::build([("10.0.0.0/8".parse()?, 1), ("10.1.0.0/16".parse()?, 2)])?;
    /// let values = |prefix| map.covering_net(prefix).map(|(_, value)| value).collect::<Vec<_>>();
    /// assert_eq!(values("10.1.0.0/16".parse()?), [2, 1]);
    /// assert_eq!(values("10.0.0.0/15".parse()?), [1]);
    /// assert_eq!(values("10.0.0.0/7".parse()?), []);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn covering_net(&self, prefix: IpNet) -> Covering<'_> {
        let bytes = self.bytes.as_ref();
        let len = prefix.prefix_len();
        match prefix {
            IpNet::V4(net) => Covering::v4(&self.layout, bytes, net.addr().to_bits(), len),
            IpNet::V6(net) => Covering::v6(&self.layout, bytes, net.addr().to_bits(), len),
        }
    }

    /// All prefixes with their values: IPv4 before IPv6, by start address, shorter first.
    ///
    /// ```
    /// use heliostat_prefixmap::PrefixMap;
    ///
    /// let map = PrefixMap::build([("::/0".parse()?, 3), ("10.0.0.0/8".parse()?, 1)])?;
    /// let values: Vec<u32> = map.iter().map(|(_, value)| value).collect();
    /// assert_eq!(values, [1, 3]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn iter(&self) -> Iter<'_> {
        Iter::new(&self.layout, self.bytes.as_ref())
    }
}

impl<'a, B: AsRef<[u8]>> IntoIterator for &'a PrefixMap<B> {
    type Item = (IpNet, u32);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<B: AsRef<[u8]>> fmt::Debug for PrefixMap<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrefixMap")
            .field("v4", &self.len_v4())
            .field("v6", &self.len_v6())
            .field("size", &self.layout.size())
            .finish_non_exhaustive()
    }
}
