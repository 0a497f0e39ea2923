//! The small tables: all but files and directories.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;
use heliostat_model::{Asn, Code, Continent, Country, IpNet, Url};
use indexmap::map::Entry as Slot;
use indexmap::{IndexMap, IndexSet};

use super::entry::Entry;
use super::hosts::Hosts;
use super::schema::Field;
use super::wire;
use crate::prefix;
use crate::problem::{Fault, ProblemKind, Problems, shown};

/// A map that remembers in which order its keys came.
type Ordered<K, V> = IndexMap<K, V, RandomState>;

/// The small tables; texts are borrowed from the file.
#[derive(Debug, Default)]
pub(super) struct Tables<'a> {
    pub(super) hosts: Hosts,
    pub(super) urls: HashMap<u64, Url, RandomState>,
    pub(super) netblock_countries: Ordered<IpNet, Country>,
    pub(super) locations: Ordered<&'a str, Vec<u64>>,
    pub(super) repositories: Ordered<(&'a str, &'a str), &'a str>,
    pub(super) repository_redirects: Ordered<&'a str, &'a str>,
    pub(super) repositories_disabled: IndexSet<&'a str, RandomState>,
    pub(super) continent_redirects: Ordered<Country, Continent>,
}

impl<'a> Tables<'a> {
    /// Takes in one entry; a fault is what became of all of it that was not sound.
    pub(super) fn read(&mut self, entry: Entry<'a>, problems: &mut Problems) -> Result<(), Fault> {
        match entry.field {
            Field::NetblockCountry => {
                let prefix = prefix::parse(entry.key_bytes()?)?;
                insert_first(&mut self.netblock_countries, prefix, country(entry.value_bytes()?)?)
            }
            Field::Location => self.location(entry),
            Field::HcUrl => self.url(entry),
            Field::DisabledRepository => {
                if entry.value_int()? != 0 {
                    self.repositories_disabled.insert(entry.key_text()?);
                }
                Ok(())
            }
            Field::CountryContinentRedirect => {
                let continent = Continent(code(entry.value_bytes()?)?);
                insert_first(&mut self.continent_redirects, country(entry.key_bytes()?)?, continent)
            }
            Field::RepositoryRedirect => {
                insert_first(&mut self.repository_redirects, entry.key_text()?, entry.value_text()?)
            }
            Field::RepoArchToDirectory => self.repository(entry),
            Field::HostAsn => self.asn(entry),
            Field::HostMaxConnection => self.connections(entry),
            Field::HostCountry => self.country(entry),
            Field::HostBandwidth => self.bandwidth(entry),
            Field::HostCountryAllowed => self.countries_allowed(entry, problems),
            Field::HostNetblock => self.netblock(entry),
            Field::Time | Field::FileDetails | Field::MirrorList => Ok(()),
        }
    }

    fn location(&mut self, entry: Entry<'a>) -> Result<(), Fault> {
        let hosts = self.locations.entry(entry.key_text()?).or_default();
        for id in ids(entry)? {
            hosts.push(wire::id(id)?);
        }
        Ok(())
    }

    fn url(&mut self, entry: Entry<'a>) -> Result<(), Fault> {
        let id = entry.key_id()?;
        let text = entry.value_text()?;
        let url = Url::parse(id, text).ok_or_else(|| {
            let what = format!("{}: no URL of a known scheme; left out", shown(text.as_bytes()));
            Fault::new(ProblemKind::BadUrl, what)
        })?;
        match self.urls.insert(id, url) {
            Some(first) if first != self.urls[&id] => {
                let fault = duplicate(&first.text);
                self.urls.insert(id, first);
                Err(fault)
            }
            _ => Ok(()),
        }
    }

    fn repository(&mut self, entry: Entry<'a>) -> Result<(), Fault> {
        let key = entry.key_text()?;
        // Names of architectures have no plus sign; names of repositories may.
        let (prefix, arch) = key
            .rsplit_once('+')
            .filter(|(prefix, arch)| !prefix.is_empty() && !arch.is_empty())
            .ok_or_else(|| Fault::new(ProblemKind::BadText, "not prefix+arch; left out"))?;
        let directory = wire::path(entry.value_bytes()?)?;
        insert_first(&mut self.repositories, (prefix, arch), directory)
    }

    fn asn(&mut self, entry: Entry<'a>) -> Result<(), Fault> {
        let number = entry.key_id()?;
        let asn = u32::try_from(number).ok().filter(|&asn| asn != 0).map(Asn).ok_or_else(|| {
            Fault::new(ProblemKind::OutOfRange, format!("{number} is no autonomous system"))
        })?;
        self.hosts.mention_each(&ids(entry)?, |host| host.asns.push(asn))
    }

    fn connections(&mut self, entry: Entry<'a>) -> Result<(), Fault> {
        let index = self.hosts.mention(entry.key_id()?);
        let host = self.hosts.draft(index);
        host.real = true;
        let value = entry.value_int()?;
        let value = u32::try_from(value).ok().filter(|&value| value != 0).ok_or_else(|| {
            Fault::new(ProblemKind::OutOfRange, format!("{value} is no number of connections"))
        })?;
        set_first(&mut host.connections_max, value)
    }

    fn bandwidth(&mut self, entry: Entry<'a>) -> Result<(), Fault> {
        let index = self.hosts.mention(entry.key_id()?);
        let host = self.hosts.draft(index);
        host.real = true;
        let value = entry.value_int()?;
        let value = u32::try_from(value).map_err(|_| {
            Fault::new(ProblemKind::OutOfRange, format!("{value} is no bandwidth in Mbit/s"))
        })?;
        set_first(&mut host.bandwidth_mbit_s, value)
    }

    fn country(&mut self, entry: Entry<'a>) -> Result<(), Fault> {
        let index = self.hosts.mention(entry.key_id()?);
        let host = self.hosts.draft(index);
        host.real = true;
        set_first(&mut host.country, country(entry.value_bytes()?)?)
    }

    fn countries_allowed(
        &mut self,
        entry: Entry<'a>,
        problems: &mut Problems,
    ) -> Result<(), Fault> {
        let index = self.hosts.mention(entry.key_id()?);
        let host = self.hosts.draft(index);
        for value in entry.values() {
            host.restricted = true;
            match value.and_then(|value| country(value.bytes()?)) {
                Ok(country) => host.countries_allowed.push(country),
                Err(fault) => problems.fault(fault, || entry.place()),
            }
        }
        Ok(())
    }

    fn netblock(&mut self, entry: Entry<'a>) -> Result<(), Fault> {
        let prefix = prefix::parse(entry.key_bytes()?)?;
        self.hosts.mention_each(&ids(entry)?, |host| host.netblocks.push(prefix))
    }
}

/// A country as a cache spells it.
pub(super) fn country(text: &[u8]) -> Result<Country, Fault> {
    code(text).map(Country)
}

fn code(text: &[u8]) -> Result<Code, Fault> {
    Code::from_bytes(text.trim_ascii()).ok_or_else(|| {
        Fault::new(ProblemKind::BadCountry, format!("{:?} is no two-letter code", shown(text)))
    })
}

fn ids(entry: Entry<'_>) -> Result<Vec<i64>, Fault> {
    let mut ids = Vec::new();
    entry.each_int(|id| ids.push(id))?;
    Ok(ids)
}

/// The first value of a key counts; the same again is nothing to speak of.
fn insert_first<K: Hash + Eq, V: PartialEq + ToString>(
    map: &mut Ordered<K, V>,
    key: K,
    value: V,
) -> Result<(), Fault> {
    match map.entry(key) {
        Slot::Vacant(slot) => {
            slot.insert(value);
            Ok(())
        }
        Slot::Occupied(slot) if *slot.get() == value => Ok(()),
        Slot::Occupied(slot) => Err(duplicate(&slot.get().to_string())),
    }
}

fn set_first<T: PartialEq + Copy + ToString>(slot: &mut Option<T>, value: T) -> Result<(), Fault> {
    match *slot {
        Some(first) if first != value => Err(duplicate(&first.to_string())),
        _ => {
            *slot = Some(value);
            Ok(())
        }
    }
}

fn duplicate(first: &str) -> Fault {
    let what = format!("comes again with another value; {} counts", shown(first.as_bytes()));
    Fault::new(ProblemKind::Duplicate, what)
}
