//! What a file says of itself, damaged or not: the header and the sections, without believing
//! their contents.

use std::path::Path;

use crate::check;
use crate::format::{Header, Section};
use crate::records::fields;
use crate::{Error, Snapshot};

/// The header and the sections of a file.
#[derive(Clone, Debug)]
pub struct Outline {
    /// The header.
    pub header: Header,
    /// The sections, in their order in the file.
    pub sections: Vec<SectionOutline>,
}

/// One section of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectionOutline {
    /// Which one.
    pub section: Section,
    /// Where it starts in the file.
    pub offset: u64,
    /// Its length.
    pub bytes: u64,
    /// Its rows; for a section of plain bytes, none.
    pub rows: Option<u64>,
}

impl Outline {
    /// Reads the outline of a file without checking its hash or its rows.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no snapshot, or its section table is wrong.
    pub fn read(path: &Path) -> Result<Outline, Error> {
        let bytes = Snapshot::read(path)?;
        let header = check::header(bytes.as_ref())?;
        let sections = check::section_table(bytes.as_ref(), &header)?;
        let outline = |(&section, (offset, bytes)): (&Section, (usize, usize))| {
            let row_bytes = fields(section).iter().map(|field| field.2).sum::<usize>();
            let rows = bytes.checked_div(row_bytes).map(|rows| rows as u64);
            SectionOutline { section, offset: offset as u64, bytes: bytes as u64, rows }
        };
        Ok(Outline { header, sections: Section::ALL.iter().zip(sections).map(outline).collect() })
    }
}
