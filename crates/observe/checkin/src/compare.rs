//! What a category's folders come to: each is compared with what should exist.
//!
//! Hashes of indexes decide, where they are told: the newest is current, an older one that is
//! remembered is behind by so many versions, and of one that nobody knows nothing is concluded,
//! since it may be newer than the last scan. Otherwise a folder with fewer bytes than it should have
//! is behind. The old client tells neither, and is believed that what it has is current.

use std::collections::BTreeMap;

use heliostat_catalog::directory::FileDetail;
use heliostat_catalog::looks::{Look, Looks, LooksBuilder};
use heliostat_catalog::states::{MirrorState, States, StatesBuilder};
use heliostat_catalog::{Error, View};
use heliostat_model::Scheme;

use crate::report::Reported;
use crate::take::Received;

/// What a mirror has, and how it was looked at.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) states: States,
    pub(crate) looks: Looks,
    pub(crate) counts: Received,
}

/// Compares what is told of a category with what should exist.
pub(crate) fn compare(
    view: &mut View<'_>,
    (category_id, top): (i64, &str),
    told: &BTreeMap<String, Reported>,
    at_unix_s: u64,
) -> Result<Compared, Error> {
    let sizes = sizes(view, category_id, told)?;
    let mut directories = view.scan_list(category_id)?;
    directories.sort_by_key(|known| known.directory_id);
    let (mut states, mut looks) = (StatesBuilder::default(), LooksBuilder::default());
    let mut counts = Received::default();
    for known in directories.iter().filter(|known| known.gone_unix_s.is_none()) {
        let id = known.directory_id;
        let path = below(top, &known.name).unwrap_or(&known.name);
        let (state, behind) = match told.get(path) {
            // A tree has a top, and nobody tells it.
            None if path.is_empty() && !told.is_empty() => (MirrorState::Current, 0),
            None => (MirrorState::Missing, 0),
            Some(told) => {
                counts.recognised += 1;
                state(view, id, told, sizes.get(&id).copied())?
            }
        };
        match state {
            MirrorState::Current | MirrorState::Reserved => counts.current += 1,
            MirrorState::Behind => counts.behind += 1,
            MirrorState::Missing => counts.missing += 1,
            MirrorState::Unknown => counts.unknown += 1,
        }
        if state != MirrorState::Unknown {
            states.push(id, state);
            // A check-in comes over HTTPS.
            looks.push(id, Look { at_unix_s, scheme: Scheme::Https, family: None, behind });
        }
    }
    counts.strange = (told.len() as u64).saturating_sub(counts.recognised);
    Ok(Compared { states: states.finish(), looks: looks.finish(), counts })
}

/// How many bytes folders should have at least, where a size is told and all are known.
fn sizes(
    view: &mut View<'_>,
    category_id: i64,
    told: &BTreeMap<String, Reported>,
) -> Result<BTreeMap<i64, u64>, Error> {
    let mut sizes = BTreeMap::new();
    if told.values().all(|told| told.bytes.is_none()) {
        return Ok(sizes);
    }
    view.scan_files_each(category_id, |id, _, files| {
        let files = files.iter().filter(|file| !file.link);
        let bytes = files
            .map(|file| file.size_bytes)
            .try_fold(0_u64, |sum, bytes| bytes.map(|bytes| sum.saturating_add(bytes)));
        if let Some(bytes) = bytes {
            sizes.insert(id, bytes);
        }
        Ok(())
    })?;
    Ok(sizes)
}

/// What a host has of a directory, and by how many versions that is behind.
fn state(
    view: &mut View<'_>,
    directory_id: i64,
    told: &Reported,
    bytes_min: Option<u64>,
) -> Result<(MirrorState, u32), Error> {
    if !told.indexes.is_empty() {
        let history = view.history(directory_id)?;
        let (mut behind, mut strange) = (0, false);
        for (name, sha256) in &told.indexes {
            let Some(versions) = history.get(name) else { continue };
            match version(versions, sha256) {
                Some(at) => behind = behind.max(at),
                None => strange = true,
            }
        }
        if strange {
            return Ok((MirrorState::Unknown, 0));
        }
        if behind > 0 {
            return Ok((MirrorState::Behind, behind));
        }
    }
    // Old files may lie beside what an index names; what it names must be there.
    let short = matches!((told.bytes, bytes_min), (Some(bytes), Some(min)) if bytes < min);
    match short {
        // By how much, nobody knows.
        true => Ok((MirrorState::Behind, 0)),
        false => Ok((MirrorState::Current, 0)),
    }
}

/// Which version a hash is of: 0 is the newest.
fn version(versions: &[FileDetail], sha256: &str) -> Option<u32> {
    let is = |detail: &FileDetail| detail.sha256.as_deref() == Some(sha256);
    versions.iter().position(is).and_then(|at| u32::try_from(at).ok())
}

/// The path of a directory below a top.
fn below<'a>(top: &str, name: &'a str) -> Option<&'a str> {
    match name.strip_prefix(top)? {
        "" => Some(""),
        rest if top.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}
