//! The compiler and its file.

use std::io::{self, Write};
use std::net::IpAddr;

use heliostat_model::{Asn, Country, HostIndex, IpNet, Mirror, World};
use heliostat_snapshot::Snapshot;
use heliostat_snapshot::records::{HostRow, PlaceNetblockRow};
use heliostat_testing_world::{Scale, generate};
use proptest::prelude::*;
use zerocopy::IntoBytes;

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
    assert!(snapshot.place("8.8.8.8".parse().unwrap()).is_none());
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
    /// One lookup in the folded table answers as three searches through the world would.
    #[test]
    fn a_place_is_what_the_world_says_of_an_address(
        asns in prop::collection::vec((any_prefix(), 1..5u32), 0..12),
        countries in prop::collection::vec((any_prefix(), prop::sample::select(vec!["SE", "DE"])), 0..6),
        netblocks in prop::collection::vec((any_prefix(), 0..3usize), 0..8),
        probes in prop::collection::vec(any_prefix(), 1..12),
    ) {
        let mut world = World::new("test", 0);
        for at in 0..3u64 {
            world.hosts.push(heliostat_model::Host::new(at, format!("host-{at}")));
        }
        world.netblock_asns = asns.into_iter().map(|(p, asn)| (p, Asn(asn))).collect();
        world.netblock_countries =
            countries.into_iter().map(|(p, c)| (p, Country::parse(c).unwrap())).collect();
        for (prefix, host) in netblocks {
            world.hosts[host].netblocks.push(prefix);
        }
        let snapshot = Snapshot::from_bytes(bytes_of(&world)).unwrap();
        for address in probes.iter().map(IpNet::addr) {
            let place = snapshot.place_prefix(address).map(|(_, place)| place);
            let telling = place.filter(|place| place.tells());
            prop_assert_eq!(snapshot.place(address).map(IntoBytes::as_bytes), telling.map(IntoBytes::as_bytes));
            let asn = longest(&world.netblock_asns, address).map_or(0, |asn: Asn| asn.0);
            prop_assert_eq!(place.map_or(0, |place| place.asn.get()), asn);
            let country = longest(&world.netblock_countries, address);
            let expected = country.map_or([0; 2], |country: Country| country.0.to_bytes());
            prop_assert_eq!(place.map_or([0; 2], |place| place.country), expected);
            let mut around: Vec<(u8, u64)> = world.hosts.iter().flat_map(|host| {
                let own = host.netblocks.iter().filter(|prefix| prefix.contains(&address));
                own.map(|prefix| (prefix.prefix_len(), host.id))
            }).collect();
            around.sort();
            around.dedup();
            let rows = place.map_or(&[][..], |p| snapshot.span::<PlaceNetblockRow>(p.netblocks));
            prop_assert!(rows.is_sorted_by(|a, b| a.prefix_length >= b.prefix_length));
            let mut found: Vec<(u8, u64)> = rows.iter().map(|row| {
                (row.prefix_length, snapshot.row::<HostRow>(row.host.get()).unwrap().id.get())
            }).collect();
            found.sort();
            prop_assert_eq!(found, around);
        }
    }
}

/// Of the longest prefix around an address; of equal ones the last.
fn longest<T: Copy>(table: &[(IpNet, T)], address: IpAddr) -> Option<T> {
    let around = table.iter().filter(|(prefix, _)| prefix.contains(&address));
    around.max_by_key(|(prefix, _)| prefix.prefix_len()).map(|&(_, value)| value)
}
