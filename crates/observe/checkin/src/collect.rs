//! A tree, walked where it lies: the sizes of folders and the hashes of indexes, as JSON.
//!
//! Names that are no text are counted and left out.
//! Links are followed nowhere: a link to a file counts as what the file has, one to a folder as
//! nothing.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use heliostat_observe_probe::wire::{Format, Limits, path_check};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// A category's copy on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The category, as the director calls it.
    pub category: String,
    /// Where its top lies here.
    pub folder: PathBuf,
}

/// What is there, ready to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The document, as JSON.
    pub json: Vec<u8>,
    /// Folders that it speaks of.
    pub folders: u64,
    /// Bytes of the files in them.
    pub bytes: u64,
    /// Indexes that were hashed.
    pub indexes: u64,
    /// What was left out, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct Document<'a> {
    version: u64,
    host: &'a str,
    categories: BTreeMap<&'a str, BTreeMap<String, Content>>,
}

#[derive(Default, Serialize)]
struct Content {
    bytes: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    indexes: BTreeMap<String, String>,
}

/// Walks the trees of a host.
///
/// # Errors
///
/// When a folder cannot be read: what is not seen would count as missing.
pub fn collect(host: &str, trees: &[Tree]) -> Result<Collected, (PathBuf, io::Error)> {
    let mut collected = Collected::default();
    let mut document = Document { version: 1, host, categories: BTreeMap::new() };
    for tree in trees {
        let folders = collected.walk(&tree.folder)?;
        document.categories.insert(&tree.category, folders);
    }
    let failed = |error| (PathBuf::from("the document"), io::Error::other(error));
    collected.json = serde_json::to_vec(&document).map_err(failed)?;
    Ok(collected)
}

impl Collected {
    /// The document as it is sent.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn packed(&self) -> io::Result<Vec<u8>> {
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(&self.json)?;
        packed.finish()
    }

    fn walk(&mut self, top: &Path) -> Result<BTreeMap<String, Content>, (PathBuf, io::Error)> {
        let entries_max = u64::from(Limits::of(Format::Checkin).entries_max);
        let mut found = BTreeMap::new();
        let mut waiting = vec![String::new()];
        while let Some(path) = waiting.pop() {
            if self.folders + self.indexes >= entries_max {
                // What is not told would count as missing.
                let what = format!("more than {entries_max} folders and indexes");
                return Err((top.to_owned(), io::Error::other(what)));
            }
            let at = top.join(&path);
            let content = match self.folder(&at, &path, &mut waiting) {
                Ok(content) => content,
                // It went away between its parent's turn and its own.
                Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_empty() => {
                    continue;
                }
                Err(error) => return Err((at, error)),
            };
            self.folders += 1;
            self.bytes += content.bytes;
            self.indexes += content.indexes.len() as u64;
            found.insert(path, content);
        }
        Ok(found)
    }

    fn folder(&mut self, at: &Path, path: &str, below: &mut Vec<String>) -> io::Result<Content> {
        let mut content = Content::default();
        for entry in fs::read_dir(at)? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                self.leave_out("names that are no UTF-8");
                continue;
            };
            let inner = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            if path_check(&inner).is_err() {
                self.leave_out("names that nobody should use");
                continue;
            }
            if entry.file_type()?.is_dir() {
                below.push(inner);
                continue;
            }
            // Of a link, what it leads to.
            let Ok(found) = fs::metadata(entry.path()) else { continue };
            if !found.is_file() {
                continue;
            }
            content.bytes += found.len();
            if is_index(path, &name) && found.len() <= INDEX_BYTES_MAX {
                content.indexes.insert(name, hash(&entry.path())?);
            }
        }
        Ok(content)
    }

    fn leave_out(&mut self, why: &'static str) {
        *self.left_out.entry(why).or_default() += 1;
    }
}

/// Whether a file is what tells versions of a repository apart.
fn is_index(path: &str, name: &str) -> bool {
    match name {
        "repomd.xml" => path.rsplit('/').next() == Some("repodata"),
        "Release" | "InRelease" => path.split('/').any(|part| part == "dists"),
        "APKINDEX.tar.gz" => true,
        name => name.ends_with(".db"),
    }
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?.take(INDEX_BYTES_MAX);
    let mut hasher = Sha256::new();
    let mut part = vec![0; 64 << 10];
    loop {
        match file.read(&mut part)? {
            0 => break,
            read => hasher.update(&part[..read]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What a director would look at.
const INDEX_BYTES_MAX: u64 = 128 << 20;
