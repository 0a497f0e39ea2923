//! A module of rsync: all that a host has in it, in one connection and one listing, whatever
//! categories it belongs to.
//!
//! The host of the URL is resolved here and checked, and rsync gets the address: a name could lead
//! elsewhere the next time it is resolved.

use std::net::IpAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use heliostat_observe_probe::wire::{Format, Limit, Task};
use heliostat_observe_probe::{Prober, Reach, addresses};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::sight::{End, Sight};
use crate::tree::Tree;

/// Where something lies in a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Host and port, as the URL has them.
    pub(crate) authority: String,
    pub(crate) module: String,
    /// Below the module; empty for all of it.
    pub(crate) path: String,
}

impl Place {
    /// The place that a URL stands for, if it is one of rsync without anything that hides.
    pub(crate) fn parse(url: &str) -> Option<Place> {
        let rest = url.strip_prefix("rsync://")?;
        if rest.chars().any(|c| c.is_control() || matches!(c, ' ' | '@' | '*' | '?' | '[')) {
            // IPv6 addresses are in brackets; nothing else may be.
            let (host, tail) = rest.strip_prefix('[')?.split_once(']')?;
            let hidden = |c: char| c.is_control() || matches!(c, ' ' | '@' | '*' | '?' | '[');
            if host.parse::<std::net::Ipv6Addr>().is_err() || tail.chars().any(hidden) {
                return None;
            }
        }
        let (authority, rest) = rest.split_once('/')?;
        let (module, path) = rest.split_once('/').unwrap_or((rest, ""));
        let path = path.trim_matches('/');
        let up = path.split('/').any(|part| matches!(part, "." | ".."));
        if authority.is_empty() || module.is_empty() || up {
            return None;
        }
        let (authority, module) = (authority.to_owned(), module.to_owned());
        Some(Place { authority, module, path: path.to_owned() })
    }

    /// Host and port.
    fn host(&self) -> Option<(&str, u16)> {
        let (host, port) = match self.authority.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') && !port.contains(']') => {
                (host, port.parse().ok()?)
            }
            _ => (self.authority.as_str(), PORT),
        };
        Some((host.trim_start_matches('[').trim_end_matches(']'), port))
    }
}

/// A part of a module that is compared with a tree.
#[derive(Debug)]
pub(crate) struct Section {
    /// Below the module.
    pub(crate) path: String,
    pub(crate) sight: Sight,
    pub(crate) end: End,
}

impl Section {
    pub(crate) fn new(place: &Place, tree: Arc<Tree>, now_unix_s: i64) -> Section {
        let sight = Sight::new(tree, now_unix_s, true);
        Section { path: place.path.clone(), sight, end: End::Broken }
    }
}

/// Lists what sections of a module have; what went wrong, if anything did.
pub(crate) async fn list(
    place: &Place,
    sections: &mut [Section],
    prober: &Prober,
    reach: Reach,
) -> Option<String> {
    let listed = tokio::time::timeout(TIME_MAX, listed(place, sections, prober, reach)).await;
    match listed {
        Ok(Ok(())) => None,
        Ok(Err(what)) => Some(what),
        Err(_) => Some(format!("rsync took longer than {TIME_MAX:?}")),
    }
}

async fn listed(
    place: &Place,
    sections: &mut [Section],
    prober: &Prober,
    reach: Reach,
) -> Result<(), String> {
    let (host, port) = place.host().ok_or("it is no address of rsync")?;
    let found = addresses(host, reach).await.map_err(|error| error.to_string())?;
    // Whoever has both is reached more often over the older one.
    let address = found.iter().find(|address| address.is_ipv4()).or(found.first());
    let address = *address.ok_or("it has no address")?;
    let sources = roots(sections).map(|path| source(address, port, &place.module, path));
    let mut child = Command::new("rsync")
        .args(["--list-only", "-r", "--relative", "--no-implied-dirs", "--links", "--no-motd"])
        .args(["--timeout=60", "--contimeout=20", "--exclude=.~tmp~", "--"])
        .args(sources)
        // Of several sources a listing is made only on the way to somewhere; nothing goes there.
        .arg("/nonexistent/")
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start rsync: {error}"))?;
    let said = tokio::spawn(last_words(child.stderr.take()));
    let stdout = child.stdout.take().ok_or("rsync has no output")?;
    read(stdout, sections, prober).await?;
    let status = child.wait().await.map_err(|error| error.to_string())?;
    let said = said.await.unwrap_or_default();
    match status.code() {
        Some(0) => sections.iter_mut().for_each(|section| section.end = End::Complete),
        // Some of it could not be read, or has vanished meanwhile.
        Some(23 | 24) => {
            for section in sections.iter_mut() {
                let gone = format!("link_stat \"{}\"", section.path);
                let other = section.path.is_empty() || !said.contains(&gone);
                section.end = if other { End::Partial } else { End::Complete };
            }
        }
        _ => return Err(format!("rsync ended with {status}: {said}")),
    }
    Ok(())
}

/// The paths that have to be listed: of two of which one is above the other, that one.
fn roots(sections: &[Section]) -> impl Iterator<Item = &str> {
    let paths = || sections.iter().map(|section| section.path.as_str());
    let mut roots: Vec<&str> = paths()
        .filter(|path| !paths().any(|other| within(path, other).is_some_and(|p| !p.is_empty())))
        .collect();
    roots.sort_unstable();
    roots.dedup();
    roots.into_iter()
}

/// The rest of a path below another one.
fn within<'a>(path: &'a str, above: &str) -> Option<&'a str> {
    match path.strip_prefix(above)? {
        "" => Some(""),
        rest if above.is_empty() => Some(rest),
        rest => rest.strip_prefix('/'),
    }
}

fn source(address: IpAddr, port: u16, module: &str, path: &str) -> String {
    let host = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match path {
        "" => format!("rsync://{host}:{port}/{module}/"),
        path => format!("rsync://{host}:{port}/{module}/{path}/"),
    }
}

/// Has workers read the listing, part by part.
async fn read(
    stdout: impl AsyncRead + Unpin,
    sections: &mut [Section],
    prober: &Prober,
) -> Result<(), String> {
    let mut stdout = stdout.take(LISTING_BYTES_MAX);
    let mut part = Vec::with_capacity(PART_BYTES);
    loop {
        let read = stdout.read_buf(&mut part).await.map_err(|error| error.to_string())?;
        if read > 0 && part.len() < PART_BYTES {
            continue;
        }
        // Only whole lines are sent; the last of all may lack its end.
        let end = match part.iter().rposition(|&byte| byte == b'\n') {
            Some(end) if read > 0 => end + 1,
            _ => part.len(),
        };
        if end > 0 {
            let found = prober.probe_bytes(Task::new(Format::Rsync), &part[..end]).await;
            let found = found.map_err(|failure| match failure.limit() {
                Some(limit) => format!("{limit}: {failure}"),
                None => failure.to_string(),
            })?;
            for entry in &found.entries {
                for section in sections.iter_mut() {
                    if let Some(path) = within(&entry.path, &section.path) {
                        section.sight.take(path, entry);
                    }
                }
            }
            part.drain(..end);
        }
        if read == 0 && stdout.limit() == 0 {
            return Err(format!("{}: a listing of more than a gibibyte", Limit::BodyBytes));
        }
        if read == 0 {
            return Ok(());
        }
    }
}

/// The last of what was written to the error stream.
async fn last_words(stderr: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut last, mut part) = (Vec::new(), [0; 1024]);
    while let Ok(read @ 1..) = stderr.read(&mut part).await {
        last.extend_from_slice(&part[..read]);
        let surplus = last.len().saturating_sub(WORDS_BYTES_MAX);
        last.drain(..surplus);
    }
    let text = String::from_utf8_lossy(&last);
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().into()
}

/// Where rsync listens unless it is told otherwise.
const PORT: u16 = 873;

/// How much of a listing is looked at together.
const PART_BYTES: usize = 1 << 20;

/// Some ten million files.
const LISTING_BYTES_MAX: u64 = 1 << 30;

/// A module is listed in that time, or its host is too slow for clients, too.
const TIME_MAX: Duration = Duration::from_secs(1800);

/// How much of the error stream is kept.
const WORDS_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Place, Section, roots, within};
    use crate::tree::tests::tree;

    #[test]
    fn urls_are_places_or_nothing() {
        let place = Place::parse("rsync://mirror1.example.org:8730/pub/fedora/linux/").unwrap();
        assert_eq!(place.host(), Some(("mirror1.example.org", 8730)));
        assert_eq!((place.module.as_str(), place.path.as_str()), ("pub", "fedora/linux"));
        let place = Place::parse("rsync://[2001:db8::1]/pub").unwrap();
        assert_eq!((place.host(), place.path.as_str()), (Some(("2001:db8::1", 873)), ""));
        for url in [
            "http://a/b",
            "rsync://a",
            "rsync:///a",
            "rsync://a/",
            "rsync://user@a/b",
            "rsync://a/b c",
            "rsync://a/b/../c",
            "rsync://a/b/*",
            "rsync://a/b\n",
            "rsync://[a/b",
        ] {
            assert_eq!(Place::parse(url), None, "{url}");
        }
    }

    #[test]
    fn a_module_is_listed_once() {
        let tree = Arc::new(tree(&[]));
        let place = |path: &str| Place::parse(&format!("rsync://a/pub/{path}")).unwrap();
        let sections = |paths: &[&str]| -> Vec<Section> {
            paths.iter().map(|path| Section::new(&place(path), tree.clone(), 0)).collect()
        };
        let listed = |paths: &[&str]| -> Vec<String> {
            roots(&sections(paths)).map(str::to_owned).collect()
        };
        assert_eq!(listed(&["fedora/linux", "epel"]), ["epel", "fedora/linux"]);
        assert_eq!(listed(&["fedora/linux", "fedora", "fedora-old"]), ["fedora", "fedora-old"]);
        assert_eq!(listed(&["a", "a"]), ["a"]);
        assert_eq!(listed(&["a", ""]), [""]);
        assert_eq!(
            (within("ab", "a"), within("a/b", "a"), within("a", "a")),
            (None, Some("b"), Some(""))
        );
    }
}
