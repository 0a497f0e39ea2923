//! What the metadata of a directory says: each index is hashed and looked at by a worker.

use std::collections::BTreeMap;

use heliostat_catalog::directory::FileDetail;
use heliostat_catalog::scan::SeenFile;
use heliostat_observe_probe::Found;
use heliostat_observe_probe::wire::{Entry, Fact, Format, Hash};

use crate::content::{Unread, read};
use crate::folder::joined;
use crate::naming::{named, slug};
use crate::purpose::{Purpose, is_volatile, purpose};
use crate::scan::Problem;
use crate::walk::Walk;

/// A directory that has changed, and what was known of it.
#[derive(Debug)]
pub(crate) struct Changed {
    pub(crate) path: String,
    pub(crate) mark: String,
    pub(crate) timestamp_unix_s: Option<i64>,
    pub(crate) files: Vec<SeenFile>,
    /// Its files as they were.
    pub(crate) before: Vec<SeenFile>,
    /// What is known of its files' content.
    pub(crate) history: BTreeMap<String, Vec<FileDetail>>,
}

/// A directory that was looked at.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    pub(crate) path: String,
    /// Empty, when it has to be looked at again.
    pub(crate) mark: String,
    pub(crate) timestamp_unix_s: Option<i64>,
    pub(crate) files: Vec<SeenFile>,
    /// The versions of files that are current.
    pub(crate) versions: Vec<(String, FileDetail)>,
    /// Prefix, architecture and path of repositories.
    pub(crate) repositories: Vec<(String, String, String)>,
    pub(crate) packages: u64,
    pub(crate) problems: Vec<Problem>,
}

/// Looks at the metadata of a directory.
pub(crate) async fn look(walk: &Walk, category: &str, changed: Changed) -> Looked {
    let Changed { path, mark, timestamp_unix_s, mut files, before, history } = changed;
    let volatile: Vec<bool> =
        files.iter().map(|file| is_volatile(&path, &file.name, &files)).collect();
    for (file, volatile) in files.iter_mut().zip(volatile) {
        file.volatile = volatile || was_another(file, &before);
    }
    let mut looked = Looked { path, mark, timestamp_unix_s, ..Looked::default() };
    for file in files.iter().filter(|file| !file.link) {
        let purpose = purpose(&looked.path, &file.name, &files);
        let format = match purpose {
            Purpose::Index(format) => Some(format),
            Purpose::Checksums => Some(Format::Checksums),
            Purpose::Verified => None,
            Purpose::Image | Purpose::Plain => continue,
        };
        if is_known(file, history.get(&file.name)) {
            continue;
        }
        match read(walk, &looked.path, file, format).await {
            Ok((mut version, found)) => {
                let found = found.unwrap_or_default();
                version.timestamp_unix_s = version.timestamp_unix_s.or_else(|| told(&found, walk));
                looked.versions.push((file.name.clone(), version));
                if let Some(format) = format {
                    looked.understand(walk, category, format, &found, &files).await;
                }
            }
            Err(error) => looked.problem(&file.name, &error),
        }
    }
    looked.files = files;
    looked
}

/// Whether a file has changed under its name.
fn was_another(file: &SeenFile, before: &[SeenFile]) -> bool {
    before.iter().find(|old| old.name == file.name).is_some_and(|old| {
        old.volatile
            || (old.size_bytes, old.timestamp_unix_s) != (file.size_bytes, file.timestamp_unix_s)
    })
}

/// Whether the current version of a file is known already.
fn is_known(file: &SeenFile, history: Option<&Vec<FileDetail>>) -> bool {
    let Some(newest) = history.and_then(|history| history.first()) else { return false };
    let size = file.size_bytes.and_then(|bytes| i64::try_from(bytes).ok());
    newest.sha512.is_some()
        && size.is_some()
        && file.timestamp_unix_s.is_some()
        && (newest.size_bytes, newest.timestamp_unix_s) == (size, file.timestamp_unix_s)
}

/// The time that an index tells of itself, for listings that tell none.
fn told(found: &Found, walk: &Walk) -> Option<i64> {
    let newest = found.entries.iter().filter_map(|entry| entry.time).map(|time| time.unix_s).max();
    newest.or_else(|| found.facts.number(Fact::Date)).or(Some(walk.now_unix_s))
}

impl Looked {
    async fn understand(
        &mut self,
        walk: &Walk,
        category: &str,
        format: Format,
        found: &Found,
        beside: &[SeenFile],
    ) {
        match format {
            Format::Repomd => {
                let above = self.path.strip_suffix("repodata").unwrap_or_default();
                let above = above.trim_end_matches('/').to_owned();
                let (prefix, arch) = named(category, &above);
                self.repositories.push((prefix, arch, above));
                self.repomd(walk, found, beside).await;
            }
            Format::Release => {
                let suite = self.path.rsplit('/').next().unwrap_or_default();
                let prefix = format!("{}-{}", slug(category), slug(suite));
                let arches = found.facts.text(Fact::Architectures).unwrap_or("all");
                for arch in arches.split_ascii_whitespace().take(ARCHITECTURES_MAX) {
                    self.repositories.push((prefix.clone(), arch.to_owned(), self.path.clone()));
                }
                self.packages_of_release(walk, found).await;
            }
            Format::ArchDatabase | Format::ApkIndex => {
                let (prefix, arch) = named(category, &self.path);
                self.repositories.push((prefix, arch, self.path.clone()));
                self.packages += found.entries.len() as u64;
                found.entries.iter().for_each(|entry| self.expect(entry, &entry.path, beside));
            }
            _ => self.checksums(found, beside),
        }
    }

    /// Checks that what a `repomd.xml` references is there, and counts the packages.
    async fn repomd(&mut self, walk: &Walk, found: &Found, beside: &[SeenFile]) {
        for entry in &found.entries {
            let Some(name) = entry.path.strip_prefix("repodata/") else { continue };
            self.expect(entry, name, beside);
            let format = match entry.label.as_str() {
                "primary" => Format::Primary,
                "filelists" => Format::Filelists,
                _ => continue,
            };
            let Some(file) = beside.iter().find(|file| file.name == name) else { continue };
            match read(walk, &self.path, file, Some(format)).await {
                Ok((version, packages)) => {
                    self.verify(entry, name, &version);
                    if format == Format::Primary {
                        self.packages += packages.map_or(0, |found| found.entries.len() as u64);
                    }
                }
                Err(error) => self.problem(name, &error),
            }
        }
    }

    /// Counts the packages of a distribution: of each list, one of its compressions.
    async fn packages_of_release(&mut self, walk: &Walk, found: &Found) {
        let lists = found.entries.iter().filter_map(|entry| {
            let (folder, name) = entry.path.rsplit_once('/')?;
            let rank =
                ["Packages.xz", "Packages.gz", "Packages"].iter().position(|n| *n == name)?;
            Some((folder, rank, entry))
        });
        let mut best = BTreeMap::<&str, (usize, &Entry)>::new();
        for (folder, rank, entry) in lists {
            let known = best.entry(folder).or_insert((rank, entry));
            if rank < known.0 {
                *known = (rank, entry);
            }
        }
        for (folder, (_, entry)) in best.into_iter().take(LISTS_MAX) {
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            let file = SeenFile {
                name: name.to_owned(),
                size_bytes: entry.size.and_then(|size| size.bytes()),
                ..SeenFile::default()
            };
            let at = joined(&self.path, folder);
            match read(walk, &at, &file, Some(Format::Packages)).await {
                Ok((version, packages)) => {
                    self.verify(entry, &entry.path, &version);
                    self.packages += packages.map_or(0, |found| found.entries.len() as u64);
                }
                // A distribution names lists that it does not have, too.
                Err(error) if error.is_absent() => {}
                Err(error) => self.problem(&entry.path, &error),
            }
        }
    }

    /// What a file of hashes says of the files beside it.
    fn checksums(&mut self, found: &Found, beside: &[SeenFile]) {
        for entry in &found.entries {
            let Some(file) = beside.iter().find(|file| file.name == entry.path) else { continue };
            self.expect(entry, &entry.path, beside);
            let bytes = file.size_bytes.and_then(|bytes| i64::try_from(bytes).ok());
            let mut version = FileDetail {
                timestamp_unix_s: file.timestamp_unix_s.filter(|&unix_s| unix_s >= 0),
                size_bytes: bytes,
                ..FileDetail::default()
            };
            for hash in &entry.hashes {
                let place = match hash {
                    Hash::Md5(_) => &mut version.md5,
                    Hash::Sha1(_) => &mut version.sha1,
                    Hash::Sha256(_) => &mut version.sha256,
                    Hash::Sha512(_) => &mut version.sha512,
                };
                *place = Some(hash.hex());
            }
            self.versions.push((entry.path.clone(), version));
        }
    }

    /// A file that an index names is there, as large as it says.
    fn expect(&mut self, entry: &Entry, name: &str, beside: &[SeenFile]) {
        let found = beside.binary_search_by(|file| file.name.as_str().cmp(name));
        let seen = found.ok().and_then(|at| beside.get(at));
        let size = seen.and_then(|file| file.size_bytes);
        let what = match (seen, entry.size, size) {
            (None, ..) => "an index names it, and it is not there".to_owned(),
            (_, Some(told), Some(bytes)) if !told.admits(bytes) => {
                format!("it has {bytes} bytes, and an index says otherwise")
            }
            _ => return,
        };
        self.again(name, what);
    }

    /// A file has the hashes that an index says.
    fn verify(&mut self, entry: &Entry, name: &str, version: &FileDetail) {
        let known = [&version.md5, &version.sha1, &version.sha256, &version.sha512];
        let wrong = entry.hashes.iter().any(|hash| {
            let computed = known[usize::from(hash.rank())].as_deref();
            computed != Some(hash.hex().as_str())
        });
        if wrong {
            self.again(name, "its hash is not the one that its index says".to_owned());
        }
    }

    fn problem(&mut self, name: &str, error: &Unread) {
        self.again(name, error.told());
    }

    /// Notes what is wrong; the directory is looked at again by the next scan.
    fn again(&mut self, name: &str, what: String) {
        self.mark.clear();
        self.problems.push(Problem { path: joined(&self.path, name), what });
    }
}

/// Debian has some twenty.
const ARCHITECTURES_MAX: usize = 64;

/// Debian has some forty lists in a distribution.
const LISTS_MAX: usize = 200;
