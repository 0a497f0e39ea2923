//! What is looked at when a file is opened: everything that a reader will later rely on.
//!
//! First the frame (header, hash, section table), then each section row by row. A file that
//! passes was written by this format's writer or could have been; whoever forged it, reading it
//! stays inside it and ends.

use std::mem::offset_of;

use heliostat_prefixmap::{Layout, PrefixMap};
use zerocopy::FromBytes;

use crate::format::{
    ALIGNMENT, FORMAT, HASHED_HEADER_BYTES, HEADER_BYTES, Header, MAGIC, Section, SectionEntry,
};
use crate::records::{
    AboutRow, AsnHostRow, AsnRow, ContinentRow, CountryRow, DirectoryRow, DirectorySlotRow,
    FileRow, HostCountryRow, HostRow, LocationHostRow, LocationRow, MirrorRow, NO_COUNTRY, NONE,
    NameRow, NameSlotRow, PlaceNetblockRow, PlaceRow, Record, RepositoryRow, RepositorySlotRow,
    SetMemberRow, SetRow, Span, Text, UrlRow, fields,
};
use crate::snapshot::{Sections, Snapshot};
use crate::{Code, Error};

/// Checks the header, the section table and the hash.
pub(crate) fn frame(bytes: &[u8]) -> Result<(Header, Sections), Error> {
    let header = header(bytes)?;
    hash(bytes, &header)?;
    Ok((header, section_table(bytes, &header)?))
}

/// Checks what the file says it is.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, Error> {
    let bad = |offset: usize, what: String| Error::Header { offset: offset as u64, what };
    let (header, _) = Header::read_from_prefix(bytes).map_err(|_| {
        bad(0, format!("{} bytes are fewer than the {HEADER_BYTES} of a header", bytes.len()))
    })?;
    if header.magic != MAGIC {
        return Err(bad(0, "the first bytes are not HELIOSNP".to_owned()));
    }
    if header.format.get() != FORMAT {
        return Err(Error::Format { found: header.format.get(), expected: FORMAT });
    }
    if header.file_bytes.get() != bytes.len() as u64 {
        let what = format!(
            "the file has {} bytes, but {} were written: it is cut off or has something behind it",
            bytes.len(),
            header.file_bytes
        );
        return Err(bad(offset_of!(Header, file_bytes), what));
    }
    Ok(header)
}

fn hash(bytes: &[u8], header: &Header) -> Result<(), Error> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes[..HASHED_HEADER_BYTES]).update(&bytes[HEADER_BYTES..]);
    let found = hasher.finalize();
    if *found.as_bytes() == header.content_hash {
        return Ok(());
    }
    Err(Error::Hash {
        offset: HASHED_HEADER_BYTES as u64,
        found: found.to_hex().to_string(),
        expected: blake3::Hash::from_bytes(header.content_hash).to_hex().to_string(),
    })
}

/// Checks where the sections lie.
pub(crate) fn section_table(bytes: &[u8], header: &Header) -> Result<Sections, Error> {
    if header.section_count.get() as usize != Section::ALL.len() {
        return Err(Error::Header {
            offset: offset_of!(Header, section_count) as u64,
            what: format!("{} sections instead of {}", header.section_count, Section::ALL.len()),
        });
    }
    let (table, _) =
        <[SectionEntry]>::ref_from_prefix_with_elems(&bytes[HEADER_BYTES..], Section::ALL.len())
            .map_err(|_| Error::Header {
                offset: HEADER_BYTES as u64,
                what: "the section table is cut off".to_owned(),
            })?;
    let mut sections = Sections::default();
    let mut end = HEADER_BYTES + size_of_val(table);
    for ((entry, &section), slot) in table.iter().zip(Section::ALL).zip(&mut sections) {
        let at = HEADER_BYTES + section as usize * size_of::<SectionEntry>();
        let bad = |what: String| Error::Section { section, offset: at as u64, what };
        let row_bytes = fields(section).iter().map(|field| field.2).sum::<usize>().max(1);
        if entry.kind.get() != section as u32 {
            return Err(bad(format!("section number {} in its place", entry.kind)));
        }
        if entry.row_bytes.get() as usize != row_bytes {
            return Err(bad(format!("rows of {} bytes instead of {row_bytes}", entry.row_bytes)));
        }
        let start = usize::try_from(entry.offset.get()).unwrap_or(usize::MAX);
        let length = usize::try_from(entry.bytes.get()).unwrap_or(usize::MAX);
        if start != end.next_multiple_of(ALIGNMENT) {
            return Err(bad(format!("it should start at {}", end.next_multiple_of(ALIGNMENT))));
        }
        end = start.saturating_add(length);
        if end > bytes.len() {
            return Err(bad(format!("its {length} bytes reach past the end of the file")));
        }
        if length % row_bytes != 0 {
            return Err(bad(format!("{length} bytes are not rows of {row_bytes}")));
        }
        *slot = (start, length);
    }
    if end != bytes.len() {
        return Err(Error::Header {
            offset: end as u64,
            what: format!("{} bytes behind the last section", bytes.len() - end),
        });
    }
    Ok(sections)
}

/// Checks the prefix map, and of the map of systems, which answers do not rely on, the header; of a
/// prefix map that is `known` to be whole, too.
pub(crate) fn prefix_maps(
    bytes: &[u8],
    sections: &Sections,
    known: bool,
) -> Result<(Layout, Layout), Error> {
    let open = if known { Layout::read } else { whole };
    let prefixes = prefix_map(bytes, sections, Section::Prefixes, open)?;
    Ok((prefixes, prefix_map(bytes, sections, Section::Systems, Layout::read)?))
}

/// Checks the map of systems from end to end.
pub(crate) fn systems(bytes: &[u8], sections: &Sections) -> Result<(), Error> {
    prefix_map(bytes, sections, Section::Systems, whole).map(|_| ())
}

fn whole(image: &[u8]) -> Result<Layout, heliostat_prefixmap::Error> {
    PrefixMap::open(image).map(|map| map.layout())
}

/// Learns the layout of a section that is a prefix map.
fn prefix_map(
    bytes: &[u8],
    sections: &Sections,
    section: Section,
    open: impl FnOnce(&[u8]) -> Result<Layout, heliostat_prefixmap::Error>,
) -> Result<Layout, Error> {
    let (start, length) = sections[section as usize];
    open(bytes.get(start..start + length).unwrap_or(&[])).map_err(|error| Error::Section {
        section,
        offset: start as u64,
        what: error.to_string(),
    })
}

/// Checks every row of every section.
pub(crate) fn rows(snapshot: &Snapshot) -> Result<(), Error> {
    let text = std::str::from_utf8(snapshot.section(Section::Text)).map_err(|error| {
        let start = snapshot.section_range(Section::Text).start;
        Error::Section {
            section: Section::Text,
            offset: (start + error.valid_up_to()) as u64,
            what: "not UTF-8".to_owned(),
        }
    })?;
    let check = Check { snapshot, text };
    check.about()?;
    check.geography()?;
    check.hosts()?;
    check.mirrors()?;
    check.sets()?;
    check.directories()?;
    check.repositories()?;
    check.networks()?;
    check.slots()
}

/// Checks that each prefix leads to a place.
pub(crate) fn places_of_prefixes(snapshot: &Snapshot) -> Result<(), Error> {
    let places = snapshot.rows::<PlaceRow>().len();
    match snapshot.prefixes().iter().find(|&(_, place)| place as usize >= places) {
        None => Ok(()),
        Some((prefix, place)) => Err(Error::Section {
            section: Section::Prefixes,
            offset: snapshot.section_range(Section::Prefixes).start as u64,
            what: format!("{prefix} leads to place {place} of {places}"),
        }),
    }
}

struct Check<'s> {
    snapshot: &'s Snapshot,
    text: &'s str,
}

type Verdict = Result<(), String>;

impl Check<'_> {
    fn about(&self) -> Result<(), Error> {
        self.each(|_, row: &AboutRow| {
            self.texts(&[row.source, row.repository_list])?;
            ensure(self.snapshot.rows::<AboutRow>().len() == 1, || "not one row".to_owned())
        })?;
        ensure(!self.snapshot.rows::<AboutRow>().is_empty(), || "not one row".to_owned())
            .map_err(|what| self.error::<AboutRow>(0, what))
    }

    fn geography(&self) -> Result<(), Error> {
        let continents = self.count::<ContinentRow>();
        self.each(|_, row: &CountryRow| {
            let continent = row.continent.get();
            let known = continent == NO_COUNTRY || usize::from(continent) < continents;
            ensure(known, || format!("no continent {continent}"))?;
            self.code(row.code)?;
            self.inside::<MirrorRow>(row.mirrors)
        })?;
        self.rising(|row: &CountryRow| row.code)?;
        self.each(|_, row: &ContinentRow| {
            self.code(row.code)?;
            self.inside::<MirrorRow>(row.mirrors)
        })?;
        self.rising(|row: &ContinentRow| row.code)
    }

    fn hosts(&self) -> Result<(), Error> {
        self.each(|_, row: &HostRow| {
            self.texts(&[row.name])?;
            self.country(row.country.get())?;
            self.inside::<MirrorRow>(row.mirrors)?;
            self.inside::<HostCountryRow>(row.countries_allowed)
        })?;
        self.each(|_, row: &HostCountryRow| self.code(row.code))?;
        self.each(|_, row: &LocationRow| {
            self.texts(&[row.name])?;
            self.inside::<LocationHostRow>(row.hosts)
        })?;
        self.rising(|row: &LocationRow| self.snapshot.text(row.name))?;
        self.each(|_, row: &LocationHostRow| self.names::<HostRow>(row.host.get()))
    }

    fn mirrors(&self) -> Result<(), Error> {
        self.each(|_, row: &MirrorRow| {
            self.names::<HostRow>(row.host.get())?;
            self.country(row.country.get())?;
            let weight = row.weight_inverse.get();
            ensure(weight.is_finite() && weight > 0.0, || format!("weight 1/{weight}"))?;
            self.texts(&[row.base])?;
            self.inside::<UrlRow>(row.urls)
        })?;
        self.each(|_, row: &UrlRow| {
            ensure(row.scheme < 4, || format!("no scheme {}", row.scheme))?;
            self.texts(&[row.base, row.head, row.link])
        })
    }

    fn sets(&self) -> Result<(), Error> {
        let mirrors = self.count::<MirrorRow>() as u32;
        self.each(|_, row: &SetRow| {
            self.inside::<SetMemberRow>(row.members)?;
            let members = self.snapshot.span::<SetMemberRow>(row.members);
            let rising = members.is_sorted_by(|a, b| a.mirror.get() < b.mirror.get());
            ensure(rising, || "its members do not rise".to_owned())?;
            let known = members.last().is_none_or(|member| member.mirror.get() < mirrors);
            ensure(known, || "a member is no mirror".to_owned())
        })
    }

    fn directories(&self) -> Result<(), Error> {
        self.each(|_, row: &DirectoryRow| {
            self.texts(&[row.name, row.tail, row.tail_escaped])?;
            self.names::<SetRow>(row.public.get())?;
            self.names::<SetRow>(row.private.get())?;
            self.inside::<FileRow>(row.files)?;
            let files = self.snapshot.span::<FileRow>(row.files);
            let name = |file: &FileRow| self.snapshot.text(file.name);
            let rising = files.is_sorted_by(|a, b| name(a) < name(b));
            ensure(rising, || "its files are not sorted".to_owned())
        })?;
        self.rising(|row: &DirectoryRow| self.snapshot.text(row.name))?;
        self.each(|_, row: &FileRow| self.texts(&[row.name, row.block]))
    }

    fn repositories(&self) -> Result<(), Error> {
        self.each(|_, row: &RepositoryRow| {
            self.texts(&[row.prefix, row.arch])?;
            self.names_or_none::<DirectoryRow>(row.directory.get())?;
            self.names_or_none::<DirectoryRow>(row.metadata.get())
        })?;
        let text = |text| self.snapshot.text(text);
        self.rising(|row: &RepositoryRow| (text(row.prefix), text(row.arch)))?;
        self.each(|_, row: &NameRow| self.texts(&[row.name, row.target]))?;
        self.rising(|row: &NameRow| text(row.name))
    }

    fn networks(&self) -> Result<(), Error> {
        self.each(|_, row: &AsnRow| self.inside::<AsnHostRow>(row.hosts))?;
        self.rising(|row: &AsnRow| row.asn.get())?;
        self.each(|_, row: &AsnHostRow| self.names::<HostRow>(row.host.get()))?;
        self.each(|_, row: &PlaceRow| {
            self.names_or_none::<AsnRow>(row.asn_row.get())?;
            if row.country != [0; 2] {
                self.code(row.country)?;
            }
            self.inside::<PlaceNetblockRow>(row.netblocks)?;
            let netblocks = self.snapshot.span::<PlaceNetblockRow>(row.netblocks);
            let falling = netblocks.is_sorted_by(|a, b| a.prefix_length >= b.prefix_length);
            ensure(falling, || "its netblocks are not sorted".to_owned())
        })?;
        self.each(|_, row: &PlaceNetblockRow| self.names::<HostRow>(row.host.get()))
    }

    fn slots(&self) -> Result<(), Error> {
        let lost = || "it cannot be found by its name".to_owned();
        let text = |text| self.snapshot.text(text);
        self.slot_rows::<DirectorySlotRow, DirectoryRow>(|slot| slot.row.get())?;
        self.each(|at, row: &DirectoryRow| {
            ensure(self.snapshot.directory_find(text(row.name)) == Some(at), lost)
        })?;
        self.slot_rows::<RepositorySlotRow, RepositoryRow>(|slot| slot.row.get())?;
        let mut key = Vec::new();
        self.each(|at, row: &RepositoryRow| {
            let found = self.snapshot.repository_find(text(row.prefix), text(row.arch), &mut key);
            ensure(found == Some(at), lost)
        })?;
        self.slot_rows::<NameSlotRow, NameRow>(|slot| slot.row.get())?;
        self.each(|_, row: &NameRow| {
            ensure(self.snapshot.name_find(text(row.name)).is_some(), lost)
        })
    }

    /// The number of slots is right and each leads to a row or nowhere.
    fn slot_rows<S: Record, R: Record>(&self, row_of: impl Fn(&S) -> u32) -> Result<(), Error> {
        let expected = crate::slots::slot_count(self.count::<R>());
        let found = self.count::<S>();
        ensure(found == expected, || format!("{found} slots instead of {expected}"))
            .map_err(|what| self.error::<S>(0, what))?;
        self.each(|_, slot: &S| self.names_or_none::<R>(row_of(slot)))
    }

    /// Runs a check over all rows of a section.
    fn each<R: Record>(&self, mut check: impl FnMut(u32, &R) -> Verdict) -> Result<(), Error> {
        for (at, row) in self.snapshot.rows::<R>().iter().enumerate() {
            check(at as u32, row).map_err(|what| self.error::<R>(at, what))?;
        }
        Ok(())
    }

    /// Each row's key is greater than that of the row before.
    fn rising<'a, R: Record, K: PartialOrd>(
        &'a self,
        key: impl Fn(&'a R) -> K,
    ) -> Result<(), Error> {
        let rows = self.snapshot.rows::<R>();
        match rows.windows(2).position(|pair| key(&pair[0]) >= key(&pair[1])) {
            None => Ok(()),
            Some(at) => {
                Err(self.error::<R>(at + 1, "it is not sorted behind its neighbour".into()))
            }
        }
    }

    fn texts(&self, texts: &[Text]) -> Verdict {
        texts.iter().try_for_each(|text| {
            let start = text.offset.get() as usize;
            let inside = self.text.get(start..start + text.len()).is_some();
            ensure(inside, || format!("no text of {} bytes at {start}", text.len()))
        })
    }

    fn inside<R: Record>(&self, span: Span) -> Verdict {
        let count = self.count::<R>();
        ensure(span.end() <= count as u64, || {
            format!("rows {} to {} of {count} {}", span.first, span.end(), R::SECTION.name())
        })
    }

    fn names<R: Record>(&self, row: u32) -> Verdict {
        let count = self.count::<R>();
        ensure((row as usize) < count, || format!("row {row} of {count} {}", R::SECTION.name()))
    }

    fn names_or_none<R: Record>(&self, row: u32) -> Verdict {
        if row == NONE { Ok(()) } else { self.names::<R>(row) }
    }

    fn country(&self, row: u16) -> Verdict {
        if row == NO_COUNTRY { Ok(()) } else { self.names::<CountryRow>(u32::from(row)) }
    }

    fn code(&self, code: [u8; 2]) -> Verdict {
        let upper = Code::from_bytes(&code).is_some_and(|read| read.to_bytes() == code);
        ensure(upper, || format!("{code:?} is no code"))
    }

    fn count<R: Record>(&self) -> usize {
        self.snapshot.section_range(R::SECTION).len() / size_of::<R>()
    }

    fn error<R: Record>(&self, row: usize, what: String) -> Error {
        let start = self.snapshot.section_range(R::SECTION).start;
        let offset = (start + row * size_of::<R>()) as u64;
        Error::Section { section: R::SECTION, offset, what: format!("row {row}: {what}") }
    }
}

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}
