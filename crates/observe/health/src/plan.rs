//! Whom to look at: every public URL of every active mirror, and by which canaries.
//!
//! Hosts are read whenever the catalog has changed. Canaries are chosen anew at most once a minute:
//! that reads what every mirror has.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use heliostat_catalog::View;
use heliostat_catalog::host::Host;
use heliostat_model::{Scheme, Url};

use crate::canary::{Canaries, Canary};

/// A URL of a mirror.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Its mirror and its number there.
    pub(crate) key: (i64, i64),
    pub(crate) host_id: i64,
    pub(crate) host: String,
    pub(crate) category: String,
    pub(crate) url: String,
    /// Scheme, host and port: what fails for one URL of it fails for all.
    pub(crate) authority: String,
    pub(crate) canaries: Arc<[Arc<Canary>]>,
    /// It is not looked at itself, but goes with the other URLs of its mirror.
    pub(crate) follows: bool,
}

/// Whom to look at.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) targets: Vec<Target>,
    /// The mirrors of all of them.
    pub(crate) mirrors: Vec<i64>,
    /// Whom to tell of a host, by its number.
    pub(crate) contacts: BTreeMap<i64, String>,
    mark: String,
    chosen_unix_s: u64,
    chosen: HashMap<i64, Arc<[Arc<Canary>]>>,
}

impl Plan {
    /// Reads what has changed.
    pub(crate) fn renew(
        &mut self,
        view: &mut View<'_>,
        now_unix_s: u64,
    ) -> Result<(), heliostat_catalog::Error> {
        let mark = view.mark()?;
        let is_old = now_unix_s.saturating_sub(self.chosen_unix_s) >= CHOOSE_S;
        if mark == self.mark && !is_old {
            return Ok(());
        }
        let sites = view.site_list()?;
        let closed = |site: &&heliostat_catalog::site::Site| {
            site.private || !(site.active_admin && site.active_owner)
        };
        let closed: Vec<&str> =
            sites.iter().filter(closed).map(|site| site.name.as_str()).collect();
        let mut hosts = view.host_list()?;
        hosts.retain(|host| {
            let open = host.active_admin && host.active_owner && !host.private;
            open && !closed.contains(&host.site.as_str())
        });
        let mirrors = hosts.iter().flat_map(|host| &host.mirrors);
        if is_old || mirrors.clone().any(|mirror| !self.chosen.contains_key(&mirror.id)) {
            self.choose(view, &hosts)?;
            self.chosen_unix_s = now_unix_s;
        }
        self.targets = hosts.iter().flat_map(|host| targets(host, &self.chosen)).collect();
        self.mirrors = mirrors.map(|mirror| mirror.id).collect();
        self.contacts = hosts.iter().map(|host| (host.id, host.contact.clone())).collect();
        self.mark = mark;
        Ok(())
    }

    fn choose(
        &mut self,
        view: &mut View<'_>,
        hosts: &[Host],
    ) -> Result<(), heliostat_catalog::Error> {
        let mut canaries = Canaries::default();
        view.known_files_each(|file| {
            canaries.push(file);
            Ok(())
        })?;
        canaries.flush();
        let categories = view.category_list()?;
        let categories: HashMap<&str, i64> =
            categories.iter().map(|category| (category.name.as_str(), category.id)).collect();
        let states = view.states_list()?;
        self.chosen.clear();
        for mirror in hosts.iter().flat_map(|host| &host.mirrors) {
            let category = categories.get(mirror.category.as_str()).copied().unwrap_or(-1);
            let none = heliostat_catalog::states::States::default();
            let states = states.get(&mirror.id).unwrap_or(&none);
            let states = (!mirror.always_current).then_some(states);
            self.chosen.insert(mirror.id, canaries.choose(category, states).into());
        }
        Ok(())
    }
}

fn targets(host: &Host, chosen: &HashMap<i64, Arc<[Arc<Canary>]>>) -> Vec<Target> {
    let mut targets = Vec::new();
    for mirror in &host.mirrors {
        let Some(canaries) = chosen.get(&mirror.id) else { continue };
        let public = mirror.urls.iter().filter(|url| !url.private);
        let public = public.filter_map(|url| Some((url.number, Url::parse(0, &url.url)?)));
        let public: Vec<(i64, Url)> = public.collect();
        let is_looked_at = |url: &Url| matches!(url.scheme, Scheme::Http | Scheme::Https);
        if !public.iter().any(|(_, url)| is_looked_at(url)) {
            continue;
        }
        for (number, url) in public {
            let authority: Vec<&str> = url.text.splitn(4, '/').take(3).collect();
            targets.push(Target {
                key: (mirror.id, number),
                host_id: host.id,
                host: host.name.clone(),
                category: mirror.category.clone(),
                authority: authority.join("/"),
                canaries: canaries.clone(),
                follows: !is_looked_at(&url),
                url: url.text,
            });
        }
    }
    targets
}

/// How often canaries are chosen anew at most.
const CHOOSE_S: u64 = 60;
