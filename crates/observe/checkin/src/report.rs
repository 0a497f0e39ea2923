//! What a host says, as a worker found it.

use std::collections::BTreeMap;

use heliostat_observe_probe::Found;
use heliostat_observe_probe::wire::{Fact, Hash, Kind};

/// What a host says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Its name, or its number.
    pub host: String,
    /// Its site and the site's password: the old client says who it is in the document.
    pub secret: Option<(String, String)>,
    /// Whether it wants to be used; the old client says so each time.
    pub active: Option<bool>,
    /// Its folders, by category and path below the category's top.
    pub categories: BTreeMap<String, BTreeMap<String, Reported>>,
    /// Names that nobody should use, and were left out.
    pub left_out: u64,
}

/// What a host says of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// How many bytes its files have; the old client does not say.
    pub bytes: Option<u64>,
    /// What its indexes hash to: SHA-256, by name.
    pub indexes: BTreeMap<String, String>,
}

/// Something that a check-in must say and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the check-in does not say which host it is of")]
pub struct Unsaid;

impl Report {
    /// The report that a worker found.
    ///
    /// # Errors
    ///
    /// When it does not say whose it is.
    pub fn of(found: Found) -> Result<Report, Unsaid> {
        let text = |fact| found.facts.text(fact).map(str::to_owned);
        let host = text(Fact::Host).filter(|name| !name.is_empty()).ok_or(Unsaid)?;
        let secret = text(Fact::Site).zip(text(Fact::Password));
        let active = text(Fact::HostActive).as_deref().and_then(truth);
        let left_out = found.left_out.iter().map(|left| left.count).sum();
        let mut categories = BTreeMap::<String, BTreeMap<String, Reported>>::new();
        for entry in found.entries {
            let folders = categories.entry(entry.label).or_default();
            if entry.kind == Kind::Directory {
                let folder = folders.entry(entry.path).or_default();
                folder.bytes = entry.size.and_then(|size| size.bytes());
                continue;
            }
            let Some((path, name)) = entry.path.rsplit_once('/') else { continue };
            let folder = folders.entry(path.to_owned()).or_default();
            let sha256 = entry.hashes.iter().find(|hash| matches!(hash, Hash::Sha256(_)));
            if let Some(hash) = sha256 {
                folder.indexes.insert(name.to_owned(), hash.hex());
            }
        }
        Ok(Report { host, secret, active, categories, left_out })
    }

    /// How many folders it speaks of.
    #[must_use]
    pub fn folders(&self) -> usize {
        self.categories.values().map(BTreeMap::len).sum()
    }
}

/// As the old client's file of settings has it.
fn truth(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}
