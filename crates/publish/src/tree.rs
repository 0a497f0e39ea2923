//! Directories, their files and repositories.

use std::collections::{BTreeMap, HashMap, HashSet};

use heliostat_model::{DirectoryIndex, World};
use heliostat_snapshot::escape;
use heliostat_snapshot::records::{
    DirectoryRow, FileRow, NONE, NameRow, RepositoryRow, Span, Text,
};
use zerocopy::little_endian::U32;

use crate::markup;
use crate::texts::Texts;

/// The sections that describe the tree.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) directories: Vec<DirectoryRow>,
    pub(crate) files: Vec<FileRow>,
    pub(crate) repositories: Vec<RepositoryRow>,
    pub(crate) names: Vec<NameRow>,
    /// The lines that list all repositories.
    pub(crate) repository_list: Vec<u8>,
}

impl Tree {
    /// Lays out the tree of a world.
    pub(crate) fn new(world: &World, texts: &mut Texts) -> Tree {
        let mut tree = Tree::default();
        let rows = tree.add_directories(world, texts);
        tree.add_repositories(world, texts, &rows);
        tree.add_names(world, texts);
        tree
    }

    /// Sorts directories by name, each name once, and gives each one's row.
    fn add_directories(&mut self, world: &World, texts: &mut Texts) -> Vec<u32> {
        let mut order: Vec<usize> = (0..world.directories.len()).collect();
        order.sort_by_key(|&at| world.directories[at].name.as_str());
        let mut rows = vec![NONE; order.len()];
        let mut last: Option<&str> = None;
        for at in order {
            let directory = &world.directories[at];
            if last != Some(&directory.name) {
                let (tail, tail_escaped) = tails(&directory.subpath, texts);
                let row = DirectoryRow {
                    name: texts.add(directory.name.as_bytes()),
                    tail,
                    tail_escaped,
                    public: U32::new(directory.public.0),
                    private: U32::new(directory.private.0),
                    files: self.add_files(&directory.files, texts),
                };
                self.directories.push(row);
            }
            rows[at] = self.directories.len() as u32 - 1;
            last = Some(&directory.name);
        }
        rows
    }

    fn add_files(&mut self, files: &[heliostat_model::File], texts: &mut Texts) -> Span {
        let known = files.iter().filter(|file| !file.details.is_empty());
        // Of two files of one name the first stays.
        let mut by_name = BTreeMap::new();
        for file in known {
            by_name.entry(file.name.as_bytes()).or_insert(file);
        }
        let first = self.files.len() as u32;
        let mut block = Vec::new();
        for file in by_name.values() {
            block.clear();
            markup::file_block(&mut block, file);
            let name = texts.add(file.name.as_bytes());
            self.files.push(FileRow { name, block: texts.add(&block) });
        }
        Span::new(first, by_name.len() as u32)
    }

    fn add_repositories(&mut self, world: &World, texts: &mut Texts, rows: &[u32]) {
        let row = |directory: DirectoryIndex| rows.get(directory.0 as usize).copied();
        let by_name: HashMap<&str, u32> =
            world.directories.iter().map(|d| d.name.as_str()).zip(rows.iter().copied()).collect();
        // Of two repositories of one name and architecture the first stays.
        let mut sorted = BTreeMap::new();
        for repository in &world.repositories {
            let key = (repository.prefix.as_str(), repository.arch.as_str());
            sorted.entry(key).or_insert(repository.directory);
        }
        for ((prefix, arch), directory) in sorted {
            let metadata = directory.and_then(|directory| {
                let name = &world.directories.get(directory.0 as usize)?.name;
                if name.ends_with("/repodata") {
                    return row(directory);
                }
                by_name.get(format!("{name}/repodata").as_str()).copied()
            });
            self.repositories.push(RepositoryRow {
                prefix: texts.add(prefix.as_bytes()),
                arch: texts.add(arch.as_bytes()),
                directory: U32::new(directory.and_then(row).unwrap_or(NONE)),
                metadata: U32::new(metadata.unwrap_or(NONE)),
            });
            self.repository_list.extend(b"# repo=");
            escape::line(&mut self.repository_list, prefix.as_bytes());
            self.repository_list.extend(b"&arch=");
            escape::line(&mut self.repository_list, arch.as_bytes());
            self.repository_list.push(b'\n');
        }
    }

    /// Names that are redirected, followed once, and names that are disabled.
    fn add_names(&mut self, world: &World, texts: &mut Texts) {
        let disabled: HashSet<&str> =
            world.repositories_disabled.iter().map(String::as_str).collect();
        let mut targets: BTreeMap<&str, &str> = disabled.iter().map(|&name| (name, name)).collect();
        let redirects = world.repository_redirects.iter();
        targets.extend(redirects.map(|redirect| (redirect.from.as_str(), redirect.to.as_str())));
        self.names = targets
            .into_iter()
            .map(|(name, target)| NameRow {
                name: texts.add(name.as_bytes()),
                target: texts.add(target.as_bytes()),
                target_disabled: u8::from(disabled.contains(target)),
                reserved: [0; 3],
            })
            .collect();
    }
}

/// What follows a base URL, as it is and escaped for XML.
fn tails(subpath: &str, texts: &mut Texts) -> (Text, Text) {
    let subpath = subpath.trim_matches('/');
    let mut tail = Vec::with_capacity(subpath.len() + 1);
    escape::url_path(&mut tail, subpath.as_bytes());
    if !tail.is_empty() {
        tail.push(b'/');
    }
    let mut escaped = Vec::with_capacity(tail.len());
    escape::xml(&mut escaped, &tail);
    (texts.add(&tail), texts.add(&escaped))
}
