//! A prefix map's image of any bytes, and lookups in what opens.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use heliostat_prefixmap::{PrefixMap, build};

/// An image is refused, or it is exactly what building its own content gives.
///
/// Random bytes are hardly ever an image. So the first byte chooses: the bytes themselves, or a
/// small image in which each three of them (a place of two bytes, a byte) change a byte.
pub(super) fn target(data: &[u8]) {
    let Some((&choice, rest)) = data.split_first() else { return };
    if choice & 1 == 0 {
        open(rest);
        return;
    }
    let Some(mut image) = small() else { panic!("a few prefixes make an image") };
    for change in rest.as_chunks::<3>().0 {
        let place = usize::from(u16::from_le_bytes([change[0], change[1]]));
        let place = place % image.len();
        image[place] ^= change[2];
    }
    open(&image);
}

fn open(image: &[u8]) {
    let Ok(map) = PrefixMap::open(image) else { return };
    let content: Vec<_> = map.iter().collect();
    assert_eq!(content.len(), map.len());
    for (prefix, value) in &content {
        assert_eq!(map.exact(*prefix), Some(*value));
        look_up(&map, prefix.network());
        look_up(&map, prefix.broadcast());
    }
    look_up(&map, IpAddr::V4(Ipv4Addr::BROADCAST));
    look_up(&map, IpAddr::V6(Ipv6Addr::LOCALHOST));
    match build(content) {
        Ok(again) => assert_eq!(again, image),
        Err(error) => panic!("what was opened cannot be built: {error}"),
    }
}

/// The answers about one address agree with each other.
fn look_up(map: &PrefixMap<&[u8]>, address: IpAddr) {
    let covering: Vec<_> = map.covering(address).collect();
    assert_eq!(map.longest_match(address), covering.first().copied());
    assert_eq!(map.value(address), covering.first().map(|&(_, value)| value));
    assert!(covering.iter().all(|(prefix, _)| prefix.contains(&address)));
    assert!(covering.is_sorted_by(|a, b| a.0.prefix_len() > b.0.prefix_len()));
}

fn small() -> Option<Vec<u8>> {
    let texts = [
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.0/24",
        "10.1.2.3/32",
        "192.0.2.0/24",
        "198.51.100.0/25",
        "198.51.100.128/25",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "2001:db8:1:1::/64",
        "2001:db8:1:1::1/128",
        "fe80::/10",
    ];
    let prefixes: Result<Vec<_>, _> = texts.iter().map(|text| text.parse()).collect();
    build(prefixes.ok()?.into_iter().zip(0..)).ok()
}
