//! The files of a machine, or of a recorded one.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use crate::amount::Bytes;
use crate::capacity::bound::{Bound, Reading, Rule};
use crate::capacity::left::Limited;
use crate::parse::Malformed;

/// Where `/proc` and `/sys` are, and which files were read.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    root: PathBuf,
    /// Files whose change may change the answer, with what they said: nothing when they are not
    /// there yet.
    pub(crate) read: Vec<(PathBuf, Option<Vec<u8>>)>,
    /// A file of which one value may change the answer, with what it was.
    pub(crate) keyed: Option<(PathBuf, &'static str, Option<u64>)>,
    /// The groups whose limits others may have used up, and what this process holds itself.
    pub(crate) limited: Vec<Limited>,
    pub(crate) own: Bytes,
    /// The group of version 2 that has pressure files, if there is one.
    pub(crate) pressure: Option<PathBuf>,
    /// What was found.
    pub(crate) bounds: Vec<Bound>,
}

/// What a file says: nothing because it is not there, or nothing because of something else.
pub(crate) type Content = Result<Vec<u8>, Reading>;

impl Tree {
    pub(crate) fn new(root: &Path) -> Tree {
        Tree { root: root.to_owned(), ..Tree::default() }
    }

    /// Whether this is the machine that runs.
    pub(crate) fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The place of a file in the tree. A path cannot lead out of it.
    pub(crate) fn place(&self, path: &Path) -> PathBuf {
        let plain = path.components().filter(|part| matches!(part, Component::Normal(_)));
        self.root.join(plain.collect::<PathBuf>())
    }

    /// The content of a file that is different every time.
    pub(crate) fn read(&self, path: &Path) -> Content {
        read(&self.place(path)).map_err(|error| reading(&error))
    }

    /// The content of a file whose change may change the answer.
    pub(crate) fn read_watched(&mut self, path: &Path) -> Content {
        let place = self.place(path);
        let content = read(&place).map_err(|error| reading(&error));
        self.read.push((place, content.as_ref().ok().cloned()));
        content
    }

    /// The same of a group, unless it is the highest of all in version 1, whose limits nobody can
    /// change.
    pub(crate) fn read_limit(&mut self, level: &Path, path: &Path) -> Content {
        if self.is_highest(level) { self.read(path) } else { self.read_watched(path) }
    }

    /// Whether a group is the highest of all in version 1: it has a file that is nowhere else.
    pub(crate) fn is_highest(&self, level: &Path) -> bool {
        self.place(&level.join("release_agent")).exists()
    }

    /// Notes what a source says.
    pub(crate) fn note(&mut self, rule: Rule, source: &Path, reading: Reading) {
        self.bounds.push(Bound { rule, source: source.to_owned(), reading, decides: false });
    }

    /// Reads a file that states one limit, and notes it. Gives what was noted.
    pub(crate) fn note_file<T>(
        &mut self,
        rule: Rule,
        path: &Path,
        parse: impl FnOnce(&[u8]) -> Result<Option<T>, Malformed>,
        say: impl FnOnce(T) -> Reading,
    ) -> Reading {
        let content = self.read_watched(path);
        self.note_content(rule, path, content, parse, say)
    }

    /// Notes what a file says that has been read.
    pub(crate) fn note_content<T>(
        &mut self,
        rule: Rule,
        path: &Path,
        content: Content,
        parse: impl FnOnce(&[u8]) -> Result<Option<T>, Malformed>,
        say: impl FnOnce(T) -> Reading,
    ) -> Reading {
        let reading = match content {
            Err(reading) => reading,
            Ok(bytes) => stated(parse(&bytes), say),
        };
        self.note(rule, path, reading.clone());
        reading
    }
}

/// What a parsed limit says.
pub(crate) fn stated<T>(
    parsed: Result<Option<T>, Malformed>,
    say: impl FnOnce(T) -> Reading,
) -> Reading {
    match parsed {
        Ok(Some(value)) => say(value),
        Ok(None) => Reading::Unlimited,
        Err(why) => Reading::Unreadable(why.to_string()),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // Almost all files fit, and then two calls read them.
    let mut bytes = Vec::with_capacity(FILE_BYTES_USUAL);
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Why a file says nothing.
fn reading(error: &io::Error) -> Reading {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Reading::Missing,
        // A control group that has just been removed.
        _ if error.raw_os_error() == Some(ENODEV) => Reading::Missing,
        _ => Reading::Unreadable(error.to_string()),
    }
}

const ENODEV: i32 = 19;

const FILE_BYTES_USUAL: usize = 4096;

/// No file that is read here is longer than a list of mounts.
const FILE_BYTES_MAX: u64 = 16 << 20;
