//! One row of each section, field by field: the authority on the layout of a snapshot.
//!
//! Rows are little-endian, without gaps and without alignment, so that any byte string of the
//! right length is a row; what its numbers mean is checked once, when the file is opened.
//! 4294967295 stands for "no such row".
#![expect(missing_debug_implementations, reason = "the derives of zerocopy make helper types")]

use zerocopy::little_endian::{F32, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::format::Section;

/// The number that stands for no row at all.
pub const NONE: u32 = u32::MAX;

/// The country that stands for none.
pub const NO_COUNTRY: u16 = u16::MAX;

/// A fixed-size row of one section.
pub trait Record: FromBytes + IntoBytes + Immutable + KnownLayout + Unaligned + 'static {
    /// The section that it is a row of.
    const SECTION: Section;
}

/// Declares a row and, from the same text, its description for the format document.
macro_rules! record {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $($(#[doc = $field_doc:literal])* pub $field:ident: $kind:ty,)*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq,
            zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable,
            zerocopy::KnownLayout, zerocopy::Unaligned,
        )]
        #[repr(C)]
        pub struct $name {
            $($(#[doc = $field_doc])* pub $field: $kind,)*
        }

        impl $name {
            /// Name, type, bytes and meaning of each field, in order.
            pub const FIELDS: &'static [(&'static str, &'static str, usize, &'static str)] = &[
                $((stringify!($field), stringify!($kind), size_of::<$kind>(), concat!($($field_doc),*)),)*
            ];
        }
    };
}
pub(crate) use record;

/// As [`record!`], for a row of a section.
macro_rules! rows {
    ($($(#[doc = $doc:literal])* $section:ident => $name:ident { $($body:tt)* })*) => {
        $(
            record! { $(#[doc = $doc])* pub struct $name { $($body)* } }

            impl Record for $name {
                const SECTION: Section = Section::$section;
            }
        )*

        /// The fields of a section's rows; none for sections that are plain bytes.
        pub fn fields(section: Section) -> &'static [(&'static str, &'static str, usize, &'static str)] {
            match section {
                $(Section::$section => $name::FIELDS,)*
                Section::Text | Section::Prefixes | Section::Systems => &[],
            }
        }
    };
}

record! {
    /// A piece of the `Text` section.
    pub struct Text {
        /// Where it starts in the section.
        pub offset: U32,
        /// Its length in bytes.
        pub bytes: U32,
    }
}

record! {
    /// Rows of another section: `count` of them from `first` on.
    pub struct Span {
        /// The first row.
        pub first: U32,
        /// How many.
        pub count: U32,
    }
}

rows! {
    /// What the file is about.
    About => AboutRow {
        /// Where the data came from, for people.
        pub source: Text,
        /// `# repo=R&arch=A` lines of all repositories, sorted.
        pub repository_list: Text,
    }

    /// One country.
    Countries => CountryRow {
        /// Two upper-case letters or digits.
        pub code: [u8; 2],
        /// Row of its continent, or 65535.
        pub continent: U16,
        /// The mirrors that stand in it.
        pub mirrors: Span,
    }

    /// One continent.
    Continents => ContinentRow {
        /// Two upper-case letters or digits.
        pub code: [u8; 2],
        /// Zero.
        pub reserved: U16,
        /// The mirrors that stand on it.
        pub mirrors: Span,
    }

    /// One host.
    Hosts => HostRow {
        /// Its number in the source system.
        pub id: U64,
        /// Its name.
        pub name: Text,
        /// Its mirrors.
        pub mirrors: Span,
        /// The countries it serves; none means all.
        pub countries_allowed: Span,
        /// Its weight: bandwidth in Mbit/s, 1 to 100000.
        pub weight: U32,
        /// Connections that one client may open; 0 when unknown.
        pub connections_max: U32,
        /// Row of its country, or 65535.
        pub country: U16,
        /// See the constants in `records`.
        pub flags: U16,
        /// Degrees north; NaN when unknown.
        pub latitude_deg: F32,
        /// Degrees east; NaN when unknown.
        pub longitude_deg: F32,
    }

    /// A country that a host serves.
    HostCountries => HostCountryRow {
        /// Two upper-case letters or digits.
        pub code: [u8; 2],
    }

    /// One mirror: what choosing reads of each candidate.
    Mirrors => MirrorRow {
        /// Row of its host.
        pub host: U32,
        /// One divided by the host's weight.
        pub weight_inverse: F32,
        /// Its URLs.
        pub urls: Span,
        /// The URL given to clients that ask for no scheme, with a slash at its end; may be empty.
        pub base: Text,
        /// Row of its country, or 65535.
        pub country: U16,
        /// Bit n is set when it has a URL of scheme n: https, http, ftp, rsync.
        pub schemes: u8,
        /// 1 when the host serves some countries only.
        pub restricted: u8,
    }

    /// One URL of a mirror.
    Urls => UrlRow {
        /// Its number in the source system.
        pub id: U64,
        /// The base URL with a slash at its end.
        pub base: Text,
        /// Metalink element up to the value of `preference`.
        pub head: Text,
        /// Metalink element from behind the value of `preference`: `">`, then the base URL escaped.
        pub link: Text,
        /// 0 https, 1 http, 2 ftp, 3 rsync.
        pub scheme: u8,
        /// Zero.
        pub reserved: [u8; 3],
    }

    /// One set of mirrors.
    Sets => SetRow {
        /// Its members.
        pub members: Span,
    }

    /// A mirror in a set.
    SetMembers => SetMemberRow {
        /// Row of the mirror.
        pub mirror: U32,
    }

    /// One directory.
    Directories => DirectoryRow {
        /// Its full name, without slashes at the ends.
        pub name: Text,
        /// What follows a base URL: the path below the category's top and a slash, or nothing.
        pub tail: Text,
        /// `tail`, escaped for XML.
        pub tail_escaped: Text,
        /// Row of the set of mirrors that everybody may be given.
        pub public: U32,
        /// Row of the set of mirrors for clients of their own networks.
        pub private: U32,
        /// Its files with details.
        pub files: Span,
    }

    /// A hash slot.
    DirectorySlots => DirectorySlotRow {
        /// Row of the directory, or 4294967295.
        pub row: U32,
    }

    /// A file with details.
    Files => FileRow {
        /// Its name within the directory.
        pub name: Text,
        /// The metalink from `<file` to `<resources>`: details and alternates.
        pub block: Text,
    }

    /// One repository of one architecture.
    Repositories => RepositoryRow {
        /// What clients send as `repo=`.
        pub prefix: Text,
        /// What clients send as `arch=`.
        pub arch: Text,
        /// Row of its directory, or 4294967295.
        pub directory: U32,
        /// Row of the directory that holds its `repomd.xml`, or 4294967295.
        pub metadata: U32,
    }

    /// A hash slot.
    RepositorySlots => RepositorySlotRow {
        /// Row of the repository, or 4294967295.
        pub row: U32,
    }

    /// A repository name with something special about it.
    Names => NameRow {
        /// The name.
        pub name: Text,
        /// The name that is served instead; its own name when it is not redirected.
        pub target: Text,
        /// 1 when the target is switched off.
        pub target_disabled: u8,
        /// Zero.
        pub reserved: [u8; 3],
    }

    /// A hash slot.
    NameSlots => NameSlotRow {
        /// Row of the name, or 4294967295.
        pub row: U32,
    }

    /// A named list of hosts.
    Locations => LocationRow {
        /// What clients send as `location=`.
        pub name: Text,
        /// Its hosts.
        pub hosts: Span,
    }

    /// A host of a location.
    LocationHosts => LocationHostRow {
        /// Row of the host.
        pub host: U32,
    }

    /// An autonomous system that some host wants to serve.
    Asns => AsnRow {
        /// Its number.
        pub asn: U32,
        /// The hosts that want its clients.
        pub hosts: Span,
    }

    /// A host of an autonomous system.
    AsnHosts => AsnHostRow {
        /// Row of the host.
        pub host: U32,
    }

    /// What bears on the choice for an address.
    Places => PlaceRow {
        /// Row of the autonomous system that announces it, or 4294967295 when no host wants it.
        pub asn_row: U32,
        /// The netblocks of hosts that cover it.
        pub netblocks: Span,
        /// Its country when the operator said so, else two zero bytes.
        pub country: [u8; 2],
        /// Zero.
        pub reserved: [u8; 2],
    }

    /// A host whose netblock covers a place.
    PlaceNetblocks => PlaceNetblockRow {
        /// Row of the host.
        pub host: U32,
        /// Length of the netblock's prefix; lengths fall within a place.
        pub prefix_length: u8,
        /// Zero.
        pub reserved: [u8; 3],
    }
}

/// [`HostRow::flags`]: seen by clients of its own networks only.
pub const HOST_PRIVATE: u16 = 1;

/// [`HostRow::flags`]: clients of its networks are given this host and no other.
pub const HOST_MONOPOLY: u16 = 2;

/// [`HostRow::flags`]: on the Internet2 research network.
pub const HOST_INTERNET2: u16 = 4;

impl Span {
    /// A span from plain numbers.
    pub fn new(first: u32, count: u32) -> Span {
        Span { first: U32::new(first), count: U32::new(count) }
    }

    /// The row behind the last one.
    pub fn end(&self) -> u64 {
        u64::from(self.first.get()) + u64::from(self.count.get())
    }
}

impl PlaceRow {
    /// Whether some host wants its system or covers it with a netblock.
    pub fn bears(&self) -> bool {
        self.asn_row.get() != NONE || self.netblocks.count.get() != 0
    }
}

impl Text {
    /// A text from plain numbers.
    pub fn new(offset: u32, bytes: u32) -> Text {
        Text { offset: U32::new(offset), bytes: U32::new(bytes) }
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.get() as usize
    }

    /// Whether it is the empty text.
    pub fn is_empty(&self) -> bool {
        self.bytes.get() == 0
    }
}
