//! What was wrong with a part of the input, and where.
//!
//! Problems are values, so that the caller decides what they mean: a line for people, or failure.
//! A hostile or broken file can have millions of them; a few of each kind are kept, all are counted.

use std::fmt;

/// How many problems of one kind are kept; the rest are only counted.
pub const PROBLEMS_KEPT_PER_KIND_MAX: u64 = 100;

/// One thing that could not be used as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file and line, or the field: `MirrorListCache[17] pub/fedora/linux`.
    pub place: String,
    /// What is wrong there and what became of it.
    pub what: String,
    /// The sort of problem.
    pub kind: ProblemKind,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// The sorts of problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ProblemKind {
    /// The input ends in the middle of something, or its frame is broken: what follows is lost.
    Truncated,
    /// A field that must be there is not.
    MissingField,
    /// A field is of another type than the schema says.
    WrongType,
    /// A key or line comes again with another value; the first counts.
    Duplicate,
    /// A number is negative or too large.
    OutOfRange,
    /// Something is named that the input does not have.
    UnknownName,
    /// A host carries content but has no URL under which to reach it.
    NoUrl,
    /// A URL is none, or of no known scheme.
    BadUrl,
    /// An address prefix cannot be read.
    BadPrefix,
    /// A DNS name stands where a prefix belongs; nothing is looked up here.
    DnsName,
    /// A country or continent is not two letters, or not a known name.
    BadCountry,
    /// A checksum is not hexadecimal or has another length than its sort.
    BadHash,
    /// A text is not UTF-8, is empty, or holds control characters.
    BadText,
    /// A line cannot be read.
    BadLine,
    /// A document cannot be read.
    BadDocument,
    /// Two parts of the input say different things.
    Contradiction,
    /// It is understood but not done here.
    NotDone,
}

impl ProblemKind {
    /// All kinds.
    pub const ALL: [ProblemKind; 17] = [
        ProblemKind::Truncated,
        ProblemKind::MissingField,
        ProblemKind::WrongType,
        ProblemKind::Duplicate,
        ProblemKind::OutOfRange,
        ProblemKind::UnknownName,
        ProblemKind::NoUrl,
        ProblemKind::BadUrl,
        ProblemKind::BadPrefix,
        ProblemKind::DnsName,
        ProblemKind::BadCountry,
        ProblemKind::BadHash,
        ProblemKind::BadText,
        ProblemKind::BadLine,
        ProblemKind::BadDocument,
        ProblemKind::Contradiction,
        ProblemKind::NotDone,
    ];

    /// The kind's name, for logs and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProblemKind::Truncated => "truncated",
            ProblemKind::MissingField => "missing-field",
            ProblemKind::WrongType => "wrong-type",
            ProblemKind::Duplicate => "duplicate",
            ProblemKind::OutOfRange => "out-of-range",
            ProblemKind::UnknownName => "unknown-name",
            ProblemKind::NoUrl => "no-url",
            ProblemKind::BadUrl => "bad-url",
            ProblemKind::BadPrefix => "bad-prefix",
            ProblemKind::DnsName => "dns-name",
            ProblemKind::BadCountry => "bad-country",
            ProblemKind::BadHash => "bad-hash",
            ProblemKind::BadText => "bad-text",
            ProblemKind::BadLine => "bad-line",
            ProblemKind::BadDocument => "bad-document",
            ProblemKind::Contradiction => "contradiction",
            ProblemKind::NotDone => "not-done",
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The problems of one import: the first few of each kind, and how many there were of each.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    counts: [u64; ProblemKind::ALL.len()],
}

impl Problems {
    /// No problems yet.
    pub fn new() -> Problems {
        Problems::default()
    }

    /// The problems that were kept, in the order in which they were met.
    pub fn kept(&self) -> &[Problem] {
        &self.kept
    }

    /// How many there were, kept or not.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many there were of a kind, kept or not.
    pub fn count(&self, kind: ProblemKind) -> u64 {
        self.counts[kind as usize]
    }

    /// Nothing was wrong.
    pub fn is_empty(&self) -> bool {
        self.total() == 0
    }

    /// Counts a problem; the words are only made when there is room to keep it.
    pub fn add(
        &mut self,
        kind: ProblemKind,
        place: impl FnOnce() -> String,
        what: impl FnOnce() -> String,
    ) {
        let count = &mut self.counts[kind as usize];
        *count += 1;
        if *count <= PROBLEMS_KEPT_PER_KIND_MAX {
            self.kept.push(Problem { place: place(), what: what(), kind });
        }
    }

    /// Takes over the problems of another part of the input.
    pub fn append(&mut self, other: Problems) {
        for problem in other.kept {
            let kind = problem.kind;
            if self.counts[kind as usize] < PROBLEMS_KEPT_PER_KIND_MAX {
                self.counts[kind as usize] += 1;
                self.kept.push(problem);
            } else {
                self.counts[kind as usize] += 1;
            }
        }
        for kind in ProblemKind::ALL {
            let unkept = other.counts[kind as usize].saturating_sub(PROBLEMS_KEPT_PER_KIND_MAX);
            self.counts[kind as usize] += unkept;
        }
    }

    /// As [`Problems::add`], for a fault that says itself what it is.
    pub(crate) fn fault(&mut self, fault: Fault, place: impl FnOnce() -> String) {
        self.add(fault.kind, place, || fault.what);
    }
}

/// A problem that does not know its place yet: what the small decoding steps return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: ProblemKind,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(kind: ProblemKind, what: impl Into<String>) -> Fault {
        Fault { kind, what: what.into() }
    }
}

/// A stranger's bytes as they may stand in a message: bounded, without control characters.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    let mut text: String =
        String::from_utf8_lossy(cut).chars().flat_map(|c| c.escape_debug()).collect();
    if cut.len() < bytes.len() {
        text.push('…');
    }
    text
}

/// The longest piece of input that a message repeats.
const SHOWN_BYTES_MAX: usize = 120;
