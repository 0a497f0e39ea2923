//! Documents as honest programs write them.

use std::io::Write;

use base64::Engine;
use bzip2::write::BzEncoder;
use expect_test::expect;
use flate2::write::GzEncoder;
use heliostat_observe_probe_wire::Format;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::check;

const REPOMD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>1730000000</revision>
  <tags><distro cpeid="cpe:/o:x">x</distro></tags>
  <data type="primary">
    <checksum type="sha256">aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</checksum>
    <open-checksum type="sha256">bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb</open-checksum>
    <location href="repodata/a&amp;b-primary.xml.gz"/>
    <timestamp>1730000001.5</timestamp>
    <size>123</size>
    <open-size>456</open-size>
  </data>
  <data type="elsewhere"><location xml:base="http://a.example/" href="x"/></data>
</repomd>
"#;

#[test]
fn repomd_names_its_files() {
    check(
        Format::Repomd,
        REPOMD,
        expect![[r#"
        Revision: 1730000000
        left out: 1 path_escape
        repodata/a&b-primary.xml.gz [primary] 123 @1730000001+1 2:aaaaaaaa
    "#]],
    );
}

#[test]
fn compression_shows_in_the_bytes() {
    let expect = || {
        expect![[r#"
        left out: 1 path_escape
        a.rpm 5 @7+1 2:cccccccc
        "#]]
    };
    let primary = br#"<metadata packages="2"><package type="rpm"><name>a</name>
        <checksum type="sha256" pkgid="YES">cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc</checksum>
        <time file="7" build="6"/><size package="5" installed="9" archive="9"/>
        <location href="a.rpm"/><format><rpm:license>x</rpm:license><file>/a</file></format></package>
        <package type="rpm"><location href="/etc/passwd"/></package></metadata>"#;
    let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(primary).unwrap();
    let mut bz2 = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bz2.write_all(primary).unwrap();
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    xz.write_all(primary).unwrap();
    let (head, tail) = primary.split_at(100);
    let zst = |part: &[u8]| compress_to_vec(part, CompressionLevel::Fastest);
    // Two frames, and one between them that carries nothing.
    let zst = [zst(head), vec![0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9], zst(tail)].concat();
    let gz = gz.finish().unwrap();
    for document in [primary.to_vec(), gz, bz2.finish().unwrap(), xz.finish().unwrap(), zst] {
        check(Format::Primary, document, expect());
    }
}

#[test]
fn filelists_name_packages() {
    let filelists = r#"<filelists packages="1"><package pkgid="dddddddddddddddddddddddddddddddddddddddd"
        name="a" arch="noarch"><version epoch="0" ver="1" rel="1"/><file type="dir">/usr</file>
        <file>/usr/a</file></package></filelists>"#;
    check(
        Format::Filelists,
        filelists,
        expect![[r#"
        a? [noarch] 1:dddddddd
    "#]],
    );
}

#[test]
fn releases_name_their_files() {
    let release = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Example\nSuite: stable\n\
        Codename: twelve\nDate: Sat, 09 Nov 2024 10:11:12 UTC\nValid-Until: never\n\
        Architectures: amd64 arm64\nComponents: main\nAcquire-By-Hash: yes\nMD5Sum:\n \
        eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee 12 main/binary-amd64/Packages\nSHA256:\n \
        ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff       12 \
        main/binary-amd64/Packages\n \
        ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff 34 ../Packages\n\
        -----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";
    check(
        Format::Release,
        release,
        expect![[r#"
        Origin: Example
        Suite: stable
        Codename: twelve
        Architectures: amd64 arm64
        Components: main
        Date: 1731147072
        left out: 1 path_escape
        left out: 1 number
        main/binary-amd64/Packages 12 0:eeeeeeee 2:ffffffff
    "#]],
    );
}

#[test]
fn packages_name_their_files() {
    let packages = "Package: a\nVersion: 1\nDescription: a\n b: c\nFilename: pool/a_1.deb\nSize: 77\n\
        MD5sum: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\n\nPackage: b\nFilename: ./b.deb\nSize: 1\n";
    check(
        Format::Packages,
        packages,
        expect![[r#"
        pool/a_1.deb 77 0:eeeeeeee
        b.deb 1
    "#]],
    );
}

/// An archive of files, as `tar` writes it.
pub(super) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let mut head = [0_u8; 512];
        head[..name.len()].copy_from_slice(name.as_bytes());
        head[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        head[156] = b'0';
        head[148..156].fill(b' ');
        let sum: u64 = head.iter().map(|&byte| u64::from(byte)).sum();
        head[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
        head[154] = 0;
        out.extend_from_slice(&head);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

#[test]
fn archives_of_packages() {
    let desc = b"%FILENAME%\na-1-1-any.pkg.tar.zst\n\n%CSIZE%\n55\n\n%BUILDDATE%\n1700000000\n\n\
        %SHA256SUM%\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    let files: [(&str, &[u8]); 2] = [("a-1-1/desc", desc), ("a-1-1/files", &[b'x'; 2000])];
    check(
        Format::ArchDatabase,
        tar(&files),
        expect![[r#"
        a-1-1-any.pkg.tar.zst 55 @1700000000+1 2:aaaaaaaa
    "#]],
    );
    let gz = |bytes: &[u8]| {
        let mut gz = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    };
    let index = b"C:Q1x\nP:musl\nV:1.2-r0\nS:400\nt:1700000000\n\nP:zlib\nV:1\nS:9\n";
    let signed = [gz(&tar(&[(".SIGN.RSA.x", b"s")])), gz(&tar(&[("APKINDEX", index)]))].concat();
    check(
        Format::ApkIndex,
        signed,
        expect![[r#"
        musl-1.2-r0.apk 400 @1700000000+1
        zlib-1.apk 9
    "#]],
    );
}

#[test]
fn checksums_of_both_forms() {
    let hash = "a".repeat(64);
    let text = format!(
        "# image.iso: 4096 bytes\nSHA256 (image.iso) = {hash}\n{hash}  ./b.img\n{} *b.img\nhm\n",
        "b".repeat(32)
    );
    check(
        Format::Checksums,
        text,
        expect![[r#"
        left out: 1 format
        image.iso 4096 2:aaaaaaaa
        b.img 0:bbbbbbbb 2:aaaaaaaa
    "#]],
    );
}

#[test]
fn rsync_lists_trees() {
    let text = "Welcome to the mirror\ndrwxr-xr-x          4,096 2024/01/02 03:04:05 .\n\
        drwxr-xr-x          4,096 2024/01/02 03:04:05 pub/linux\n\
        -rw-r--r--  1,234,567,890 2024/01/02 03:04:05 pub/linux/a b.iso\n\
        lrwxrwxrwx             11 2024/01/02 03:04:05 pub/latest -> linux\n\
        -rw-r--r--              1 2024/01/02 03:04:05 pub/\\#303\\#244\n\
        -rw-r--r--              1 2024/01/02 03:04:05 pub/a\\#012b\n";
    check(
        Format::Rsync,
        text,
        expect![[r#"
        left out: 1 format
        left out: 1 path_control
        pub/linux/ @1704164645+1
        pub/linux/a b.iso 1234567890 @1704164645+1
        pub/latest@ @1704164645+1
        pub/ä 1 @1704164645+1
    "#]],
    );
    check(Format::Rsync, "", expect![[""]]);
}

#[test]
fn apache_lists_a_folder() {
    let page = r#"<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN"><html><head>
        <title>Index of /pub/x</title></head><body><h1>Index of /pub/x</h1><table>
        <tr><th><a href="?C=N;O=D">Name</a></th></tr>
        <tr><td valign="top"><img src="/icons/back.gif"></td><td><a href="/pub/">Parent Directory</a></td>
            <td>&nbsp;</td><td align="right">  - </td></tr>
        <tr><td><a href="repodata/"><img></a></td><td><a href="repodata/">repodata/</a></td>
            <td align="right">2024-01-02 03:04  </td><td align="right">  - </td></tr>
        <tr><td></td><td><a href="a%20b.rpm">a b.rpm</a></td><td align="right">2024-01-02 03:04  </td>
            <td align="right">1.2M</td><td>17 things</td></tr>
        </table><address>Apache/2.4.62 (Debian) Server at a.example Port 80</address></body></html>"#;
    check(
        Format::Listing,
        page,
        expect![[r#"
        Style: apache
        repodata/ @1704164640+60?
        a b.rpm 1153433..=1363148 @1704164640+60?
    "#]],
    );
}

#[test]
fn nginx_lighttpd_and_caddy_list_folders() {
    let page = "<html><head><title>Index of /pub/x/</title></head><body><h1>Index of /pub/x/</h1><hr>\
        <pre><a href=\"../\">../</a>\n<a href=\"os/\">os/</a>          02-Jan-2024 03:04       -\n\
        <a href=\"a.rpm\">a.rpm</a>        02-Jan-2024 03:04    4711\n</pre></body></html>";
    check(
        Format::Listing,
        page,
        expect![[r#"
        os/ @1704164640+60?
        a.rpm 4711 @1704164640+60?
    "#]],
    );
    let page = r#"<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html PUBLIC "x"><html>
        <head><title>Index of /pub/x/</title></head><body><table>
        <tr class="d"><td class="n"><a href="../">..</a>/</td><td class="m">&nbsp;</td></tr>
        <tr><td class="n"><a href="a.iso">a.iso</a></td><td class="m">2024-Jan-02 03:04:05</td>
        <td class="s">1.5G</td><td class="t">application/octet-stream</td></tr></table>
        <div class="foot">lighttpd/1.4.69</div></body></html>"#;
    check(
        Format::Listing,
        page,
        expect![[r#"
        Style: lighttpd
        a.iso 1503238553..=1717986918 @1704164645+1?
    "#]],
    );
    let page = r#"<!DOCTYPE html><html><head><title>x</title><style>a{}</style></head><body>
        <h1><a href="/">/</a></h1><table><tr class="file"><td></td><td><a href="./a.txt">
        <svg><title>x</title></svg><span class="name">a.txt</span></a></td>
        <td class="size" data-size="1234"><div>1.2 KiB</div></td>
        <td class="timestamp"><time datetime="2024-01-02T03:04:05Z">01/02/2024</time></td></tr>
        <tr><td><a href="./d/">d</a></td><td data-order="-1">&mdash;</td></tr></table></body></html>"#;
    check(
        Format::Listing,
        page,
        expect![[r#"
        Style: caddy
        a.txt 1234 @1704164645+1
        d/
    "#]],
    );
}

#[test]
fn s3_lists_a_prefix() {
    let page = r#"<?xml version="1.0" encoding="UTF-8"?>
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>
        <Prefix>pub/x/</Prefix><NextContinuationToken>1ueGcxLPRx1Tr</NextContinuationToken>
        <IsTruncated>true</IsTruncated><Contents><Key>pub/x/</Key><Size>0</Size></Contents>
        <Contents><Key>pub/x/a.rpm</Key><LastModified>2024-01-02T03:04:05.000Z</LastModified>
        <ETag>&quot;eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee&quot;</ETag><Size>4711</Size></Contents>
        <CommonPrefixes><Prefix>pub/x/os/</Prefix></CommonPrefixes></ListBucketResult>"#;
    check(
        Format::Listing,
        page,
        expect![[r#"
        Continuation: 1ueGcxLPRx1Tr
        Style: s3
        a.rpm 4711 @1704164645+1 0:eeeeeeee
        os/
    "#]],
    );
}

#[test]
fn mirrors_check_in_the_new_way_and_the_old() {
    let json = r#"{"version": 0, "global": {"enabled": "1"}, "site": {"name": "s", "password": "p"},
        "host": {"name": "h.example", "user_active": 1},
        "fedora linux": {"enabled": "1", "dirtree": {"": {}, "releases/40": {}, "../x": {}}}}"#;
    let expect = || {
        expect![[r#"
        Site: s
        Password: p
        Host: h.example
        HostActive: 1
        left out: 1 path_escape
        releases/40/ [fedora linux]
        "#]]
    };
    check(Format::Checkin, json, expect());
    let mut bz2 = BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bz2.write_all(json.as_bytes()).unwrap();
    let bz2 = bz2.finish().unwrap();
    let base64 = base64::engine::general_purpose::URL_SAFE.encode(&bz2);
    let call = format!(
        "<?xml version='1.0'?>\n<methodCall>\n<methodName>checkin</methodName>\n<params>\n<param>\n\
         <value><string>{base64}</string></value>\n</param>\n</params>\n</methodCall>\n"
    );
    for document in [bz2, base64.into_bytes(), call.into_bytes()] {
        check(Format::Checkin, document, expect());
    }
}

#[test]
fn a_check_in_tells_of_bytes_and_indexes() {
    let hash = "ab".repeat(32);
    let json = format!(
        r#"{{"categories": {{"Linux": {{"": {{"bytes": 7}}, "40/os": {{"bytes": 12, "later": [1]}},
        "40/os/repodata": {{"bytes": 9, "indexes": {{"repomd.xml": "{hash}"}}}}}}}},
        "version": 1, "host": "mirror1.example.org"}}"#
    );
    let expected = expect![[r#"
        Host: mirror1.example.org
        40/os/ [Linux] 12
        40/os/repodata/ [Linux] 9
        40/os/repodata/repomd.xml [Linux] 2:abababab
    "#]];
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(json.as_bytes()).unwrap();
    check(Format::Checkin, gz.finish().unwrap(), expected);
}

#[test]
fn publishers_name_paths_as_json_or_as_lines() {
    let expected = || {
        expect![[r#"
        left out: 1 path_escape
        pub/linux/40/os
        pub/linux/a b
        "#]]
    };
    check(
        Format::Paths,
        r#"{"paths": ["/pub/linux/40/os/", "pub/linux/a b", "../x"]}"#,
        expected(),
    );
    check(Format::Paths, "pub/linux/40/os\r\n\n/pub/linux/a b\n../x", expected());
    check(
        Format::Paths,
        r#"{"paths": 1}"#,
        expect!["format: it is no {\"paths\": [\"…\"]} (at byte 0)\n"],
    );
    let many = "a\n".repeat(1_001);
    check(Format::Paths, many, expect!["entries_max: more than 1000 entries (at byte 0)\n"]);
}
