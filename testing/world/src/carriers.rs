//! Which mirror carries which part of the tree.
//!
//! A mirror has an appetite: hungry ones carry everything, others leave out debug information,
//! sources, rare architectures. So the sets of different trees overlap much, as real ones do. On
//! top of that some mirrors lag behind in trees that change, and some miss a directory here and
//! there. Directories of one tree share a handful of sets.

use std::collections::HashMap;

use heliostat_model::{
    Host, HostIndex, Mirror, MirrorIndex, MirrorSet, MirrorSetIndex, Scheme, Url,
};

use crate::random::{Random, mix2};
use crate::tree::{CATEGORIES, Category, Tree};

/// A mirror and its owner's habits.
#[derive(Clone, Debug)]
pub(crate) struct Carrier {
    mirror: MirrorIndex,
    category: usize,
    private: bool,
    /// It leaves out trees that are rarer than this.
    appetite: u64,
    /// How many of a thousand directories that change it has not caught up with.
    lag_permille: u64,
}

/// The mirrors of some hosts; appends them and their URLs, and tells their owners' habits.
pub(crate) fn carriers(
    hosts: std::ops::Range<usize>,
    all: &[Host],
    (distribution, categories): (&str, &[usize]),
    mirrors: &mut Vec<Mirror>,
    random: &mut Random,
) -> Vec<Carrier> {
    let mut url_id = mirrors.iter().map(|mirror| mirror.urls.len() as u64).sum();
    let mut carriers = Vec::new();
    for index in hosts {
        let host = &all[index];
        let appetite = 350 + random.below(650);
        let lag_permille = 5 + random.below(60) * random.below(4);
        let folder = random.pick(&FOLDERS).copied().unwrap_or_default();
        for category in chosen(host.private, categories, random) {
            let place =
                format!("{}{folder}/{distribution}{}", host.name, CATEGORIES[category].base);
            let urls = urls(&place, &mut url_id, random);
            let mirror = MirrorIndex(mirrors.len() as u32);
            mirrors.push(Mirror { host: HostIndex(index as u32), urls });
            let private = host.private;
            carriers.push(Carrier { mirror, category, private, appetite, lag_permille });
        }
    }
    carriers
}

/// The categories of a host, at least one.
fn chosen(private: bool, categories: &[usize], random: &mut Random) -> Vec<usize> {
    let share = |c: &Category| if private { c.private_permille } else { c.public_permille };
    let mut chosen = categories.to_vec();
    chosen.retain(|&category| random.chance(share(&CATEGORIES[category])));
    if chosen.is_empty() {
        chosen.extend(random.pick(&categories[..categories.len().min(2)]));
    }
    chosen
}

fn urls(place: &str, id: &mut u64, random: &mut Random) -> Vec<Url> {
    let schemes = [
        (Scheme::Http, 970),
        (Scheme::Https, 850),
        (Scheme::Rsync, 850),
        (Scheme::Ftp, 120),
        (Scheme::Https, 60),
    ];
    let mut urls = Vec::new();
    for (i, (scheme, permille)) in schemes.into_iter().enumerate() {
        let forced = i == 1 && urls.is_empty();
        if !random.chance(permille) && !forced {
            continue;
        }
        // The second HTTPS address is the same machine under its other name.
        let prefix = if i == 4 { "www." } else { "" };
        *id += 1;
        urls.push(Url { id: *id, scheme, text: format!("{scheme}://{prefix}{place}") });
    }
    urls
}

/// The public and the private carriers of a directory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pair {
    /// Those that anybody may be sent to.
    pub(crate) public: MirrorSetIndex,
    /// Those for clients of their own networks.
    pub(crate) private: MirrorSetIndex,
}

/// The sets of one tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TreeSets {
    /// Those that are up to date with it.
    pub(crate) fresh: Pair,
    /// The same for directories in which some of them miss something.
    pub(crate) partial: [Pair; 3],
}

/// The sets of a tree.
pub(crate) fn tree_sets(tree: &Tree, carriers: &[Carrier], seed: u64, sets: &mut Sets) -> TreeSets {
    let dice = |carrier: &Carrier, name: u64| {
        let name = tree.path.bytes().fold(name, |hash, byte| mix2(hash, u64::from(byte)));
        mix2(seed ^ name, u64::from(carrier.mirror.0)) % 1000
    };
    let carries = |carrier: &&Carrier| {
        let mood = dice(carrier, 1) / 5;
        carrier.category == tree.category && carrier.appetite + mood >= 400 + tree.rarity
    };
    let lags = |carrier: &Carrier| {
        let permille = if tree.churning { carrier.lag_permille } else { carrier.lag_permille / 4 };
        dice(carrier, 2) < permille
    };
    let fresh: Vec<_> = carriers.iter().filter(carries).filter(|c| !lags(c)).collect();
    let partial = [3, 4, 5]
        .map(|name| sets.pair(fresh.iter().copied().filter(|c| dice(c, name) >= MISSING_PERMILLE)));
    TreeSets { fresh: sets.pair(fresh.into_iter()), partial }
}

/// All carriers of a category.
pub(crate) fn category_set(category: usize, carriers: &[Carrier], sets: &mut Sets) -> Pair {
    sets.pair(carriers.iter().filter(|carrier| carrier.category == category))
}

/// Sets of mirrors, each once.
#[derive(Debug, Default)]
pub(crate) struct Sets {
    known: HashMap<MirrorSet, MirrorSetIndex>,
    /// In the order in which they came; the first is the empty one.
    pub(crate) list: Vec<MirrorSet>,
}

impl Sets {
    /// Only the empty set.
    pub(crate) fn new() -> Sets {
        let mut sets = Sets::default();
        sets.insert(Vec::new());
        sets
    }

    fn pair<'a>(&mut self, carriers: impl Iterator<Item = &'a Carrier>) -> Pair {
        let (private, public): (Vec<_>, Vec<_>) = carriers.partition(|carrier| carrier.private);
        Pair { public: self.insert(public), private: self.insert(private) }
    }

    fn insert(&mut self, carriers: Vec<&Carrier>) -> MirrorSetIndex {
        let set: MirrorSet = carriers.iter().map(|carrier| carrier.mirror).collect();
        *self.known.entry(set).or_insert_with_key(|set| {
            let index = MirrorSetIndex(self.list.len() as u32);
            self.list.push(set.clone());
            index
        })
    }
}

const MISSING_PERMILLE: u64 = 25;

const FOLDERS: [&str; 5] = ["", "", "/pub", "/linux", "/mirrors"];
