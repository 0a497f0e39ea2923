//! What people do with the catalog: make one, fill it, look at it, change it, publish it.

/// Arguments of the commands.
pub mod args;
/// What changes, line by line.
mod difference;
/// Making one.
mod init;
/// Other systems' data into it.
mod import;
/// What should exist.
mod scan;
/// Which mirrors answer.
mod health;
/// Who is told of it.
mod telling;
/// What a publisher has changed.
mod notify;
/// Measured truth.
mod report;
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

use std::os::unix::fs::MetadataExt;

use heliostat_catalog::{Actor, Catalog};

pub use crawl::CrawlArgs;
pub(crate) use crawl::run as crawl;
pub(crate) use export::export;
pub use health::HealthArgs;
pub(crate) use health::run as health;
pub(crate) use import::import;
pub(crate) use init::init;
pub(crate) use notify::run as notify;
pub use notify::{Notified, NotifyArgs, told};
/// What was refused, into a file.
pub use numbers::refused;
pub(crate) use publish::{publish, rollback};
pub use release::{ArchiveArgs, ExpireArgs, ReleaseArgs};
pub(crate) use release::{archive, expire, release};
pub use report::{MirrorsArgs, PropagationArgs, ReportArgs};
pub(crate) use report::{mirrors, propagation, report};
pub use resource::{Resource, ResourceAction, ResourceArgs, SiteArgs, TokenArgs, UserArgs};
pub(crate) use resource::{fields, run as resource};
pub use scan::ScanArgs;
pub(crate) use scan::{probe, run as scan};
pub use telling::NotifyOptions;
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
    // A container or a service manager may say no name.
    let number = || std::fs::metadata("/proc/self").map_or(0, |own| own.uid());
    let user = user.filter(|user| !user.is_empty());
    let user = user.unwrap_or_else(|| format!("uid-{}", number()));
    let user: String = user.chars().filter(|c| !c.is_control()).take(64).collect();
    Actor { name: format!("{what}:{user}"), now_unix_s: clock::now_unix_s() }
}
