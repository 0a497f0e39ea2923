//! How many mirrors have which version of a repository: counted from what was last seen of each.

use std::collections::{BTreeMap, HashMap, HashSet};

use heliostat_catalog::directory::{Directory, FileDetail};
use heliostat_catalog::looks::Look;
use heliostat_catalog::propagation::Propagation;
use heliostat_catalog::states::MirrorState;
use heliostat_catalog::{Actor, Catalog, Ending, Entry, Error, Filter, View};

/// How every repository has spread, as is known now.
///
/// What counts of a repository is the directory with its index: `repodata`, where there is one. What
/// a mirror had when it was last seen is compared with what is the newest now: versions that came
/// since are added to its lag. A mirror that has not what it should have counts among those with
/// something older.
///
/// # Errors
///
/// When the database cannot be read.
pub fn spread(view: &mut View<'_>, at_unix_s: u64) -> Result<Vec<Propagation>, Error> {
    let directories = view.directory_list()?;
    let directories: HashMap<&str, &Directory> =
        directories.iter().map(|directory| (directory.name.as_str(), directory)).collect();
    let mirrors = mirrors(view)?;
    let (states, looks) = (view.states_list()?, view.looks_list()?);
    let mut all = Vec::new();
    for repository in view.repository_list()? {
        let Some(name) = &repository.directory else { continue };
        let index = directories.get(format!("{name}/repodata").as_str());
        let Some(directory) = index.or_else(|| directories.get(name.as_str())) else { continue };
        let came = came(view, directory)?;
        let mut one =
            Propagation { repository_id: repository.id, at_unix_s, ..Propagation::default() };
        for (mirror, always_current) in mirrors.get(&directory.category_id).into_iter().flatten() {
            let state = states.get(mirror).map(|states| states.state(directory.id));
            let look = looks.get(mirror).and_then(|looks| looks.look(directory.id));
            let place = match state.unwrap_or(MirrorState::Unknown) {
                _ if *always_current => &mut one.same,
                MirrorState::Missing => &mut one.older,
                MirrorState::Unknown => &mut one.unknown,
                state => match lag(state, look, &came) {
                    None => &mut one.unknown,
                    Some(0) => &mut one.same,
                    Some(1) => &mut one.one_behind,
                    Some(2) => &mut one.two_behind,
                    Some(_) => &mut one.older,
                },
            };
            *place += 1;
        }
        all.push(one);
    }
    Ok(all)
}

/// When the versions of the index of a directory came after one before them: as the trail knows,
/// which notes when a scan found them, or else as old as they say they are.
fn came(view: &mut View<'_>, directory: &Directory) -> Result<Vec<u64>, Error> {
    let named = INDEXES.iter().find_map(|name| directory.files.get_key_value(*name));
    let any = || directory.files.iter().max_by_key(|(_, versions)| versions.len());
    let Some((name, versions)) = named.or_else(any) else { return Ok(Vec::new()) };
    let filter = Filter {
        resource: Some("file".to_owned()),
        name: Some(format!("{}/{name}", directory.name)),
        ..Filter::default()
    };
    let newest = |json: &Option<String>| -> Option<FileDetail> {
        let versions = serde_json::from_str::<Vec<FileDetail>>(json.as_deref()?).ok()?;
        versions.into_iter().next()
    };
    let trail = view.audit_list(&filter, VERSIONS_MAX)?;
    let is_new = |entry: &&Entry| {
        let before = newest(&entry.before);
        before.is_some() && before != newest(&entry.after)
    };
    let told: Vec<u64> = trail.iter().filter(is_new).map(|entry| entry.at_unix_s).collect();
    if !trail.is_empty() {
        return Ok(told);
    }
    // The oldest that is remembered may have been the first.
    let others = versions.len().saturating_sub(1);
    let times = versions.iter().take(others).filter_map(|version| version.timestamp_unix_s);
    Ok(times.map(|time| time.max(0) as u64).collect())
}

/// By how many versions a mirror is behind now, if anybody can tell.
fn lag(state: MirrorState, look: Option<Look>, came: &[u64]) -> Option<u32> {
    let Some(look) = look else {
        // Somebody said so without looking: an import.
        return (state != MirrorState::Behind).then_some(0);
    };
    // What came in the same second was known when it was looked at: the look is after it.
    let since = came.iter().filter(|&&came_unix_s| came_unix_s > look.at_unix_s).count() as u32;
    match (state, look.behind) {
        (MirrorState::Behind, 0) => None,
        (_, behind) => Some(behind + since),
    }
}

/// Keeps how repositories have spread: what has changed since it was last kept, and all of it once an
/// hour. Gives how many were kept.
///
/// # Errors
///
/// When the database cannot be read or written.
pub fn record(catalog: &mut Catalog, actor: &Actor) -> Result<u64, Error> {
    let now_unix_s = actor.now_unix_s;
    let (all, before) =
        catalog.read(|view| Ok((spread(view, now_unix_s)?, view.propagation_newest()?)))?;
    let before: BTreeMap<i64, Propagation> =
        before.into_iter().map(|one| (one.repository_id, one)).collect();
    let is_news = |one: &Propagation| {
        before.get(&one.repository_id).is_none_or(|before| {
            let same = Propagation { at_unix_s: one.at_unix_s, ..*before } == *one;
            !same || one.at_unix_s.saturating_sub(before.at_unix_s) >= HOUR_S
        })
    };
    let news: Vec<Propagation> = all.into_iter().filter(is_news).collect();
    if news.is_empty() {
        return Ok(0);
    }
    catalog.write(actor, Ending::Commit, |txn| {
        txn.propagation_set(&news)?;
        txn.propagation_expire(now_unix_s.saturating_sub(KEEP_S)).map(drop)
    })?;
    Ok(news.len() as u64)
}

/// The mirrors of each category that are switched on, and whether they have everything at once.
fn mirrors(view: &mut View<'_>) -> Result<HashMap<i64, Vec<(i64, bool)>>, Error> {
    let categories: HashMap<String, i64> =
        view.category_list()?.into_iter().map(|category| (category.name, category.id)).collect();
    let sites = view.site_list()?.into_iter().filter(|site| site.active_admin && site.active_owner);
    let sites: HashSet<String> = sites.map(|site| site.name).collect();
    let mut mirrors = HashMap::<i64, Vec<(i64, bool)>>::new();
    for host in view.host_list()? {
        if !(host.active_admin && host.active_owner && sites.contains(&host.site)) {
            continue;
        }
        for mirror in host.mirrors {
            if let Some(&category) = categories.get(&mirror.category) {
                mirrors.entry(category).or_default().push((mirror.id, mirror.always_current));
            }
        }
    }
    Ok(mirrors)
}

/// What clients verify first.
const INDEXES: [&str; 4] = ["repomd.xml", "InRelease", "Release", "APKINDEX.tar.gz"];

/// Changes of an index that are looked at.
const VERSIONS_MAX: u32 = 64;

const HOUR_S: u64 = 3_600;

/// How long it is remembered how releases spread: two years.
const KEEP_S: u64 = 2 * 365 * 86_400;
