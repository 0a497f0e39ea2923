//! Field numbers and names of the cache's schema.
//!
//! The schema is proto2 and older than protobuf's maps: every map is a repeated message with a key
//! and one or more values. The names are those of the schema, so that a problem can be found again
//! in the source.

/// The fields of the message that is the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Field {
    Time = 1,
    NetblockCountry = 2,
    Location = 3,
    HcUrl = 4,
    FileDetails = 5,
    DisabledRepository = 6,
    CountryContinentRedirect = 7,
    RepositoryRedirect = 8,
    RepoArchToDirectory = 9,
    HostAsn = 10,
    HostMaxConnection = 11,
    HostCountry = 12,
    HostBandwidth = 13,
    HostCountryAllowed = 14,
    HostNetblock = 15,
    MirrorList = 16,
}

impl Field {
    /// How many there are.
    pub(super) const COUNT: usize = Field::ALL.len();

    const ALL: [Field; 16] = [
        Field::Time,
        Field::NetblockCountry,
        Field::Location,
        Field::HcUrl,
        Field::FileDetails,
        Field::DisabledRepository,
        Field::CountryContinentRedirect,
        Field::RepositoryRedirect,
        Field::RepoArchToDirectory,
        Field::HostAsn,
        Field::HostMaxConnection,
        Field::HostCountry,
        Field::HostBandwidth,
        Field::HostCountryAllowed,
        Field::HostNetblock,
        Field::MirrorList,
    ];

    /// The field of a number, if the schema has it.
    pub(super) fn of(number: u32) -> Option<Field> {
        Field::ALL.get((number as usize).checked_sub(1)?).copied()
    }

    /// Its number.
    pub(super) const fn number(self) -> u32 {
        self as u32
    }

    /// Its name in the schema.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Field::Time => "Time",
            Field::NetblockCountry => "NetblockCountryCache",
            Field::Location => "LocationCache",
            Field::HcUrl => "HCUrlCache",
            Field::FileDetails => "FileDetailsCache",
            Field::DisabledRepository => "DisabledRepositoryCache",
            Field::CountryContinentRedirect => "CountryContinentRedirectCache",
            Field::RepositoryRedirect => "RepositoryRedirectCache",
            Field::RepoArchToDirectory => "RepoArchToDirectoryName",
            Field::HostAsn => "HostAsnCache",
            Field::HostMaxConnection => "HostMaxConnectionCache",
            Field::HostCountry => "HostCountryCache",
            Field::HostBandwidth => "HostBandwidthCache",
            Field::HostCountryAllowed => "HostCountryAllowedCache",
            Field::HostNetblock => "HostNetblockCache",
            Field::MirrorList => "MirrorListCache",
        }
    }
}

/// In the messages that stand for maps.
pub(super) mod map {
    pub(in super::super) const KEY: u32 = 1;
    pub(in super::super) const VALUE: u32 = 2;
}

/// In `FileDetailsCacheDirectoryType` and `FileDetailsCacheFilesType`: a name and what it has.
pub(super) mod named {
    pub(in super::super) const NAME: u32 = 1;
    pub(in super::super) const CHILD: u32 = 2;
}

/// In `FileDetailsType`.
pub(super) mod detail {
    pub(in super::super) const TIMESTAMP: u32 = 1;
    pub(in super::super) const SIZE: u32 = 2;
    pub(in super::super) const SHA1: u32 = 3;
    pub(in super::super) const MD5: u32 = 4;
    pub(in super::super) const SHA256: u32 = 5;
    pub(in super::super) const SHA512: u32 = 6;
}

/// In `MirrorListCacheType`.
pub(super) mod directory {
    pub(in super::super) const NAME: u32 = 1;
    pub(in super::super) const GLOBAL: u32 = 2;
    pub(in super::super) const SUBPATH: u32 = 3;
    pub(in super::super) const BY_COUNTRY: u32 = 4;
    pub(in super::super) const BY_COUNTRY_INTERNET2: u32 = 5;
    pub(in super::super) const BY_HOST_ID: u32 = 6;
    pub(in super::super) const ORDERED: u32 = 7;
}
