//! Pages of HTTP, one for each directory.
//!
//! A page's time says nothing of what lies deeper, so pages with directories on them are fetched
//! each time (with their `ETag`, where there is one); the leaves, which are most, only when the time
//! that the page above shows for them has changed.

use std::sync::Arc;

use heliostat_catalog::scan::SeenFile;
use heliostat_observe_probe::wire::{Fact, Format, Kind, Task};
use heliostat_observe_probe::{Failure, FetchError, Fetched, Found, Validators};
use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use super::Walk;
use crate::error::Error;
use crate::extent::Part;
use crate::folder::{Folder, Sight, digest, joined};
use crate::origin::Origin;

/// A directory that waits for its turn.
#[derive(Clone, Debug)]
struct Waiting {
    path: String,
    /// With what is below it.
    deep: bool,
    /// What the page above shows for it.
    shown: String,
}

pub(super) async fn walk(url: &str, walk: &Arc<Walk>, to: &Sender<Folder>) -> Result<(), Error> {
    let parts = walk.extent.parts().into_iter();
    let begin = parts.map(|Part { path, deep }| Waiting { path, deep, shown: "-".to_owned() });
    let mut waiting: Vec<Waiting> = begin.collect();
    let mut running = JoinSet::new();
    loop {
        while running.len() < PAGES_AT_ONCE
            && let Some(next) = waiting.pop()
        {
            running.spawn(page(url.to_owned(), walk.clone(), next));
        }
        let Some(done) = running.join_next().await else { return Ok(()) };
        let done = done.unwrap_or_else(|error| {
            let source = std::io::Error::other(error);
            Err(Error::Folder { path: url.to_owned(), source })
        });
        let (folder, below) = done?;
        waiting.extend(below);
        let Some(folder) = folder else { continue };
        if to.send(folder).await.is_err() {
            return Ok(());
        }
    }
}

type Page = (Option<Folder>, Vec<Waiting>);

async fn page(url: String, walk: Arc<Walk>, at: Waiting) -> Result<Page, Error> {
    let known = walk.known.mark(&at.path).unwrap_or_default();
    let mut words = known.splitn(4, ' ');
    let (shown, etag) = (words.nth(1).unwrap_or_default(), words.next().unwrap_or_default());
    let children = walk.known.below(&at.path);
    let deep = at.deep;
    let unchanged = |children: Vec<String>| {
        let below = children.into_iter().filter(|_| deep);
        let below = below.map(|path| Waiting { path, deep, shown: "-".to_owned() });
        let (path, timestamp_unix_s) = (at.path.clone(), at.shown.parse().ok());
        let folder = Folder { path, timestamp_unix_s, sight: Sight::Unchanged };
        (Some(folder), below.collect())
    };
    if children.is_empty() && shown.len() > 1 && shown == at.shown {
        return Ok(unchanged(children));
    }
    let page = Origin::url(&url, &at.path, true);
    let base = page.splitn(4, '/').nth(3).unwrap_or_default();
    let task = Task { base: format!("/{base}"), ..Task::new(Format::Listing) };
    let etag = (!etag.is_empty() && etag != "-").then(|| etag.to_owned());
    let validators = Validators { etag, last_modified: None };
    let fetched = walk.fetcher.document(&walk.prober, task, &page, &validators).await;
    let (document, validators) = match fetched {
        Ok(Fetched::Body(document, validators)) => (document, validators),
        Ok(Fetched::NotModified) => return Ok(unchanged(children)),
        // It went away between its parent's turn and its own.
        Err(error) if error.is_absent() && may_lack(&walk, &at) => return Ok((None, Vec::new())),
        Err(source) => return Err(fetch(page, source)),
    };
    let found = walk.prober.probe(*document).await;
    if walk.extent.names(&at.path) && matches!(found, Err(Failure::Refused(_))) {
        // What was named is a file, and the server does not mind the slash behind it.
        return Ok((None, Vec::new()));
    }
    let found = found.map_err(|source| Error::Listing { path: at.path.clone(), source })?;
    Ok(read(&at, found, &validators))
}

/// Whether it is no error that a page is not there.
fn may_lack(walk: &Walk, at: &Waiting) -> bool {
    walk.extent.may_lack() || walk.extent.parts().iter().all(|part| part.path != at.path)
}

fn fetch(url: String, source: FetchError) -> Error {
    Error::Fetch { url, source }
}

/// A page that has been read.
fn read(at: &Waiting, found: Found, validators: &Validators) -> Page {
    let (mut files, mut below) = (Vec::new(), Vec::new());
    let mut rough = blake3::Hasher::new();
    // A listing that goes on elsewhere is not complete, and is looked at again.
    let complete = found.facts.text(Fact::Continuation).is_none();
    for entry in found.entries {
        if entry.kind == Kind::Directory {
            let shown = entry.time.map_or("-".to_owned(), |time| time.unix_s.to_string());
            if at.deep {
                below.push(Waiting { path: joined(&at.path, &entry.path), deep: true, shown });
            }
            continue;
        }
        // What is shown roughly still tells one version from another.
        rough.update(format!("{:?}{:?}{:?}", entry.path, entry.size, entry.time).as_bytes());
        let exact = entry.time.filter(|time| time.admits(time.unix_s) && time.precision_s == 1);
        let exact = exact.filter(|time| time.zone == heliostat_observe_probe::wire::Zone::Utc);
        files.push(SeenFile {
            name: entry.path,
            size_bytes: entry.size.and_then(|size| size.bytes()),
            timestamp_unix_s: exact.map(|time| time.unix_s),
            volatile: false,
            link: entry.kind == Kind::Link,
        });
    }
    files.sort();
    let etag = validators.etag.as_deref().filter(|etag| !etag.contains(' ')).unwrap_or("-");
    let rough = &rough.finalize().to_hex()[..16];
    let mark = format!("h {} {etag} {}{rough}", at.shown, digest(&files));
    let mark = if complete && mark.len() <= MARK_BYTES_MAX { mark } else { String::new() };
    let (path, timestamp_unix_s) = (at.path.clone(), at.shown.parse().ok());
    let folder = Folder { path, timestamp_unix_s, sight: Sight::Read { mark, files } };
    (Some(folder), below)
}

/// Pages that are fetched at once from one server.
const PAGES_AT_ONCE: usize = 4;

/// What the catalog takes.
const MARK_BYTES_MAX: usize = 1000;
