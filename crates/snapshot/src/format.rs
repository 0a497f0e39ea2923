//! The header and the table of sections: the part of the format that all versions share.
//!
//! The header says what the file is before anything else in it is believed. Its hash covers the
//! header up to itself and every byte behind it, so that no flipped bit goes unnoticed.
#![expect(missing_debug_implementations, reason = "the derives of zerocopy make helper types")]

use zerocopy::little_endian::{U32, U64};

use crate::records::record;

/// The first eight bytes of every snapshot.
pub const MAGIC: [u8; 8] = *b"HELIOSNP";

/// The version of the layout that this code reads and writes.
pub const FORMAT: u32 = 2;

/// Sections start at multiples of this many bytes: a cache line.
pub const ALIGNMENT: usize = 64;

record! {
    /// The first bytes of the file.
    pub struct Header {
        /// `HELIOSNP`.
        pub magic: [u8; 8],
        /// Version of the layout.
        pub format: U32,
        /// Number of entries in the section table, which follows the header.
        pub section_count: U32,
        /// Rises with every snapshot of the same network.
        pub generation: U64,
        /// When the data was made, seconds since 1970.
        pub created_unix_s: U64,
        /// When the file was compiled, seconds since 1970.
        pub compiled_unix_s: U64,
        /// Length of the whole file in bytes.
        pub file_bytes: U64,
        /// Zero.
        pub reserved: [u8; 16],
        /// BLAKE3 of the header before this field and of everything after it.
        pub content_hash: [u8; 32],
    }
}

record! {
    /// One entry of the section table.
    pub struct SectionEntry {
        /// Which section: its number in the list of sections.
        pub kind: U32,
        /// Bytes of one row.
        pub row_bytes: U32,
        /// Where it starts in the file.
        pub offset: U64,
        /// Its length in bytes, a multiple of `row_bytes`.
        pub bytes: U64,
    }
}

/// What the header and the entries of the section table take at the front of the file.
pub const HEADER_BYTES: usize = size_of::<Header>();

/// The part of the header that the hash covers.
pub const HASHED_HEADER_BYTES: usize = HEADER_BYTES - 32;

macro_rules! sections {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// The sections of a file, in the order in which they lie in it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Section {
            $($(#[doc = $doc])* $name,)*
        }

        impl Section {
            /// Every section, in order.
            pub const ALL: &'static [Section] = &[$(Section::$name,)*];

            /// Its name, as `inspect` and errors print it.
            pub const fn name(self) -> &'static str {
                match self { $(Section::$name => stringify!($name),)* }
            }

            /// What it holds.
            pub const fn about(self) -> &'static str {
                match self { $(Section::$name => concat!($($doc),*),)* }
            }
        }
    };
}

sections! {
    /// One row: what the file is about.
    About,
    /// All texts, one after the other, each stored once; UTF-8.
    Text,
    /// Countries, sorted by code.
    Countries,
    /// Continents, sorted by code.
    Continents,
    /// Hosts.
    Hosts,
    /// Lists of the countries that a host serves.
    HostCountries,
    /// Mirrors, sorted by continent, country and host: a country is a range of numbers.
    Mirrors,
    /// URLs of mirrors, those of one mirror best scheme first, then by id.
    Urls,
    /// Sets of mirrors, each stored once.
    Sets,
    /// The members of sets, rising within a set.
    SetMembers,
    /// Directories, sorted by name.
    Directories,
    /// Hash slots that find a directory by its name.
    DirectorySlots,
    /// Files with details, those of one directory sorted by name.
    Files,
    /// Repositories, sorted by prefix and architecture.
    Repositories,
    /// Hash slots that find a repository by prefix, a zero byte, and architecture.
    RepositorySlots,
    /// Repository names that are redirected or disabled, sorted.
    Names,
    /// Hash slots that find such a name.
    NameSlots,
    /// Locations, sorted by name.
    Locations,
    /// The hosts of locations.
    LocationHosts,
    /// Autonomous systems that some host wants to serve, sorted by number.
    Asns,
    /// The hosts of autonomous systems.
    AsnHosts,
    /// What bears on the choice for an address: the values of the prefix map.
    Places,
    /// The hosts whose netblocks cover a place, most specific first.
    PlaceNetblocks,
    /// The prefix map from addresses to places: an image of `heliostat-prefixmap`. Addresses in no
    /// prefix have no place.
    Prefixes,
    /// The prefix map from addresses to the numbers of the systems that announce them: another
    /// such image, for explanations.
    Systems,
}
