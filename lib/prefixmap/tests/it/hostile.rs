//! Bytes that lie: whatever they are, a lookup ends, and an image that opens is one that
//! `build` writes.

use std::net::IpAddr;

use heliostat_prefixmap::{Layout, PrefixMap, build};
use ipnet::IpNet;
use proptest::collection::vec;
use proptest::prelude::*;

#[test]
fn every_flipped_byte_is_refused_or_means_something_else() {
    for image in images() {
        let layout = PrefixMap::open(image.as_slice()).unwrap().layout();
        for place in 0..image.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bytes = image.clone();
                bytes[place] ^= flip;
                probe(&bytes, layout);
            }
        }
    }
}

#[test]
fn every_cut_is_refused() {
    for image in images() {
        let layout = PrefixMap::open(image.as_slice()).unwrap().layout();
        for size in 0..image.len() {
            let error = PrefixMap::open(&image[..size]).unwrap_err();
            assert!(error.is_wrong_size() || (size < 8 && error.is_foreign()), "{size}: {error}");
            ask(&layout.view(&image[..size]));
        }
        let longer = [image.as_slice(), &[0]].concat();
        assert!(PrefixMap::open(longer).unwrap_err().is_wrong_size());
    }
}

#[test]
fn every_version_but_ours_is_refused() {
    let mut image = build([]).unwrap();
    image[8] = 2;
    let error = PrefixMap::open(&image).unwrap_err();
    assert!(error.is_unsupported_version());
    assert_eq!(error.offset(), Some(8));
}

#[test]
fn a_layout_of_another_image_is_harmless() {
    let images = images();
    for one in &images {
        let layout = PrefixMap::open(one.as_slice()).unwrap().layout();
        for other in &images {
            ask(&layout.view(other.as_slice()));
        }
        ask(&layout.view([]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn noise_is_harmless(noise in vec(any::<u8>(), 0..2000), which in 0..9_usize) {
        let images = images();
        let image = &images[which % images.len()];
        let layout = PrefixMap::open(image.as_slice()).unwrap().layout();
        probe(&noise, layout);
        // The header of a good image over noise.
        let mut bytes = image.clone();
        for (to, from) in bytes.iter_mut().skip(64).zip(noise.iter().cycle()) {
            *to = *from;
        }
        probe(&bytes, layout);
    }

    #[test]
    fn scattered_damage_is_harmless(
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..40),
        which in any::<prop::sample::Index>(),
    ) {
        let images = images();
        let image = which.get(&images);
        let layout = PrefixMap::open(image.as_slice()).unwrap().layout();
        let mut bytes = image.clone();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        probe(&bytes, layout);
    }
}

/// What a fuzz target does: opens `bytes`, asks everything, and asks everything again of a view
/// over the same bytes that was never checked.
fn probe(bytes: &[u8], layout: Layout) {
    if let Ok(map) = PrefixMap::open(bytes) {
        ask(&map);
        assert_eq!(build(&map).unwrap(), bytes, "an image that opens is one that build writes");
    }
    ask(&layout.view(bytes));
}

fn ask(map: &PrefixMap<impl AsRef<[u8]>>) {
    // A damaged image may hold any number of nonsense prefixes, but no more than its header says.
    assert!(map.iter().count() <= map.len());
    for address in ["0.0.0.0", "10.0.3.7", "10.200.0.9", "255.255.255.255"].iter().chain(&[
        "::",
        "2001:db8::1",
        "2001:db8:3::7:1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ]) {
        let address: IpAddr = address.parse().unwrap();
        let longest = map.longest_match(address);
        assert_eq!(longest.map(|(_, value)| value), map.value(address));
        assert!(map.covering(address).count() <= 129);
        let net = IpNet::new(address, 24).unwrap();
        assert!(map.covering_net(net).count() <= 129);
        let _ = map.exact(net);
        if let Some((net, value)) = longest {
            assert!(net.contains(&address));
            let _ = (value, map.exact(net));
        }
    }
}

/// Small images of every kind.
fn images() -> Vec<Vec<u8>> {
    let few = ["0.0.0.0/0", "10.0.0.0/8", "10.0.3.0/24", "10.0.3.7/32", "192.0.2.0/24"];
    let more = ["2001:db8::/32", "2001:db8:3::/48", "2001:db8:3::7:0/112", "fe80::/10"];
    let number = |nets: &[&str]| -> Vec<(IpNet, u32)> {
        nets.iter().zip(0..).map(|(net, value)| (net.parse().unwrap(), value * 71)).collect()
    };
    let row = (0..200_u32).map(|number| {
        let net = IpNet::new(IpAddr::V4((0x0a00_0000 | number << 6).into()), 26).unwrap();
        (net, number)
    });
    let chain = (0..=128_u8).map(|len| {
        let net = IpNet::new("2001:db8:3::7:1".parse().unwrap(), len).unwrap();
        (net, u32::from(len))
    });
    [vec![], number(&few), number(&more), [number(&few), number(&more)].concat()]
        .into_iter()
        .chain([row.collect(), chain.collect()])
        .map(|nets: Vec<(IpNet, u32)>| build(nets).unwrap())
        .collect()
}
