//! Whether anything has changed, as cheaply as that can be known.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use heliostat_percpu::CpuSet;

use crate::capacity::tree::Tree;
use crate::parse;
use crate::sys;

/// The files that decided an answer, open, with what they said.
#[derive(Debug)]
pub(crate) struct Probe {
    files: Vec<Watched>,
    keyed: Option<Keyed>,
    affinity: Option<CpuSet>,
    live: bool,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    /// None while there is no such file.
    file: Option<File>,
    /// What was read when the answer was found: it is compared with that, not with what the file
    /// says when it is opened again.
    said: Option<Vec<u8>>,
}

/// One value of a file.
#[derive(Debug)]
struct Keyed {
    path: PathBuf,
    key: &'static str,
    file: Option<File>,
    said: Option<u64>,
}

impl Probe {
    /// Opens them all.
    pub(crate) fn new(root: &Path, tree: &Tree) -> Probe {
        let live = super::is_live(root);
        let files = tree.read.iter().map(Watched::open);
        let keyed = tree.keyed.as_ref().map(|(path, key, said)| {
            let file = File::open(path).ok();
            Keyed { path: path.clone(), key, file, said: *said }
        });
        Probe { files: files.collect(), keyed, affinity: affinity(live), live }
    }

    /// Whether one of them says something else than before, is gone, or has come.
    pub(crate) fn has_changed(&self) -> bool {
        self.files.iter().any(Watched::has_changed)
            || self.keyed.as_ref().is_some_and(Keyed::has_changed)
            || affinity(self.live) != self.affinity
    }

    /// Whether another reading was made of the same files with the same content. Then this probe
    /// need not be made anew.
    pub(crate) fn is_of(&self, tree: &Tree) -> bool {
        let keyed = self.keyed.as_ref().map(|keyed| (&keyed.path, keyed.said));
        self.files.len() == tree.read.len()
            && self.files.iter().zip(&tree.read).all(Watched::is_of)
            && keyed == tree.keyed.as_ref().map(|(path, _, said)| (path, *said))
    }

    /// Those that are there.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().filter(|watched| watched.file.is_some()).map(|watched| &*watched.path)
    }
}

impl Watched {
    fn open((path, said): &Said) -> Watched {
        let said = said.as_deref().map(|said| beginning(said).to_vec());
        Watched { path: path.clone(), file: File::open(path).ok(), said }
    }

    fn is_of((watched, (path, said)): (&Watched, &Said)) -> bool {
        watched.path == *path && watched.said.as_deref() == said.as_deref().map(beginning)
    }

    fn has_changed(&self) -> bool {
        match &self.file {
            Some(file) => {
                let mut buffer = [0; LENGTH];
                let says = file.read_at(&mut buffer, 0).ok();
                says.and_then(|length| buffer.get(..length)) != self.said.as_deref()
            }
            None => self.said.is_some() || self.path.exists(),
        }
    }
}

impl Keyed {
    fn has_changed(&self) -> bool {
        let mut buffer = [0; KEYED_LENGTH];
        let length = self.file.as_ref().and_then(|file| file.read_at(&mut buffer, 0).ok());
        let says = length.and_then(|length| buffer.get(..length));
        says.and_then(|says| parse::keyed(says, self.key).ok()) != self.said
    }
}

/// A file and what it said.
type Said = (PathBuf, Option<Vec<u8>>);

/// So much of a file is compared: all of it, for the short files that limits and groups are in.
const LENGTH: usize = 4096;

/// So much of a file is searched for a value. The one that is looked for stands in the first half.
const KEYED_LENGTH: usize = 4096;

fn beginning(said: &[u8]) -> &[u8] {
    said.get(..LENGTH).unwrap_or(said)
}

/// The affinity mask, where it is a live one.
fn affinity(live: bool) -> Option<CpuSet> {
    live.then(sys::affinity::mask).flatten()
}
