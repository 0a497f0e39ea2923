//! A small primary copy with real repositories, and its releases.
//!
//! Every version stays, so a mirror can be given an older one: that is what it is to be behind.

use std::sync::Arc;

use crate::random::mix2;
use crate::repository::{Repository, debian, rpm, sha256};
use crate::tree::{Content, File, Tree};

/// A primary copy: the newest tree, and those before it.
#[derive(Clone, Debug)]
pub struct Primary {
    /// The oldest first.
    versions: Vec<Arc<Tree>>,
    /// The number of the newest.
    number: u32,
}

impl Primary {
    /// Where its repository of rpm-md that changes with a release lies.
    pub const UPDATES: &'static str = "updates/40/x86_64";

    /// Where its repository of rpm-md that stays as it is lies.
    pub const RELEASE: &'static str = "releases/40/x86_64/os";

    /// Where its repository of Debian lies.
    pub const DEBIAN: &'static str = "debian";

    /// A tree with two repositories of rpm-md, one of Debian, and an image. It is a day old, and its
    /// updates are an hour old.
    #[must_use]
    pub fn small(now_unix_s: i64) -> Primary {
        let mut tree = Tree::new();
        let day = now_unix_s - 86_400;
        let packages = PACKAGES;
        let repository =
            Repository { path: Primary::RELEASE, packages, version: 0, now_unix_s: day };
        rpm(&mut tree, repository);
        let image = File {
            content: Content::Pattern { length: IMAGE_BYTES, seed: mix2(40, 0) },
            modified_unix_s: day,
        };
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < IMAGE_BYTES {
            bytes.extend_from_slice(&image.piece(bytes.len() as u64, IMAGE_BYTES));
        }
        tree.insert("iso/heliostat-40.iso", image.content, day);
        tree.insert("iso/SHA256SUMS", format!("{}  heliostat-40.iso\n", sha256(&bytes)), day);
        let mut primary = Primary { versions: vec![Arc::new(tree)], number: 0 };
        primary.release(now_unix_s - 3600);
        // What it was without its repositories that change is nobody's past.
        primary.versions.remove(0);
        primary
    }

    /// Releases a new version: what was fresh is one behind from now on. Gives its number.
    pub fn release(&mut self, now_unix_s: i64) -> u32 {
        let mut tree = self.versions.last().map(|newest| (**newest).clone()).unwrap_or_default();
        let version = self.number + 1;
        let of = |path| Repository { path, packages: UPDATED, version, now_unix_s };
        rpm(&mut tree, of(Primary::UPDATES));
        debian(&mut tree, of(Primary::DEBIAN));
        self.versions.push(Arc::new(tree));
        self.number = version;
        version
    }

    /// The tree as it is.
    #[must_use]
    pub fn newest(&self) -> Arc<Tree> {
        self.behind(0)
    }

    /// The tree as it was so many releases ago, or in the beginning.
    #[must_use]
    pub fn behind(&self, releases: usize) -> Arc<Tree> {
        let last = self.versions.len().saturating_sub(1);
        self.versions.get(last.saturating_sub(releases)).cloned().unwrap_or_default()
    }

    /// How many releases there were since the beginning.
    #[must_use]
    pub fn releases(&self) -> usize {
        self.versions.len().saturating_sub(1)
    }
}

const PACKAGES: &[&str] = &["editor", "kernel", "shell", "tools"];

/// Those of them that a release updates.
const UPDATED: &[&str] = &["kernel", "tools"];

const IMAGE_BYTES: u64 = 300_000;
