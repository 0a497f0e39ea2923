//! What a mirror holds: folders and files, in memory, shared by all who hold the same.

use std::collections::BTreeMap;
use std::fs::{self, FileTimes};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::listing::{Lens, Style};
use crate::random::mix2;

/// Folders by their path: no slash at either end, empty for the top.
///
/// A copy shares every folder with the original until one of them changes it.
#[derive(Clone, Debug)]
pub struct Tree {
    folders: BTreeMap<String, Arc<Folder>>,
}

/// A folder.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    /// Names of the folders in it, and when each changed last.
    pub folders: BTreeMap<String, i64>,
    /// Files in it by name.
    pub files: BTreeMap<String, File>,
    /// Its page in each style, once somebody has asked for it.
    pages: Pages,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its bytes.
    pub content: Content,
    /// When it changed last, in seconds since 1970.
    pub modified_unix_s: i64,
}

/// The bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// As they are.
    Bytes(Bytes),
    /// As many as this; they look random and are the same each time.
    Pattern {
        /// How many.
        length: u64,
        /// Which.
        seed: u64,
    },
}

impl Tree {
    /// A tree with nothing in it but its top.
    #[must_use]
    pub fn new() -> Tree {
        Tree { folders: BTreeMap::from([(String::new(), Arc::default())]) }
    }

    /// What lies in a folder on disk; links are passed over.
    ///
    /// # Errors
    ///
    /// When something in it cannot be read.
    pub fn read(folder: &Path) -> io::Result<Tree> {
        fn walk(tree: &mut Tree, folder: &Path, path: &str) -> io::Result<()> {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                let (meta, path) = (entry.metadata()?, joined(path, &name));
                let modified = meta.modified()?.duration_since(SystemTime::UNIX_EPOCH);
                let modified_unix_s = modified.unwrap_or_default().as_secs() as i64;
                if meta.is_dir() {
                    tree.folder_mut(&path, modified_unix_s);
                    walk(tree, &entry.path(), &path)?;
                } else if meta.is_file() {
                    tree.insert(&path, fs::read(entry.path())?, modified_unix_s);
                }
            }
            Ok(())
        }
        let mut tree = Tree::new();
        walk(&mut tree, folder, "")?;
        Ok(tree)
    }

    /// Makes a folder on disk hold this tree and nothing else. Files come before the indexes that name
    /// them, and what is gone goes last, as a careful primary copy does it.
    ///
    /// # Errors
    ///
    /// When something cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut files: Vec<_> = self.files().collect();
        files.sort_by_key(|(path, _)| is_index(path));
        for (path, file) in files {
            let at = folder.join(&path);
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(file.modified_unix_s as u64);
            let same = fs::metadata(&at).is_ok_and(|meta| {
                meta.len() == file.length() && meta.modified().is_ok_and(|known| known == time)
            });
            if same {
                continue;
            }
            fs::create_dir_all(at.parent().unwrap_or(folder))?;
            // Written aside and renamed: whoever reads sees the old file or the new one.
            let aside = at.with_file_name(".new");
            let mut written = fs::File::create(&aside)?;
            let mut from = 0;
            while from < file.length() {
                let piece = file.piece(from, file.length());
                written.write_all(&piece)?;
                from += piece.len() as u64;
            }
            written.set_times(FileTimes::new().set_modified(time))?;
            fs::rename(&aside, &at)?;
        }
        self.sweep(folder, "")
    }

    /// Removes what is not in the tree.
    fn sweep(&self, folder: &Path, path: &str) -> io::Result<()> {
        let known = self.folders.get(path).cloned().unwrap_or_default();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if known.folders.contains_key(&name) {
                self.sweep(&entry.path(), &joined(path, &name))?;
            } else if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else if !known.files.contains_key(&name) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Puts a file in its place, with the folders above it.
    pub fn insert(&mut self, path: &str, content: impl Into<Content>, modified_unix_s: i64) {
        let (folder, name) = split(path);
        let file = File { content: content.into(), modified_unix_s };
        self.folder_mut(folder, modified_unix_s).files.insert(name.to_owned(), file);
    }

    /// Takes a file or a folder away; whether it was there.
    pub fn remove(&mut self, path: &str) -> bool {
        let (folder, name) = split(path);
        let Some(above) = self.folders.get_mut(folder) else { return false };
        let above = Folder::changed(above);
        let was = above.files.remove(name).is_some() | above.folders.remove(name).is_some();
        let below = format!("{path}/");
        self.folders.retain(|known, _| known != path && !known.starts_with(&below));
        was
    }

    /// A folder is shown as changed at a time from now on, if it is there.
    pub fn touch(&mut self, path: &str, modified_unix_s: i64) {
        let (above, name) = split(path);
        if let Some(above) = self.folders.get_mut(above)
            && let Some(shown) = Folder::changed(above).folders.get_mut(name)
        {
            *shown = modified_unix_s;
        }
    }

    /// The same tree without some of it.
    #[must_use]
    pub fn without(&self, path: &str) -> Tree {
        let mut tree = self.clone();
        tree.remove(path);
        tree
    }

    /// A folder.
    #[must_use]
    pub fn folder(&self, path: &str) -> Option<&Arc<Folder>> {
        self.folders.get(path)
    }

    /// A file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        let (folder, name) = split(path);
        self.folders.get(folder)?.files.get(name)
    }

    /// All files with their paths, in order.
    pub fn files(&self) -> impl Iterator<Item = (String, &File)> {
        self.folders.iter().flat_map(|(path, folder)| {
            folder.files.iter().map(move |(name, file)| (joined(path, name), file))
        })
    }

    /// How many folders there are, with the top.
    #[must_use]
    pub fn folder_count(&self) -> usize {
        self.folders.len()
    }

    /// A folder to be changed, made if there is none; the page above shows when.
    fn folder_mut(&mut self, path: &str, modified_unix_s: i64) -> &mut Folder {
        if !path.is_empty() {
            let (above, name) = split(path);
            if !self.folders.contains_key(path) {
                self.folder_mut(above, modified_unix_s);
            }
            let above = Folder::changed(self.folders.entry(above.to_owned()).or_default());
            let shown = above.folders.entry(name.to_owned()).or_insert(modified_unix_s);
            *shown = modified_unix_s.max(*shown);
        }
        Folder::changed(self.folders.entry(path.to_owned()).or_default())
    }
}

impl Default for Tree {
    fn default() -> Tree {
        Tree::new()
    }
}

impl Folder {
    /// Its page in a style; made once.
    pub(crate) fn page(&self, path: &str, style: Style) -> Bytes {
        let page = self.pages.0.get(style as usize);
        let make = || style.page(path, self, &Lens::default()).into();
        page.map_or_else(make, |page| page.get_or_init(make).clone())
    }

    /// A folder of this tree alone, whose pages have to be made anew.
    fn changed(shared: &mut Arc<Folder>) -> &mut Folder {
        let folder = Arc::make_mut(shared);
        folder.pages = Pages::default();
        folder
    }
}

#[derive(Debug, Default)]
struct Pages([OnceLock<Bytes>; Style::ALL.len()]);

impl Clone for Pages {
    /// Whoever copies a folder does so to change it.
    fn clone(&self) -> Pages {
        Pages::default()
    }
}

impl File {
    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> u64 {
        match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Pattern { length, .. } => *length,
        }
    }

    /// Some of its bytes from a place on, none of them behind the end.
    #[must_use]
    pub fn piece(&self, from: u64, end: u64) -> Bytes {
        match &self.content {
            Content::Bytes(bytes) => {
                let length = bytes.len() as u64;
                bytes.slice(from.min(length) as usize..end.min(length) as usize)
            }
            Content::Pattern { length, seed } => {
                let end = end.min(*length).min(from.saturating_add(PIECE_BYTES));
                (from..end).map(|at| (mix2(*seed, at / 8) >> (at % 8 * 8)) as u8).collect()
            }
        }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Content {
        Content::Bytes(bytes.into())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Content {
        Content::Bytes(text.into())
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Content {
        Content::Bytes(bytes)
    }
}

/// Whether a file names others, and has to come after them.
fn is_index(path: &str) -> bool {
    let (_, name) = split(path);
    matches!(name, "repomd.xml" | "InRelease" | "Release" | "Release.gpg" | "SHA256SUMS")
}

/// The folder that something lies in, and its name there.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") }
}

const PIECE_BYTES: u64 = 64 << 10;
