//! A report into the catalog.

use heliostat_catalog::checkin::Checkin;
use heliostat_catalog::{Error, Txn};
use serde::Serialize;

use crate::compare::compare;
use crate::report::Report;
use crate::speaker::{Refused, Speaker};

/// What became of a check-in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The host.
    pub host: String,
    /// What it reported and carries, by category, as the catalog calls it.
    pub categories: Vec<Received>,
    /// What it reported and does not carry.
    pub not_carried: Vec<String>,
    /// Names that nobody should use, and were left out.
    pub left_out: u64,
}

/// What became of a category's folders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Received {
    /// The category.
    pub category: String,
    /// Directories that it has as they should be.
    pub current: u64,
    /// Directories of which it has an older version, or only a part.
    pub behind: u64,
    /// Directories that it has not.
    pub missing: u64,
    /// Directories with an index that nobody knows: they stay what they were taken for.
    pub unknown: u64,
    /// Folders that are no directories of the category.
    pub strange: u64,
    /// Folders that are.
    #[serde(skip)]
    pub(crate) recognised: u64,
}

/// Takes a report over: states, looks, the owner's switch, and when that was.
///
/// # Errors
///
/// When the catalog does not do it; a report that is not believed changes nothing.
pub fn take(
    txn: &mut Txn<'_>,
    speaker: &Speaker,
    report: &Report,
) -> Result<Result<Receipt, Refused>, Error> {
    let mut host = match speaker.host(txn.view(), &report.host)? {
        Ok(host) => host,
        Err(refused) => return Ok(Err(refused)),
    };
    let categories = txn.view().category_list()?;
    let mut receipt = Receipt { host: host.name.clone(), ..Receipt::default() };
    receipt.left_out = report.left_out;
    let at_unix_s = txn.actor().now_unix_s;
    for (name, told) in &report.categories {
        // The old client writes them in small letters.
        let is = |known: &str| known.to_lowercase() == name.to_lowercase();
        let mirror = host.mirrors.iter().find(|mirror| is(&mirror.category));
        let category = mirror.and_then(|m| categories.iter().find(|c| c.name == m.category));
        let (Some(mirror), Some(category)) = (mirror, category) else {
            receipt.not_carried.push(name.clone());
            continue;
        };
        let compared = compare(txn.view(), (category.id, &category.top), told, at_unix_s)?;
        let states = txn.view().states_find(mirror.id)?.renewed(&compared.states);
        let looks = txn.view().looks_find(mirror.id)?.renewed(&compared.looks);
        txn.states_set(mirror.id, &format!("{} mirror {}", host.name, mirror.id), &states)?;
        txn.looks_set(mirror.id, &looks)?;
        receipt.categories.push(Received { category: category.name.clone(), ..compared.counts });
    }
    if receipt.categories.is_empty() {
        txn.abandon();
        let carried = host.mirrors.into_iter().map(|mirror| mirror.category).collect();
        return Ok(Err(Refused::Nothing { host: host.name, carried }));
    }
    let sum = |count: fn(&Received) -> u64| receipt.categories.iter().map(count).sum();
    txn.checkin_set(&Checkin {
        host_id: host.id,
        at_unix_s,
        who: speaker.name(),
        current: sum(|of| of.current),
        behind: sum(|of| of.behind),
        missing: sum(|of| of.missing),
        unknown: sum(|of| of.unknown),
    })?;
    if let Some(active) = report.active.filter(|&active| active != host.active_owner) {
        let before = host.clone();
        host.active_owner = active;
        txn.host_update(&before, host)?;
    }
    Ok(Ok(receipt))
}

impl Receipt {
    /// What the old server answered, line by line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for of in &self.categories {
            text += &format!(
                "Category {} directories updated: {}  added: 0  deleted {}\n",
                of.category, of.current, of.missing
            );
        }
        for name in &self.not_carried {
            text += &format!("Category {name} is not carried by {}\n", self.host);
        }
        text + "checked in successful"
    }
}
