//! Lists of mirrors: what mirrorbits and MirrorBrain export, and what Debian and its kin keep.
//!
//! Each of them says who carries a whole tree and where, and nothing of the directories in it. So a
//! list becomes hosts, their base URLs, and one directory for each tree: the top of a category.

/// Hosts and trees, line by line, as a world.
mod draft;
/// Lines of country, URL and address, as mirmon reads them.
mod mirmon;
/// What `mirrorbits export` and `mirrorbits list` print.
mod mirrorbits;
/// What `mb export` prints.
mod mirrorbrain;
/// Debian's list of mirrors, and apt's.
mod debian;

pub use debian::debian_read;
pub use mirmon::mirmon_write;
pub use mirrorbits::mirrorbits_read;
pub use mirrorbrain::mirrorbrain_read;

/// What to read, and what it is.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    /// The bytes of the file.
    pub bytes: &'a [u8],
    /// What to call the file when something is wrong in it.
    pub name: &'a str,
    /// The directory above everything that the mirrors carry, where the list does not say it.
    pub top: &'a str,
    /// How old the list is; it does not say so itself.
    pub created_unix_s: u64,
}

/// A file that is no list at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It is too large.
    #[error("it is larger than {LIST_BYTES_MAX} bytes")]
    TooLarge,
    /// The name of the tree makes no sense.
    #[error("{0} is no name of a directory")]
    Top(String),
}

/// The largest list.
pub const LIST_BYTES_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests;
