//! A large tree that nobody has written: folders of packages, and here and there a repository.

use crate::random::mix2;
use crate::tree::{Content, Tree};

/// A tree of about so many folders, each with so many files; the same numbers make the same tree.
#[must_use]
pub fn generated(folders: usize, files_each: usize, seed: u64, now_unix_s: i64) -> Tree {
    let mut tree = Tree::new();
    let leaves = folders.saturating_sub(folders / FOLDERS_EACH * 2 + 1).max(1);
    for leaf in 0..leaves {
        let random = mix2(seed, leaf as u64);
        let age_s = (random % AGE_S_MAX) as i64;
        let above = format!(
            "{:02}/{:02}",
            leaf / (FOLDERS_EACH * FOLDERS_EACH),
            leaf / FOLDERS_EACH % FOLDERS_EACH
        );
        if leaf % REPOSITORY_EACH == 0 {
            let path = format!("{above}/{:02}/repodata/repomd.xml", leaf % FOLDERS_EACH);
            let text = format!("<repomd><revision>{}</revision></repomd>\n", now_unix_s - age_s);
            tree.insert(&path, text, now_unix_s - age_s);
        }
        for file in 0..files_each {
            let seed = mix2(random, file as u64);
            let path =
                format!("{above}/{:02}/package-{file}-{}.rpm", leaf % FOLDERS_EACH, seed % 100);
            let content = Content::Pattern { length: 1000 + seed % 1_000_000, seed };
            tree.insert(&path, content, now_unix_s - age_s - file as i64);
        }
    }
    tree
}

/// Folders in a folder.
const FOLDERS_EACH: usize = 32;

/// Of so many folders one is a repository.
const REPOSITORY_EACH: usize = 64;

/// Nothing is older than a year.
const AGE_S_MAX: u64 = 365 * 86_400;
