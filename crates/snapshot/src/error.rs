//! Why a file is not a snapshot.

use std::io;
use std::path::PathBuf;

use crate::format::Section;

/// A file that cannot be opened as a snapshot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read the snapshot {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not begin as a snapshot does.
    #[error("not a snapshot: {what} (header, offset {offset})")]
    Header {
        /// Byte of the file.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The file is of another version of the format.
    #[error(
        "snapshot format {found}, but this program reads format {expected}: compile it again \
         (header, offset 8)"
    )]
    Format {
        /// The version in the file.
        found: u32,
        /// The version that this program reads.
        expected: u32,
    },
    /// The bytes are not those that were written.
    #[error(
        "damaged snapshot: the content hash is {found}, the header says {expected} (offset {offset})"
    )]
    Hash {
        /// Where the hash stands.
        offset: u64,
        /// What the bytes hash to.
        found: String,
        /// What the header says.
        expected: String,
    },
    /// A section is not what it should be.
    #[error("bad snapshot: section {section}, offset {offset}: {what}", section = .section.name())]
    Section {
        /// Which section.
        section: Section,
        /// Byte of the file.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
}
