//! The map against a linear scan.

use std::net::IpAddr;

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::scan::compare;

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_prefixes_answer_like_a_scan(
        prefixes in vec((net(), value()), 0..60),
        addresses in vec(address(), 0..8),
    ) {
        compare(&prefixes, &addresses);
    }

    #[test]
    fn crowded_prefixes_answer_like_a_scan(
        prefixes in vec((crowded_net(), 0..5_u32), 100..400),
        addresses in vec(crowded_address(), 0..4),
    ) {
        compare(&prefixes, &addresses);
    }
}

#[test]
fn nothing_at_all() {
    compare(&[], &["0.0.0.0".parse().unwrap(), "::".parse().unwrap()]);
}

#[test]
fn default_routes_and_last_addresses() {
    let nets = [
        "0.0.0.0/0",
        "::/0",
        "255.255.255.255/32",
        "255.255.255.254/32",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128",
        "ffff:ffff:ffff:ffff::/64",
        "::/128",
        "0.0.0.0/32",
    ];
    let mut prefixes: Vec<_> = nets.iter().map(|net| (net.parse().unwrap(), u32::MAX)).collect();
    compare(&prefixes, &[]);
    prefixes.truncate(1);
    compare(&prefixes, &["1.2.3.4".parse().unwrap()]);
}

#[test]
fn chains_of_every_length() {
    for address in ["0.0.0.0", "255.255.255.255", "10.99.3.7", "::", "2001:db8::77", "ffff::1"] {
        let address: IpAddr = address.parse().unwrap();
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let chain: Vec<_> =
            (0..=bits).map(|len| (IpNet::new(address, len).unwrap(), u32::from(len))).collect();
        compare(&chain, &[]);
    }
}

#[test]
fn one_parent_with_more_children_than_a_link_can_count() {
    let mut prefixes = vec![("10.0.0.0/8".parse().unwrap(), 9), ("2001::/16".parse().unwrap(), 9)];
    for number in 0..3000_u32 {
        let v4 = std::net::Ipv4Addr::from_bits(0x0a00_0000 | number << 9);
        let v6 = std::net::Ipv6Addr::from_bits(0x2001 << 112 | u128::from(number) << 81);
        prefixes.push((IpNet::new(v4.into(), 24).unwrap(), number));
        prefixes.push((IpNet::new(v6.into(), 48).unwrap(), number));
    }
    let map = heliostat_prefixmap::PrefixMap::build(prefixes.iter().copied()).unwrap();
    for (net, value) in &prefixes[2..] {
        let up: Vec<u32> = map.covering(net.broadcast()).map(|(_, value)| value).collect();
        assert_eq!(up, [*value, 9], "{net}");
    }
    assert_eq!(map.value("10.0.1.0".parse::<IpAddr>().unwrap()), Some(9));
    assert_eq!(map.value("10.255.255.255".parse::<IpAddr>().unwrap()), Some(9));
    assert_eq!(map.value("2001:ffff::".parse::<IpAddr>().unwrap()), Some(9));
}

fn net() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<u32>(), 0..=32_u8).prop_map(|(bits, len)| v4(bits, len)),
        (any::<u128>(), 0..=128_u8).prop_map(|(bits, len)| v6(bits, len)),
        crowded_net(),
    ]
}

/// Prefixes that nest, repeat and touch: few different bits, all lengths.
fn crowded_net() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (crowded_bits(), 0..=32_u8).prop_map(|(bits, len)| v4((bits >> 96) as u32, len)),
        (crowded_bits(), 20..=28_u8)
            .prop_map(|(bits, len)| v4(0x0a00_0000 | (bits >> 110) as u32, len)),
        (crowded_bits(), 0..=128_u8).prop_map(|(bits, len)| v6(bits, len)),
        (crowded_bits(), 40..=72_u8)
            .prop_map(|(bits, len)| v6(0x2001 << 112 | (bits >> 100) << 56, len)),
    ]
}

fn address() -> impl Strategy<Value = IpAddr> {
    net().prop_map(|net| net.addr())
}

fn crowded_address() -> impl Strategy<Value = IpAddr> {
    crowded_net().prop_map(|net| net.addr())
}

/// Numbers in which most bits are equal to the one before.
fn crowded_bits() -> impl Strategy<Value = u128> {
    (any::<u128>(), any::<u128>(), any::<bool>())
        .prop_map(|(a, b, flip)| if flip { !(a & b & (a << 1)) } else { a & b & (b << 3) })
}

fn value() -> impl Strategy<Value = u32> {
    prop_oneof![0..3_u32, any::<u32>()]
}

fn v4(bits: u32, len: u8) -> IpNet {
    IpNet::new(IpAddr::V4(bits.into()), len).unwrap()
}

fn v6(bits: u128, len: u8) -> IpNet {
    IpNet::new(IpAddr::V6(bits.into()), len).unwrap()
}
