//! What can be wrong with an image, or with the prefixes it is to be built from.

use std::fmt;

/// Why an image was refused, or could not be built.
///
/// The message names what was looked at and the offset of its first byte. Code that has to decide
/// asks the predicates; they cover every case.
///
/// ```
/// use heliostat_prefixmap::PrefixMap;
///
/// let error = PrefixMap::open(b"GIF89a").unwrap_err();
/// assert!(error.is_foreign());
/// assert_eq!(error.offset(), Some(0));
/// assert_eq!(error.to_string(), "magic: this is not a prefix map (at byte 0)");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    what: &'static str,
    offset: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Foreign,
    Version,
    Size,
    Corrupt,
    TooLarge,
}

impl Error {
    /// The bytes are something else altogether.
    pub fn is_foreign(&self) -> bool {
        self.kind == Kind::Foreign
    }

    /// The image was written by a later version of this crate.
    pub fn is_unsupported_version(&self) -> bool {
        self.kind == Kind::Version
    }

    /// The image is shorter or longer than its own header says: most often it was cut.
    pub fn is_wrong_size(&self) -> bool {
        self.kind == Kind::Size
    }

    /// The size is right, but the bytes at [`Error::offset`] are not what [`build`](crate::build)
    /// writes.
    pub fn is_corrupt(&self) -> bool {
        self.kind == Kind::Corrupt
    }

    /// There are more prefixes than one image can hold (see [`limits`](crate::limits)).
    pub fn is_too_large(&self) -> bool {
        self.kind == Kind::TooLarge
    }

    /// Where in the image the first wrong byte was met, if an image was being read.
    pub fn offset(&self) -> Option<u64> {
        self.offset
    }

    pub(crate) fn foreign(what: &'static str) -> Self {
        Self { kind: Kind::Foreign, what, offset: Some(0) }
    }

    pub(crate) fn version(offset: usize) -> Self {
        Self { kind: Kind::Version, what: "version", offset: Some(offset as u64) }
    }

    pub(crate) fn size(what: &'static str, offset: usize) -> Self {
        Self { kind: Kind::Size, what, offset: Some(offset as u64) }
    }

    pub(crate) fn corrupt(what: &'static str, offset: usize) -> Self {
        Self { kind: Kind::Corrupt, what, offset: Some(offset as u64) }
    }

    pub(crate) fn too_large(what: &'static str) -> Self {
        Self { kind: Kind::TooLarge, what, offset: None }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.kind {
            Kind::Foreign => "this is not a prefix map",
            Kind::Version => "this version cannot be read",
            Kind::Size => "the image has the wrong size",
            Kind::Corrupt => "the image is damaged",
            Kind::TooLarge => "there is too much for one image",
        };
        write!(f, "{}: {why}", self.what)?;
        match self.offset {
            Some(offset) => write!(f, " (at byte {offset})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
