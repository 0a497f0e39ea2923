//! Writing a file: sections in, bytes out, with the header that describes them.
//!
//! The bytes go to any writer, so that tests compile into memory and `publish` into a temporary
//! file; renaming it into place is `publish`'s business.

use std::io::{self, Write};

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, IntoBytes};

use crate::format::{
    ALIGNMENT, FORMAT, HASHED_HEADER_BYTES, HEADER_BYTES, Header, MAGIC, Section, SectionEntry,
};
use crate::records::Record;

/// What the header says besides what follows from the sections.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// Rises with every snapshot of the same network.
    pub generation: u64,
    /// When the data was made, seconds since 1970.
    pub created_unix_s: u64,
    /// When the file was compiled, seconds since 1970.
    pub compiled_unix_s: u64,
}

/// The bytes of one section.
#[derive(Clone, Copy, Debug)]
pub struct SectionBytes<'a> {
    /// Which one.
    pub section: Section,
    /// Bytes of one row.
    pub row_bytes: usize,
    /// All rows.
    pub bytes: &'a [u8],
}

impl<'a> SectionBytes<'a> {
    /// The section of these rows.
    pub fn rows<R: Record>(rows: &'a [R]) -> SectionBytes<'a> {
        let bytes = rows.as_bytes();
        SectionBytes { section: R::SECTION, row_bytes: size_of::<R>(), bytes }
    }

    /// A section of plain bytes.
    pub fn plain(section: Section, bytes: &'a [u8]) -> SectionBytes<'a> {
        SectionBytes { section, row_bytes: 1, bytes }
    }
}

/// Writes a snapshot and gives its length in bytes.
///
/// `sections` are all sections in the order of [`Section::ALL`].
///
/// # Errors
///
/// What the writer answers.
///
/// # Panics
///
/// When a section is missing or out of order: that is a fault of the caller, not of data.
pub fn encode(
    out: &mut impl Write,
    stamp: Stamp,
    sections: &[SectionBytes<'_>],
) -> io::Result<u64> {
    assert!(
        sections.iter().map(|s| s.section).eq(Section::ALL.iter().copied()),
        "all sections, in order"
    );
    let table = sections_table(sections);
    let last = table.last().map_or(0, |entry| entry.offset.get() + entry.bytes.get());
    let mut header = Header {
        magic: MAGIC,
        format: U32::new(FORMAT),
        section_count: U32::new(sections.len() as u32),
        generation: U64::new(stamp.generation),
        created_unix_s: U64::new(stamp.created_unix_s),
        compiled_unix_s: U64::new(stamp.compiled_unix_s),
        file_bytes: U64::new(last),
        reserved: [0; 16],
        content_hash: [0; 32],
    };
    // First the hash over the chunks as they will lie in the file, then the chunks themselves.
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header.as_bytes()[..HASHED_HEADER_BYTES]);
    chunks(&table, sections, |chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    header.content_hash = *hasher.finalize().as_bytes();
    out.write_all(header.as_bytes())?;
    chunks(&table, sections, |chunk| out.write_all(chunk))?;
    Ok(header.file_bytes.get())
}

/// Gives a whole snapshot another generation, and nothing else.
///
/// ```
/// use heliostat_snapshot::encode::restamp;
/// assert_eq!(restamp(&mut vec![0; 10], 7), None);
/// ```
pub fn restamp(file: &mut [u8], generation: u64) -> Option<()> {
    let (header, rest) = Header::mut_from_prefix(file).ok()?;
    if header.magic != MAGIC || header.format.get() != FORMAT {
        return None;
    }
    header.generation = U64::new(generation);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&header.as_bytes()[..HASHED_HEADER_BYTES]);
    hasher.update(rest);
    header.content_hash = *hasher.finalize().as_bytes();
    Some(())
}

fn sections_table(sections: &[SectionBytes<'_>]) -> Vec<SectionEntry> {
    let mut end = HEADER_BYTES + size_of::<SectionEntry>() * sections.len();
    let entry = |section: &SectionBytes<'_>| {
        let offset = end.next_multiple_of(ALIGNMENT);
        end = offset + section.bytes.len();
        SectionEntry {
            kind: U32::new(section.section as u32),
            row_bytes: U32::new(section.row_bytes as u32),
            offset: U64::new(offset as u64),
            bytes: U64::new(section.bytes.len() as u64),
        }
    };
    sections.iter().map(entry).collect()
}

/// Everything behind the header, piece by piece, with the gaps filled.
fn chunks(
    table: &[SectionEntry],
    sections: &[SectionBytes<'_>],
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    take(table.as_bytes())?;
    let mut end = (HEADER_BYTES + size_of_val(table)) as u64;
    for (entry, section) in table.iter().zip(sections) {
        let gap = (entry.offset.get() - end) as usize;
        take(&[0; ALIGNMENT][..gap])?;
        take(section.bytes)?;
        end = entry.offset.get() + entry.bytes.get();
    }
    Ok(())
}
