//! What mirrors should have: a category's directories and files, small enough to be compared with
//! hundreds of mirrors at once.
//!
//! A file is 24 bytes: names are compared by their hash, and only the few that requests are made for
//! are kept. Directories lie in the order of the tree, so a directory and all that is below it are
//! one range.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

use heliostat_catalog::crawl::Wanted;
use heliostat_catalog::directory::FileDetail;
use heliostat_catalog::scan::SeenFile;
use heliostat_catalog::{Error, View};
use xxhash_rust::xxh3::xxh3_64;

/// What mirrors of one category should have. It is read, and shared by everybody who looks.
#[derive(Debug, Default)]
pub struct Tree {
    /// The category's number.
    pub category_id: i64,
    /// The category's name.
    pub category: String,
    /// Its top: the directory that mirrors' URLs stand for.
    pub top: String,
    pub(crate) dirs: Vec<Dir>,
    pub(crate) files: Vec<Expected>,
    /// Positions of directories in the order of their numbers.
    pub(crate) by_id: Vec<u32>,
    texts: String,
    heads: Vec<HeadFile>,
    versions: Vec<Version>,
}

/// A directory.
#[derive(Clone, Debug)]
pub(crate) struct Dir {
    /// Its number in the catalog; below zero, when it is only a step on the way to others.
    pub(crate) id: i64,
    path: Text,
    /// Those below it end here, in the order of the tree.
    pub(crate) end: u32,
    pub(crate) parent: u32,
    pub(crate) files: Range<u32>,
    heads: Range<u32>,
    versions: Range<u32>,
    pub(crate) timestamp_unix_s: Option<i64>,
    /// Its files are known.
    pub(crate) scanned: bool,
    /// It has images, or files as large as these.
    pub(crate) images: bool,
    /// Changes when its files do.
    pub(crate) digest: u64,
}

/// A file as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Expected {
    pub(crate) name: u64,
    size_bytes: u64,
    timestamp_unix_s: u32,
    pub(crate) volatile: bool,
    /// A link may have been left out by a mirror.
    pub(crate) link: bool,
}

/// A file of which the name is known, because it may be asked for.
#[derive(Clone, Copy, Debug)]
struct HeadFile {
    name: Text,
    file: u32,
}

/// What the index of a directory was, the current version first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// The first bytes of its SHA-256.
    pub(crate) proof: u64,
    pub(crate) size_bytes: Option<u64>,
    pub(crate) timestamp_unix_s: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Text(u32, u32);

impl Expected {
    pub(crate) fn size_bytes(&self) -> Option<u64> {
        (self.size_bytes != u64::MAX).then_some(self.size_bytes)
    }

    pub(crate) fn timestamp_unix_s(&self) -> Option<i64> {
        (self.timestamp_unix_s != 0).then_some(i64::from(self.timestamp_unix_s))
    }
}

impl Tree {
    /// What mirrors of a category should have, as the catalog knows it now.
    ///
    /// # Errors
    ///
    /// When there is no such category, or the database cannot be read.
    pub fn load(view: &mut View<'_>, category: &str) -> Result<Tree, Error> {
        let category = view.category_find(category)?;
        let mut versions = HashMap::<i64, Vec<(String, FileDetail)>>::new();
        view.history_each(category.id, |id, name, detail| {
            if index_rank(&name).is_some() && detail.sha256.is_some() {
                versions.entry(id).or_default().push((name, detail));
            }
            Ok(())
        })?;
        let mut builder = TreeBuilder::default();
        view.wanted_each(category.id, |wanted| {
            let versions = versions.remove(&wanted.directory_id).unwrap_or_default();
            builder.push(wanted, &versions);
            Ok(())
        })?;
        let mut tree = builder.finish();
        tree.category_id = category.id;
        tree.category = category.name;
        tree.top = category.top;
        Ok(tree)
    }

    /// How many directories there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dirs.len()
    }

    /// Whether there is nothing that a mirror could have.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// How many files there are.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// The position of a directory by its path below the top.
    #[must_use]
    pub fn position(&self, path: &str) -> Option<usize> {
        self.dirs.binary_search_by(|dir| by_step(self.text(dir.path), path)).ok()
    }

    /// The path of a directory below the top; empty for the top itself.
    #[must_use]
    pub fn path(&self, at: usize) -> &str {
        self.dirs.get(at).map_or("", |dir| self.text(dir.path))
    }

    /// The directories in a directory.
    pub(crate) fn children(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.dirs[at].end as usize;
        let mut next = at + 1;
        std::iter::from_fn(move || {
            let child = next;
            if child >= end {
                return None;
            }
            next = self.dirs[child].end as usize;
            Some(child)
        })
    }

    #[cfg(test)]
    fn parent_of(&self, at: usize) -> usize {
        self.dirs[at].parent as usize
    }

    pub(crate) fn is_leaf(&self, at: usize) -> bool {
        self.dirs[at].end as usize == at + 1
    }

    /// The last part of a directory's path.
    pub(crate) fn name(&self, at: usize) -> &str {
        let path = self.path(at);
        path.rsplit_once('/').map_or(path, |(_, name)| name)
    }

    /// The files of a directory, by the hash of their name.
    pub(crate) fn files_of(&self, at: usize) -> &[Expected] {
        let Range { start, end } = self.dirs[at].files;
        &self.files[start as usize..end as usize]
    }

    /// The place of a file of a directory among all files.
    pub(crate) fn file(&self, at: usize, name: &str) -> Option<usize> {
        let hash = name_hash(name);
        let found = self.files_of(at).binary_search_by_key(&hash, |file| file.name).ok()?;
        Some(self.dirs[at].files.start as usize + found)
    }

    /// The index of a directory and its versions, the current one first.
    pub(crate) fn index(&self, at: usize) -> Option<(&str, &[Version])> {
        let Range { start, end } = self.dirs[at].versions;
        let versions = &self.versions[start as usize..end as usize];
        let head = self.heads_of(at).first().filter(|_| !versions.is_empty())?;
        Some((self.text(head.name), versions))
    }

    /// Some files of a directory by which it is known whether a mirror has it: its index first, then
    /// the newest.
    pub(crate) fn samples(&self, at: usize) -> impl Iterator<Item = (&str, usize)> + '_ {
        let has_index = self.index(at).is_some();
        let heads = self.heads_of(at).iter().skip(usize::from(has_index));
        heads.map(|head| (self.text(head.name), head.file as usize))
    }

    fn heads_of(&self, at: usize) -> &[HeadFile] {
        let Range { start, end } = self.dirs[at].heads;
        &self.heads[start as usize..end as usize]
    }

    fn text(&self, text: Text) -> &str {
        &self.texts[text.0 as usize..text.1 as usize]
    }
}

/// Makes a tree from directories in any order.
#[derive(Debug, Default)]
struct TreeBuilder {
    tree: Tree,
}

impl TreeBuilder {
    fn push(&mut self, wanted: Wanted, versions: &[(String, FileDetail)]) {
        let best = versions.iter().map(|(name, _)| name.as_str()).min_by_key(|n| index_rank(n));
        let first = self.tree.versions.len() as u32;
        let of_best = versions.iter().filter(|(name, _)| Some(name.as_str()) == best);
        let found = of_best.filter_map(|(_, detail)| version(detail));
        self.tree.versions.extend(found);
        let versions = first..self.tree.versions.len() as u32;
        let path = self.text(&wanted.subpath);
        let scanned = wanted.files.is_some();
        let mut files = wanted.files.unwrap_or_default();
        files.sort_by_key(|file| name_hash(&file.name));
        files.dedup_by_key(|file| name_hash(&file.name));
        let begin = self.tree.files.len() as u32;
        self.tree.files.extend(files.iter().map(expected));
        let heads = self.heads(&files, begin, best);
        let digest = digest(&self.tree.files[begin as usize..]);
        self.tree.dirs.push(Dir {
            id: wanted.directory_id,
            path,
            end: 0,
            parent: 0,
            files: begin..self.tree.files.len() as u32,
            heads,
            versions,
            timestamp_unix_s: wanted.timestamp_unix_s,
            scanned,
            images: files.iter().any(is_image),
            digest,
        });
    }

    /// Keeps the names of the index and of the newest files.
    fn heads(&mut self, files: &[SeenFile], begin: u32, index: Option<&str>) -> Range<u32> {
        let first = self.tree.heads.len() as u32;
        if let Some(name) = index {
            let file = files.iter().position(|file| file.name == name);
            let name = self.text(name);
            let file = begin + file.unwrap_or(0) as u32;
            self.tree.heads.push(HeadFile { name, file });
        }
        let mut newest: Vec<(usize, &SeenFile)> = files.iter().enumerate().collect();
        newest.retain(|(_, file)| !file.link && Some(file.name.as_str()) != index);
        newest.sort_by_key(|(_, file)| std::cmp::Reverse(file.timestamp_unix_s));
        for (at, file) in newest.into_iter().take(SAMPLES_MAX) {
            let name = self.text(&file.name);
            self.tree.heads.push(HeadFile { name, file: begin + at as u32 });
        }
        first..self.tree.heads.len() as u32
    }

    fn text(&mut self, text: &str) -> Text {
        let begin = self.tree.texts.len() as u32;
        self.tree.texts.push_str(text);
        Text(begin, self.tree.texts.len() as u32)
    }

    fn finish(mut self) -> Tree {
        self.steps();
        let mut tree = self.tree;
        let Tree { dirs, texts, .. } = &mut tree;
        let text = |text: Text| &texts[text.0 as usize..text.1 as usize];
        dirs.sort_by(|a, b| by_step(text(a.path), text(b.path)));
        let mut open: Vec<usize> = Vec::new();
        for at in 0..dirs.len() {
            while let Some(&above) = open.last() {
                if is_below(text(dirs[above].path), text(dirs[at].path)) {
                    break;
                }
                dirs[above].end = at as u32;
                open.pop();
            }
            dirs[at].parent = open.last().map_or(0, |&above| above as u32);
            open.push(at);
        }
        let end = dirs.len() as u32;
        open.into_iter().for_each(|at| dirs[at].end = end);
        let mut by_id: Vec<u32> = (0..end).filter(|&at| dirs[at as usize].id >= 0).collect();
        by_id.sort_by_key(|&at| dirs[at as usize].id);
        tree.by_id = by_id;
        tree
    }

    /// Adds the top and whatever else the way to a directory leads through.
    fn steps(&mut self) {
        let mut known: HashMap<String, ()> = HashMap::new();
        for dir in &self.tree.dirs {
            known.insert(self.tree.text(dir.path).to_owned(), ());
        }
        let mut missing: Vec<String> = Vec::new();
        for path in known.keys() {
            let mut rest = path.as_str();
            while !rest.is_empty() {
                rest = rest.rsplit_once('/').map_or("", |(above, _)| above);
                if known.contains_key(rest) {
                    break;
                }
                missing.push(rest.to_owned());
            }
        }
        if known.is_empty() {
            missing.push(String::new());
        }
        missing.sort();
        missing.dedup();
        for path in missing {
            let wanted = Wanted {
                directory_id: -1,
                subpath: path,
                timestamp_unix_s: None,
                files: Some(Vec::new()),
            };
            self.push(wanted, &[]);
        }
    }
}

/// The order of the tree: by steps, so that a directory is followed by all that is below it.
fn by_step(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (false, false) => a.split('/').cmp(b.split('/')),
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
    }
}

fn is_below(above: &str, path: &str) -> bool {
    above.is_empty() || path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

fn expected(file: &SeenFile) -> Expected {
    let unix_s = file.timestamp_unix_s.and_then(|unix_s| u32::try_from(unix_s).ok());
    Expected {
        name: name_hash(&file.name),
        size_bytes: file.size_bytes.unwrap_or(u64::MAX),
        timestamp_unix_s: unix_s.unwrap_or(0),
        volatile: file.volatile,
        link: file.link,
    }
}

/// What mirrors leave out for its size.
fn is_image(file: &SeenFile) -> bool {
    let large = file.size_bytes.is_some_and(|bytes| bytes >= IMAGE_BYTES_MIN);
    large || [".iso", ".img", ".qcow2"].iter().any(|end| file.name.ends_with(end))
}

fn version(detail: &FileDetail) -> Option<Version> {
    let digits = detail.sha256.as_deref()?.get(..16)?;
    Some(Version {
        proof: u64::from_str_radix(digits, 16).ok()?,
        size_bytes: detail.size_bytes.and_then(|bytes| u64::try_from(bytes).ok()),
        timestamp_unix_s: detail.timestamp_unix_s,
    })
}

/// Names of indexes, the best first; a signature beside one is none.
fn index_rank(name: &str) -> Option<usize> {
    let fixed = ["repomd.xml", "InRelease", "Release", "APKINDEX.tar.gz", "summary"];
    let known = fixed.iter().position(|&index| index == name);
    known.or_else(|| name.ends_with(".db").then_some(fixed.len()))
}

fn digest(files: &[Expected]) -> u64 {
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    for file in files {
        hasher.update(&file.name.to_le_bytes());
        hasher.update(&file.size_bytes.to_le_bytes());
        hasher.update(&file.timestamp_unix_s.to_le_bytes());
    }
    hasher.digest()
}

pub(crate) fn name_hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

const IMAGE_BYTES_MIN: u64 = 256 << 20;

/// Names that are kept of a directory, besides its index.
const SAMPLES_MAX: usize = 3;

#[cfg(test)]
pub(crate) mod tests {
    use heliostat_catalog::crawl::Wanted;
    use heliostat_catalog::directory::FileDetail;
    use heliostat_catalog::scan::SeenFile;

    use super::{Tree, TreeBuilder};

    /// Name, size and time.
    type Listed<'a> = (&'a str, u64, i64);

    /// Directories and their files: name, size and time.
    pub(crate) fn tree(wanted: &[(&str, &[Listed<'_>])]) -> Tree {
        let mut builder = TreeBuilder::default();
        for (id, (path, files)) in (0..).zip(wanted) {
            let mut versions = Vec::new();
            let files = files.iter().map(|&(name, size, time)| {
                if name == "repomd.xml" {
                    let detail = |digit: &str| FileDetail {
                        sha256: Some(digit.repeat(64)),
                        timestamp_unix_s: Some(time),
                        size_bytes: Some(size as i64),
                        ..FileDetail::default()
                    };
                    versions = vec![(name.to_owned(), detail("a")), (name.to_owned(), detail("b"))];
                }
                SeenFile {
                    name: name.to_owned(),
                    size_bytes: Some(size),
                    timestamp_unix_s: Some(time),
                    volatile: name == "repomd.xml",
                    link: false,
                }
            });
            let files = Some(files.collect());
            let (subpath, timestamp_unix_s) = ((*path).to_owned(), Some(1_000_000 + id * 86_400));
            let wanted = Wanted { directory_id: id, subpath, timestamp_unix_s, files };
            builder.push(wanted, &versions);
        }
        builder.finish()
    }

    #[test]
    fn directories_lie_in_the_order_of_the_tree() {
        let tree = tree(&[
            ("b/repodata", &[("repomd.xml", 1, 2)]),
            ("a/x", &[("z.rpm", 1, 9), ("y.rpm", 2, 3)]),
            ("a", &[]),
            ("a-b", &[]),
            ("a/x/deep", &[]),
        ]);
        let paths: Vec<&str> = (0..tree.len()).map(|at| tree.path(at)).collect();
        assert_eq!(paths, ["", "a", "a/x", "a/x/deep", "a-b", "b", "b/repodata"]);
        let children = |path: &str| -> Vec<&str> {
            let at = tree.position(path).unwrap();
            tree.children(at).map(|child| tree.name(child)).collect()
        };
        assert_eq!(children(""), ["a", "a-b", "b"]);
        assert_eq!(children("a"), ["x"]);
        assert!(tree.is_leaf(tree.position("a-b").unwrap()));
        let ids: Vec<i64> = tree.by_id.iter().map(|&at| tree.dirs[at as usize].id).collect();
        assert_eq!(ids, [0, 1, 2, 3, 4], "the top and b are only on the way");
        let x = tree.position("a/x").unwrap();
        let samples: Vec<&str> = tree.samples(x).map(|(name, _)| name).collect();
        assert_eq!(samples, ["z.rpm", "y.rpm"]);
        let file = tree.file(x, "z.rpm").unwrap();
        assert_eq!(tree.files[file].size_bytes(), Some(1));
        assert_eq!(tree.file(x, "none"), None);
        let (name, versions) = tree.index(tree.position("b/repodata").unwrap()).unwrap();
        assert_eq!((name, versions.len()), ("repomd.xml", 2));
        assert_eq!(tree.parent_of(x), tree.position("a").unwrap());
    }

    #[test]
    fn an_empty_tree_has_a_top() {
        let tree = tree(&[]);
        assert_eq!((tree.len(), tree.is_empty(), tree.path(0)), (1, true, ""));
    }
}
