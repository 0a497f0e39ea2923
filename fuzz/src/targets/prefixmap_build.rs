//! A prefix map of any prefixes, against a linear scan.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use heliostat_prefixmap::PrefixMap;
use ipnet::IpNet;

/// Each six bytes are a prefix and its value; the map must say what looking at all of them says.
pub(super) fn target(data: &[u8]) {
    let draws = data.as_chunks::<6>().0.iter().take(PREFIXES_MAX);
    let prefixes: Vec<(IpNet, u32)> = draws.filter_map(prefix).collect();
    let Ok(map) = PrefixMap::build(prefixes.iter().copied()) else {
        panic!("so few prefixes make a map");
    };
    // Of equal prefixes the last counts.
    let scan: BTreeMap<IpNet, u32> =
        prefixes.iter().map(|&(prefix, value)| (prefix.trunc(), value)).collect();
    assert_eq!(map.len(), scan.len());
    assert!(map.iter().all(|(prefix, value)| scan.get(&prefix) == Some(&value)));
    for (&prefix, &value) in &scan {
        assert_eq!(map.exact(prefix), Some(value));
        let expected = covering(&scan, |other| other.contains(&prefix));
        assert_eq!(map.covering_net(prefix).collect::<Vec<_>>(), expected);
    }
    for &(prefix, _) in &prefixes {
        for address in around(prefix) {
            let expected = covering(&scan, |other| other.contains(&address));
            assert_eq!(map.longest_match(address), expected.first().copied());
            assert_eq!(map.covering(address).collect::<Vec<_>>(), expected);
        }
    }
}

/// Few distinct bits, so that prefixes lie within each other.
fn prefix(draw: &[u8; 6]) -> Option<(IpNet, u32)> {
    let [kind, length, a, b, c, value] = *draw;
    let address = if kind & 1 == 0 {
        IpAddr::V4(Ipv4Addr::new(a, b, c, kind))
    } else {
        let word = |byte: u8| u16::from(byte) << 8;
        IpAddr::V6(Ipv6Addr::new(word(a), 0, word(b), 0, 0, word(c), 0, u16::from(kind)))
    };
    let longest = if address.is_ipv4() { 33 } else { 129 };
    let prefix = IpNet::new(address, length % longest).ok()?;
    Some((prefix, u32::from(value)))
}

/// The prefix's ends, and their neighbours outside.
fn around(prefix: IpNet) -> [IpAddr; 4] {
    let (first, last) = (prefix.network(), prefix.broadcast());
    let step = |address: IpAddr, by: i8| match address {
        IpAddr::V4(address) => {
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits().wrapping_add_signed(by.into())))
        }
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits().wrapping_add_signed(by.into())))
        }
    };
    [first, last, step(first, -1), step(last, 1)]
}

fn covering(scan: &BTreeMap<IpNet, u32>, covers: impl Fn(&IpNet) -> bool) -> Vec<(IpNet, u32)> {
    let mut found: Vec<_> =
        scan.iter().filter(|(prefix, _)| covers(prefix)).map(|(&p, &v)| (p, v)).collect();
    found.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.prefix_len()));
    found
}

/// The scan is quadratic.
const PREFIXES_MAX: usize = 64;
