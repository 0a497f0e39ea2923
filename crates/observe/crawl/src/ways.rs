//! The other ways to a mirror: each of its URLs, over each family of addresses.
//!
//! The tree is looked at over one way, and clients come over all of them. So of every URL that they
//! are given, over IPv4 and over IPv6, something is asked for of which the tree's own look has said
//! that it is there.

use std::time::Instant;

use heliostat_catalog::looks::Family as CatalogFamily;
use heliostat_catalog::probe::{Probe, SCORE_MAX, Verdict as ProbeVerdict};
use heliostat_model::Scheme;
use heliostat_observe_probe::{Family, Fetcher, Reach, Validators, addresses};

use crate::ask::{Asked, Asker, url};
use crate::judge::IndexLook;
use crate::pages::rank;
use crate::plan::{Part, PartUrl};
use crate::tree::Tree;
use crate::verdict::{Findings, Verdict};

/// Clients that reach one family of addresses only.
#[derive(Clone, Debug)]
pub(crate) struct Families {
    pub(crate) v4: Fetcher,
    pub(crate) v6: Fetcher,
    pub(crate) reach: Reach,
}

/// Asks for one thing over every way that clients may take.
pub(crate) async fn walk(
    families: &Families,
    asker: &Asker,
    part: &Part,
    findings: &Findings,
    (host_id, now_unix_s): (i64, i64),
) -> Vec<Probe> {
    let Some(canary) = Canary::of(&part.tree, findings) else { return Vec::new() };
    let mut probes = Vec::new();
    let http = |url: &&PartUrl| matches!(url.scheme, Scheme::Http | Scheme::Https);
    for known in part.urls.iter().filter(http).filter(|url| !url.private).take(URLS_MAX) {
        let found = addresses(host_of(&known.url), families.reach).await.unwrap_or_default();
        for family in [Family::V4, Family::V6] {
            if !found.iter().any(|address| Family::of(*address) == family) {
                continue;
            }
            let fetcher = match family {
                Family::V4 => families.v4.clone(),
                Family::V6 => families.v6.clone(),
            };
            let asker = Asker { fetcher, ..asker.clone() };
            let begun = Instant::now();
            let (verdict, reason) = canary.ask(&asker, &part.tree, &known.url, now_unix_s).await;
            let of_catalog = match family {
                Family::V4 => CatalogFamily::V4,
                Family::V6 => CatalogFamily::V6,
            };
            probes.push(Probe {
                id: 0,
                host_id,
                url: known.url.clone(),
                family: Some(of_catalog.number()),
                at_unix_s: u64::try_from(now_unix_s).unwrap_or(0),
                verdict,
                reason: reason.chars().take(REASON_MAX).collect(),
                duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                score: SCORE_MAX,
            });
        }
    }
    probes
}

/// Something that a mirror is known to have.
struct Canary {
    at: usize,
    /// The path of the file, and where it is among all; the index of its directory has none.
    path: String,
    file: Option<usize>,
}

impl Canary {
    /// An index, which is known by its content, or else any file.
    fn of(tree: &Tree, findings: &Findings) -> Option<Canary> {
        let current = || (0..tree.len()).filter(|&at| findings.verdict(at) == Verdict::Current);
        let path = |at: usize, name: &str| match tree.path(at) {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        };
        let index = current().find_map(|at| Some((at, tree.index(at)?.0)));
        if let Some((at, name)) = index {
            return Some(Canary { at, path: path(at, name), file: None });
        }
        let (at, (name, file)) = current().find_map(|at| Some((at, tree.samples(at).next()?)))?;
        Some(Canary { at, path: path(at, name), file: Some(file) })
    }

    async fn ask(
        &self,
        asker: &Asker,
        tree: &Tree,
        base: &str,
        now_unix_s: i64,
    ) -> (ProbeVerdict, String) {
        let url = url(base, &self.path, false);
        let Some(file) = self.file else {
            return match asker.proof(&url, &Validators::default()).await {
                Asked::Got((proof, head), _) => {
                    match rank(tree, self.at, proof, head.modified_unix_s, now_unix_s) {
                        IndexLook::Rank(0) => (ProbeVerdict::Good, "as it should be".to_owned()),
                        IndexLook::Rank(rank) => {
                            (ProbeVerdict::Bad, format!("{} is {rank} behind", self.path))
                        }
                        IndexLook::Older => (ProbeVerdict::Bad, format!("{} is old", self.path)),
                        _ => (ProbeVerdict::Unknown, format!("{} is another one", self.path)),
                    }
                }
                other => self.failed(&other),
            };
        };
        match asker.head(&url).await {
            Asked::Got(head, _) => {
                let sizes = head.size_bytes.zip(tree.files[file].size_bytes());
                match sizes.is_none_or(|(theirs, ours)| theirs == ours) {
                    true => (ProbeVerdict::Good, "as it should be".to_owned()),
                    false => (ProbeVerdict::Bad, format!("{} has another length", self.path)),
                }
            }
            other => self.failed(&other),
        }
    }

    fn failed<T>(&self, asked: &Asked<T>) -> (ProbeVerdict, String) {
        match asked {
            Asked::Absent => (ProbeVerdict::Bad, format!("404 for {}", self.path)),
            Asked::NoListing => (ProbeVerdict::Bad, format!("{} is forbidden", self.path)),
            Asked::Refused(_, what) => (ProbeVerdict::Bad, what.clone()),
            Asked::NoAnswer(what) => (ProbeVerdict::Bad, what.clone()),
            Asked::Unroutable => (ProbeVerdict::Unknown, "no way there from here".to_owned()),
            _ => (ProbeVerdict::Unknown, "it asked for peace".to_owned()),
        }
    }
}

/// The host of a URL, without its port.
fn host_of(url: &str) -> &str {
    let authority = url.split('/').nth(2).unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

/// Nobody has more.
const URLS_MAX: usize = 8;

const REASON_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn hosts_are_found_in_urls() {
        for (url, host) in [
            ("http://mirror1.example.org/linux", "mirror1.example.org"),
            ("https://mirror1.example.org:8443/", "mirror1.example.org"),
            ("http://[2001:db8::1]:80/x", "2001:db8::1"),
            ("http://127.0.0.1:8000", "127.0.0.1"),
            ("rsync:", ""),
        ] {
            assert_eq!(host_of(url), host, "{url}");
        }
    }
}
