//! A place in the tree, the mirrors that carry it, and its files.

use crate::MirrorSetIndex;

/// One directory of the master tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Its full name, without slashes at the ends: `pub/fedora/linux/releases/40`.
    pub name: String,
    /// The part of `name` below the category's top, appended to a mirror's base URL; may be empty.
    pub subpath: String,
    /// The mirrors that carry it and may be given to anybody.
    pub public: MirrorSetIndex,
    /// The mirrors that carry it and are given to clients of their own networks only.
    pub private: MirrorSetIndex,
    /// The files about which details are known, sorted by name.
    pub files: Vec<File>,
}

/// A file whose content is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name within the directory.
    pub name: String,
    /// What it is and was, newest first; the first is the current one.
    pub details: Vec<FileDetail>,
}

/// One version of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileDetail {
    /// Its modification time, seconds since 1970.
    pub timestamp_unix_s: Option<u64>,
    /// Its length in bytes.
    pub size_bytes: Option<u64>,
    /// Hexadecimal MD5.
    pub md5: Option<String>,
    /// Hexadecimal SHA-1.
    pub sha1: Option<String>,
    /// Hexadecimal SHA-256.
    pub sha256: Option<String>,
    /// Hexadecimal SHA-512.
    pub sha512: Option<String>,
}

impl FileDetail {
    /// The hashes that are known, in the order in which metalinks list them, under the names
    /// that librepo verifies (a dash in the name makes it accept the file unverified).
    pub fn hashes(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("md5", &self.md5),
            ("sha1", &self.sha1),
            ("sha256", &self.sha256),
            ("sha512", &self.sha512),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.as_deref().map(|value| (name, value)))
    }
}
