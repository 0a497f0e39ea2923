//! Debian: a distribution with one component, and its packages, which `dpkg` can unpack.

use super::{Repository, gzip, md5, sha256};
use crate::date::Date;
use crate::tree::Tree;

/// Writes a distribution `stable` and a pool. Packages of earlier versions stay in the pool.
///
/// There is no signature: a client has to be told to trust it.
pub(crate) fn debian(tree: &mut Tree, repository: Repository<'_>) {
    let Repository { path, packages, version, now_unix_s } = repository;
    let mut list = String::new();
    for name in packages {
        let bytes = package(name, version, now_unix_s);
        let initial = name.get(..1).unwrap_or("_");
        let file = format!("pool/main/{initial}/{name}/{name}_1.{version}-1_all.deb");
        list += &format!(
            "{}Filename: {file}\nSize: {}\nMD5sum: {}\nSHA256: {}\n\n",
            control(name, version),
            bytes.len(),
            md5(&bytes),
            sha256(&bytes)
        );
        tree.insert(&format!("{path}/{file}"), bytes, now_unix_s);
    }
    let about = "Archive: stable\nComponent: main\nArchitecture: amd64\n".to_owned();
    let folder = format!("{path}/dists/stable");
    let (mut of_md5, mut of_sha256) = (String::new(), String::new());
    for (name, bytes) in [
        ("Packages", list.clone().into_bytes()),
        ("Packages.gz", gzip(list.as_bytes())),
        ("Release", about.into_bytes()),
    ] {
        let below = format!("main/binary-amd64/{name}");
        of_md5 += &format!(" {} {} {below}\n", md5(&bytes), bytes.len());
        of_sha256 += &format!(" {} {} {below}\n", sha256(&bytes), bytes.len());
        tree.insert(&format!("{folder}/{below}"), bytes, now_unix_s);
    }
    let date = Date::of(now_unix_s).mail("UTC");
    let release = format!(
        "Origin: Heliostat\nLabel: Heliostat\nSuite: stable\nCodename: stable\nVersion: 1.{version}\n\
         Date: {date}\nArchitectures: amd64\nComponents: main\nMD5Sum:\n{of_md5}SHA256:\n{of_sha256}"
    );
    tree.insert(&format!("{folder}/InRelease"), release.clone(), now_unix_s);
    tree.insert(&format!("{folder}/Release"), release, now_unix_s);
}

fn control(name: &str, version: u32) -> String {
    format!(
        "Package: {name}\nVersion: 1.{version}-1\nArchitecture: all\n\
         Maintainer: operator <operator@example.org>\nDescription: {name}, of which there is nothing\n"
    )
}

/// A package with nothing in it but its name.
fn package(name: &str, version: u32, now_unix_s: i64) -> Vec<u8> {
    let control = gzip(&tar("./control", control(name, version).as_bytes(), now_unix_s));
    let shown = format!("{name} 1.{version}\n").repeat(40);
    let data = gzip(&tar(&format!("./usr/share/{name}/version"), shown.as_bytes(), now_unix_s));
    let mut out = b"!<arch>\n".to_vec();
    for (name, bytes) in [
        ("debian-binary", b"2.0\n".as_slice()),
        ("control.tar.gz", &control),
        ("data.tar.gz", &data),
    ] {
        let head = format!(
            "{name:<16}{now_unix_s:<12}{:<6}{:<6}{:<8}{:<10}`\n",
            0,
            0,
            100_644,
            bytes.len()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(if bytes.len() % 2 == 1 { b"\n" } else { b"" });
    }
    out
}

/// An archive of one file.
fn tar(name: &str, bytes: &[u8], now_unix_s: i64) -> Vec<u8> {
    let mut head = vec![0; 512];
    let mut put =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", bytes.len()));
    put(136, &format!("{now_unix_s:011o}\0"));
    // The sum is computed as if there were blanks in its place.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|&byte| u32::from(byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head.extend_from_slice(bytes);
    // Two empty blocks end it.
    head.resize(head.len().next_multiple_of(512) + 1024, 0);
    head
}
