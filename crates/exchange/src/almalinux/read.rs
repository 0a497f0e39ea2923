//! All of it as a world.

use std::collections::{BTreeMap, HashMap, HashSet};

use heliostat_model::{
    Directory, DirectoryIndex, Facts, Host, HostIndex, Mirror, MirrorIndex, MirrorSetIndex,
    Repository, Url, World,
};

use super::config::{self, Carrier, Config, Offer};
use super::documents::{AlmaLinuxError, Documents};
use super::mirror::{self, URL_IDS_PER_HOST, mirror_read};
use crate::Import;
use crate::problem::{ProblemKind, Problems, shown};

/// Reads a configuration and its mirrors. The files do not say when they were made: the caller does.
///
/// # Errors
///
/// When the configuration cannot be read. What is wrong with a mirror is in [`Import::problems`].
pub fn documents_read(
    documents: &Documents,
    created_unix_s: u64,
) -> Result<Import, AlmaLinuxError> {
    let config = config::parse(&documents.config)?;
    let mut problems = Problems::new();
    let mirrors = mirrors_read(documents, &mut problems);
    let mut draft = Draft::new(created_unix_s);
    mirrors.into_iter().for_each(|mirror| draft.mirror(mirror));
    draft.vault(&config, &mut problems);
    let (offers, more) = config.offers();
    if more {
        problems.add(
            ProblemKind::OutOfRange,
            || "config.yml".to_owned(),
            || format!("more than {} repositories; the others are left out", offers.len()),
        );
    }
    for offer in offers {
        draft.offer(offer, &mut problems);
    }
    Ok(Import { world: draft.world, problems, facts: Facts::default() })
}

/// The sound files; of two with the same name of a host the first counts.
fn mirrors_read(documents: &Documents, problems: &mut Problems) -> Vec<mirror::Mirror> {
    let mut mirrors = Vec::new();
    let mut names = HashSet::new();
    for (document, id) in documents.mirrors.iter().zip(1..) {
        match mirror_read(document, id, problems) {
            Ok(mirror) if names.insert(mirror.host.name.clone()) => mirrors.push(mirror),
            Ok(mirror) => problems.add(
                ProblemKind::Duplicate,
                || document.name.clone(),
                || format!("there is another {}; left out", mirror.host.name),
            ),
            Err(fault) => problems.fault(fault, || document.name.clone()),
        }
    }
    mirrors
}

/// The world as it grows.
struct Draft {
    world: World,
    /// Who carries what: for everybody, and for clients of their own networks.
    carriers: BTreeMap<Carrier, [Vec<MirrorIndex>; 2]>,
    sets: HashMap<Carrier, [MirrorSetIndex; 2]>,
    directories: HashMap<String, DirectoryIndex>,
}

impl Draft {
    fn new(created_unix_s: u64) -> Draft {
        Draft {
            world: World::new("AlmaLinux YAML", created_unix_s),
            carriers: BTreeMap::new(),
            sets: HashMap::new(),
            directories: HashMap::new(),
        }
    }

    fn mirror(&mut self, mirror: mirror::Mirror) {
        let private = mirror.host.private;
        let host = self.host(mirror.host);
        self.carrier(Carrier::Mirrors, host, private, mirror.urls);
        for (module, urls) in mirror.modules {
            self.carrier(Carrier::Module(module), host, private, urls);
        }
    }

    /// The vault is a host like others, but it alone has what it has.
    fn vault(&mut self, config: &Config, problems: &mut Problems) {
        let Some(text) = config.vault_mirror.as_deref().filter(|text| !text.is_empty()) else {
            return;
        };
        let id = self.world.hosts.iter().map(|host| host.id).max().unwrap_or(0) + 1;
        let Some(url) = Url::parse(id * URL_IDS_PER_HOST, text) else {
            problems.add(
                ProblemKind::BadUrl,
                || "config.yml vault_mirror".to_owned(),
                || format!("{}: no URL of a known scheme", shown(text.as_bytes())),
            );
            return;
        };
        let name = url.host_name().unwrap_or("vault").to_owned();
        let host = self.host(Host::new(id, name));
        self.carrier(Carrier::Vault, host, false, vec![url]);
    }

    fn host(&mut self, host: Host) -> HostIndex {
        self.world.hosts.push(host);
        HostIndex(position(self.world.hosts.len()))
    }

    fn carrier(&mut self, carrier: Carrier, host: HostIndex, private: bool, urls: Vec<Url>) {
        if urls.is_empty() {
            return;
        }
        self.world.mirrors.push(Mirror { host, urls });
        let mirror = MirrorIndex(position(self.world.mirrors.len()));
        self.carriers.entry(carrier).or_default()[usize::from(private)].push(mirror);
    }

    fn offer(&mut self, offer: Offer, problems: &mut Problems) {
        let sound = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        if ![&offer.prefix, &offer.arch, &offer.directory].into_iter().all(|text| sound(text)) {
            problems.add(
                ProblemKind::BadText,
                || "config.yml".to_owned(),
                || format!("{}: no name of a repository", shown(offer.prefix.as_bytes())),
            );
            return;
        }
        let directory = match self.directories.get(&offer.directory) {
            Some(&directory) => directory,
            None => self.directory(offer.directory, offer.carrier),
        };
        let (prefix, arch) = (offer.prefix, offer.arch);
        self.world.repositories.push(Repository { prefix, arch, directory: Some(directory) });
    }

    fn directory(&mut self, name: String, carrier: Carrier) -> DirectoryIndex {
        let [public, private] = self.sets(carrier);
        self.world.directories.push(Directory {
            name: name.clone(),
            subpath: name.clone(),
            public,
            private,
            files: Vec::new(),
        });
        let directory = DirectoryIndex(position(self.world.directories.len()));
        self.directories.insert(name, directory);
        directory
    }

    fn sets(&mut self, carrier: Carrier) -> [MirrorSetIndex; 2] {
        if let Some(&sets) = self.sets.get(&carrier) {
            return sets;
        }
        let mirrors = self.carriers.get(&carrier).cloned().unwrap_or_default();
        let sets = mirrors.map(|mirrors| {
            if mirrors.is_empty() {
                return MirrorSetIndex(0);
            }
            self.world.mirror_sets.push(mirrors.into());
            MirrorSetIndex(position(self.world.mirror_sets.len()))
        });
        self.sets.insert(carrier, sets);
        sets
    }
}

/// The position of the last of so many; their number is limited by the documents' sizes.
fn position(count: usize) -> u32 {
    u32::try_from(count - 1).unwrap_or(u32::MAX)
}
