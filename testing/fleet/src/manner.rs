//! How a mirror behaves.

use std::time::Duration;

/// How a mirror behaves, whatever it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// As it should.
    #[default]
    Honest,
    /// It refuses every connection, and ends those that stand.
    Refuses,
    /// It takes connections and never answers.
    Silent,
    /// It begins each answer after a while.
    Late(Duration),
    /// Its bodies come so many bytes a second, one by one below 64.
    Trickles(u32),
    /// Every size that it tells, on pages and in heads, is wrong.
    LiesAboutSizes,
    /// It sends everybody elsewhere.
    Redirects(Away),
    /// Of a thousand requests so many go wrong: an error of the server's, a busy
    /// server, no answer, a torn one; the same seed makes the same
    /// choices.
    Fails {
        /// Of a thousand.
        permille: u32,
        /// Which choices.
        seed: u64,
    },
    /// It answers every request with a status, and asks for time.
    Busy {
        /// The status: 429 or 503.
        status: u16,
        /// `Retry-After`.
        retry_after_s: u32,
    },
    /// Its clock is wrong.
    Clock(Clock),
    /// It sends what no honest server sends.
    Hostile(Hostility),
}

/// Where a mirror sends everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// To an address of a private network.
    Private,
    /// To the metadata service of a cloud.
    Metadata,
    /// To this machine, by its IPv6 address.
    Loopback,
    /// To itself, for ever.
    Loop,
    /// To a new path each time, for ever.
    Chain,
    /// To a scheme that is neither http nor https.
    Scheme,
}

impl Away {
    /// All of them.
    pub const ALL: [Away; 6] =
        [Away::Private, Away::Metadata, Away::Loopback, Away::Loop, Away::Chain, Away::Scheme];

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Away::Private => "redirect-private",
            Away::Metadata => "redirect-metadata",
            Away::Loopback => "redirect-loopback",
            Away::Loop => "redirect-loop",
            Away::Chain => "redirect-chain",
            Away::Scheme => "redirect-scheme",
        }
    }
}

/// What a mirror takes the time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The first second of 1970, of everything.
    Y1970,
    /// A century ahead.
    Y2100,
}

macro_rules! hostilities {
    ($($(#[$doc:meta])* $hostility:ident = $name:literal;)*) => {
        /// What no honest server sends.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Hostility { $($(#[$doc])* $hostility,)* }

        impl Hostility {
            /// All of them.
            pub const ALL: &[Hostility] = &[$(Hostility::$hostility,)*];

            /// The word for it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Hostility::$hostility => $name,)* }
            }
        }
    };
}

hostilities! {
    /// Bodies of files never end.
    EndlessBody = "endless-body";
    /// Pages that list folders never end.
    EndlessListing = "endless-listing";
    /// Every compressed file, and every index, is 10 GB of zeros in 10 MB of gzip.
    GzipZeros = "gzip-zeros";
    /// XML with entities that expand each other, for pages too.
    XmlEntities = "xml-entities";
    /// XML with a million elements in each other, for pages too.
    XmlDepth = "xml-depth";
    /// A million names on every page.
    MillionNames = "million-names";
    /// Names that lead up.
    NamesUp = "names-up";
    /// Names with NUL.
    NamesNul = "names-nul";
    /// Names with line ends.
    NamesLine = "names-line";
    /// Names that are no UTF-8.
    NamesUtf8 = "names-utf8";
    /// Names of a megabyte.
    NamesLong = "names-long";
    /// Heads promise more than follows.
    LengthTooLong = "length-too-long";
    /// Heads promise less than a file has.
    LengthTooShort = "length-too-short";
    /// Content, sizes and times change with every request.
    Changing = "changing";
    /// What speaks of TLS is answered in plain text.
    BrokenTls = "broken-tls";
    /// A head that never ends.
    EndlessHead = "endless-head";
    /// No HTTP at all.
    Garbage = "garbage";
}
