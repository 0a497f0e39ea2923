//! Documents as nobody honest writes them: each is refused by the name of a limit, or what is wrong
//! with it is left out and counted, and neither takes much memory.

use std::io::Write;

use bzip2::write::BzEncoder;
use expect_test::expect;
use flate2::write::GzEncoder;
use heliostat_observe_probe_wire::{Format, Limits};

use super::honest::tar;
use super::{check, refused, refused_within};

/// Zeros within gzip: a thousand times as many as bytes.
fn gz_of_zeros(mib: usize) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::best());
    (0..mib).for_each(|_| gz.write_all(&vec![0; 1 << 20]).unwrap());
    gz.finish().unwrap()
}

#[test]
fn bombs_go_off_in_a_box() {
    let bomb = gz_of_zeros(9);
    assert!(bomb.len() < 10_000);
    // A text of zeros is too long before it is too much.
    assert_eq!(refused(Format::Primary, &bomb), "token_bytes_max");
    assert_eq!(refused(Format::Packages, &bomb), "token_bytes_max");
    let limits = Limits { expanded_bytes_max: 8 << 20, ..Limits::of(Format::Listing) };
    assert_eq!(refused_within(limits, Format::Listing, &bomb), "expanded_bytes_max");
    assert_eq!(refused(Format::Rsync, &bomb), "token_bytes_max");
    let limits = Limits { expanded_bytes_max: 1 << 20, ..Limits::of(Format::Release) };
    let lines = "Suite: stable\n".repeat(200_000);
    assert_eq!(refused_within(limits, Format::Release, &lines), "expanded_bytes_max");
    let mut bz2 = BzEncoder::new(Vec::new(), bzip2::Compression::best());
    (0..9).for_each(|_| bz2.write_all(&vec![b' '; 1 << 20]).unwrap());
    let bz2 = bz2.finish().unwrap();
    assert!(bz2.len() < 1000);
    assert_eq!(refused_within(limits, Format::Checkin, bz2), "expanded_bytes_max");
    // Bombs within bombs come out as what they are: no document.
    assert_eq!(refused(Format::Repomd, gz_of_zeros(0)), "format");
}

#[test]
fn windows_are_asked_for_before_there_is_memory() {
    // A frame of Zstandard that wants a window of two gigabytes.
    let zst = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00];
    assert_eq!(refused(Format::Primary, zst), "window_bytes_max");
    // An xz block with a dictionary of 1.5 GiB.
    let mut options = lzma_rust2::XzOptions::with_preset(0);
    options.lzma_options.dict_size = 128 << 20;
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    xz.write_all(b"<repomd/>").unwrap();
    assert_eq!(refused(Format::Repomd, xz.finish().unwrap()), "window_bytes_max");
}

#[test]
fn broken_streams_are_broken() {
    let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&b"<repomd><revision>1</revision>".repeat(100)).unwrap();
    let gz = gz.finish().unwrap();
    assert_eq!(refused(Format::Repomd, &gz[..gz.len() / 2]), "truncated");
    let mut broken = gz.clone();
    broken[12] ^= 0xff;
    broken[13] ^= 0xff;
    assert!(["compression", "truncated", "format"].contains(&refused(Format::Repomd, broken)));
    assert_eq!(refused(Format::Repomd, b"\x28\xb5\x2f\xfd"), "compression");
    assert_eq!(refused(Format::Repomd, b"\xfd7zXZ\0"), "truncated");
}

#[test]
fn xml_has_no_entities_and_no_depth() {
    let lol = "<!DOCTYPE repomd [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><repomd>&b;</repomd>";
    assert_eq!(refused(Format::Repomd, lol), "entities");
    let external = "<!DOCTYPE r SYSTEM \"file:///etc/passwd\"><repomd/>";
    assert_eq!(refused(Format::Repomd, external), "entities");
    assert_eq!(refused(Format::Repomd, "<repomd>&x;</repomd>"), "entities");
    assert_eq!(refused(Format::Repomd, format!("<repomd>{}", "<a>".repeat(100))), "depth_max");
    assert_eq!(refused(Format::Repomd, "<repomd><data>"), "truncated");
    assert_eq!(refused(Format::Repomd, "<repomd"), "truncated");
    assert_eq!(refused(Format::Repomd, "<html></html>"), "format");
    assert_eq!(refused(Format::Repomd, "<repomd></b></repomd>"), "format");
    assert_eq!(refused(Format::Repomd, b"<repomd><revision>\xff</revision></repomd>"), "utf8");
    let endless = format!("<repomd a=\"{}", "x".repeat(3 << 20));
    assert_eq!(refused(Format::Repomd, endless), "token_bytes_max");
    let many = format!("<repomd><data{}/></repomd>", " a=''".repeat(150_000));
    check(
        Format::Repomd,
        many,
        expect![[r#"
        left out: 1 path_escape
    "#]],
    );
    // What is passed over of JSON is not read by recursion, so its depth is no danger.
    let deep = "{\"x\":".repeat(1_000_000);
    assert_eq!(refused(Format::Checkin, deep), "truncated");
    let deep = format!("{{\"version\":0,\"global\":{}", "[".repeat(1_000_000));
    assert_eq!(refused(Format::Checkin, deep), "truncated");
}

#[test]
fn a_million_names_are_too_many() {
    let links: String = (0..100_001).map(|n| format!("<a href=\"{n}\">")).collect();
    assert_eq!(refused(Format::Listing, format!("<title>Index of</title>{links}")), "entries_max");
    let few = |format, document: String| {
        let limits = Limits { entries_max: 1000, ..Limits::of(format) };
        assert_eq!(refused_within(limits, format, document), "entries_max");
    };
    let line = "-rw-r--r--              1 2024/01/02 03:04:05 a\n";
    few(Format::Rsync, line.repeat(1001));
    few(Format::Packages, "Filename: a\n\n".repeat(1001));
    let hash = "a".repeat(32);
    few(Format::Checksums, (0..1001).map(|n| format!("{hash}  {n}\n")).collect());
    let lines: String = (0..1001).map(|n| format!(" {hash} 1 {n}\n")).collect();
    few(Format::Release, format!("MD5Sum:\n{lines}"));
    let packages = "<package pkgid='00000000000000000000000000000000' name='a'/>".repeat(1001);
    few(Format::Filelists, format!("<filelists>{packages}</filelists>"));
    few(
        Format::Primary,
        format!("<metadata>{}</metadata>", "<package><location href='a'/></package>".repeat(1001)),
    );
    let data = "<data type='a'><location href='a'/></data>".repeat(1001);
    few(Format::Repomd, format!("<repomd>{data}</repomd>"));
    let folders: String = (0..1001).map(|n| format!("\"{n}\":{{}},")).collect();
    few(
        Format::Checkin,
        format!("{{\"version\":0,\"c\":{{\"dirtree\":{{{folders}\"x\":{{}}}}}}}}"),
    );
    let keys = "<Contents><Key>a</Key></Contents>".repeat(1001);
    few(Format::Listing, format!("<ListBucketResult>{keys}</ListBucketResult>"));
}

#[test]
fn names_that_lead_away_are_left_out_and_counted() {
    let long = "x".repeat(1 << 19);
    let page = format!(
        "<title>Index of /</title><a href='../../etc/passwd'></a><a href='%2e%2e%2fx'></a>\
         <a href='a%00b'></a><a href='a%0ab'></a><a href='%ff%fe'></a><a href='{long}'></a>\
         <a href='good'></a>"
    );
    check(
        Format::Listing,
        page,
        expect![[r#"
        left out: 1 path_bytes_max
        left out: 2 path_escape
        left out: 2 path_control
        left out: 1 utf8
        good
    "#]],
    );
    let name = "y".repeat(300);
    let text = format!(
        "-rw-r--r-- 1 2024/01/02 03:04:05 ../../x\n-rw-r--r-- 1 2024/01/02 03:04:05 /etc/x\n\
         -rw-r--r-- 1 2024/01/02 03:04:05 {name}\n-rw-r--r-- 1 2024/01/02 03:04:05 {}\n\
         -rw-r--r-- 1 2024/01/02 03:04:05 good\n",
        "d/".repeat(70)
    );
    let mut text = text.into_bytes();
    text.extend_from_slice(b"-rw-r--r-- 1 2024/01/02 03:04:05 \xff\xfe\n");
    check(
        Format::Rsync,
        text,
        expect![[r#"
        left out: 1 name_bytes_max
        left out: 3 path_escape
        left out: 1 utf8
        good 1 @1704164645+1
    "#]],
    );
    let hash = "a".repeat(32);
    let checksums = format!("{hash}  ../x\n{hash}  /etc/x\n{hash}  good\n");
    check(
        Format::Checksums,
        checksums,
        expect![[r#"
        left out: 2 path_escape
        good 0:aaaaaaaa
    "#]],
    );
}

#[test]
fn a_greeting_is_no_empty_folder() {
    let page = "<html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1>\
        <a href=\"http://nginx.org/\">nginx.org</a></body></html>";
    assert_eq!(refused(Format::Listing, page), "format");
    assert_eq!(refused(Format::Listing, ""), "format");
    assert_eq!(refused(Format::Listing, b"\0\xff\xfe"), "format");
    assert_eq!(refused(Format::Rsync, "@ERROR: chroot failed\n"), "format");
    assert_eq!(refused(Format::Release, "<html></html>"), "format");
    assert_eq!(refused(Format::Release, ""), "format");
    assert_eq!(refused(Format::Checksums, "<html></html>"), "format");
    assert_eq!(refused(Format::Packages, "<html></html>"), "format");
    assert_eq!(refused(Format::Checkin, "<html></html>"), "format");
    assert_eq!(refused(Format::ArchDatabase, "x".repeat(600)), "format");
    assert_eq!(refused(Format::ApkIndex, tar(&[("x", b"y")])), "format");
}

#[test]
fn numbers_are_numbers() {
    for size in ["-1", "1e9", "", "99999999999999999999", "0x10"] {
        let repomd = format!("<repomd><data><size>{size}</size></data></repomd>");
        assert_eq!(refused(Format::Repomd, repomd), "number", "{size}");
        let packages = format!("Size: {size}\n");
        assert_eq!(refused(Format::Packages, packages), "number", "{size}");
    }
    let repomd = "<repomd><data><checksum>xyz</checksum></data></repomd>";
    assert_eq!(refused(Format::Repomd, repomd), "number");
    let two = format!("MD5Sum:\n {0} 1 a\nSHA1:\n {0}bbbbbbbb 2 a\n", "b".repeat(32));
    assert_eq!(refused(Format::Release, two), "number");
    let signed = "-----BEGIN PGP SIGNED MESSAGE-----\n\nSuite: x\n";
    assert_eq!(refused(Format::Release, signed), "truncated");
    let archive = tar(&[("a/desc", b"%CSIZE%\nx\n")]);
    assert_eq!(refused(Format::ArchDatabase, &archive), "number");
    assert_eq!(refused(Format::ArchDatabase, &archive[..700]), "truncated");
}

/// What runs when it is read is not read.
#[test]
fn pickles_are_refused() {
    let pickle = b"cos\nsystem\n(S'true'\ntR.";
    assert_eq!(refused(Format::Checkin, pickle), "format");
    use base64::Engine;
    let text = base64::engine::general_purpose::URL_SAFE.encode(pickle);
    assert_eq!(refused(Format::Checkin, text), "format");
    let call = "<methodCall><methodName>system.shutdown</methodName><params/></methodCall>";
    assert_eq!(refused(Format::Checkin, call), "format");
}
