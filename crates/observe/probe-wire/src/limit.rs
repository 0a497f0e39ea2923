//! Why bytes are refused: each reason is a limit with a name, the same in verdict, log and metric.

use std::fmt;

macro_rules! limits {
    ($($(#[$doc:meta])* $limit:ident = $number:literal, $name:literal;)*) => {
        /// A limit that a stranger's bytes are beyond.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Limit { $($(#[$doc])* $limit,)* }

        impl Limit {
            /// All, in order.
            pub const ALL: &[Limit] = &[$(Limit::$limit,)*];

            /// Its name in logs and metrics.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Limit::$limit => $name,)* }
            }

            pub(crate) fn number(self) -> u8 {
                match self { $(Limit::$limit => $number,)* }
            }

            pub(crate) fn of(number: u8) -> Option<Limit> {
                match number { $($number => Some(Limit::$limit),)* _ => None }
            }
        }
    };
}

limits! {
    /// The task itself could not be read.
    Task = 0, "task";
    /// The bytes are no document of this format.
    Format = 1, "format";
    /// The document ends in the middle.
    Truncated = 2, "truncated";
    /// A compressed stream is broken.
    Compression = 3, "compression";
    /// More comes out of a compressed stream than may.
    ExpandedBytes = 4, "expanded_bytes_max";
    /// A compressed stream wants more memory than it may have.
    WindowBytes = 5, "window_bytes_max";
    /// There are more entries than may be.
    Entries = 6, "entries_max";
    /// A path is too long.
    PathBytes = 7, "path_bytes_max";
    /// A name in a path is too long.
    NameBytes = 8, "name_bytes_max";
    /// A path is too deep.
    PathParts = 9, "path_parts_max";
    /// A path is absolute, empty, or goes up.
    PathEscape = 10, "path_escape";
    /// A path has NUL, line ends or other control characters.
    PathControl = 11, "path_control";
    /// A text is no UTF-8.
    Utf8 = 12, "utf8";
    /// Elements are nested too deeply.
    Depth = 13, "depth_max";
    /// XML with a document type or entities of its own.
    Entities = 14, "entities";
    /// A line, a tag or a text is too long.
    TokenBytes = 15, "token_bytes_max";
    /// A number, a time or a hash is none.
    Number = 16, "number";
    /// A text beside the entries is too long, or there are too many.
    Facts = 17, "facts_max";
    /// The body is larger than may be fetched.
    BodyBytes = 18, "body_bytes_max";
    /// The answer of the worker is too long.
    ReplyBytes = 19, "reply_bytes_max";
    /// The worker wanted more memory than it may have.
    WorkerMemory = 20, "worker_memory_bytes_max";
    /// The worker worked for longer than it may.
    WorkerTime = 21, "worker_time_s_max";
    /// The worker crashed, or did what it may not.
    WorkerCrash = 22, "worker_crash";
    /// The worker's answer is no verdict.
    WorkerNonsense = 23, "worker_nonsense";
    /// It leads to an address that may not be reached.
    Reach = 24, "reach";
    /// Redirects lead on and on, or to what is neither http nor https.
    Redirects = 25, "redirects_max";
    /// It comes too slowly.
    FetchTime = 26, "fetch_time_s_max";
    /// The body ends before its head says.
    BodyLength = 27, "body_length";
    /// What comes is no HTTP, or its head has no end.
    Http = 28, "http";
    /// What comes is no TLS, or nobody vouches for it.
    Tls = 29, "tls";
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
