//! What was written is what an independent reader finds, compared with a linear scan.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use heliostat_model::{Continent, Country};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use maxminddb::{Reader, geoip2, path};

use super::{Entry, RecordSize, assemble, compile, write};
use crate::random::Random;

fn entry(network: &str, country: &str, continent: &str) -> Entry {
    Entry {
        network: network.parse().unwrap(),
        country: Country::parse(country).unwrap(),
        continent: Continent::parse(continent).unwrap(),
    }
}

fn country_of(reader: &Reader<Vec<u8>>, ip: IpAddr) -> Option<String> {
    reader.lookup(ip).unwrap().decode_path(&path!["country", "iso_code"]).unwrap()
}

#[test]
fn every_field_of_a_country_record_is_there() {
    let reader = Reader::from_source(write([entry("192.0.2.0/24", "SE", "EU")])).unwrap();
    reader.verify().unwrap();
    let found = reader.lookup("192.0.2.7".parse().unwrap()).unwrap();
    assert_eq!(found.network().unwrap().to_string(), "192.0.2.0/24");
    let country: geoip2::Country = found.decode().unwrap().unwrap();
    assert_eq!(country.country.iso_code, Some("SE"));
    assert_eq!(country.registered_country.iso_code, Some("SE"));
    assert_eq!(country.continent.code, Some("EU"));
    assert!(!reader.lookup("192.0.3.7".parse().unwrap()).unwrap().has_data());
}

#[test]
fn an_empty_database_can_be_read() {
    let reader = Reader::from_source(write([])).unwrap();
    assert_eq!(country_of(&reader, "192.0.2.1".parse().unwrap()), None);
    assert_eq!(country_of(&reader, "2001:db8::1".parse().unwrap()), None);
}

#[test]
fn networks_of_length_zero_cover_everything() {
    let entries = [entry("::/0", "DE", "EU"), entry("0.0.0.0/0", "SE", "EU")];
    let reader = Reader::from_source(write(entries)).unwrap();
    assert_eq!(country_of(&reader, "192.0.2.1".parse().unwrap()).as_deref(), Some("SE"));
    assert_eq!(country_of(&reader, "2001:db8::1".parse().unwrap()).as_deref(), Some("DE"));
}

#[test]
fn mapped_and_6to4_addresses_are_their_ipv4() {
    let reader = Reader::from_source(write([entry("192.0.2.0/24", "SE", "EU")])).unwrap();
    for alias in ["::ffff:192.0.2.7", "2002:c000:0207::1"] {
        assert_eq!(country_of(&reader, alias.parse().unwrap()).as_deref(), Some("SE"), "{alias}");
    }
}

#[test]
fn random_nested_networks_are_found_as_a_linear_scan_finds_them() {
    let mut random = Random::new(1, "mmdb");
    let codes = ["SE", "DE", "US", "JP", "BR", "ZA", "AU"];
    let entries: Vec<_> = (0..2000)
        .map(|_| {
            let mut entry = entry("::/0", random.pick(&codes).unwrap(), "EU");
            entry.network = network(&mut random);
            entry
        })
        .collect();
    let (tree, data) = compile(entries.iter().copied());
    for size in [RecordSize::Bits24, RecordSize::Bits28, RecordSize::Bits32] {
        let reader = Reader::from_source(assemble(&tree, &data, size)).unwrap();
        reader.verify().unwrap();
        for _ in 0..2000 {
            let ip = address(&mut random);
            assert_eq!(country_of(&reader, ip), scan(&entries, ip), "{ip} with {size:?}");
        }
    }
}

/// The longest network that contains the address; of equal ones the last.
fn scan(entries: &[Entry], ip: IpAddr) -> Option<String> {
    let covering = entries.iter().filter(|entry| entry.network.contains(&ip));
    covering.max_by_key(|entry| entry.network.prefix_len()).map(|entry| entry.country.to_string())
}

/// In a corner of the address space, so that they nest and meet.
fn address(random: &mut Random) -> IpAddr {
    let bits = random.bits();
    if bits & 1 == 0 {
        Ipv4Addr::from(0x0b00_0000 | (bits >> 40) as u32).into()
    } else {
        Ipv6Addr::from((0x2a00_u128 << 112) | (u128::from(bits >> 48) << 96)).into()
    }
}

fn network(random: &mut Random) -> IpNet {
    let ip = address(random);
    match ip {
        IpAddr::V4(ip) => Ipv4Net::new(ip, 8 + random.below(25) as u8).unwrap().trunc().into(),
        IpAddr::V6(ip) => Ipv6Net::new(ip, 16 + random.below(17) as u8).unwrap().trunc().into(),
    }
}
