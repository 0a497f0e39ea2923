//! Mirrors and sets of mirrors, each stored once.
//!
//! Millions of directory entries name a few thousand distinct mirrors. An entry is recognised by
//! its raw bytes, so that its list of URLs is decoded and looked up only the first time.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use heliostat_model::{HostIndex, Mirror, MirrorIndex, MirrorSet, MirrorSetIndex};
use indexmap::IndexSet;

use super::entry::Entry;
use super::tables::Tables;
use super::wire;
use crate::problem::{Fault, ProblemKind, Problems};

/// What was stored so far.
#[derive(Debug)]
pub(super) struct Mirrors<'a> {
    by_entry: HashMap<&'a [u8], Option<Carrier>, RandomState>,
    mirrors: IndexSet<Mirror, RandomState>,
    sets: IndexSet<MirrorSet, RandomState>,
}

/// A host that carries a directory, and the mirror under which it does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Carrier {
    pub(super) host: HostIndex,
    pub(super) mirror: MirrorIndex,
}

impl<'a> Mirrors<'a> {
    pub(super) fn new() -> Mirrors<'a> {
        let empty = MirrorSet::default();
        Mirrors {
            by_entry: HashMap::default(),
            mirrors: IndexSet::default(),
            sets: IndexSet::from_iter([empty]),
        }
    }

    /// The carrier of one `ByHostId` entry; `None` when clients could not be sent there.
    pub(super) fn carrier(
        &mut self,
        message: &'a [u8],
        directory: Entry<'a>,
        tables: &mut Tables<'_>,
        problems: &mut Problems,
    ) -> Option<Carrier> {
        if let Some(&known) = self.by_entry.get(message) {
            return known;
        }
        let entry = Entry { message, ..directory };
        let place = || format!("{} ByHostId", directory.place());
        let carrier = match self.decode(entry, tables, problems, &place) {
            Ok(carrier) => Some(carrier),
            Err(fault) => {
                problems.fault(fault, place);
                None
            }
        };
        self.by_entry.insert(message, carrier);
        carrier
    }

    fn decode(
        &mut self,
        entry: Entry<'a>,
        tables: &mut Tables<'_>,
        problems: &mut Problems,
        place: &dyn Fn() -> String,
    ) -> Result<Carrier, Fault> {
        let id = entry.key_id()?;
        let host = tables.hosts.mention(id);
        tables.hosts.draft(host).real = true;
        let mut urls = Vec::new();
        let broken = entry.each_int(|url_id| {
            match wire::id(url_id).ok().and_then(|url_id| tables.urls.get(&url_id)) {
                Some(url) => urls.push(url.clone()),
                None => problems.add(ProblemKind::UnknownName, place, || {
                    format!("host {id} names URL {url_id}, which HCUrlCache does not have")
                }),
            }
        });
        if let Err(fault) = broken {
            problems.fault(fault, place);
        }
        urls.sort_unstable_by_key(|url| url.id);
        urls.dedup();
        if urls.is_empty() {
            tables.hosts.draft(host).no_url_told = true;
            let what = format!("host {id} has no URL there; left out");
            return Err(Fault::new(ProblemKind::NoUrl, what));
        }
        tables.hosts.draft(host).carries = true;
        let (index, _) = self.mirrors.insert_full(Mirror { host, urls });
        Ok(Carrier { host, mirror: MirrorIndex(position(index)) })
    }

    /// Sorts a set and stores it, unless an equal one is.
    pub(super) fn set(&mut self, mirrors: &mut Vec<MirrorIndex>) -> MirrorSetIndex {
        mirrors.sort_unstable();
        mirrors.dedup();
        let index = match self.sets.get_index_of(mirrors.as_slice()) {
            Some(index) => index,
            None => self.sets.insert_full(MirrorSet::from(mirrors.as_slice())).0,
        };
        MirrorSetIndex(position(index))
    }

    /// Everything stored, in the order of first use.
    pub(super) fn finish(self) -> (Vec<Mirror>, Vec<MirrorSet>) {
        (self.mirrors.into_iter().collect(), self.sets.into_iter().collect())
    }
}

/// The file's size limit keeps positions below 2³².
pub(super) fn position(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}
