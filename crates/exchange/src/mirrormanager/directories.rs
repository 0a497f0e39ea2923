//! Directories: which hosts carry them, under which URLs.
//!
//! This is nearly all of the file, so each field is looked at once, lists go through buffers that
//! are used again, and membership is a stamp on the host instead of a set.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use heliostat_model::{Country, Directory, DirectoryIndex, MirrorIndex};

use super::entry::Entry;
use super::files::Files;
use super::hosts::{HostDraft, Hosts};
use super::mirrors::{Carrier, Mirrors, position};
use super::schema::directory as number;
use super::tables::{Tables, country};
use super::wire::{self, Fields, Value, path, text};
use crate::problem::{Fault, ProblemKind, Problems};

/// The directories read so far.
#[derive(Debug)]
pub(super) struct Directories<'a> {
    pub(super) directories: Vec<Directory>,
    pub(super) by_name: HashMap<&'a str, DirectoryIndex, RandomState>,
    pub(super) mirrors: Mirrors<'a>,
    /// How many ask for lists that are not ordered.
    pub(super) unordered: u64,
    parts: Parts<'a>,
}

/// The fields of the directory that is being read; the buffers are used for all of them.
#[derive(Debug, Default)]
struct Parts<'a> {
    name: Option<&'a [u8]>,
    subpath: &'a [u8],
    global: Vec<i64>,
    by_country: Vec<(&'a [u8], Membership)>,
    by_host: Vec<&'a [u8]>,
    unordered: bool,
    carriers: Vec<Carrier>,
    public: Vec<MirrorIndex>,
    private: Vec<MirrorIndex>,
}

/// What it says about a host that a directory lists it under a country.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Membership {
    Country,
    Internet2,
}

impl<'a> Directories<'a> {
    pub(super) fn new() -> Directories<'a> {
        Directories {
            directories: Vec::new(),
            by_name: HashMap::default(),
            mirrors: Mirrors::new(),
            unordered: 0,
            parts: Parts::default(),
        }
    }

    /// Takes in one directory.
    pub(super) fn read(
        &mut self,
        entry: Entry<'a>,
        tables: &mut Tables<'a>,
        files: &mut Files<'a>,
        problems: &mut Problems,
    ) -> Result<(), Fault> {
        self.parts.read(entry, problems);
        let name = self
            .parts
            .name
            .ok_or_else(|| Fault::new(ProblemKind::MissingField, "it has no name; left out"))?;
        let name = path(name)?;
        let subpath = match self.parts.subpath {
            [] => "",
            subpath => text(subpath)?.trim_matches('/'),
        };
        if self.by_name.contains_key(name) {
            return Err(Fault::new(ProblemKind::Duplicate, "comes again; the first counts"));
        }
        self.carriers(entry, tables, problems);
        self.parts.countries(entry, &mut tables.hosts, problems);
        let public = self.mirrors.set(&mut self.parts.public);
        let private = self.mirrors.set(&mut self.parts.private);
        self.unordered += u64::from(self.parts.unordered);
        self.by_name.insert(name, DirectoryIndex(position(self.directories.len())));
        self.directories.push(Directory {
            name: name.to_owned(),
            subpath: subpath.to_owned(),
            public,
            private,
            files: files.take(name),
        });
        Ok(())
    }

    /// Splits the hosts that carry the directory into those for everybody and the others.
    fn carriers(&mut self, entry: Entry<'a>, tables: &mut Tables<'a>, problems: &mut Problems) {
        let stamp = entry.index + 1;
        let parts = &mut self.parts;
        for &message in &parts.by_host {
            let Some(carrier) = self.mirrors.carrier(message, entry, tables, problems) else {
                continue;
            };
            let host = tables.hosts.draft(carrier.host);
            if host.carried_in == stamp {
                problems.add(
                    ProblemKind::Duplicate,
                    || entry.place(),
                    || format!("host {} comes again; its first entry counts", host.id),
                );
                continue;
            }
            host.carried_in = stamp;
            parts.carriers.push(carrier);
        }
        parts.public_hosts(entry, &mut tables.hosts, problems);
        for carrier in &parts.carriers {
            if tables.hosts.draft(carrier.host).public_in == stamp {
                parts.public.push(carrier.mirror);
            } else {
                parts.private.push(carrier.mirror);
            }
        }
    }
}

impl<'a> Parts<'a> {
    /// Collects the fields of one directory; what is broken is told, and the rest is kept.
    fn read(&mut self, entry: Entry<'a>, problems: &mut Problems) {
        self.clear();
        for field in Fields::new(entry.message) {
            if let Err(fault) = field.and_then(|(number, value)| self.field(number, value)) {
                problems.fault(fault, || entry.place());
            }
        }
    }

    fn field(&mut self, number: u32, value: Value<'a>) -> Result<(), Fault> {
        match number {
            number::NAME => self.name = Some(value.bytes()?),
            number::GLOBAL => value.each_int(|id| self.global.push(id))?,
            number::SUBPATH => self.subpath = value.bytes()?,
            number::BY_COUNTRY => self.by_country.push((value.bytes()?, Membership::Country)),
            number::BY_COUNTRY_INTERNET2 => {
                self.by_country.push((value.bytes()?, Membership::Internet2));
            }
            number::BY_HOST_ID => self.by_host.push(value.bytes()?),
            number::ORDERED => self.unordered = value.int()? == 0,
            _ => {}
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.name = None;
        self.subpath = &[];
        self.unordered = false;
        self.global.clear();
        self.by_country.clear();
        self.by_host.clear();
        self.carriers.clear();
        self.public.clear();
        self.private.clear();
    }

    /// Stamps the hosts that are given to everybody; each must carry the directory.
    fn public_hosts(&self, entry: Entry<'a>, hosts: &mut Hosts, problems: &mut Problems) {
        let stamp = entry.index + 1;
        for &id in &self.global {
            let Some(index) = wire::id(id).ok().and_then(|id| hosts.find(id)) else {
                problems.add(
                    ProblemKind::UnknownName,
                    || entry.place(),
                    || format!("Global names host {id}, which there is not"),
                );
                continue;
            };
            let host = hosts.draft(index);
            host.public_in = stamp;
            host.public_somewhere = true;
            if host.carried_in != stamp && !host.no_url_told {
                host.no_url_told = true;
                problems.add(
                    ProblemKind::NoUrl,
                    || entry.place(),
                    || format!("Global names host {id}, which has no URL there; told once"),
                );
            }
        }
    }

    /// Learns from the lists by country what the tables do not say about the hosts in them.
    fn countries(&self, entry: Entry<'a>, hosts: &mut Hosts, problems: &mut Problems) {
        for &(message, membership) in &self.by_country {
            let list = Entry { message, ..entry };
            let place = || match membership {
                Membership::Country => format!("{} ByCountry", entry.place()),
                Membership::Internet2 => format!("{} ByCountryInternet2", entry.place()),
            };
            let listed = match list.key_bytes().and_then(country) {
                Ok(listed) => listed,
                Err(fault) => {
                    problems.fault(fault, place);
                    continue;
                }
            };
            let broken =
                list.each_int(|id| match wire::id(id).ok().and_then(|id| hosts.find(id)) {
                    Some(index) => {
                        let host = hosts.draft(index);
                        host.internet2 |= membership == Membership::Internet2;
                        host.list_under(listed, problems, &place);
                    }
                    None => problems.add(ProblemKind::UnknownName, place, || {
                        format!("{listed} names host {id}, which there is not")
                    }),
                });
            if let Err(fault) = broken {
                problems.fault(fault, place);
            }
        }
    }
}

impl HostDraft {
    /// Notes under which country a directory lists the host.
    fn list_under(&mut self, listed: Country, problems: &mut Problems, place: &dyn Fn() -> String) {
        match self.country_listed {
            None => self.country_listed = Some(listed),
            Some(first) if first != listed && !self.country_told => {
                self.country_told = true;
                problems.add(ProblemKind::Contradiction, place, || {
                    format!(
                        "lists host {} under {listed}, others under {first}; told once",
                        self.id
                    )
                });
            }
            Some(_) => {}
        }
    }
}
