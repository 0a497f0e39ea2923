//! The names under which clients ask for directories.

use crate::DirectoryIndex;

/// One repository of one architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// What clients send as `repo=`: `fedora-40`.
    pub prefix: String,
    /// What clients send as `arch=`: `x86_64`.
    pub arch: String,
    /// The directory above `repodata`; `None` when the source names one that it does not have.
    pub directory: Option<DirectoryIndex>,
}

/// Another name for a repository; followed once, never twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRedirect {
    /// What clients ask for.
    pub from: String,
    /// What they are given.
    pub to: String,
}
