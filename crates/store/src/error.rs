//! What went wrong with a store.

use std::io;
use std::path::PathBuf;

/// What went wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be used.
    #[error("cannot use {path}")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The object store did not do it.
    #[error("the store {store} did not do it")]
    Objects {
        /// Which store.
        store: String,
        /// What it said.
        source: Box<object_store::Error>,
    },
    /// The store cannot be reached as told.
    #[error("the store {store} cannot be used: {why}")]
    Access {
        /// Which store.
        store: String,
        /// Why not.
        why: String,
    },
    /// The pointer makes no sense.
    #[error("the pointer makes no sense: {what}")]
    Pointer {
        /// What was found.
        what: String,
    },
    /// The snapshot was not written.
    #[error("the snapshot was not written; the one before it stays")]
    Write(#[from] heliostat_publish::Error),
    /// Somebody else published meanwhile.
    #[error("somebody else published meanwhile; what they published stays")]
    Overtaken,
    /// Somebody else has the right to publish now.
    #[error(
        "another publisher has taken over (fence {theirs}, ours was {ours}); nothing was changed"
    )]
    Fenced {
        /// The number that we were given.
        ours: u64,
        /// The larger one that was found.
        theirs: u64,
    },
    /// There is no such generation.
    #[error("there is no generation {generation}; there are {known:?}")]
    Unknown {
        /// What was asked for.
        generation: u64,
        /// What there is.
        known: Vec<u64>,
    },
    /// A generation is damaged.
    #[error("generation {generation} is damaged")]
    Damaged {
        /// Which one.
        generation: u64,
        /// What is wrong with it.
        source: Box<heliostat_snapshot::Error>,
    },
    /// A file is not the one that the pointer means.
    #[error("the file of generation {generation} is not the one that the pointer means")]
    Mistaken {
        /// Which one.
        generation: u64,
    },
    /// Another process uses the folder of copies.
    #[error(
        "another process keeps its copies in {path}; give each server a --cache-dir of its own"
    )]
    CacheInUse {
        /// Which folder.
        path: PathBuf,
    },
}

impl Error {
    /// Whether somebody else was faster, so that trying again from the beginning makes sense.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Error::Overtaken | Error::Fenced { .. })
    }
}
