//! Which mirrors hold a part of the tree: a release is announced when enough of them do.

use heliostat_catalog::states::MirrorState;
use heliostat_catalog::{Error, View};

/// How much of the mirrors holds a part of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Directories of the part.
    pub directories: u64,
    /// Mirrors that carry its category and are switched on.
    pub mirrors: u64,
    /// Mirrors that have all of it.
    pub whole: u64,
    /// Mirrors that have some of it.
    pub partly: u64,
    /// Mirrors of which nothing is known.
    pub unknown: u64,
    /// Bandwidth of the mirrors that have all of it, and of all mirrors, as their owners say.
    pub bandwidth_mbit_s: (u64, u64),
}

impl Share {
    /// The mirrors that have all of it, in per cent.
    #[must_use]
    pub fn percent(&self) -> u64 {
        (self.whole * 100).checked_div(self.mirrors).unwrap_or(0)
    }
}

/// Counts the mirrors that hold a directory and everything below it.
///
/// # Errors
///
/// When the database cannot be read.
pub fn share(view: &mut View<'_>, path: &str) -> Result<Share, Error> {
    let path = path.trim_matches('/');
    let within = |name: &str| {
        name.strip_prefix(path)
            .is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('/'))
    };
    let (mut ids, mut carried) = (Vec::new(), Vec::new());
    for category in view.category_list()? {
        let before = ids.len();
        let scanned = view.scan_list(category.id)?;
        let here =
            scanned.iter().filter(|known| known.gone_unix_s.is_none() && within(&known.name));
        ids.extend(here.map(|known| known.directory_id));
        if ids.len() > before {
            carried.push((category.name, before..ids.len()));
        }
    }
    let active: Vec<String> = view
        .site_list()?
        .into_iter()
        .filter(|site| site.active_admin && site.active_owner)
        .map(|site| site.name)
        .collect();
    let states = view.states_list()?;
    let mut share = Share { directories: ids.len() as u64, ..Share::default() };
    for host in view.host_list()? {
        if !(host.active_admin && host.active_owner && active.contains(&host.site)) {
            continue;
        }
        for mirror in &host.mirrors {
            let Some((_, range)) = carried.iter().find(|(name, _)| *name == mirror.category) else {
                continue;
            };
            let wanted = &ids[range.clone()];
            let state = states.get(&mirror.id);
            let count = |is: &dyn Fn(MirrorState) -> bool| {
                let state_of = |&id: &i64| state.map_or(MirrorState::Unknown, |s| s.state(id));
                wanted.iter().filter(|id| is(state_of(id))).count()
            };
            let held = match mirror.always_current {
                true => wanted.len(),
                false => count(&|s| matches!(s, MirrorState::Current | MirrorState::Reserved)),
            };
            let bandwidth = u64::from(host.bandwidth_mbit_s);
            share.mirrors += 1;
            share.bandwidth_mbit_s.1 += bandwidth;
            if held == wanted.len() {
                share.whole += 1;
                share.bandwidth_mbit_s.0 += bandwidth;
            } else if held > 0 {
                share.partly += 1;
            } else if count(&|s| s == MirrorState::Unknown) == wanted.len() {
                share.unknown += 1;
            }
        }
    }
    Ok(share)
}
