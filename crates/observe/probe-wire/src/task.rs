//! What a document is, and how much of it may be looked at.

use crate::bytes::{Malformed, Take, put_number, put_text};
use crate::path::PATH_BYTES_MAX;

macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident = $number:literal, $name:literal;)*) => {
        /// What a document is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Format { $($(#[$doc])* $format,)* }

        impl Format {
            /// All, in order.
            pub const ALL: &[Format] = &[$(Format::$format,)*];

            /// Its name in logs and metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Format::$format => $name,)* }
            }

            fn number(self) -> u8 {
                match self { $(Format::$format => $number,)* }
            }

            fn of(number: u8) -> Option<Format> {
                match number { $($number => Some(Format::$format),)* _ => None }
            }
        }
    };
}

formats! {
    /// `repomd.xml`: entries are the files that it references, labels their types.
    Repomd = 1, "repomd";
    /// `primary.xml`, compressed or not: entries are packages.
    Primary = 2, "primary";
    /// `filelists.xml`: entries are packages by name, their hash is the package's.
    Filelists = 3, "filelists";
    /// Debian's `Release` or `InRelease`: entries are the files below it.
    Release = 4, "release";
    /// Debian's `Packages`: entries are packages.
    Packages = 5, "packages";
    /// Arch Linux's `*.db`: entries are packages.
    ArchDatabase = 6, "arch-database";
    /// Alpine's `APKINDEX.tar.gz`: entries are packages.
    ApkIndex = 7, "apk-index";
    /// `CHECKSUM`, `SHA256SUMS` and the like, in BSD or GNU form.
    Checksums = 8, "checksums";
    /// An HTML page that lists a folder, or an S3 listing in XML.
    Listing = 9, "listing";
    /// What `rsync --list-only -r` prints; any part of it that is whole lines.
    Rsync = 10, "rsync";
    /// What a mirror says of itself: JSON, or `report_mirror`'s XML-RPC, base64 and bz2 of it.
    Checkin = 11, "checkin";
    /// What a publisher says that it has changed: JSON, or lines.
    Paths = 12, "paths";
}

/// How much of a document may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after decompression.
    pub expanded_bytes_max: u64,
    /// Entries.
    pub entries_max: u32,
}

impl Limits {
    /// What the largest honest documents need, four times over.
    #[must_use]
    pub fn of(format: Format) -> Limits {
        let (mib, entries_max) = match format {
            Format::Repomd | Format::Checksums => (16, 10_000),
            Format::Release => (64, 200_000),
            Format::Primary | Format::Packages => (1024, 400_000),
            Format::Filelists => (4096, 400_000),
            Format::ArchDatabase | Format::ApkIndex => (512, 400_000),
            Format::Listing => (32, 100_000),
            Format::Rsync => (16, 200_000),
            Format::Checkin => (32, 200_000),
            Format::Paths => (8, 1_000),
        };
        Limits { expanded_bytes_max: mib << 20, entries_max }
    }
}

/// What the director asks of a worker: this in front, then the document as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What the document should be.
    pub format: Format,
    /// The path of the page that a listing was fetched from, with slashes around: `/pub/`. Links
    /// that lead out of it are left out. Empty for everything else.
    pub base: String,
    /// How much of it may be looked at.
    pub limits: Limits,
}

impl Task {
    /// A task of a format, with its usual limits.
    #[must_use]
    pub fn new(format: Format) -> Task {
        Task { format, base: String::new(), limits: Limits::of(format) }
    }

    /// What goes in front of the document.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, self.format.number()];
        put_number(&mut out, self.limits.expanded_bytes_max);
        put_number(&mut out, u64::from(self.limits.entries_max));
        put_text(&mut out, &self.base);
        out
    }

    /// The task and the document behind it.
    ///
    /// # Errors
    ///
    /// When the bytes do not begin with a task.
    pub fn decode(bytes: &[u8]) -> Result<(Task, &[u8]), Malformed> {
        let mut take = Take::new(bytes);
        if take.byte()? != VERSION {
            return take.refuse("the task is of another version");
        }
        let Some(format) = Format::of(take.byte()?) else {
            return take.refuse("the format is unknown");
        };
        let expanded_bytes_max = take.number()?;
        let Ok(entries_max) = u32::try_from(take.number()?) else {
            return take.refuse("a count has more than 32 bits");
        };
        let base = take.text(PATH_BYTES_MAX)?.to_owned();
        let limits = Limits { expanded_bytes_max, entries_max };
        Ok((Task { format, base, limits }, take.rest()))
    }
}

/// Raised with every change: director and worker come from one build, and find out when not.
pub(crate) const VERSION: u8 = 1;
