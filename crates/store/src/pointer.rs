//! The one small object that names the newest generation.
//!
//! It is JSON, so that people can read it where it lies. Whoever follows reads nothing else until its
//! number rises, and takes a file only if its hash is the one that stands here.

use heliostat_snapshot::format::Header;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The pointer's name.
pub const POINTER: &str = "current.json";

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// How to read this; 1.
    pub format: u32,
    /// The larger one wins for ever: whoever finds a larger one than their own has been replaced.
    pub fence: u64,
    /// What of the catalog is published: its name, revision and date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub catalog: Option<String>,
    /// Which generation the newest is once more, after a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<u64>,
    /// The generations that can be had, rising; the last one is the newest.
    pub generations: Vec<Generation>,
}

/// One generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its number.
    pub generation: u64,
    /// The name of its file.
    pub file: String,
    /// The file's size.
    pub file_bytes: u64,
    /// The hash that the file's header carries, which covers all of the file.
    pub content_hash: String,
    /// When its data was made, seconds since 1970.
    pub created_unix_s: u64,
    /// When it was published, seconds since 1970.
    pub published_unix_s: u64,
}

impl Pointer {
    /// A pointer to nothing.
    pub(crate) const EMPTY: Pointer =
        Pointer { format: FORMAT, fence: 0, catalog: None, again: None, generations: Vec::new() };

    /// The newest generation.
    pub fn newest(&self) -> Option<&Generation> {
        self.generations.last()
    }

    /// One of the generations that can be had.
    ///
    /// # Errors
    ///
    /// When there is no such generation.
    pub fn find(&self, number: u64) -> Result<&Generation, Error> {
        let found = self.generations.iter().find(|one| one.generation == number);
        found.ok_or_else(|| {
            let known = self.generations.iter().map(|one| one.generation).collect();
            Error::Unknown { generation: number, known }
        })
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Pointer, Error> {
        let wrong = |what: String| Error::Pointer { what };
        if bytes.len() > POINTER_BYTES_MAX {
            return Err(wrong(format!("it has {} bytes", bytes.len())));
        }
        let pointer: Pointer =
            serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if pointer.format != FORMAT {
            return Err(wrong(format!("its format is {}, known is {FORMAT}", pointer.format)));
        }
        if !pointer.generations.is_sorted_by(|a, b| a.generation < b.generation) {
            return Err(wrong("its generations do not rise".to_owned()));
        }
        // Names become paths here, so they are what we make them, and nothing else.
        let strange = |one: &&Generation| {
            number(&one.file) != Some(one.generation) || !is_hash(&one.content_hash)
        };
        match pointer.generations.iter().find(strange) {
            Some(one) => Err(wrong(format!("{:?} is no file of generations", one.file))),
            None => Ok(pointer),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

impl Generation {
    pub(crate) fn of(header: &Header, now_unix_s: u64) -> Generation {
        let content_hash = hash(header);
        let generation = header.generation.get();
        Generation {
            generation,
            file: format!("{BEFORE}{generation}.{}{AFTER}", &content_hash[..HASH_PART]),
            file_bytes: header.file_bytes.get(),
            content_hash,
            created_unix_s: header.created_unix_s.get(),
            published_unix_s: now_unix_s,
        }
    }

    /// Whether a file with this header is the one that is meant.
    pub(crate) fn is(&self, header: &Header) -> bool {
        self.generation == header.generation.get() && self.content_hash == hash(header)
    }
}

/// The number in the name of a generation's file; none when it has another form.
pub(crate) fn number(name: &str) -> Option<u64> {
    let (number, part) = name.strip_prefix(BEFORE)?.strip_suffix(AFTER)?.split_once('.')?;
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let whole = part.len() == HASH_PART && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    if digits && whole { number.parse().ok() } else { None }
}

fn hash(header: &Header) -> String {
    header.content_hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

const FORMAT: u32 = 1;
pub(crate) const BEFORE: &str = "heliostat.";
const AFTER: &str = ".snapshot";

/// How much of the hash stands in the name: two publishers who use one number never meet.
const HASH_PART: usize = 16;

/// A thousand generations and more.
pub(crate) const POINTER_BYTES_MAX: usize = 1 << 20;
