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

/// The trees of the categories that are asked for, by name.
///
/// # Errors
///
/// When there is no such category, or the database cannot be read.
pub fn trees(
    view: &mut View<'_>,
    wish: &Wish,
) -> Result<BTreeMap<String, Arc<Tree>>, heliostat_catalog::Error> {
    let mut trees = BTreeMap::new();
    for name in &wish.categories {
        view.category_find(name)?;
    }
    for category in view.category_list()? {
        if wish.categories.is_empty() || wish.categories.contains(&category.name) {
            let tree = Tree::load(view, &category.name)?;
            trees.insert(category.name, Arc::new(tree));
        }
    }
    Ok(trees)
}

/// The hosts to look at, those first that were not looked at for longest.
///
/// Hosts that are switched off, by whomever, are left alone; and those that are for their own
/// networks only, unless they are named.
///
/// # Errors
///
/// When a host is named that is not there, or the database cannot be read.
pub fn targets(
    view: &mut View<'_>,
    wish: &Wish,
    trees: &BTreeMap<String, Arc<Tree>>,
) -> Result<Vec<Target>, Error> {
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
    let wanted = |host: &&Host| match wish.hosts.is_empty() {
        true => active(host) && !private(host),
        false => wish.hosts.contains(&host.name) && active(host),
    };
    let mut targets = Vec::new();
    for host in hosts.iter().filter(wanted) {
        let mirrors: Vec<Part> = parts(host, trees);
        if mirrors.is_empty() {
            continue;
        }
        let fresh = CrawlHost { host_id: host.id, ..CrawlHost::default() };
        let last = last.remove(&host.id).unwrap_or(fresh);
        targets.push(Target { host_id: host.id, name: host.name.clone(), last, mirrors });
    }
    targets.sort_by_key(|target| (target.last.crawled_unix_s, target.host_id));
    Ok(targets)
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
