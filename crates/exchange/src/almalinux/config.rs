//! Versions, architectures and repositories.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::documents::AlmaLinuxError;
use super::yaml;

/// The parts of `config.yml` that answers depend on.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Config {
    #[serde(default = "mirrors_dir")]
    pub(super) mirrors_dir: String,
    /// What is current: full versions, and majors that stand for one.
    #[serde(default)]
    pub(super) versions: Vec<String>,
    /// Versions of optional modules: `kitten` has `10`.
    #[serde(default)]
    pub(super) optional_module_versions: BTreeMap<String, Vec<String>>,
    /// Which full version a major version stands for.
    #[serde(default)]
    pub(super) duplicated_versions: BTreeMap<String, String>,
    /// What only the vault has.
    #[serde(default)]
    pub(super) vault_versions: Vec<String>,
    pub(super) vault_mirror: Option<String>,
    /// The architectures of each major version and of each module's version.
    #[serde(default)]
    pub(super) arches: BTreeMap<String, Vec<String>>,
    pub(super) repos: Vec<Repo>,
}

/// One repository in all its versions.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Repo {
    pub(super) name: String,
    /// Below the version's folder; `$basearch` stands for the architecture.
    pub(super) path: String,
    /// Empty: all of the version's.
    #[serde(default)]
    pub(super) arches: Vec<String>,
    /// Empty: all versions.
    #[serde(default)]
    pub(super) versions: Vec<String>,
    /// Mirrors do not carry it; the vault does.
    #[serde(default)]
    pub(super) vault: bool,
}

/// Who carries a repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Carrier {
    /// Every mirror.
    Mirrors,
    /// The mirrors that have an address for this module.
    Module(String),
    /// The vault.
    Vault,
}

/// One repository of one version and architecture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) prefix: String,
    pub(super) arch: String,
    pub(super) directory: String,
    pub(super) carrier: Carrier,
}

/// A version as clients name it, and what it stands for.
struct Version {
    asked: String,
    full: String,
    carrier: Carrier,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Config, AlmaLinuxError> {
    let parsed = yaml::parse(bytes).map_err(|source| AlmaLinuxError::Config { source })?;
    // The configuration is one file in the hands of few people: nothing in it may be unclear.
    match parsed.duplicate {
        Some(source) => Err(AlmaLinuxError::Config { source }),
        None => Ok(parsed.value),
    }
}

impl Config {
    /// Everything that clients can ask for, each once, and whether there was more than anybody has.
    pub(super) fn offers(&self) -> (Vec<Offer>, bool) {
        let mut offers = Vec::new();
        let mut seen = BTreeSet::new();
        for version in self.versions() {
            for repo in self.repos.iter().filter(|repo| repo.has(&version)) {
                for arch in self.arches(&version, repo) {
                    if offers.len() == OFFERS_MAX {
                        return (offers, true);
                    }
                    let offer = repo.offer(&version, arch);
                    if seen.insert((offer.prefix.clone(), offer.arch.clone())) {
                        offers.push(offer);
                    }
                }
            }
        }
        (offers, false)
    }

    fn versions(&self) -> Vec<Version> {
        let current = self.versions.iter().map(|asked| Version {
            asked: asked.clone(),
            full: self.duplicated_versions.get(asked).unwrap_or(asked).clone(),
            carrier: Carrier::Mirrors,
        });
        let modules = self.optional_module_versions.iter().flat_map(|(module, versions)| {
            versions.iter().map(move |version| {
                let full = format!("{version}-{module}");
                Version { asked: full.clone(), full, carrier: Carrier::Module(module.clone()) }
            })
        });
        let vault = self.vault_versions.iter().map(|version| Version {
            asked: version.clone(),
            full: version.clone(),
            carrier: Carrier::Vault,
        });
        current.chain(modules).chain(vault).collect()
    }

    fn arches<'a>(&'a self, version: &Version, repo: &'a Repo) -> Vec<&'a str> {
        if !repo.path.contains(BASEARCH) && repo.name.contains(SOURCE) {
            return vec![SOURCE];
        }
        let listed =
            self.arches.get(&version.full).or_else(|| self.arches.get(major(&version.full)));
        let Some(listed) = listed else { return repo.arches.iter().map(String::as_str).collect() };
        let wanted = |arch: &&String| repo.arches.is_empty() || repo.arches.contains(arch);
        listed.iter().filter(wanted).map(String::as_str).collect()
    }
}

impl Repo {
    /// The version has this repository. The list names current versions only, so a version in the
    /// vault has what the current version of its major has.
    fn has(&self, version: &Version) -> bool {
        self.versions.is_empty()
            || self.versions.iter().any(|listed| match version.carrier {
                Carrier::Vault => major(listed) == major(&version.full),
                _ => *listed == version.full || *listed == version.asked,
            })
    }

    fn offer(&self, version: &Version, arch: &str) -> Offer {
        let path = self.path.replace(BASEARCH, arch);
        Offer {
            prefix: format!("{}-{}", self.name, version.asked),
            arch: arch.to_owned(),
            directory: format!("{}/{}", version.full, path.trim_matches('/')),
            carrier: if self.vault { Carrier::Vault } else { version.carrier.clone() },
        }
    }
}

/// `10` of `10.2-beta`.
fn major(version: &str) -> &str {
    version.split(['.', '-']).next().unwrap_or(version)
}

fn mirrors_dir() -> String {
    "mirrors.d".to_owned()
}

/// What stands for the architecture in a path.
const BASEARCH: &str = "$basearch";

/// The architecture under which clients ask for what has none.
const SOURCE: &str = "source";

/// The most repositories of all versions and architectures; AlmaLinux has some four thousand.
const OFFERS_MAX: usize = 50_000;
