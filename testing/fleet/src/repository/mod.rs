//! Repositories, byte for byte: what `createrepo_c` and `apt-ftparchive` would write of packages that
//! have nothing in them.

/// rpm-md: `repomd.xml` and what it references.
mod rpm;
/// Debian: a distribution with one component, and its packages.
mod debian;

use std::fmt::{Display, Write as _};
use std::io::Write as _;

use flate2::{Compression, GzBuilder};
use md5::Md5;
use sha2::{Digest, Sha256};

pub(crate) use debian::debian;
pub(crate) use rpm::rpm;

use crate::tree::Tree;

/// A repository that is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repository<'a> {
    /// Its folder.
    pub(crate) path: &'a str,
    /// The packages' names.
    pub(crate) packages: &'a [&'a str],
    /// Their version.
    pub(crate) version: u32,
    /// When it is written.
    pub(crate) now_unix_s: i64,
}

/// Removes from a folder what no longer belongs there.
fn sweep(tree: &mut Tree, folder: &str, stays: impl Fn(&str) -> bool) {
    let names: Vec<String> = tree.folder(folder).map_or(Vec::new(), |folder| {
        folder.files.keys().filter(|name| !stays(name)).cloned().collect()
    });
    for name in names {
        tree.remove(&format!("{folder}/{name}"));
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::best());
    // Writing to memory cannot fail.
    let _ = gzip.write_all(bytes);
    gzip.finish().unwrap_or_default()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        // Writing to a text cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// An element without attributes, on a line of its own.
fn element(name: &str, value: impl Display) -> String {
    format!("<{name}>{value}</{name}>\n")
}
