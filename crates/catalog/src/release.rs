//! What happens to a whole version at once: it is released, it is archived, or an emergency makes all
//! but its newest files wrong.
//!
//! Each of these changes repositories or files one by one, and the trail has each; all of it happens
//! in one transaction or not at all.

use std::collections::HashSet;

use crate::check::Check;
use crate::product::Version;
use crate::repository::Repository;
use crate::{Error, Txn};

/// What to move to the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Every repository of a version: `Fedora/38`.
    Version(String),
    /// One repository, by prefix and architecture.
    Repository(String, String),
}

impl Txn<'_> {
    /// Leads repositories to the same directories below the top of an archive category: what is left
    /// of a directory's name without its first part. Says how many.
    ///
    /// # Errors
    ///
    /// When there is no such version, repository or category, or one of the directories is not in
    /// the archive.
    pub fn archive(&mut self, moved: &Moved, category: &str) -> Result<usize, Error> {
        let top = self.view().category_find(category)?.top;
        let repositories = match moved {
            Moved::Version(version) => self.repositories_of(version)?,
            Moved::Repository(prefix, arch) => vec![self.view().repository_find(prefix, arch)?],
        };
        self.lead(repositories, |directory| {
            // What was moved already is there.
            if directory.strip_prefix(&top).is_some_and(|rest| rest.starts_with('/')) {
                return None;
            }
            let (_, rest) = directory.split_once('/')?;
            Some(format!("{top}/{rest}"))
        })
    }

    /// Makes a version a released one, and leads its repositories from the directories of
    /// development to those of releases. Says how many.
    ///
    /// # Errors
    ///
    /// When there is no such version, it is released, or one of the directories is not there.
    pub fn release(&mut self, version: &str, from: &str, to: &str) -> Result<usize, Error> {
        let before = self.view().version_find(version)?;
        if !before.development {
            return Check { resource: "version", name: version }.refuse("it is released already");
        }
        let released = Version { development: false, ..before.clone() };
        self.version_update(&before, &released)?;
        let repositories = self.repositories_of(version)?;
        let (from, to) = (from.trim_matches('/'), to.trim_matches('/'));
        self.lead(repositories, |directory| replaced(directory, from, to))
    }

    /// Forgets what the files of a version were, so that no client takes an older one for good.
    /// Says of how many files.
    ///
    /// # Errors
    ///
    /// When there is no such version.
    pub fn expire(&mut self, version: &str) -> Result<usize, Error> {
        let repositories = self.repositories_of(version)?;
        let tops: HashSet<&str> =
            repositories.iter().filter_map(|known| known.directory.as_deref()).collect();
        let below = |name: &str| {
            // The name itself, and all that stands above it.
            let ends = name.match_indices('/').map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|end| tops.contains(&name[..end]))
        };
        let mut count = 0;
        for before in self.view().directory_list()? {
            if !below(&before.name) {
                continue;
            }
            let mut after = before.clone();
            for details in after.files.values_mut().filter(|details| details.len() > 1) {
                details.truncate(1);
                count += 1;
            }
            self.directory_update(&before, &after)?;
        }
        Ok(count)
    }

    fn repositories_of(&mut self, version: &str) -> Result<Vec<Repository>, Error> {
        self.view().version_find(version)?;
        let all = self.view().repository_list()?.into_iter();
        Ok(all.filter(|known| known.version.as_deref() == Some(version)).collect())
    }

    /// Leads repositories to other directories, all of which must be there.
    fn lead(
        &mut self,
        repositories: Vec<Repository>,
        other: impl Fn(&str) -> Option<String>,
    ) -> Result<usize, Error> {
        let mut count = 0;
        for before in repositories {
            let Some(directory) = before.directory.as_deref().and_then(&other) else { continue };
            let after = Repository { directory: Some(directory), ..before.clone() };
            self.repository_update(&before, &after)?;
            count += 1;
        }
        Ok(count)
    }
}

/// A path in which some whole parts are others: `a/development/40/b`, `a/releases/40/b`.
fn replaced(path: &str, from: &str, to: &str) -> Option<String> {
    let whole = format!("/{path}/");
    let (before, after) = whole.split_once(&format!("/{from}/"))?;
    let replaced = format!("{before}/{to}/{after}");
    Some(replaced.trim_matches('/').to_owned())
}
