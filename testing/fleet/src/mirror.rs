//! A mirror, and what it counts.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use tokio::sync::watch;

use crate::listing::{BASE, Style};
use crate::manner::{Hostility, Manner};
use crate::tree::Tree;

/// A mirror of a running [`Fleet`](crate::Fleet). Cheap to clone.
#[derive(Clone, Debug)]
pub struct Mirror {
    pub(crate) shelf: Arc<Shelf>,
}

/// What a mirror was asked for since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were taken.
    pub connections: u64,
    /// Requests, of every sort.
    pub requests: u64,
    /// Pages of folders, or listings of a bucket.
    pub pages: u64,
    /// Heads alone.
    pub heads: u64,
    /// Answers that the client has it already.
    pub not_modified: u64,
    /// Answers that there is no such thing.
    pub not_found: u64,
    /// Requests that the mirror's manner made go wrong.
    pub spoiled: u64,
}

/// What a mirror has and remembers.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) style: Style,
    pub(crate) manner: watch::Sender<Manner>,
    pub(crate) tally: Tally,
    tree: Mutex<Arc<Tree>>,
    paths: Option<Mutex<HashMap<String, u64>>>,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) connections: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) pages: AtomicU64,
    pub(crate) heads: AtomicU64,
    pub(crate) not_modified: AtomicU64,
    pub(crate) not_found: AtomicU64,
    pub(crate) spoiled: AtomicU64,
}

impl Mirror {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shelf.name
    }

    /// Where it listens, or would.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shelf.address
    }

    /// The URL of its tree, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        let broken = Manner::Hostile(Hostility::BrokenTls);
        let scheme = if self.manner() == broken { "https" } else { "http" };
        format!("{scheme}://{}/{BASE}", self.shelf.address)
    }

    /// What it holds.
    #[must_use]
    pub fn tree(&self) -> Arc<Tree> {
        self.shelf.tree()
    }

    /// Holds another tree from now on.
    pub fn take(&self, tree: Arc<Tree>) {
        *lock(&self.shelf.tree) = tree;
    }

    /// Loses a file or a folder; whether it was there. The folder that it was in shows when.
    pub fn lose(&self, path: &str) -> bool {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mut tree = lock(&self.shelf.tree);
        let tree = Arc::make_mut(&mut *tree);
        tree.touch(path.rsplit_once('/').map_or("", |(folder, _)| folder), now.as_secs() as i64);
        tree.remove(path)
    }

    /// How it behaves.
    #[must_use]
    pub fn manner(&self) -> Manner {
        *self.shelf.manner.borrow()
    }

    /// Behaves otherwise from now on; connections that stand notice, too.
    pub fn behave(&self, manner: Manner) {
        self.shelf.manner.send_replace(manner);
    }

    /// What it was asked for.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let tally = &self.shelf.tally;
        Counts {
            connections: of(&tally.connections),
            requests: of(&tally.requests),
            pages: of(&tally.pages),
            heads: of(&tally.heads),
            not_modified: of(&tally.not_modified),
            not_found: of(&tally.not_found),
            spoiled: of(&tally.spoiled),
        }
    }

    /// How often a path was asked for: below the tree, folders with a slash behind them. Nothing is
    /// known of a mirror that was told not to count paths.
    #[must_use]
    pub fn count_of(&self, path: &str) -> u64 {
        let paths = self.shelf.paths.as_ref().map(lock);
        paths.and_then(|paths| paths.get(path).copied()).unwrap_or_default()
    }
}

impl Shelf {
    pub(crate) fn new(
        name: String,
        address: SocketAddr,
        style: Style,
        manner: Manner,
        tree: Arc<Tree>,
        count_paths: bool,
    ) -> Shelf {
        Shelf {
            name,
            address,
            style,
            manner: watch::Sender::new(manner),
            tally: Tally::default(),
            tree: Mutex::new(tree),
            paths: count_paths.then(Mutex::default),
        }
    }

    pub(crate) fn tree(&self) -> Arc<Tree> {
        Arc::clone(&lock(&self.tree))
    }

    /// Counts a request; gives its number.
    pub(crate) fn asked(&self, path: &str) -> u64 {
        if let Some(paths) = &self.paths {
            *lock(paths).entry(path.to_owned()).or_default() += 1;
        }
        count(&self.tally.requests)
    }
}

/// Counts one more; gives how many there were.
pub(crate) fn count(count: &AtomicU64) -> u64 {
    count.fetch_add(1, Ordering::Relaxed)
}

/// Nothing here is left half changed by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poison| poison.into_inner())
}
