//! The tree, and who has what of it.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;
use heliostat_model::World;

use super::categories::Categories;
use super::hosts::Numbers;
use super::{Imported, Origin};
use crate::directory::{Directory, FileDetail};
use crate::states::{MirrorState, StatesBuilder};
use crate::{Error, Txn};

/// The number of each directory of a world, unless it was left out.
pub(super) type DirectoryNumbers = Vec<Option<i64>>;

/// Adds and changes the directories of an import.
pub(super) fn import(
    txn: &mut Txn<'_>,
    world: &World,
    origin: &Origin<'_>,
    categories: &Categories,
    imported: &mut Imported,
) -> Result<DirectoryNumbers, Error> {
    let known = txn.view().directory_list()?;
    let known: HashMap<&str, &Directory, RandomState> =
        known.iter().map(|directory| (directory.name.as_str(), directory)).collect();
    let mut numbers = vec![None; world.directories.len()];
    let mut names: HashSet<&str, RandomState> = HashSet::default();
    let (mut new, mut places) = (Vec::new(), Vec::new());
    for (at, directory) in world.directories.iter().enumerate() {
        // Of two directories of one name the first counts, as everywhere.
        if !names.insert(&directory.name) {
            continue;
        }
        let Some(category) = categories.of_directory(directory) else { continue };
        let mut wanted = record(directory, category.id, origin);
        if imported.keep(wanted.check())?.is_none() {
            continue;
        }
        match known.get(directory.name.as_str()) {
            None => {
                new.push(wanted);
                places.push(at);
            }
            Some(known) if known.source != origin.name => {
                imported.strange("directory", &directory.name, &known.source);
                numbers[at] = Some(known.id);
            }
            Some(known) => {
                wanted.id = known.id;
                numbers[at] = Some(known.id);
                if wanted != **known {
                    txn.directory_update(known, &wanted)?;
                }
            }
        }
    }
    txn.directories_insert(&mut new)?;
    for (at, directory) in places.into_iter().zip(new) {
        numbers[at] = Some(directory.id);
    }
    Ok(numbers)
}

/// Removes the directories of an import that a world does not have.
pub(super) fn remove(txn: &mut Txn<'_>, world: &World, origin: &Origin<'_>) -> Result<(), Error> {
    let names: HashSet<&str, RandomState> =
        world.directories.iter().map(|directory| directory.name.as_str()).collect();
    let known = txn.view().directory_list()?;
    let gone = known
        .iter()
        .filter(|known| known.source == origin.name && !names.contains(known.name.as_str()));
    for directory in gone {
        txn.directory_remove(directory)?;
    }
    Ok(())
}

/// Notes what every mirror of a world has.
pub(super) fn states(
    txn: &mut Txn<'_>,
    world: &World,
    hosts: &Numbers,
    directories: &DirectoryNumbers,
) -> Result<(), Error> {
    let mut order: Vec<(i64, usize)> =
        directories.iter().enumerate().filter_map(|(at, id)| Some(((*id)?, at))).collect();
    order.sort_unstable();
    let mut builders = vec![StatesBuilder::default(); world.mirrors.len()];
    for (id, at) in order {
        let directory = &world.directories[at];
        for mirror in &world.mirror_sets[directory.public.0 as usize] {
            builders[mirror.0 as usize].push(id, MirrorState::Current);
        }
        for mirror in &world.mirror_sets[directory.private.0 as usize] {
            let host = world.mirrors[mirror.0 as usize].host;
            let state = match world.hosts[host.0 as usize].private {
                true => MirrorState::Current,
                false => MirrorState::Reserved,
            };
            builders[mirror.0 as usize].push(id, state);
        }
    }
    let known = txn.view().states_list()?;
    for ((builder, mirror), number) in builders.into_iter().zip(&world.mirrors).zip(&hosts.mirrors)
    {
        let Some(number) = *number else { continue };
        let states = builder.finish();
        if known.get(&number).is_some_and(|known| *known == states) {
            continue;
        }
        let host = &world.hosts[mirror.host.0 as usize];
        txn.states_set(number, &format!("{} mirror {number}", host.name), &states)?;
    }
    Ok(())
}

fn record(
    directory: &heliostat_model::Directory,
    category_id: i64,
    origin: &Origin<'_>,
) -> Directory {
    let files = directory.files.iter().filter(|file| !file.details.is_empty());
    Directory {
        id: 0,
        category_id,
        name: directory.name.clone(),
        subpath: directory.subpath.clone(),
        source: origin.name.to_owned(),
        files: files
            .map(|file| (file.name.clone(), file.details.iter().map(detail).collect()))
            .collect(),
    }
}

fn detail(detail: &heliostat_model::FileDetail) -> FileDetail {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    FileDetail {
        timestamp_unix_s: detail.timestamp_unix_s.map(number),
        size_bytes: detail.size_bytes.map(number),
        md5: detail.md5.clone(),
        sha1: detail.sha1.clone(),
        sha256: detail.sha256.clone(),
        sha512: detail.sha512.clone(),
    }
}
