//! What the director knows of each mirror, as its catalog has it.

use std::collections::BTreeMap;
use std::path::Path;

use heliostat_catalog::states::MirrorState;
use heliostat_catalog::{Catalog, Place};

use super::cast::{ROLES, WATCHED};

/// A word for each mirror and each repository.
pub(super) type Knowledge = Vec<[String; WATCHED.len()]>;

/// Reads it.
pub(super) fn read(catalog: &Path, now_unix_s: u64) -> anyhow::Result<Knowledge> {
    let mut catalog = Catalog::open(&Place::File(catalog.to_owned()), now_unix_s)?;
    Ok(catalog.read(|view| {
        let hosts = view.host_list()?;
        let mut left_out = BTreeMap::new();
        for health in view.health_list()? {
            left_out.entry(health.mirror_id).or_insert(!health.good);
        }
        let mut directories = Vec::new();
        for watched in &WATCHED {
            directories.push(view.directory_find(&format!("pub/linux/{}", watched.path))?.id);
        }
        let mut known = Vec::new();
        for role in &ROLES {
            let mut words = [(); WATCHED.len()].map(|()| "unknown".to_owned());
            let host = hosts.iter().find(|host| host.name == role.name);
            if let Some(mirror) = host.and_then(|host| host.mirrors.first()) {
                let (states, looks) = (view.states_find(mirror.id)?, view.looks_find(mirror.id)?);
                for (word, &directory) in words.iter_mut().zip(&directories) {
                    let behind = looks.look(directory).map_or(0, |look| look.behind);
                    *word = match states.state(directory) {
                        _ if left_out.get(&mirror.id) == Some(&true) => "dead".to_owned(),
                        _ if mirror.always_current => "up to date".to_owned(),
                        MirrorState::Current | MirrorState::Reserved => "up to date".to_owned(),
                        MirrorState::Behind if behind > 0 => format!("{behind} behind"),
                        MirrorState::Behind => "stale".to_owned(),
                        MirrorState::Missing => "missing".to_owned(),
                        MirrorState::Unknown => "unknown".to_owned(),
                    };
                }
            }
            known.push(words);
        }
        Ok(known)
    })?)
}
