//! Why the catalog did not do it.

use std::path::PathBuf;

/// What went wrong with the catalog.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such file.
    #[error("there is no catalog {path}; make one with `heliostat init`")]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is one already.
    #[error("there is a catalog in {place} already")]
    Exists {
        /// Where.
        place: String,
    },
    /// A file could not be made.
    #[error("cannot make {path}")]
    Create {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database is somebody else's.
    #[error("the database is none of Heliostat's: it has tables, but no list of migrations")]
    Foreign,
    /// The database belongs to a newer program.
    #[error(
        "the catalog is of version {found}, but this program knows version {known}; \
         it was left untouched"
    )]
    Newer {
        /// The version of the database.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// A migration that ran is not the one known here.
    #[error("migration {version} of the catalog is not the one that this program knows")]
    Altered {
        /// Which one.
        version: i64,
    },
    /// A change that makes no sense.
    #[error("{resource} {name}: {why}")]
    Refused {
        /// What sort of thing.
        resource: &'static str,
        /// Which one.
        name: String,
        /// Why not.
        why: String,
    },
    /// Nothing has that name.
    #[error("there is no {resource} {name}")]
    Unknown {
        /// What sort of thing.
        resource: &'static str,
        /// Which name.
        name: String,
    },
    /// What is stored is not what was stored.
    #[error("the catalog is damaged: {what}")]
    Damaged {
        /// What was found.
        what: String,
    },
    /// What a URL says of TLS makes no sense, or names a file that does not.
    #[error("PostgreSQL over TLS: {why}")]
    Tls {
        /// Why not.
        why: String,
    },
    /// The database said no.
    #[error("SQLite")]
    Sqlite(#[source] Box<rusqlite::Error>),
    /// The server said no.
    #[error("PostgreSQL")]
    Postgres(#[source] Box<postgres::Error>),
}

impl Error {
    pub(crate) fn sqlite(error: rusqlite::Error) -> Error {
        Error::Sqlite(Box::new(error))
    }

    pub(crate) fn postgres(error: postgres::Error) -> Error {
        Error::Postgres(Box::new(error))
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Error {
        Error::Damaged { what: what.into() }
    }

    /// Whether what was asked was wrong, and not what came of it.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Error::Refused { .. } | Error::Unknown { .. })
    }
}
