//! A directory as a listing shows it.

use std::collections::{BTreeMap, BTreeSet};

use heliostat_catalog::scan::SeenFile;
use heliostat_observe_probe::wire::path_check;

/// A directory as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Where it is below the category's top; empty for the top itself.
    pub(crate) path: String,
    /// Its own time, as exactly as the listing shows it.
    pub(crate) timestamp_unix_s: Option<i64>,
    /// What was seen of it.
    pub(crate) sight: Sight,
}

/// What was seen of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// It is as it was, and was not read.
    Unchanged,
    /// It has these files, by name; the mark changes when they do.
    Read {
        /// See [`Scanned::mark`](heliostat_catalog::scan::Scanned::mark).
        mark: String,
        /// Its files.
        files: Vec<SeenFile>,
    },
}

/// What the catalog remembers: the mark of each directory, by its path below the top.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    marks: BTreeMap<String, String>,
    children: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    pub(crate) fn new(marks: impl IntoIterator<Item = (String, String)>) -> Known {
        let mut known = Known { marks: marks.into_iter().collect(), ..Known::default() };
        for path in known.marks.keys().filter(|path| !path.is_empty()) {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            known.children.entry(parent.to_owned()).or_default().insert(name.to_owned());
        }
        known
    }

    /// The mark of a directory; nothing when it is not known or has to be looked at again.
    pub(crate) fn mark(&self, path: &str) -> Option<&str> {
        self.marks.get(path).map(String::as_str).filter(|mark| !mark.is_empty())
    }

    /// The paths of the directories in a directory.
    pub(crate) fn below(&self, path: &str) -> Vec<String> {
        let names = self.children.get(path).into_iter().flatten();
        names.map(|name| joined(path, name)).collect()
    }
}

/// The path of something in a directory.
pub(crate) fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

/// Whether a name can be in the catalog.
pub(crate) fn is_plain(name: &str) -> bool {
    path_check(name).is_ok() && !name.contains('/')
}

/// What changes when the files do.
pub(crate) fn digest(files: &[SeenFile]) -> String {
    let mut hasher = blake3::Hasher::new();
    for file in files {
        let SeenFile { name, size_bytes, timestamp_unix_s, link, .. } = file;
        hasher.update(&(name.len() as u64).to_le_bytes());
        hasher.update(name.as_bytes());
        hasher.update(format!("{size_bytes:?}{timestamp_unix_s:?}{link}").as_bytes());
    }
    hasher.finalize().to_hex()[..24].to_owned()
}
