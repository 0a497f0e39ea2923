//! Where the process stands in the control groups, and which groups above it can be seen.
//!
//! A controller belongs to the hierarchy of version 1 that names it, or else to version 2. The group
//! is found below the mount point of that hierarchy by taking the mount's own root off the front of
//! the process's path; inside of namespaces that may not fit, and then the mount point itself is the
//! group. From there every directory up to the mount point counts.

use std::path::{Component, Path, PathBuf};

use crate::capacity::bound::Rule;
use crate::capacity::tree::{Content, Tree};
use crate::parse::{self, Membership, Mount};

/// What is known of all hierarchies.
#[derive(Debug)]
pub(crate) struct Groups {
    memberships: Vec<Membership>,
    mounts: Vec<Mount>,
}

/// The groups of one controller, from the process's own to the highest that can be seen.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) unified: bool,
    pub(crate) levels: Vec<PathBuf>,
}

impl Groups {
    /// Reads both files; what is wrong with them is noted.
    pub(crate) fn read(tree: &mut Tree) -> Groups {
        let memberships = tree.read_watched(Path::new(MEMBERSHIPS));
        let memberships = content(tree, MEMBERSHIPS, memberships);
        // The list of mounts is long and changes with every container on the machine.
        let mounts = tree.read(Path::new(MOUNTS));
        let mounts = content(tree, MOUNTS, mounts);
        Groups { memberships: parse::memberships(&memberships), mounts: parse::mounts(&mounts) }
    }

    /// The groups of a controller; none when it is not mounted.
    pub(crate) fn chain(&self, controller: &str) -> Option<Chain> {
        let named = |names: &[String]| names.iter().any(|name| name == controller);
        let own = self.memberships.iter().find(|membership| named(&membership.controllers));
        match own {
            Some(own) => self.chain_of(own, false, |mount| named(&mount.controllers)),
            None => self.unified(),
        }
    }

    /// The groups of version 2.
    pub(crate) fn unified(&self) -> Option<Chain> {
        let own = self.memberships.iter().find(|own| own.controllers.is_empty())?;
        self.chain_of(own, true, |mount| mount.unified)
    }

    fn chain_of(
        &self,
        own: &Membership,
        unified: bool,
        is_its: impl Fn(&&Mount) -> bool,
    ) -> Option<Chain> {
        let mounts = self.mounts.iter().filter(is_its);
        let (below, mount) = mounts
            .map(|mount| (below(&own.path, &mount.root), mount))
            // One that shows the process's group, and of those the one that shows most above it.
            .min_by_key(|(below, mount)| {
                (below.is_none(), mount.root.components().count(), mount.point.as_os_str().len())
            })?;
        let leaf = mount.point.join(below.unwrap_or_default());
        let levels = leaf.ancestors().take_while(|level| level.starts_with(&mount.point));
        let levels = levels.take(LEVELS_MAX).map(Path::to_owned).collect();
        Some(Chain { unified, levels })
    }
}

/// The process's group as seen from a mount's root, when it is seen there.
fn below(path: &Path, root: &Path) -> Option<PathBuf> {
    let rest = path.strip_prefix(root).ok()?;
    rest.components().all(|part| matches!(part, Component::Normal(_))).then(|| rest.to_owned())
}

/// What a file says; nothing, and a note, when it cannot be read.
fn content(tree: &mut Tree, path: &str, content: Content) -> Vec<u8> {
    content.unwrap_or_else(|reading| {
        tree.note(Rule::Membership, Path::new(path), reading);
        Vec::new()
    })
}

const MEMBERSHIPS: &str = "/proc/self/cgroup";
const MOUNTS: &str = "/proc/self/mountinfo";

/// The kernel's own default for the depth of a hierarchy has no end; this one has.
const LEVELS_MAX: usize = 256;
