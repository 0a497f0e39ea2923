//! An open snapshot: rows by number, rows by name, texts, and the place of an address.
//!
//! Every reading function is total. [`Snapshot::open`] has checked that numbers point to rows, so
//! the `None`s and empty slices here are what makes the code free of panics, not what it meets.

use std::fs::File;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use heliostat_prefixmap::{Layout, PrefixMap};
use zerocopy::FromBytes;

use crate::addresses::{Addresses, LastAddresses};
use crate::country_table::CountryTable;
use crate::format::{Header, Section};
use crate::map::Bytes;
use crate::records::{
    AboutRow, DirectoryRow, DirectorySlotRow, FileRow, NameRow, NameSlotRow, PlaceRow, Record,
    RepositoryRow, RepositorySlotRow, SetMemberRow, SetRow, Span, Text,
};
use crate::slots;
use crate::{Code, Error};
use crate::{addresses, check};

/// A compiled world, checked and ready to be read by any number of threads.
#[derive(Debug)]
pub struct Snapshot {
    bytes: Bytes,
    sections: Sections,
    prefixes: Layout,
    systems: Layout,
    addresses: Arc<Addresses>,
    header: Header,
}

/// Where an address is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'s> {
    /// The system and the netblocks that hosts want, when any does.
    pub row: Option<&'s PlaceRow>,
    /// The country: what the operator says of its netblock, else the country database.
    pub country: Option<Code>,
}

/// The texts of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'s>(&'s [u8]);

impl<'s> Texts<'s> {
    /// The bytes of a text.
    #[inline]
    pub fn get(self, text: Text) -> &'s [u8] {
        let start = text.offset.get() as usize;
        self.0.get(start..start + text.len()).unwrap_or(&[])
    }
}

/// Where each section lies in the file, by its number.
pub(crate) type Sections = [(usize, usize); Section::ALL.len()];

impl Snapshot {
    /// Maps a file and checks all of it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is no snapshot, is of another format, is damaged, or says
    /// something that cannot be true; the error names the section and the offset.
    pub fn open(path: &Path) -> Result<Snapshot, Error> {
        Snapshot::open_with(path, None)
    }

    /// The same with a country database; what the file says of an address comes before it.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::open`].
    pub fn open_with(path: &Path, countries: Option<&CountryTable>) -> Result<Snapshot, Error> {
        Snapshot::open_again(path, countries, &mut LastAddresses::default())
    }

    /// The same for one snapshot after the other, always with the same country database.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::open`].
    pub fn open_again(
        path: &Path,
        countries: Option<&CountryTable>,
        last: &mut LastAddresses,
    ) -> Result<Snapshot, Error> {
        Snapshot::check(Snapshot::read(path)?, countries, last)
    }

    /// The bytes of a file.
    pub(crate) fn read(path: &Path) -> Result<Bytes, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(read)?;
        // An empty file cannot be mapped; as bytes it gets the error that names its fault.
        let empty = file.metadata().map_err(read)?.len() == 0;
        if empty { Ok(Bytes::Owned(Vec::new())) } else { Bytes::map(&file).map_err(read) }
    }

    /// Checks bytes that are in memory already.
    ///
    /// # Errors
    ///
    /// As [`Snapshot::open`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Snapshot, Error> {
        Snapshot::check(Bytes::Owned(bytes), None, &mut LastAddresses::default())
    }

    fn check(
        bytes: Bytes,
        countries: Option<&CountryTable>,
        last: &mut LastAddresses,
    ) -> Result<Snapshot, Error> {
        let (header, sections) = check::frame(bytes.as_ref())?;
        let made_of = [Section::Prefixes, Section::Places].map(|section| {
            let (offset, length) = sections[section as usize];
            bytes.as_ref().get(offset..offset + length).unwrap_or(&[])
        });
        let origin = addresses::origin(made_of);
        let known = last.of(origin);
        let (prefixes, systems) = check::prefix_maps(bytes.as_ref(), &sections, known.is_some())?;
        let addresses = Arc::default();
        let mut snapshot = Snapshot { bytes, sections, prefixes, systems, addresses, header };
        check::rows(&snapshot)?;
        if let Some(known) = known {
            snapshot.addresses = known;
            return Ok(snapshot);
        }
        check::places_of_prefixes(&snapshot)?;
        let folded = Addresses::new(snapshot.prefixes().iter(), snapshot.rows(), countries);
        snapshot.addresses = folded.map(Arc::new).map_err(|error| Error::Section {
            section: Section::Prefixes,
            offset: snapshot.section_range(Section::Prefixes).start as u64,
            what: error.to_string(),
        })?;
        last.remember(origin, &snapshot.addresses);
        Ok(snapshot)
    }

    /// Checks what answers do not rely on: that the table of systems is one that could have been
    /// written. The hash of the file, which [`Snapshot::open`] has checked, covers it already.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn verify(&self) -> Result<(), Error> {
        check::systems(self.bytes.as_ref(), &self.sections)
    }

    /// The header: generation, times, size, hash.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes of a section.
    #[inline]
    pub fn section(&self, section: Section) -> &[u8] {
        self.bytes.as_ref().get(self.section_range(section)).unwrap_or(&[])
    }

    /// Where a section lies in the file.
    #[inline]
    pub fn section_range(&self, section: Section) -> Range<usize> {
        let (offset, bytes) = self.sections[section as usize];
        offset..offset + bytes
    }

    /// All rows of a section.
    #[inline]
    pub fn rows<R: Record>(&self) -> &[R] {
        <[R]>::ref_from_bytes(self.section(R::SECTION)).unwrap_or(&[])
    }

    /// One row of a section.
    #[inline]
    pub fn row<R: Record>(&self, row: u32) -> Option<&R> {
        let (offset, bytes) = self.sections[R::SECTION as usize];
        let start = (row as usize).checked_mul(size_of::<R>())?;
        let end = start.checked_add(size_of::<R>())?;
        if end > bytes {
            return None;
        }
        R::ref_from_bytes(self.bytes.as_ref().get(offset + start..offset + end)?).ok()
    }

    /// The rows of a span; none when it reaches outside.
    #[inline]
    pub fn span<R: Record>(&self, span: Span) -> &[R] {
        let (offset, bytes) = self.sections[R::SECTION as usize];
        let start = span.first.get() as usize * size_of::<R>();
        let end = start + span.count.get() as usize * size_of::<R>();
        if end > bytes {
            return &[];
        }
        let rows = self.bytes.as_ref().get(offset + start..offset + end);
        rows.and_then(|rows| <[R]>::ref_from_bytes(rows).ok()).unwrap_or(&[])
    }

    /// The bytes of a text.
    #[inline]
    pub fn text(&self, text: Text) -> &[u8] {
        self.texts().get(text)
    }

    /// All texts, for whoever reads many.
    #[inline]
    pub fn texts(&self) -> Texts<'_> {
        Texts(self.section(Section::Text))
    }

    /// What the file is about.
    pub fn about(&self) -> Option<&AboutRow> {
        self.row(0)
    }

    /// The members of a set, rising.
    #[inline]
    pub fn set(&self, set: u32) -> &[SetMemberRow] {
        self.row::<SetRow>(set).map_or(&[], |row| self.span(row.members))
    }

    /// The directory of a name.
    pub fn directory_find(&self, name: &[u8]) -> Option<u32> {
        self.find::<DirectorySlotRow>(
            name,
            |slot| slot.row.get(),
            |row| self.row::<DirectoryRow>(row).is_some_and(|d| self.text(d.name) == name),
        )
    }

    /// The file of a name, among those of a directory.
    pub fn file_find(&self, directory: &DirectoryRow, name: &[u8]) -> Option<&FileRow> {
        let files = self.span::<FileRow>(directory.files);
        let at = files.binary_search_by(|file| self.text(file.name).cmp(name)).ok()?;
        files.get(at)
    }

    /// The repository of a prefix and an architecture; `key` is scratch space for its name.
    pub fn repository_find(&self, prefix: &[u8], arch: &[u8], key: &mut Vec<u8>) -> Option<u32> {
        repository_key(prefix, arch, key);
        self.find::<RepositorySlotRow>(
            key,
            |slot| slot.row.get(),
            |row| {
                self.row::<RepositoryRow>(row).is_some_and(|repository| {
                    self.text(repository.prefix) == prefix && self.text(repository.arch) == arch
                })
            },
        )
    }

    /// What is special about a repository name: that it is redirected or disabled.
    pub fn name_find(&self, name: &[u8]) -> Option<&NameRow> {
        let row = self.find::<NameSlotRow>(
            name,
            |slot| slot.row.get(),
            |row| self.row::<NameRow>(row).is_some_and(|n| self.text(n.name) == name),
        )?;
        self.row(row)
    }

    /// Where an address is: one lookup answers system, country and netblocks.
    #[inline]
    pub fn place(&self, address: IpAddr) -> Place<'_> {
        match self.addresses.find(address) {
            Some(known) => Place { row: self.row(known.place), country: known.country },
            None => Place { row: None, country: None },
        }
    }

    /// The system that announces an address, and the prefix that it announces.
    pub fn system(&self, address: IpAddr) -> Option<(ipnet::IpNet, u32)> {
        self.systems.view(self.section(Section::Systems)).longest_match(address)
    }

    /// The prefix map from addresses to places.
    pub(crate) fn prefixes(&self) -> PrefixMap<&[u8]> {
        self.prefixes.view(self.section(Section::Prefixes))
    }

    fn find<R: Record>(
        &self,
        name: &[u8],
        row_of: impl Fn(&R) -> u32,
        matches: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let slots = self.rows::<R>();
        slots::find(
            name,
            slots.len(),
            |slot| slots.get(slot).map_or(crate::records::NONE, &row_of),
            matches,
        )
    }
}

/// The name under which a repository is hashed: prefix, a zero byte, architecture.
pub fn repository_key(prefix: &[u8], arch: &[u8], key: &mut Vec<u8>) {
    key.clear();
    key.extend_from_slice(prefix);
    key.push(0);
    key.extend_from_slice(arch);
}
