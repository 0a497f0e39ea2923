//! Arguments of the commands that work with the catalog.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use heliostat_catalog::Place;

use crate::Error;
use crate::args::{AlmalinuxFiles, ListFiles, MemoryOptions, TableFiles};
use crate::store::StoreArgs;

/// Where the catalog is.
#[derive(Clone, Debug, Args)]
pub struct CatalogArgs {
    /// The catalog: an SQLite file, or the `postgres://` URL of a database
    /// [default: /var/lib/heliostat/catalog.db].
    #[arg(long, global = true, value_name = "PLACE")]
    pub catalog: Option<String>,
    /// A file whose first line says where the catalog is: a URL may have a password.
    #[arg(long, global = true, value_name = "FILE")]
    pub catalog_file: Option<PathBuf>,
}

impl CatalogArgs {
    pub(crate) fn place(&self) -> Result<Place, Error> {
        let place = match (&self.catalog_file, &self.catalog) {
            (Some(path), _) => first_line(path)?,
            (None, Some(place)) => place.clone(),
            (None, None) => CATALOG_DEFAULT.to_owned(),
        };
        Ok(place.parse().unwrap_or_else(|never: Infallible| match never {}))
    }
}

/// Arguments of `init`.
#[derive(Clone, Debug, Args)]
pub struct InitArgs {
    /// Where to make it.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// The name of a first user, with the role `admin`.
    #[arg(long, value_name = "NAME")]
    pub admin: Option<String>,
    /// The name of a first site.
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
    /// Ask nothing at a terminal.
    #[arg(long)]
    pub yes: bool,
}

/// Where `import` reads from.
#[derive(Debug, Subcommand)]
pub enum ImportSource {
    /// The protobuf cache of MirrorManager, as Fedora, EPEL, CentOS and Rocky Linux use it, or its
    /// own database.
    Mirrormanager {
        /// What to read.
        #[command(flatten)]
        from: MirrormanagerSource,
        /// What to do with it.
        #[command(flatten)]
        options: ImportOptions,
    },
    /// A folder of AlmaLinux's mirror YAML: `config.yml` and `mirrors.d`.
    Almalinux {
        /// What to read.
        #[command(flatten)]
        files: AlmalinuxFiles,
        /// What to do with it.
        #[command(flatten)]
        options: ImportOptions,
    },
    /// What `mirrorbits export` or `mirrorbits list` printed.
    Mirrorbits {
        /// What to read.
        #[command(flatten)]
        files: ListFiles,
        /// What to do with it.
        #[command(flatten)]
        options: ImportOptions,
    },
    /// What `mb export` of MirrorBrain printed: statements for PostgreSQL, or a list for mirmon.
    Mirrorbrain {
        /// What to read.
        #[command(flatten)]
        files: ListFiles,
        /// What to do with it.
        #[command(flatten)]
        options: ImportOptions,
    },
    /// Debian's `Mirrors.masterlist`, or lists of URLs as apt and its kin have them (`*.mirrors`).
    DebianMirrors {
        /// What to read.
        #[command(flatten)]
        files: ListFiles,
        /// What to do with it.
        #[command(flatten)]
        options: ImportOptions,
    },
}

/// What MirrorManager has: its cache, or its database.
#[derive(Debug, Args)]
pub struct MirrormanagerSource {
    /// Which of the two.
    #[command(flatten)]
    pub place: MirrormanagerPlace,
    /// The tables beside it.
    #[command(flatten)]
    pub tables: TableFiles,
}

/// The cache, or the database.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct MirrormanagerPlace {
    /// The cache, usually `mirrorlist_cache.proto`.
    #[arg(long, value_name = "FILE")]
    pub cache: Option<PathBuf>,
    /// Its own database, which is only read: `postgres://USER@HOST/mirrormanager`.
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// A file whose first line is that URL: it may have a password.
    #[arg(long, value_name = "FILE")]
    pub postgres_file: Option<PathBuf>,
}

impl MirrormanagerPlace {
    /// The database, if it is that.
    pub(super) fn url(&self) -> Result<Option<String>, Error> {
        match (&self.postgres_file, &self.postgres) {
            (Some(path), _) => first_line(path).map(Some),
            (None, url) => Ok(url.clone()),
        }
    }
}

/// What `import` does with what it read.
#[derive(Debug, Args)]
pub struct ImportOptions {
    /// Where to put it.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// Change nothing, and print what would change.
    #[arg(long)]
    pub dry_run: bool,
    /// Change nothing when anything in the data is wrong.
    #[arg(long)]
    pub strict: bool,
    /// Print every change as a line of JSON.
    #[arg(long)]
    pub json: bool,
    /// How much memory it may take.
    #[command(flatten)]
    pub memory: MemoryOptions,
}

/// What `export` writes.
#[derive(Debug, Subcommand)]
pub enum ExportTarget {
    /// The protobuf cache that MirrorManager's mirrorlist servers read.
    MirrormanagerCache {
        /// What to export.
        #[command(flatten)]
        catalog: CatalogArgs,
        /// The cache to write; what was there is replaced as a whole.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Where to write the lines of `prefix ASN`, which are a file of their own.
        #[arg(long, value_name = "FILE")]
        netblocks: Option<PathBuf>,
        /// Where to write the lines of `country,continent`, which are a file of their own.
        #[arg(long, value_name = "FILE")]
        countries: Option<PathBuf>,
    },
    /// All of it as JSON, but secrets and history.
    Json {
        /// What to export.
        #[command(flatten)]
        catalog: CatalogArgs,
        /// The file to write; the standard output by default.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Country, URL and contact of every URL that clients are given, as mirmon reads it.
    Mirmon {
        /// What to export.
        #[command(flatten)]
        catalog: CatalogArgs,
        /// The file to write; the standard output by default.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

/// Arguments of `publish`.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// What to compile.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// The store of snapshots: a folder, or `s3://bucket/prefix`.
    #[arg(long, value_name = "STORE")]
    pub to: String,
    /// How a bucket is reached.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The S3 service overwrites whatever a conditional write says, and nobody else publishes there.
    #[arg(long)]
    pub s3_unconditional: bool,
    /// Publish once and end.
    #[arg(long)]
    pub once: bool,
    /// How many generations stay in the store.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub keep: u16,
    /// How often to look whether the catalog has changed, if it does not say so itself.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    pub interval_s: u64,
    /// How long others wait for a publisher on another machine that has died.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub lease_s: u64,
    /// How much memory it may take.
    #[command(flatten)]
    pub memory: MemoryOptions,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The generation to go back to.
    pub generation: u64,
    /// The store of snapshots: a folder, or `s3://bucket/prefix`.
    #[arg(long, value_name = "STORE")]
    pub to: String,
    /// How a bucket is reached.
    #[command(flatten)]
    pub store: StoreArgs,
    /// The S3 service overwrites whatever a conditional write says, and nobody else publishes there.
    #[arg(long)]
    pub s3_unconditional: bool,
    /// How many generations stay in the store.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub keep: u16,
}

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Whose trail.
    #[command(flatten)]
    pub catalog: CatalogArgs,
    /// Only changes of this sort of thing: `host`, `site`, …
    #[arg(long)]
    pub resource: Option<String>,
    /// Only changes of the thing with this name.
    #[arg(long)]
    pub name: Option<String>,
    /// Only changes by this person: `cli:operator`.
    #[arg(long)]
    pub who: Option<String>,
    /// Print no more than this many, the newest.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub last: u32,
    /// Print JSON, with what everything was and became.
    #[arg(long)]
    pub json: bool,
}

/// The first line of a file that holds a secret.
pub(crate) fn first_line(path: &Path) -> Result<String, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

pub(crate) const CATALOG_DEFAULT: &str = "/var/lib/heliostat/catalog.db";
