//! What was learned, into the catalog: a few hundred directories in one transaction.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use heliostat_catalog::category::Category;
use heliostat_catalog::directory::Directory;
use heliostat_catalog::repository::Repository;
use heliostat_catalog::{Actor, Catalog, Ending, Txn};

use crate::error::Error;
use crate::history::{aged, kept};
use crate::look::Looked;
use crate::scan::Summary;

/// Writes what was learned.
#[derive(Debug)]
pub(crate) struct Recorder<'a> {
    pub(crate) catalog: &'a mut Catalog,
    pub(crate) category: Category,
    actor: Actor,
    /// The numbers of directories, by their path below the top.
    ids: HashMap<String, i64>,
    /// Directories that have a repository, and names of repositories.
    housed: HashSet<String>,
    named: HashSet<(String, String)>,
    batch: Vec<Looked>,
    since: Instant,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(
        catalog: &'a mut Catalog,
        category: Category,
        actor: Actor,
    ) -> Result<Recorder<'a>, Error> {
        let known = catalog.read(|view| view.scan_list(category.id))?;
        let repositories = catalog.read(|view| view.repository_list())?;
        let ids = known.into_iter().filter_map(|known| {
            Some((below(&category.top, &known.name)?.to_owned(), known.directory_id))
        });
        let ids = ids.collect();
        let housed = repositories.iter().filter_map(|known| known.directory.clone()).collect();
        let named = repositories.into_iter().map(|known| (known.prefix, known.arch)).collect();
        let (batch, since) = (Vec::new(), Instant::now());
        Ok(Recorder { catalog, category, actor, ids, housed, named, batch, since })
    }

    /// The number of a directory.
    pub(crate) fn id(&self, path: &str) -> Option<i64> {
        self.ids.get(path).copied()
    }

    /// The full name of a directory; empty for the top of everything.
    pub(crate) fn name(&self, path: &str) -> String {
        match (self.category.top.as_str(), path) {
            (top, "") => top.to_owned(),
            ("", path) => path.to_owned(),
            (top, path) => format!("{top}/{path}"),
        }
    }

    /// Takes what was learned of a directory, and writes when it is enough.
    pub(crate) fn take(&mut self, looked: Looked, summary: &mut Summary) -> Result<(), Error> {
        self.batch.push(looked);
        if self.batch.len() >= BATCH_MAX || self.since.elapsed() > BATCH_AGE_MAX {
            self.commit(summary)?;
        }
        Ok(())
    }

    /// Writes what was taken.
    pub(crate) fn commit(&mut self, summary: &mut Summary) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        self.since = Instant::now();
        if batch.is_empty() {
            return Ok(());
        }
        let actor = self.actor.clone();
        let mut new = self.directories_new(&batch);
        let mut fresh = self.repositories_new(&batch);
        let (names, ids, now) = (
            batch.iter().map(|looked| self.name(&looked.path)).collect::<Vec<_>>(),
            &mut self.ids,
            self.actor.now_unix_s as i64,
        );
        let ((versions, repositories), _) = self.catalog.write(&actor, Ending::Commit, |txn| {
            txn.directories_insert(&mut new)?;
            let made = new.iter().map(|made| (made.subpath.clone(), made.id));
            ids.extend(made);
            let mut versions = 0;
            for (looked, name) in batch.iter().zip(&names) {
                let Some(&id) = ids.get(&looked.path) else { continue };
                let mark = (looked.mark.as_str(), looked.timestamp_unix_s);
                txn.scan_set(id, mark, &looked.files)?;
                versions += remember(txn, (id, name), looked, now)?;
            }
            let mut repositories = 0;
            for repository in fresh.drain(..) {
                txn.repository_insert(repository)?;
                repositories += 1;
            }
            Ok((versions, repositories))
        })?;
        summary.added += new.len() as u64;
        summary.versions += versions;
        summary.repositories += repositories;
        Ok(())
    }

    fn directories_new(&self, batch: &[Looked]) -> Vec<Directory> {
        let unknown = batch.iter().filter(|looked| !self.ids.contains_key(&looked.path));
        let new = unknown.map(|looked| Directory {
            id: 0,
            category_id: self.category.id,
            name: self.name(&looked.path),
            subpath: looked.path.clone(),
            source: SOURCE.to_owned(),
            files: BTreeMap::new(),
        });
        // The top of everything has no name, and clients ask for nothing in it.
        new.filter(|new| !new.name.is_empty()).collect()
    }

    fn repositories_new(&mut self, batch: &[Looked]) -> Vec<Repository> {
        let mut new = Vec::new();
        for looked in batch {
            for (prefix, arch, path) in &looked.repositories {
                let directory = self.name(path);
                let key = (prefix.clone(), arch.clone());
                let known = self.housed.contains(&directory);
                if known || directory.is_empty() || !self.is_known_or_new(path, batch) {
                    continue;
                }
                if self.named.insert(key) {
                    let (prefix, arch) = (prefix.clone(), arch.clone());
                    let directory = Some(directory);
                    let (version, source) = (None, SOURCE.to_owned());
                    new.push(Repository { id: 0, prefix, arch, directory, version, source });
                }
            }
            // Several architectures share a directory, so it is housed only now.
            let paths: Vec<String> =
                looked.repositories.iter().map(|(_, _, path)| self.name(path)).collect();
            self.housed.extend(paths);
        }
        new
    }

    fn is_known_or_new(&self, path: &str, batch: &[Looked]) -> bool {
        self.ids.contains_key(path) || batch.iter().any(|looked| looked.path == path)
    }

    /// Marks directories as gone, removes those that have been gone for long, and lets old versions
    /// of files go.
    pub(crate) fn finish(
        &mut self,
        gone: &[String],
        origin: &str,
        whole: bool,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        let now = self.actor.now_unix_s as i64;
        let category = self.category.id;
        let ids: Vec<i64> = gone.iter().filter_map(|path| self.id(path)).collect();
        let actor = self.actor.clone();
        let ((newly, forgotten), _) = self.catalog.write(&actor, Ending::Commit, |txn| {
            let known = txn.view().scan_list(category)?;
            let (mut newly, mut forgotten) = (0, 0);
            for known in known.iter().filter(|known| ids.contains(&known.directory_id)) {
                match known.gone_unix_s {
                    None => {
                        txn.scan_gone(known.directory_id, now)?;
                        newly += 1;
                    }
                    Some(since) if now - since > FORGET_S => {
                        txn.scan_forget(known, category)?;
                        forgotten += 1;
                    }
                    Some(_) => {}
                }
            }
            for (id, name) in txn.view().history_list(category)? {
                for (file, versions) in txn.view().history(id)? {
                    txn.history_set((id, &name), &file, &kept(&versions, now))?;
                }
            }
            txn.scan_origin_set(category, origin, whole.then_some(now))?;
            Ok((newly, forgotten))
        })?;
        summary.gone += newly;
        summary.forgotten += forgotten;
        Ok(())
    }
}

/// Notes the versions of files; how many are new.
fn remember(
    txn: &mut Txn<'_>,
    directory: (i64, &str),
    looked: &Looked,
    now_unix_s: i64,
) -> Result<u64, heliostat_catalog::Error> {
    if looked.versions.is_empty() {
        return Ok(0);
    }
    let known = txn.view().history(directory.0)?;
    let mut new = 0;
    for (name, version) in &looked.versions {
        let before = known.get(name).map_or(&[][..], Vec::as_slice);
        // What a file of hashes says is less than what was computed.
        let computed = before.first().is_some_and(|old| {
            version.sha512.is_none() && old.sha256.is_some() && old.sha256 == version.sha256
        });
        if computed {
            continue;
        }
        let after = aged(before, version, now_unix_s);
        new += u64::from(before.first() != Some(version));
        txn.history_set(directory, name, &after)?;
    }
    Ok(new)
}

/// The path of a directory below a top.
pub(crate) fn below<'a>(top: &str, name: &'a str) -> Option<&'a str> {
    match name.strip_prefix(top)? {
        "" => Some(""),
        rest if top.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

/// What directories and repositories are marked with that a scan has made.
const SOURCE: &str = "scan";

/// How many directories are written together, and after how long what there is.
const BATCH_MAX: usize = 200;
const BATCH_AGE_MAX: Duration = Duration::from_secs(2);

/// How long a directory that is gone is remembered: a week, in which an operator notices.
const FORGET_S: i64 = 7 * 86_400;
