//! Why a command failed: what, where, and what to do.

use std::io;
use std::path::PathBuf;

/// A command that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file with settings is wrong.
    #[error("wrong settings:\n{problems}")]
    Config {
        /// Lines of file, line, field and what is wrong.
        problems: String,
    },
    /// A server was not told what to serve.
    #[error(
        "nothing to serve: give --snapshot FILE or --follow STORE, or snapshot = \"FILE\" or \
         follow = \"STORE\" in the [serve] section of the file with settings"
    )]
    NoSnapshot,
    /// A server was told two things to serve.
    #[error("both --snapshot and --follow are given; one of them says what to serve")]
    TwoSources,
    /// The limit of a request's head is too small.
    #[error("header_bytes_max is {found}, but must be at least 8192")]
    HeaderBytes {
        /// What was given.
        found: usize,
    },
    /// MirrorManager's cache is none.
    #[error("{path} is no MirrorManager cache")]
    Cache {
        /// Which file.
        path: PathBuf,
        /// What was found.
        source: heliostat_exchange::mirrormanager::CacheError,
    },
    /// A folder of AlmaLinux's YAML is none.
    #[error("{path} is no folder of AlmaLinux's mirrors")]
    Almalinux {
        /// Which folder.
        path: PathBuf,
        /// What was found.
        source: heliostat_exchange::almalinux::AlmaLinuxError,
    },
    /// A list of mirrors is none.
    #[error("{path} is no list of mirrors")]
    List {
        /// Which file.
        path: PathBuf,
        /// What was found.
        source: heliostat_exchange::lists::ListError,
    },
    /// Something in the data is wrong, and nothing wrong was to be let through.
    #[error("{count} problems in the data; nothing was written, because of --strict")]
    Strict {
        /// How many.
        count: u64,
    },
    /// There is not enough memory.
    #[error("not enough memory: nothing was read")]
    Memory(#[from] heliostat_publish::memory::Shortage),
    /// What this machine gives could not be found out.
    #[error("cannot tell what this machine gives")]
    Capacity(#[from] heliostat_admission::Error),
    /// The snapshot could not be written.
    #[error("the snapshot was not written")]
    Publish(#[from] heliostat_publish::Error),
    /// The catalog did not do it.
    #[error("catalog")]
    Catalog(#[from] heliostat_catalog::Error),
    /// What somebody wrote is no document of this sort.
    #[error("it cannot be understood: {0}")]
    Document(String),
    /// A secret could not be made.
    #[error("the system gives no random bytes")]
    Random(#[source] getrandom::Error),
    /// A password or token is not the right one.
    #[error("no: it is wrong, at its end, or its owner is switched off")]
    Wrong,
    /// The store of snapshots did not do it.
    #[error("publish")]
    Store(#[from] heliostat_store::Error),
    /// Somebody else publishes, and does not end.
    #[error("{holder} has been publishing all the time; nothing was done")]
    Leased {
        /// Who.
        holder: String,
    },
    /// Somebody else scans a category.
    #[error("{category} is being scanned by {holder}; nothing was done with it")]
    Scanned {
        /// Which category.
        category: String,
        /// Who.
        holder: String,
    },
    /// A file is no good snapshot.
    #[error("{path} is no good")]
    Snapshot {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: heliostat_snapshot::Error,
    },
    /// A country database is none.
    #[error("{path} is no country database: {what}")]
    Countries {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A question to explain is malformed.
    #[error("the question cannot be understood")]
    Question(#[from] heliostat_serve::Refusal),
    /// There is nothing to explain.
    #[error("{0}")]
    Nothing(String),
    /// No worker process could be started, or it did not do its job.
    #[error("no worker process")]
    Workers(#[source] heliostat_workers::Error),
    /// The program that parses metadata is not where it should be.
    #[error(
        "there is no {path}, the program that parses metadata; build it with \
         `cargo build --release -p heliostat-observe-probe-worker`, or name it with --probe"
    )]
    Probe {
        /// Where it should be.
        path: PathBuf,
    },
    /// A scan did not come to its end.
    #[error("the scan did not come to its end; what it learned is kept")]
    Scan(#[from] heliostat_observe_scan::Error),
    /// Somebody else looks at mirrors.
    #[error("{holder} is looking at the mirrors; nothing was done")]
    Looked {
        /// Who.
        holder: String,
    },
    /// A round of looks did not come to its end.
    #[error("the round did not come to its end")]
    Health(#[from] heliostat_observe_health::Error),
    /// Nobody can be told of mirrors.
    #[error("notifications")]
    Notify(#[source] heliostat_observe_health::notify::TellError),
    /// A test of notifications did not arrive everywhere.
    #[error("{count} of those who are to be told did not take it")]
    Untold {
        /// How many.
        count: usize,
    },
    /// A tree cannot be walked.
    #[error("cannot read {path}; nothing was sent, since what is not seen would count as missing")]
    Tree {
        /// Where it cannot be read.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A director was not reached, or said no.
    #[error("{url}")]
    Told {
        /// Which director.
        url: String,
        /// Why not.
        source: heliostat_observe_checkin::PostError,
    },
    /// Something that a command needs was not given.
    #[error(
        "nothing says {what}: give --{option}, or {key} in the [{section}] section of the file \
         with settings"
    )]
    Unsaid {
        /// What it is.
        what: &'static str,
        /// The option.
        option: &'static str,
        /// The setting.
        key: &'static str,
        /// Its section.
        section: &'static str,
    },
    /// Nodes that did not say what they have answered.
    #[error("not all nodes were heard, and what the others said is kept:\n{nodes}")]
    Silent {
        /// Which, and why not.
        nodes: String,
    },
    /// A crawl did not come to its end.
    #[error("the crawl did not come to its end; what it learned is kept")]
    Crawl(#[from] heliostat_observe_crawl::Error),
    /// A layer of the workers' sandbox is missing, and none was to be.
    #[error("not in force here: {missing}")]
    Sandbox {
        /// Which layers.
        missing: String,
    },
    /// The result could not be printed.
    #[error("cannot print")]
    Print(#[from] io::Error),
}

impl Error {
    /// The exit status that fits: 2 for what was asked, 3 for a lack of memory, 1 for everything
    /// else that came of it.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Config { .. }
            | Error::NoSnapshot
            | Error::TwoSources
            | Error::HeaderBytes { .. }
            | Error::Document(_)
            | Error::Unsaid { .. }
            | Error::Question(_) => 2,
            Error::Memory(_) => 3,
            Error::Crawl(heliostat_observe_crawl::Error::Host { .. }) => 2,
            Error::Catalog(error) if error.is_refusal() => 2,
            _ => 1,
        }
    }
}
