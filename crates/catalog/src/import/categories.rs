//! Which part of the tree a directory belongs to.
//!
//! No source says it, but each says what is appended to a mirror's URL: what is left of a
//! directory's name is the top of its category.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::RandomState;
use heliostat_model::{Directory, Facts, World};

use super::{Imported, Origin};
use crate::category::Category;
use crate::{Error, Txn};

/// The categories of a world's directories and mirrors.
#[derive(Debug)]
pub(super) struct Categories {
    by_top: HashMap<String, Category, RandomState>,
    tops: HashSet<String, RandomState>,
    /// The top of each mirror's category.
    mirrors: Vec<String>,
}

impl Categories {
    /// The category of a directory.
    pub(super) fn of_directory(&self, directory: &Directory) -> Option<&Category> {
        self.by_top.get(top(directory, &self.tops)).or_else(|| self.by_top.get(""))
    }

    /// The category of a mirror.
    pub(super) fn of_mirror(&self, mirror: usize) -> Option<&Category> {
        self.by_top.get(&self.mirrors[mirror]).or_else(|| self.by_top.get(""))
    }
}

/// Finds or adds the categories of a world.
pub(super) fn import(
    txn: &mut Txn<'_>,
    world: &World,
    facts: &Facts,
    origin: &Origin<'_>,
    imported: &mut Imported,
) -> Result<Categories, Error> {
    let tops: HashSet<String, RandomState> = world
        .directories
        .iter()
        .filter(|directory| !directory.subpath.is_empty())
        .filter_map(|directory| above(directory).map(str::to_owned))
        .chain(facts.categories.iter().map(|category| category.top.clone()))
        .collect();
    let mirrors = mirror_tops(world, &tops);
    let known = txn.view().category_list()?;
    let mut by_top: HashMap<String, Category, RandomState> =
        known.into_iter().map(|category| (category.top.clone(), category)).collect();
    let used: BTreeMap<&str, ()> = world
        .directories
        .iter()
        .map(|directory| top(directory, &tops))
        .chain(mirrors.iter().map(String::as_str))
        .map(|top| (top, ()))
        .collect();
    for (&top, ()) in &used {
        if by_top.contains_key(top) {
            continue;
        }
        let said = facts.categories.iter().find(|category| category.top == top);
        let name = said.map(|category| category.name.as_str());
        let name = name.unwrap_or(if top.is_empty() { WHOLE_TREE } else { top });
        let category = Category {
            id: 0,
            name: name.to_owned(),
            top: top.to_owned(),
            product: said.and_then(|category| category.product.clone()),
            source: origin.name.to_owned(),
        };
        if let Some(category) = imported.keep(txn.category_insert(category))? {
            by_top.insert(top.to_owned(), category);
        }
    }
    Ok(Categories { by_top, tops, mirrors })
}

/// The top of the category of each mirror: that of the first directory in which it is.
fn mirror_tops(world: &World, tops: &HashSet<String, RandomState>) -> Vec<String> {
    let mut found: Vec<Option<String>> = vec![None; world.mirrors.len()];
    let mut seen = vec![false; world.mirror_sets.len()];
    for directory in &world.directories {
        for set in [directory.public, directory.private] {
            let at = set.0 as usize;
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            for mirror in &world.mirror_sets[at] {
                found[mirror.0 as usize].get_or_insert_with(|| top(directory, tops).to_owned());
            }
        }
    }
    found.into_iter().map(Option::unwrap_or_default).collect()
}

/// The top of a directory's category; empty when it is in none but the whole tree.
fn top<'a>(directory: &'a Directory, tops: &HashSet<String, RandomState>) -> &'a str {
    // A directory with nothing to append is a top only if something is below it.
    above(directory).filter(|top| tops.contains(*top)).unwrap_or("")
}

/// What is left of a directory's name without its subpath.
fn above(directory: &Directory) -> Option<&str> {
    let rest = directory.name.strip_suffix(directory.subpath.as_str())?;
    match rest.strip_suffix('/') {
        Some(top) if !directory.subpath.is_empty() => Some(top),
        None if directory.subpath.is_empty() || rest.is_empty() => Some(rest),
        _ => None,
    }
}

/// What the category of everything is called.
const WHOLE_TREE: &str = "all";
