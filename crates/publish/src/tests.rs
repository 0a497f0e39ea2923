//! The compiler and its file.

use std::io::{self, Write};
use std::net::IpAddr;

use heliostat_model::{Asn, Country, HostIndex, IpNet, Mirror, World};
use heliostat_snapshot::records::{AsnRow, HostRow, PlaceNetblockRow};
use heliostat_snapshot::{CountryTable, LastAddresses, Snapshot};
use heliostat_testing_world::{Scale, generate};
use proptest::prelude::*;

use crate::{Stamp, compile, publish};

const STAMP: Stamp = Stamp { generation: 1, created_unix_s: 2, compiled_unix_s: 3 };

fn bytes_of(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    let summary = compile(world, STAMP, &mut bytes, |_| {}).unwrap();
    assert_eq!(summary.file_bytes, bytes.len() as u64);
    bytes
}

#[test]
fn the_same_world_compiles_to_the_same_bytes() {
    let bytes = bytes_of(&generate(Scale::Small, 4));
    assert!(bytes == bytes_of(&generate(Scale::Small, 4)));
    assert!(bytes != bytes_of(&generate(Scale::Small, 5)));
}

#[test]
fn an_empty_world_is_a_snapshot_too() {
    let snapshot = Snapshot::from_bytes(bytes_of(&World::new("nothing", 0))).unwrap();
    let place = snapshot.place("8.8.8.8".parse().unwrap());
    assert!(place.row.is_none() && place.country.is_none());
    assert!(snapshot.directory_find(b"pub").is_none());
}

#[test]
fn a_world_that_names_what_it_does_not_have_is_refused() {
    let mut world = World::new("test", 0);
    world.mirrors.push(Mirror { host: HostIndex(9), urls: vec![] });
    let error = compile(&world, STAMP, &mut Vec::new(), |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "mirror 0 names host 9");
}

#[test]
fn a_failed_write_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.snapshot");
    publish(&path, |file| file.write_all(b"old")).unwrap();
    let failing = publish(&path, |file| {
        file.write_all(b"new, half")?;
        Err::<(), _>(io::Error::other("disk full"))
    });
    assert!(failing.unwrap_err().to_string().contains("cannot write"));
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    publish(&path, |file| file.write_all(b"new")).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = publish("/nonexistent/x.snapshot".as_ref(), |_| Ok(())).unwrap_err();
    assert!(error.to_string().starts_with("cannot create /nonexistent/.x.snapshot."), "{error}");
}

fn any_prefix() -> impl Strategy<Value = IpNet> {
    let v4 = (0..4u32, 8..=32u8).prop_map(|(n, length)| {
        IpNet::new(IpAddr::V4((0x0a00_0000 | n << 22 | n << 9).into()), length).unwrap().trunc()
    });
    let v6 = (0..4u128, 16..=64u8).prop_map(|(n, length)| {
        IpNet::new(IpAddr::V6((0x2001_u128 << 112 | n << 90).into()), length).unwrap().trunc()
    });
    prop_oneof![v4, v6]
}

proptest! {
    /// One lookup in the folded table answers as searches through the world and the country database
    /// would.
    #[test]
    fn a_place_is_what_the_world_says_of_an_address(
        asns in prop::collection::vec((any_prefix(), 1..5u32), 0..12),
        wanted in prop::collection::vec((1..5u32, 0..3usize), 0..3),
        countries in prop::collection::vec((any_prefix(), prop::sample::select(vec!["SE", "DE"])), 0..6),
        database in prop::collection::vec((any_prefix(), prop::sample::select(vec!["SE", "NO", "US"])), 0..12),
        netblocks in prop::collection::vec((any_prefix(), 0..3usize), 0..8),
        probes in prop::collection::vec(any_prefix(), 1..12),
    ) {
        let mut world = World::new("test", 0);
        for at in 0..3u64 {
            world.hosts.push(heliostat_model::Host::new(at, format!("host-{at}")));
        }
        let code = |(prefix, code): (IpNet, &str)| (prefix, Country::parse(code).unwrap());
        world.netblock_asns = asns.into_iter().map(|(p, asn)| (p, Asn(asn))).collect();
        world.netblock_countries = countries.into_iter().map(code).collect();
        let database: Vec<_> = database.into_iter().map(code).collect();
        for (asn, host) in wanted {
            world.hosts[host].asns.push(Asn(asn));
        }
        for (prefix, host) in netblocks {
            world.hosts[host].netblocks.push(prefix);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("world.snapshot");
        std::fs::write(&path, bytes_of(&world)).unwrap();
        let table = CountryTable::new(database.iter().map(|&(p, country)| (p, country.0))).unwrap();
        for database in [None, Some((&table, database.as_slice()))] {
            let snapshot = Snapshot::open_with(&path, database.map(|(table, _)| table)).unwrap();
            snapshot.verify().unwrap();
            for address in probes.iter().map(IpNet::addr) {
                let place = snapshot.place(address);
                let country = longest(&world.netblock_countries, address)
                    .or_else(|| longest(database?.1, address));
                prop_assert_eq!(place.country, country.map(|country| country.0));
                let announced = longest(&world.netblock_asns, address);
                prop_assert_eq!(snapshot.system(address).map(|(_, asn)| Asn(asn)), announced);
                let wants = |asn: &Asn| world.hosts.iter().any(|host| host.asns.contains(asn));
                let asn = place.row.and_then(|row| snapshot.row::<AsnRow>(row.asn_row.get()));
                prop_assert_eq!(asn.map(|row| Asn(row.asn.get())), announced.filter(wants));
                let mut around: Vec<(u8, u64)> = world.hosts.iter().flat_map(|host| {
                    let own = host.netblocks.iter().filter(|prefix| prefix.contains(&address));
                    own.map(|prefix| (prefix.prefix_len(), host.id))
                }).collect();
                around.sort();
                around.dedup();
                let rows = place.row.map_or(&[][..], |row| snapshot.span::<PlaceNetblockRow>(row.netblocks));
                prop_assert!(rows.is_sorted_by(|a, b| a.prefix_length >= b.prefix_length));
                let mut found: Vec<(u8, u64)> = rows.iter().map(|row| {
                    (row.prefix_length, snapshot.row::<HostRow>(row.host.get()).unwrap().id.get())
                }).collect();
                found.sort();
                prop_assert_eq!(found, around);
            }
        }
    }
}

/// Whatever was opened before, a snapshot's addresses are its own.
#[test]
fn addresses_of_the_last_snapshot_are_taken_over_only_when_they_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("world.snapshot");
    let mut last = LastAddresses::default();
    let mut country_of = |country: &str, name: &str| {
        let mut world = World::new(name, 0);
        let country = Country::parse(country).unwrap();
        world.netblock_countries.push(("192.0.2.0/24".parse().unwrap(), country));
        std::fs::write(&path, bytes_of(&world)).unwrap();
        let snapshot = Snapshot::open_again(&path, None, &mut last).unwrap();
        snapshot.place("192.0.2.1".parse().unwrap()).country.unwrap().to_string()
    };
    assert_eq!(country_of("SE", "one"), "SE");
    assert_eq!(country_of("SE", "two"), "SE");
    assert_eq!(country_of("DE", "three"), "DE");
}

/// Of the longest prefix around an address; of equal ones the last.
fn longest<T: Copy>(table: &[(IpNet, T)], address: IpAddr) -> Option<T> {
    let around = table.iter().filter(|(prefix, _)| prefix.contains(&address));
    around.max_by_key(|(prefix, _)| prefix.prefix_len()).map(|&(_, value)| value)
}
