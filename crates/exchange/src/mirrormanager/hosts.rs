//! The hosts, as the cache's tables and directories tell of them piece by piece.
//!
//! No table of the cache lists the hosts: each of several tables knows one thing about some of
//! them, and the directories know which exist. A host is real when it carries something, or when
//! the tables that are made from all hosts (country, bandwidth, connections) have it. Netblocks and
//! the like of a host that is not real are left out.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use heliostat_model::{Asn, Code, Country, Host, HostIndex, IpNet, Mirror};

use super::wire;
use crate::problem::{Fault, ProblemKind, Problems};

/// All hosts that were mentioned, in the order of their first mention.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    by_id: HashMap<u64, HostIndex, RandomState>,
    drafts: Vec<HostDraft>,
}

/// What is known of a host so far.
#[derive(Debug, Default)]
pub(super) struct HostDraft {
    pub(super) id: u64,
    pub(super) country: Option<Country>,
    pub(super) bandwidth_mbit_s: Option<u32>,
    pub(super) connections_max: Option<u32>,
    pub(super) asns: Vec<Asn>,
    pub(super) netblocks: Vec<IpNet>,
    pub(super) countries_allowed: Vec<Country>,
    /// A list of allowed countries exists, legible or not.
    pub(super) restricted: bool,
    pub(super) internet2: bool,
    /// It carries something, or a table of all hosts has it.
    pub(super) real: bool,
    /// It carries something that clients could be sent to.
    pub(super) carries: bool,
    /// Some directory gives it to everybody.
    pub(super) public_somewhere: bool,
    /// The country under which directories list it.
    pub(super) country_listed: Option<Country>,
    /// Its problem with countries was told.
    pub(super) country_told: bool,
    /// That it has no URL was told.
    pub(super) no_url_told: bool,
    /// The last directory, counted from one, that has it in `ByHostId`.
    pub(super) carried_in: u64,
    /// The last directory, counted from one, that has it in `Global`.
    pub(super) public_in: u64,
}

impl Hosts {
    /// The host of an id, if anything mentioned it yet.
    pub(super) fn find(&self, id: u64) -> Option<HostIndex> {
        self.by_id.get(&id).copied()
    }

    /// The host of an id, new if nothing mentioned it yet.
    pub(super) fn mention(&mut self, id: u64) -> HostIndex {
        *self.by_id.entry(id).or_insert_with(|| {
            let index = HostIndex(u32::try_from(self.drafts.len()).unwrap_or(u32::MAX));
            self.drafts.push(HostDraft { id, ..HostDraft::default() });
            index
        })
    }

    pub(super) fn draft(&mut self, index: HostIndex) -> &mut HostDraft {
        &mut self.drafts[index.0 as usize]
    }

    /// Calls for the draft of each id in a list.
    pub(super) fn mention_each(
        &mut self,
        ids: &[i64],
        mut each: impl FnMut(&mut HostDraft),
    ) -> Result<(), Fault> {
        let mut first_fault = Ok(());
        for &id in ids {
            match wire::id(id) {
                Ok(id) => {
                    let index = self.mention(id);
                    each(self.draft(index));
                }
                Err(fault) if first_fault.is_ok() => first_fault = Err(fault),
                Err(_) => {}
            }
        }
        first_fault
    }

    /// The finished hosts, sorted by id, and the new position of each old one that stays.
    pub(super) fn finish(
        mut self,
        mirrors: &[Mirror],
        problems: &mut Problems,
    ) -> (Vec<Host>, Vec<Option<HostIndex>>) {
        let names = names(self.drafts.len(), mirrors);
        let mut order: Vec<usize> = (0..self.drafts.len()).collect();
        order.sort_unstable_by_key(|&old| self.drafts[old].id);
        let mut hosts = Vec::new();
        let mut moved = vec![None; self.drafts.len()];
        for old in order {
            let draft = std::mem::take(&mut self.drafts[old]);
            if !draft.real {
                problems.add(
                    ProblemKind::UnknownName,
                    || format!("host {}", draft.id),
                    || "has netblocks, ASNs or countries, but is no host; left out".to_owned(),
                );
                continue;
            }
            moved[old] = Some(HostIndex(u32::try_from(hosts.len()).unwrap_or(u32::MAX)));
            hosts.push(draft.finish(names[old], problems));
        }
        (hosts, moved)
    }
}

impl HostDraft {
    fn finish(mut self, name: Option<&str>, problems: &mut Problems) -> Host {
        if let (Some(said), Some(listed)) = (self.country, self.country_listed)
            && said != listed
        {
            problems.add(
                ProblemKind::Contradiction,
                || format!("host {}", self.id),
                || format!("HostCountryCache says {said}, directories list it under {listed}"),
            );
        }
        if self.restricted && self.countries_allowed.is_empty() {
            // Nobody may conclude from an illegible list that all countries are welcome.
            self.countries_allowed.extend(Code::parse("ZZ").map(Country));
        }
        let mut host = Host::new(self.id, name.map_or_else(|| unnamed(self.id), str::to_owned));
        host.country = self.country.or(self.country_listed);
        host.bandwidth_mbit_s = self.bandwidth_mbit_s.unwrap_or(host.bandwidth_mbit_s);
        host.connections_max = self.connections_max;
        host.private = self.carries && !self.public_somewhere;
        host.internet2 = self.internet2;
        host.asns = distinct(self.asns);
        host.netblocks = distinct(self.netblocks);
        host.countries_allowed = distinct(self.countries_allowed);
        host
    }
}

/// The name of each host: that in its URL of the lowest id.
fn names(hosts: usize, mirrors: &[Mirror]) -> Vec<Option<&str>> {
    let mut first = vec![None; hosts];
    for mirror in mirrors {
        let slot = &mut first[mirror.host.0 as usize];
        for url in &mirror.urls {
            if slot.is_none_or(|(id, _)| url.id < id) {
                *slot = url.host_name().map(|name| (url.id, name)).or(*slot);
            }
        }
    }
    first.into_iter().map(|slot| slot.map(|(_, name)| name)).collect()
}

/// What a host without any URL is called.
fn unnamed(id: u64) -> String {
    format!("host-{id}")
}

fn distinct<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort_unstable();
    values.dedup();
    values
}
