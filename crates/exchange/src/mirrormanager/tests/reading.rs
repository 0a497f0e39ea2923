//! What is sound is read, whatever stands beside it.

use expect_test::{Expect, expect};

use super::text::encode;
use crate::mirrormanager::{CacheError, cache_read};
use crate::show::show;
use crate::{PROBLEMS_KEPT_PER_KIND_MAX, ProblemKind};

fn check(text: &str, expected: Expect) {
    check_bytes(&encode(text), expected);
}

fn check_bytes(bytes: &[u8], expected: Expect) {
    let shown = match cache_read(bytes, &mut |_| {}) {
        Ok(import) => show(&import),
        Err(error) => format!("error: {error}\n"),
    };
    expected.assert_eq(&shown);
}

/// Two public hosts and a private one; each table says something.
const SMALL: &str = r#"
    Time: 1700000000
    NetblockCountryCache { 1: "192.0.2.0/24" 2: "se" }
    LocationCache { 1: "lab" 2: 2 2: 1 }
    HCUrlCache { 1: 12 2: "https://one.example/linux/" }
    HCUrlCache { 1: 11 2: "http://one.example/linux" }
    HCUrlCache { 1: 21 2: "rsync://two.example/linux" }
    HCUrlCache { 1: 31 2: "http://three.example:8080/linux" }
    FileDetailsCache {
        1: "pub/linux/40/repodata"
        2 {
            1: "repomd.xml"
            2 { 1: 100 2: 4000 4: "0123456789abcdef0123456789abcdef" }
            2 { 1: 200 2: 4100 }
        }
    }
    DisabledRepositoryCache { 1: "old" 2: 1 }
    DisabledRepositoryCache { 1: "new" 2: 0 }
    CountryContinentRedirectCache { 1: "IL" 2: "EU" }
    RepositoryRedirectCache { 1: "linux-rawhide" 2: "rawhide" }
    RepoArchToDirectoryName { 1: "linux-40+x86_64" 2: "pub/linux/40" }
    RepoArchToDirectoryName { 1: "c++-40+x86_64" 2: "pub/linux/40" }
    HostAsnCache { 1: 64496 2: 1 2: 3 }
    HostMaxConnectionCache { 1: 1 2: 4 }
    HostCountryCache { 1: 1 2: "SE" }
    HostBandwidthCache { 1: 1 2: 1000 }
    HostCountryAllowedCache { 1: 2 2: "NO" 2: "SE" }
    HostNetblockCache { 1: "198.51.100.0/24" 2: 3 }
    MirrorListCache {
        1: "pub/linux/40" 2: 1 2: 2 3: "40"
        4 { 1: "SE" 2: 1 } 4 { 1: "NO" 2: 2 }
        5 { 1: "NO" 2: 2 }
        6 { 1: 1 2: 11 2: 12 } 6 { 1: 2 2: 21 } 6 { 1: 3 2: 31 }
        7: 1
    }
    MirrorListCache {
        1: "pub/linux/40/repodata" 2: [1] 3: "40/repodata"
        6 { 1: 1 2: [12 11] } 6 { 1: 3 2: [31] }
    }
"#;

#[test]
fn every_field_is_used() {
    check(
        SMALL,
        expect![[r#"
            time 1700000000
            host 1 one.example SE 1000 Mbit/s connections 4 asns [AS64496] netblocks [] allowed []
            host 2 two.example NO 100 Mbit/s internet2 asns [] netblocks [] allowed [NO, SE]
            host 3 three.example -- 100 Mbit/s private asns [AS64496] netblocks [198.51.100.0/24] allowed []
            directory pub/linux/40 [40]
              public 1: 11 = http://one.example/linux, 12 = https://one.example/linux
              public 2: 21 = rsync://two.example/linux
              private 3: 31 = http://three.example:8080/linux
            directory pub/linux/40/repodata [40/repodata]
              public 1: 11 = http://one.example/linux, 12 = https://one.example/linux
              private 3: 31 = http://three.example:8080/linux
              file repomd.xml
                Some(200) Some(4100) []
                Some(100) Some(4000) [("md5", "0123456789abcdef0123456789abcdef")]
            repository linux-40 x86_64 Some("pub/linux/40")
            repository c++-40 x86_64 Some("pub/linux/40")
            redirect linux-rawhide -> rawhide
            disabled old
            location lab [2, 1]
            continent IL -> EU
            netblock 192.0.2.0/24 SE
        "#]],
    );
}

#[test]
fn the_order_of_fields_does_not_matter() {
    let bytes = encode(SMALL);
    let mut fields: Vec<&[u8]> = Vec::new();
    let mut walk = crate::mirrormanager::wire::Fields::new(&bytes);
    loop {
        let start = bytes.len() - walk.remaining();
        if walk.next().is_none() {
            break;
        }
        fields.push(&bytes[start..bytes.len() - walk.remaining()]);
    }
    let directories_first = [&fields[fields.len() - 2..], &fields[..fields.len() - 2]].concat();
    let read = |bytes: &[u8]| cache_read(bytes, &mut |_| {}).unwrap().world;
    assert_eq!(read(&directories_first.concat()), read(&bytes));
}

#[test]
fn netblocks_are_free_text() {
    check(
        r#"
        Time: 1
        HostBandwidthCache { 1: 1 2: 10 }
        HostNetblockCache { 1: "1.2.3.4/33" 2: 1 }
        HostNetblockCache { 1: "mirror.example.org" 2: 1 }
        HostNetblockCache { 1: "192.0.2.0/255.255.255.128" 2: 1 }
        HostNetblockCache { 1: " 198.51.100.7 " 2: 1 }
        HostNetblockCache { 1: "" 2: 1 }
        HostNetblockCache { 1: "203.0.113.0/24" 2: -5 2: 1 2: 77 }
        HostNetblockCache { 1: "\xff\xfe" 2: 1 }
        HostNetblockCache { 2: 1 }
        HostNetblockCache { 1: "2001:db8::/32" }
        NetblockCountryCache { 1: "10.0.0.0/8" 2: "Sweden" }
        NetblockCountryCache { 1: "10.0.0.0/8" 2: "SE" }
        NetblockCountryCache { 1: "10.0.0.0/8" 2: "NO" }
        NetblockCountryCache { 1: "host" 2: "NO" }
        "#,
        expect![[r#"
            time 1
            host 1 host-1 -- 10 Mbit/s asns [] netblocks [192.0.2.0/25, 198.51.100.7/32, 203.0.113.0/24] allowed []
            netblock 10.0.0.0/8 SE
            ! HostNetblockCache[0] 1.2.3.4/33: 1.2.3.4/33: prefix length too large (bad-prefix)
            ! HostNetblockCache[1] mirror.example.org: mirror.example.org is a name, not a prefix; left out (dns-name)
            ! HostNetblockCache[4] : : not an address prefix; left out (bad-prefix)
            ! HostNetblockCache[5] 203.0.113.0/24: -5 is no id (out-of-range)
            ! HostNetblockCache[6] ��: ��: not an address prefix; left out (bad-prefix)
            ! HostNetblockCache[7]: it has no key (missing-field)
            ! NetblockCountryCache[0] 10.0.0.0/8: "Sweden" is no two-letter code (bad-country)
            ! NetblockCountryCache[2] 10.0.0.0/8: comes again with another value; SE counts (duplicate)
            ! NetblockCountryCache[3] host: host is a name, not a prefix; left out (dns-name)
            ! host 77: has netblocks, ASNs or countries, but is no host; left out (unknown-name)
        "#]],
    );
}

#[test]
fn ids_that_name_nothing_are_told() {
    check(
        r#"
        Time: 1
        HCUrlCache { 1: 11 2: "http://one.example" }
        HCUrlCache { 1: 12 2: "gopher://one.example" }
        HCUrlCache { 1: -1 2: "http://minus.example" }
        LocationCache { 1: "nowhere" 2: 9 2: 1 }
        RepoArchToDirectoryName { 1: "gone+x86_64" 2: "pub/gone" }
        RepoArchToDirectoryName { 1: "gone" 2: "pub/gone" }
        FileDetailsCache { 1: "pub/gone" 2 { 1: "a" 2 { 1: 1 2: 1 } } }
        HostAsnCache { 1: 64496 2: 8 }
        MirrorListCache {
            1: "pub" 2: 1 2: 2 2: 3 2: 4 2: -7
            4 { 1: "SE" 2: 1 2: 6 }
            6 { 1: 1 2: 11 2: 12 2: 13 } 6 { 1: 2 } 6 { 1: 3 2: 13 } 6 { 1: -4 2: 11 } 6 { 2: 11 }
        }
        MirrorListCache { 1: "pub/x" 2: 1 2: 2 2: 3 3: "x" 6 { 1: 1 2: 11 2: 12 2: 13 } 6 { 1: 2 } }
        MirrorListCache { 2: 1 3: "nameless" 6 { 1: 1 2: 11 } }
        "#,
        expect![[r#"
            time 1
            host 1 one.example SE 100 Mbit/s asns [] netblocks [] allowed []
            host 2 host-2 -- 100 Mbit/s asns [] netblocks [] allowed []
            host 3 host-3 -- 100 Mbit/s asns [] netblocks [] allowed []
            directory pub []
              public 1: 11 = http://one.example
            directory pub/x [x]
              public 1: 11 = http://one.example
            repository gone x86_64 None
            location nowhere [1]
            ! HCUrlCache[1] 12: gopher://one.example: no URL of a known scheme; left out (bad-url)
            ! HCUrlCache[2] -1: -1 is no id (out-of-range)
            ! RepoArchToDirectoryName[1] gone: not prefix+arch; left out (bad-text)
            ! MirrorListCache[0] pub ByHostId: host 1 names URL 12, which HCUrlCache does not have (unknown-name)
            ! MirrorListCache[0] pub ByHostId: host 1 names URL 13, which HCUrlCache does not have (unknown-name)
            ! MirrorListCache[0] pub ByHostId: host 2 has no URL there; left out (no-url)
            ! MirrorListCache[0] pub ByHostId: host 3 names URL 13, which HCUrlCache does not have (unknown-name)
            ! MirrorListCache[0] pub ByHostId: host 3 has no URL there; left out (no-url)
            ! MirrorListCache[0] pub ByHostId: -4 is no id (out-of-range)
            ! MirrorListCache[0] pub ByHostId: it has no key (missing-field)
            ! MirrorListCache[0] pub: Global names host 4, which there is not (unknown-name)
            ! MirrorListCache[0] pub: Global names host -7, which there is not (unknown-name)
            ! MirrorListCache[0] pub ByCountry: SE names host 6, which there is not (unknown-name)
            ! MirrorListCache[2]: it has no name; left out (missing-field)
            ! FileDetailsCache pub/gone: no such directory in MirrorListCache; its files are left out (unknown-name)
            ! RepoArchToDirectoryName gone+x86_64: MirrorListCache has no directory pub/gone (unknown-name)
            ! host 8: has netblocks, ASNs or countries, but is no host; left out (unknown-name)
            ! LocationCache nowhere: 1 of the hosts it names are unknown (unknown-name)
        "#]],
    );
}

#[test]
fn the_first_of_duplicates_counts() {
    check(
        r#"
        Time: 1 Time: 1 Time: 2
        HCUrlCache { 1: 11 2: "http://one.example" }
        HCUrlCache { 1: 11 2: "http://one.example/" }
        HCUrlCache { 1: 11 2: "http://other.example" }
        HostCountryCache { 1: 1 2: "SE" }
        HostCountryCache { 1: 1 2: "NO" }
        HostBandwidthCache { 1: 1 2: 10 }
        HostBandwidthCache { 1: 1 2: 11 }
        RepositoryRedirectCache { 1: "a" 2: "b" }
        RepositoryRedirectCache { 1: "a" 2: "c" }
        RepoArchToDirectoryName { 1: "r+a" 2: "/pub/" }
        RepoArchToDirectoryName { 1: "r+a" 2: "pub" }
        RepoArchToDirectoryName { 1: "r+a" 2: "other" }
        FileDetailsCache { 1: "pub" 2 { 1: "f" 2 { 1: 5 2: 6 } } }
        FileDetailsCache { 1: "pub" 2 { 1: "f" 2 { 1: 5 2: 6 } 2 { 1: 7 2: 8 } } 2 { 1: "e" } }
        MirrorListCache { 1: "pub" 2: 1 6 { 1: 1 2: 11 2: 11 } 6 { 1: 1 2: 11 } }
        MirrorListCache { 1: "pub/" 2: 1 }
        "#,
        expect![[r#"
            time 1
            host 1 one.example SE 10 Mbit/s asns [] netblocks [] allowed []
            directory pub []
              public 1: 11 = http://one.example
              file e
              file f
                Some(7) Some(8) []
                Some(5) Some(6) []
            repository r a Some("pub")
            redirect a -> b
            ! Time[2]: comes again with another value; 1 counts (duplicate)
            ! HCUrlCache[2] 11: comes again with another value; http://one.example counts (duplicate)
            ! HostCountryCache[1] 1: comes again with another value; SE counts (duplicate)
            ! HostBandwidthCache[1] 1: comes again with another value; 10 counts (duplicate)
            ! RepositoryRedirectCache[1] a: comes again with another value; b counts (duplicate)
            ! RepoArchToDirectoryName[2] r+a: comes again with another value; pub counts (duplicate)
            ! MirrorListCache[0] pub: host 1 comes again; its first entry counts (duplicate)
            ! MirrorListCache[1] pub/: comes again; the first counts (duplicate)
        "#]],
    );
}

#[test]
fn numbers_out_of_range_are_told() {
    check(
        r#"
        Time: -1
        HostBandwidthCache { 1: 1 2: -5 }
        HostBandwidthCache { 1: 2 2: 4294967296 }
        HostBandwidthCache { 1: -3 2: 10 }
        HostMaxConnectionCache { 1: 1 2: 0 }
        HostMaxConnectionCache { 1: 2 2: -1 }
        HostAsnCache { 1: 0 2: 1 }
        HostAsnCache { 1: 4294967296 2: 1 }
        FileDetailsCache { 1: "pub" 2 { 1: "f"
            2 { 1: -5 2: -6 } 2 { 2: 0 } 2 { 1: 3 2: 4 5: "beef" 3: "" 4: "\xff" } } 2 { 1: "a/b" } }
        MirrorListCache { 1: "pub" }
        "#,
        expect![[r#"
            time 0
            host 1 host-1 -- 100 Mbit/s asns [] netblocks [] allowed []
            host 2 host-2 -- 100 Mbit/s asns [] netblocks [] allowed []
            directory pub []
              file f
                Some(3) Some(4) []
                None None []
            ! Time[0]: -1 is no time (out-of-range)
            ! HostBandwidthCache[0] 1: -5 is no bandwidth in Mbit/s (out-of-range)
            ! HostBandwidthCache[1] 2: 4294967296 is no bandwidth in Mbit/s (out-of-range)
            ! HostBandwidthCache[2] -3: -3 is no id (out-of-range)
            ! HostMaxConnectionCache[0] 1: 0 is no number of connections (out-of-range)
            ! HostMaxConnectionCache[1] 2: -1 is no number of connections (out-of-range)
            ! HostAsnCache[0] 0: 0 is no autonomous system (out-of-range)
            ! HostAsnCache[1] 4294967296: 4294967296 is no autonomous system (out-of-range)
            ! FileDetailsCache[0] pub file 0 f: -5 is no time or size (out-of-range)
            ! FileDetailsCache[0] pub file 0 f: -6 is no time or size (out-of-range)
            ! FileDetailsCache[0] pub file 0 f: a detail without TimeStamp or Size; the rest of it counts (missing-field)
            ! FileDetailsCache[0] pub file 0 f: beef: not 64 hexadecimal digits; left out (bad-hash)
            ! FileDetailsCache[0] pub file 0 f: �: not 32 hexadecimal digits; left out (bad-hash)
            ! FileDetailsCache[0] pub file 1: a/b: no file name; left out (bad-text)
            ! Time: it does not say when it was made (missing-field)
        "#]],
    );
}

#[test]
fn countries_come_from_the_directories_when_the_table_has_none() {
    check(
        r#"
        Time: 1
        HCUrlCache { 1: 11 2: "http://one.example" }
        HostCountryCache { 1: 1 2: "SE" }
        HostCountryCache { 1: 3 2: "" }
        HostCountryAllowedCache { 1: 2 2: "Norway" }
        HostCountryAllowedCache { 1: 1 }
        MirrorListCache { 1: "a" 2: 1 2: 2 4 { 1: "NO" 2: 1 2: 2 } 6 { 1: 1 2: 11 } 6 { 1: 2 2: 11 } }
        MirrorListCache { 1: "b" 2: 2 4 { 1: "DK" 2: 2 } 6 { 1: 2 2: 11 } 7: 0 }
        MirrorListCache { 1: "c" 2: 2 4 { 1: "FI" 2: 2 } 4 { 1: "Finland" 2: 2 } 6 { 1: 2 2: 11 } }
        "#,
        expect![[r#"
            time 1
            host 1 one.example SE 100 Mbit/s asns [] netblocks [] allowed []
            host 2 one.example NO 100 Mbit/s asns [] netblocks [] allowed [ZZ]
            host 3 host-3 -- 100 Mbit/s asns [] netblocks [] allowed []
            directory a []
              public 1: 11 = http://one.example
              public 2: 11 = http://one.example
            directory b []
              public 2: 11 = http://one.example
            directory c []
              public 2: 11 = http://one.example
            ! HostCountryCache[1] 3: "" is no two-letter code (bad-country)
            ! HostCountryAllowedCache[0] 2: "Norway" is no two-letter code (bad-country)
            ! MirrorListCache[1] b ByCountry: lists host 2 under DK, others under NO; told once (contradiction)
            ! MirrorListCache[2] c ByCountry: "Finland" is no two-letter code (bad-country)
            ! OrderedMirrorList: off for 1; lists are ordered all the same (not-done)
            ! host 1: HostCountryCache says SE, directories list it under NO (contradiction)
        "#]],
    );
}

#[test]
fn wrong_types_and_unknown_fields_are_passed_over() {
    check(
        r#"
        Time: "now"
        Time: 5
        HCUrlCache: 7
        HCUrlCache { 1: "x" 2: "http://one.example" }
        HCUrlCache { 1: 11 2: 5 }
        HCUrlCache { 9: 1 1: 12 2: "http://one.example" 10: "more" }
        HostCountryAllowedCache { 1: 1 2: 5 2: "SE" }
        MirrorListCache: 3
        MirrorListCache { 1: 5 }
        MirrorListCache { 1: "pub\x0aevil" }
        MirrorListCache { 1: "\xff\xff" }
        MirrorListCache { 1: "pub" 2: "\x80" 3: 4 4: 1 6: 1 6 { 1: 1 2: 12 } 99: 1 }
        17: 4
        4000 { 1: 1 }
        "#,
        expect![[r#"
            time 5
            host 1 one.example -- 100 Mbit/s private asns [] netblocks [] allowed [SE]
            directory pub []
              private 1: 12 = http://one.example
            ! Time[0]: no number where one belongs (wrong-type)
            ! HCUrlCache[0]: a number where text or a list belongs (wrong-type)
            ! HCUrlCache[1] x: no number where one belongs (wrong-type)
            ! HCUrlCache[2] 11: a number where text or a list belongs (wrong-type)
            ! HostCountryAllowedCache[0] 1: a number where text or a list belongs (wrong-type)
            ! MirrorListCache[0]: a number where text or a list belongs (wrong-type)
            ! MirrorListCache[1] 5: a number where text or a list belongs (wrong-type)
            ! MirrorListCache[1] 5: it has no name; left out (missing-field)
            ! MirrorListCache[2] pub\nevil: pub\nevil: control characters (bad-text)
            ! MirrorListCache[3] ��: ��: not UTF-8 (bad-text)
            ! MirrorListCache[4] pub: breaks off; the rest of it is lost (truncated)
            ! MirrorListCache[4] pub: a number where text or a list belongs (wrong-type)
            ! MirrorListCache[4] pub: a number where text or a list belongs (wrong-type)
            ! MirrorListCache[4] pub: a number where text or a list belongs (wrong-type)
        "#]],
    );
}

#[test]
fn what_comes_before_a_break_is_kept() {
    let whole = encode(SMALL);
    check_bytes(
        &whole[..whole.len() - 30],
        expect![[r#"
            time 1700000000
            host 1 one.example SE 1000 Mbit/s connections 4 asns [AS64496] netblocks [] allowed []
            host 2 two.example NO 100 Mbit/s internet2 asns [] netblocks [] allowed [NO, SE]
            host 3 three.example -- 100 Mbit/s private asns [AS64496] netblocks [198.51.100.0/24] allowed []
            directory pub/linux/40 [40]
              public 1: 11 = http://one.example/linux, 12 = https://one.example/linux
              public 2: 21 = rsync://two.example/linux
              private 3: 31 = http://three.example:8080/linux
            repository linux-40 x86_64 Some("pub/linux/40")
            repository c++-40 x86_64 Some("pub/linux/40")
            redirect linux-rawhide -> rawhide
            disabled old
            location lab [2, 1]
            continent IL -> EU
            netblock 192.0.2.0/24 SE
            ! byte 508: breaks off; the rest of it is lost (truncated)
            ! FileDetailsCache pub/linux/40/repodata: no such directory in MirrorListCache; its files are left out (unknown-name)
        "#]],
    );
    check_bytes(
        b"\x08\x05\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        expect![[r#"
        time 5
        ! byte 2: breaks off; the rest of it is lost (truncated)
    "#]],
    );
    check_bytes(
        b"\x08\x05\x00",
        expect![[r#"
        time 5
        ! byte 2: breaks off; the rest of it is lost (truncated)
    "#]],
    );
    check_bytes(
        b"\x08\x05\x0b\x0c\x0d1234",
        expect![[r#"
        time 5
        ! Time[1]: no number where one belongs (wrong-type)
        ! Time[2]: no number where one belongs (wrong-type)
        ! Time[3]: no number where one belongs (wrong-type)
    "#]],
    );
}

#[test]
fn something_else_is_an_error() {
    for bytes in
        [&b"<!DOCTYPE html>"[..], b"{\"a\": 1}", b"\x1f\x8b\x08\x00", &[0; 64], b"\x12\x00"]
    {
        assert_eq!(cache_read(bytes, &mut |_| {}).unwrap_err(), CacheError::NotACache);
    }
    assert_eq!(cache_read(b"", &mut |_| {}).unwrap_err(), CacheError::Empty);
}

#[test]
fn any_prefix_of_a_cache_is_read() {
    let whole = encode(SMALL);
    for end in 1..whole.len() {
        if let Ok(import) = cache_read(&whole[..end], &mut |_| {}) {
            import.world.check().unwrap();
        }
    }
}

#[test]
fn problems_are_counted_and_a_few_are_kept() {
    let line = "HCUrlCache { 1: 1 2: \"nonsense\" }\n";
    let text = format!("Time: 1 {}", line.repeat(1000));
    let import = cache_read(&encode(&text), &mut |_| {}).unwrap();
    assert_eq!(import.problems.total(), 1000);
    assert_eq!(import.problems.count(ProblemKind::BadUrl), 1000);
    assert_eq!(import.problems.kept().len() as u64, PROBLEMS_KEPT_PER_KIND_MAX);
}

#[test]
fn progress_reaches_the_end() {
    let text = format!("Time: 1 HCUrlCache {{ 1: 1 2: \"{}\" }}", "x".repeat(3 << 20));
    let mut told = Vec::new();
    cache_read(&encode(&text), &mut |bytes| told.push(bytes)).unwrap();
    assert_eq!(told.len(), 1);
}
