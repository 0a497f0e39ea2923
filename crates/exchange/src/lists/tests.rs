//! Each list as a world, and what is wrong with it by file, line and field.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::{List, ListError, debian_read, mirmon_write, mirrorbits_read, mirrorbrain_read};
use crate::Import;

type Read = fn(List<'_>) -> Result<Import, ListError>;

fn import(read: Read, bytes: &[u8]) -> Import {
    read(List { bytes, name: "list", top: "pub", created_unix_s: 1 }).unwrap()
}

/// Hosts, their facts and URLs by tree, and the problems.
fn check(read: Read, bytes: &[u8], expected: Expect) {
    let Import { world, problems, facts } = import(read, bytes);
    world.check().unwrap();
    let mut text = String::new();
    for (at, (host, facts)) in world.hosts.iter().zip(&facts.hosts).enumerate() {
        let country = host.country.map_or("-".to_owned(), |country| country.to_string());
        let state = if facts.is_active() { "" } else { " off" };
        let private = if host.private { " private" } else { "" };
        text += &format!("{} {country}{state}{private}", host.name);
        for fact in [&facts.site, &facts.contact, &facts.notes].into_iter().flatten() {
            text += &format!(" {fact:?}");
        }
        for part in [format!("{:?}", host.asns), format!("{:?}", host.netblocks)] {
            text += &if part == "[]" { String::new() } else { format!(" {part}") };
        }
        text += "\n";
        for directory in &world.directories {
            for set in [directory.public, directory.private] {
                let mirrors = &world.mirror_sets[set.0 as usize];
                let mirrors = mirrors.iter().map(|mirror| &world.mirrors[mirror.0 as usize]);
                for mirror in mirrors.filter(|mirror| mirror.host.0 as usize == at) {
                    let urls: Vec<&str> = mirror.urls.iter().map(|url| url.text.as_str()).collect();
                    text += &format!("  {}: {}\n", directory.name, urls.join(" "));
                }
            }
        }
    }
    for problem in problems.kept() {
        text += &format!("! {problem}\n");
    }
    expected.assert_eq(&text);
}

macro_rules! corpus {
    ($target:literal, $file:literal) => {
        include_bytes!(concat!("../../../../fuzz/corpus/", $target, "/", $file))
    };
}

#[test]
fn mirrorbits() {
    check(
        mirrorbits_read,
        corpus!("mirrorbits", "list"),
        expect![[r#"
        mirror1.example SE
          pub: https://mirror1.example/pub rsync://mirror1.example/pub
        mirror2.example DE off
          pub: https://mirror2.example/pub http://mirror2.example/pub
    "#]],
    );
    check(
        mirrorbits_read,
        corpus!("mirrorbits", "export"),
        expect![[r#"
        mirror1.example SE "admin@mirror1.example"
          pub: https://mirror1.example/pub rsync://mirror1.example/pub
        mirror2.example DE ""
          pub: http://mirror2.example/pub
    "#]],
    );
    check(
        mirrorbits_read,
        corpus!("mirrorbits", "wrong"),
        expect![[r#"
        mirror4 -
          pub: http://a.example
        ! list:4: mirror3 \t��  is not UTF-8; left out
        ! list:2: mirror : 1 columns, but the heading has 2; left out
        ! list:3 HTTP: "gopher://x" is no URL of a known scheme; left out
        ! list:3: mirror2 has no URL; left out
        ! list:6: mirror4 stands on line 5 already; left out
    "#]],
    );
}

#[test]
fn mirrorbrain() {
    check(
        mirrorbrain_read,
        corpus!("mirrorbrain", "mirmon"),
        expect![[r#"
        mirror1.example SE "admin@mirror1.example"
          pub: https://mirror1.example/pub
    "#]],
    );
    check(
        mirrorbrain_read,
        corpus!("mirrorbrain", "apache"),
        expect![[r#"
        mirror1.example SE "admin@mirror1.example"
          pub: https://mirror1.example/pub rsync://mirror1.example/pub
    "#]],
    );
    check(
        mirrorbrain_read,
        corpus!("mirrorbrain", "statements"),
        expect![[r#"
        mirror1.example SE "University" "operator@mirror1.example" "added by hand;\n'); DROP TABLE server; --" [AS64500] [192.0.2.0/24]
          pub: https://mirror1.example/pub rsync://mirror1.example/pub
        mirror2.example DE off "University" "operator@mirror1.example"
          pub: http://mirror2.example
        ! list:26 region_only: a host is not kept to a region here; it serves all
        ! list:52 country: "germany" is no country; left out
        ! list:54 lat: "95" is no place on Earth; left out
        ! list:52 asn: "x" is no autonomous system; left out
        ! list:52 prefix: 300.0.0.0/8: not an address prefix; left out
        ! list:51 baseurl: "mirror3.example/" is no URL of a known scheme; left out
        ! list:43: mirror3.example has no URL; left out
    "#]],
    );
    check(
        mirrorbrain_read,
        corpus!("mirrorbrain", "broken"),
        expect![[r#"
        ! list:1: 2 columns have 1 values; left out
        ! list:6: the statement cannot be read: $QUOTE$ is missing; left out
    "#]],
    );
}

#[test]
fn debian() {
    check(
        debian_read,
        corpus!("debian_mirrors", "masterlist"),
        expect![[r#"
        mirror1.example SE "University of Example" "operator@mirror1.example"
          debian: http://mirror1.example/debian rsync://mirror1.example/debian
          debian-cd: http://mirror1.example/debian-cd
        mirror2.example DE
          debian: http://mirror2.example/debian https://mirror2.example/debian
    "#]],
    );
    check(
        debian_read,
        corpus!("debian_mirrors", "templates"),
        expect![[r#"
        mirror1.example SE
          pub: https://mirror1.example/debian ftp://mirror1.example/debian
        mirror2.example DE
          pub: http://mirror2.example/debian
    "#]],
    );
    check(
        debian_read,
        corpus!("debian_mirrors", "apt"),
        expect![[r#"
        mirror1.example SE
          pub: https://mirror1.example/debian
        mirror2.example -
          pub: http://mirror2.example/debian
        ! list:3: "colour:red" is no option; left out
    "#]],
    );
    check(
        debian_read,
        corpus!("debian_mirrors", "wrong"),
        expect![[r#"
        mirror1.example -
          debian: http://mirror1.example/debian
        ! list:14: Archive-http: /� is not UTF-8; left out
        ! list:1 Country: it stands before the Site whose it is; left out
        ! list:3 Country: "Sweden" is no country; left out
        ! list:4: no field: no field and value; left out
        ! list:7: mirror1.example stands on line 2 already; left out
        ! list:10: mirror3.example has no URL; left out
        ! list:13: "a b" is no name of a host; left out
    "#]],
    );
}

#[test]
fn columns_that_ran_together_are_told() {
    let glued = b"se\thttps://mirror1.example/pub/operator@mirror1.example\n";
    check(
        mirrorbits_read,
        glued,
        expect![[r#"
        ! list:1: se\thttps://mirror1.example/pub/operator@mirror1.example: no country, URL and address; left out
    "#]],
    );
}

#[test]
fn a_top_that_is_none_is_refused() {
    for top in ["", "..", "a/../b", "/a", "a\n"] {
        let list = List { bytes: b"", name: "list", top, created_unix_s: 1 };
        assert!(matches!(debian_read(list), Err(ListError::Top(_))), "{top}");
    }
}

#[test]
fn who_is_switched_off_carries_nothing() {
    let import = import(mirrorbits_read, corpus!("mirrorbits", "list"));
    assert_eq!(import.world.mirror_sets.iter().map(|set| set.len()).sum::<usize>(), 2);
    let on = import.switched_off_left_out();
    assert_eq!(on.world.mirror_sets.iter().map(|set| set.len()).sum::<usize>(), 1);
}

proptest! {
    /// What is written for mirmon is read again as it was.
    #[test]
    fn mirmon_comes_through(
        hosts in prop::collection::btree_map("[a-z]{1,9}", (0..3_usize, 0..3_usize), 1..9),
    ) {
        let mut text = String::new();
        for (name, (country, urls)) in &hosts {
            let country = ["SE", "DE", "--"][*country];
            for scheme in &["https", "http", "rsync"][..=*urls] {
                text += &format!("{country}\t{scheme}://{name}.example/pub\tadmin@{name}.example\n");
            }
        }
        let first = import(mirrorbits_read, text.as_bytes());
        prop_assert!(first.problems.is_empty());
        prop_assert_eq!(first.world.hosts.len(), hosts.len());
        let contact = |id: u64| first.facts.hosts[id as usize - 1].contact.clone().unwrap();
        let mut out = Vec::new();
        mirmon_write(&first.world, contact, &mut out).unwrap();
        let again = import(mirrorbrain_read, &out);
        prop_assert_eq!(again.facts, first.facts);
        prop_assert_eq!(again.world.mirrors, first.world.mirrors);
        prop_assert_eq!(again.world.hosts, first.world.hosts);
    }
}
