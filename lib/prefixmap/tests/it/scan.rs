//! The slow map that everything is compared with: a list, read from end to end every time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use heliostat_prefixmap::PrefixMap;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Prefixes and values in order, each prefix once.
pub(crate) struct Scan(Vec<(IpNet, u32)>);

impl Scan {
    pub(crate) fn new(prefixes: &[(IpNet, u32)]) -> Self {
        let sorted: BTreeMap<_, _> = prefixes
            .iter()
            .map(|(net, value)| {
                let net = net.trunc();
                ((net.addr(), net.prefix_len()), *value)
            })
            .collect();
        let entry = |((addr, len), value)| (IpNet::new(addr, len).unwrap(), value);
        Self(sorted.into_iter().map(entry).collect())
    }

    pub(crate) fn covering_net(&self, net: IpNet) -> Vec<(IpNet, u32)> {
        let mut found: Vec<_> =
            self.0.iter().copied().filter(|(prefix, _)| prefix.contains(&net)).collect();
        found.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.prefix_len()));
        found
    }
}

/// Asks `map` and a scan of `prefixes` the same questions.
pub(crate) fn compare(prefixes: &[(IpNet, u32)], addresses: &[IpAddr]) {
    let scan = Scan::new(prefixes);
    let image = heliostat_prefixmap::build(prefixes.iter().copied()).unwrap();
    let map = PrefixMap::open(image.as_slice()).unwrap();
    assert_eq!(map.layout().view(image.as_slice()).len(), scan.0.len());
    assert_eq!(map.iter().collect::<Vec<_>>(), scan.0);
    assert_eq!(map.len_v4(), scan.0.iter().filter(|(net, _)| net.addr().is_ipv4()).count());
    assert_eq!(map.len_v4() + map.len_v6(), map.len());
    for (net, value) in &scan.0 {
        assert_eq!(map.exact(*net), Some(*value), "{net}");
    }
    for address in prefixes.iter().flat_map(|(net, _)| edges(*net)) {
        compare_address(&map, &scan, address);
    }
    for address in addresses {
        compare_address(&map, &scan, *address);
        compare_nets(&map, &scan, *address);
    }
}

fn compare_address(map: &PrefixMap<&[u8]>, scan: &Scan, address: IpAddr) {
    let expected = scan.covering_net(address.into());
    assert_eq!(map.longest_match(address), expected.first().copied(), "{address}");
    assert_eq!(map.value(address), expected.first().map(|(_, value)| *value), "{address}");
    assert_eq!(map.covering(address).collect::<Vec<_>>(), expected, "{address}");
}

fn compare_nets(map: &PrefixMap<&[u8]>, scan: &Scan, address: IpAddr) {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    for len in 0..=bits {
        let net = IpNet::new(address, len).unwrap();
        let expected = scan.covering_net(net.trunc());
        assert_eq!(map.covering_net(net).collect::<Vec<_>>(), expected, "{net}");
        let exact = expected.first().filter(|(found, _)| *found == net.trunc());
        assert_eq!(map.exact(net), exact.map(|(_, value)| *value), "{net}");
    }
}

/// The first and last address of `net`, and the neighbours of both.
fn edges(net: IpNet) -> Vec<IpAddr> {
    match net.trunc() {
        IpNet::V4(net) => v4_edges(net),
        IpNet::V6(net) => v6_edges(net),
    }
}

fn v4_edges(net: Ipv4Net) -> Vec<IpAddr> {
    let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
    [first.wrapping_sub(1), first, last, last.wrapping_add(1)]
        .map(|bits| IpAddr::V4(bits.into()))
        .to_vec()
}

fn v6_edges(net: Ipv6Net) -> Vec<IpAddr> {
    let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
    [first.wrapping_sub(1), first, last, last.wrapping_add(1)]
        .map(|bits| IpAddr::V6(bits.into()))
        .to_vec()
}
