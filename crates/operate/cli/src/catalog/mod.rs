//! What people do with the catalog: make one, fill it, look at it, change it, publish it.

/// Arguments of the commands.
pub mod args;
/// What changes, line by line.
mod difference;
/// Making one.
mod init;
/// Filling it.
mod flow;
/// What should exist.
mod scan;
/// What each mirror has.
mod crawl;
/// The numbers of crawls.
mod numbers;
/// The catalog into snapshots.
mod publish;
/// Who holds a lease.
mod holder;
/// What keeps it alive.
mod heart;
/// The catalog for other systems.
mod export;
/// What happens to a whole version at once.
mod release;
/// Who changed what, and when.
mod trail;
/// One set of commands for every sort of thing.
mod resource;

use heliostat_catalog::{Actor, Catalog};

pub use crawl::CrawlArgs;
pub(crate) use crawl::run as crawl;
pub(crate) use export::export;
pub(crate) use flow::import;
pub(crate) use init::init;
pub(crate) use publish::{publish, rollback};
pub use release::{ArchiveArgs, ExpireArgs, ReleaseArgs};
pub(crate) use release::{archive, expire, release};
pub(crate) use resource::run as resource;
pub use resource::{Resource, ResourceAction, ResourceArgs, TokenArgs, UserArgs};
pub use scan::ScanArgs;
pub(crate) use scan::run as scan;
pub(crate) use trail::audit;

use crate::{Error, clock};

/// Opens the catalog that the arguments name.
fn open(args: &args::CatalogArgs) -> Result<Catalog, Error> {
    Ok(Catalog::open(&args.place()?, clock::now_unix_s())?)
}

/// Who sits at this terminal, and what time it is.
fn actor(what: &str) -> Actor {
    let user =
        ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let user = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    let user: String = user.chars().filter(|c| !c.is_control()).take(64).collect();
    Actor { name: format!("{what}:{user}"), now_unix_s: clock::now_unix_s() }
}
