//! Whom to look at, and what each of them should have.

use std::collections::BTreeMap;
use std::sync::Arc;

use heliostat_catalog::View;
use heliostat_catalog::crawl::CrawlHost;
use heliostat_catalog::host::Host;
use heliostat_model::Scheme;

use crate::error::Error;
use crate::tree::Tree;

/// A host that will be looked at.
#[derive(Clone, Debug)]
pub struct Target {
    /// The host's number.
    pub host_id: i64,
    /// The host's name.
    pub name: String,
    /// How its last crawl went.
    pub last: CrawlHost,
    /// What it carries of what is crawled.
    pub mirrors: Vec<Part>,
}

/// A host's copy of one category.
#[derive(Clone, Debug)]
pub struct Part {
    /// The mirror's number.
    pub mirror_id: i64,
    /// What it should have.
    pub tree: Arc<Tree>,
    /// Where it can be reached.
    pub urls: Vec<PartUrl>,
}

/// Where a copy can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartUrl {
    /// Its number.
    pub number: i64,
    /// Its scheme.
    pub scheme: Scheme,
    /// The URL, without a slash at its end.
    pub url: String,
    /// Not given to clients.
    pub private: bool,
}

impl Part {
    /// The URL of a scheme, rather one that clients are given.
    #[must_use]
    pub fn url(&self, scheme: Scheme) -> Option<&PartUrl> {
        let of_it = self.urls.iter().filter(|url| url.scheme == scheme);
        of_it.min_by_key(|url| (url.private, url.number))
    }
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// Only these hosts; all, when there are none.
    pub hosts: Vec<String>,
    /// Only these categories; all, when there are none.
    pub categories: Vec<String>,
}

/// Hosts that may be looked at, and how their last crawl went; those first that were not looked at
/// for longest.
///
/// Hosts that are switched off, by whomever, are left alone; and those that are for their own
/// networks only, unless they are named.
///
/// # Errors
///
/// When a host is named that is not there or is switched off, or the database cannot be read.
pub fn candidates(view: &mut View<'_>, wish: &Wish) -> Result<Vec<(Host, CrawlHost)>, Error> {
    for name in &wish.categories {
        view.category_find(name)?;
    }
    let sites = view.site_list()?;
    let active = |host: &Host| {
        let site = sites.iter().find(|site| site.name == host.site);
        let site = site.is_some_and(|site| site.active_admin && site.active_owner);
        site && host.active_admin && host.active_owner
    };
    let private = |host: &Host| {
        host.private || sites.iter().any(|site| site.name == host.site && site.private)
    };
    let mut last = view.crawl_list()?;
    let hosts = view.host_list()?;
    for name in &wish.hosts {
        let Some(host) = hosts.iter().find(|host| host.name == *name) else {
            return Err(Error::Host { name: name.clone(), why: "there is no such host" });
        };
        if !active(host) {
            return Err(Error::Host { name: name.clone(), why: "it is switched off" });
        }
    }
    let wanted = |host: &Host| match wish.hosts.is_empty() {
        true => active(host) && !private(host),
        false => wish.hosts.contains(&host.name) && active(host),
    };
    let found = hosts.into_iter().filter(wanted).map(|host| {
        let fresh = CrawlHost { host_id: host.id, ..CrawlHost::default() };
        let last = last.remove(&host.id).unwrap_or(fresh);
        (host, last)
    });
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|(host, last)| (last.crawled_unix_s, host.id));
    Ok(found)
}

/// Hosts with what each of their copies should have. Trees are loaded once, and only where somebody
/// has a copy.
///
/// # Errors
///
/// When the database cannot be read.
pub fn targets(
    view: &mut View<'_>,
    wish: &Wish,
    hosts: Vec<(Host, CrawlHost)>,
) -> Result<Vec<Target>, heliostat_catalog::Error> {
    let mut trees = BTreeMap::<String, Arc<Tree>>::new();
    for (host, _) in &hosts {
        for mirror in host.mirrors.iter().filter(|mirror| !mirror.always_current) {
            let name = &mirror.category;
            let asked = wish.categories.is_empty() || wish.categories.contains(name);
            if asked && !trees.contains_key(name) {
                trees.insert(name.clone(), Arc::new(Tree::load(view, name)?));
            }
        }
    }
    let targets = hosts.into_iter().filter_map(|(host, last)| {
        let mirrors = parts(&host, &trees);
        let target = Target { host_id: host.id, name: host.name, last, mirrors };
        (!target.mirrors.is_empty()).then_some(target)
    });
    Ok(targets.collect())
}

/// The copies of a host that somebody has to look at.
fn parts(host: &Host, trees: &BTreeMap<String, Arc<Tree>>) -> Vec<Part> {
    let looked = host.mirrors.iter().filter(|mirror| !mirror.always_current);
    let parts = looked.filter_map(|mirror| {
        let tree = trees.get(&mirror.category).filter(|tree| !tree.is_empty())?.clone();
        let urls = mirror.urls.iter().filter_map(|url| {
            let (scheme, _) = url.url.split_once("://")?;
            Some(PartUrl {
                number: url.number,
                scheme: Scheme::parse(scheme)?,
                url: url.url.trim_end_matches('/').to_owned(),
                private: url.private,
            })
        });
        let urls: Vec<PartUrl> = urls.collect();
        (!urls.is_empty()).then_some(Part { mirror_id: mirror.id, tree, urls })
    });
    parts.collect()
}
