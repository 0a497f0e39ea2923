//! Whether anything has changed, as cheaply as that can be known.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::capacity::tree::Tree;
use crate::parse::Cpus;
use crate::sys;

/// The files that decided an answer, open, with what they said.
#[derive(Debug)]
pub(crate) struct Probe {
    files: Vec<Watched>,
    affinity: Option<Cpus>,
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

impl Probe {
    /// Opens them all.
    pub(crate) fn new(root: &Path, tree: &Tree) -> Probe {
        let live = super::is_live(root);
        let files = tree.read.iter().map(|(path, said)| {
            let said = said.as_ref().map(|said| said.iter().copied().take(LENGTH).collect());
            Watched { path: path.clone(), file: File::open(path).ok(), said }
        });
        Probe { files: files.collect(), affinity: affinity(live), live }
    }

    /// Whether one of them says something else than before, is gone, or has come.
    pub(crate) fn has_changed(&self) -> bool {
        self.files.iter().any(Watched::has_changed) || affinity(self.live) != self.affinity
    }

    /// Those that are there.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().filter(|watched| watched.file.is_some()).map(|watched| &*watched.path)
    }
}

impl Watched {
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

/// So much of a file is compared: all of it, for the short files that limits are in.
const LENGTH: usize = 512;

/// The affinity mask, where it is a live one.
fn affinity(live: bool) -> Option<Cpus> {
    live.then(|| sys::affinity::allowed().ok()).flatten()
}
