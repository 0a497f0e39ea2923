//! The tree of a distribution: categories, releases, repositories, directories.
//!
//! Names and paths are those that users of Fedora and EPEL know: `fedora-40`,
//! `updates-released-f40`, `epel-9`, and the directories behind them.

use std::collections::BTreeMap;

use crate::scale::Counts;

/// What mirrors decide to carry as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Category {
    /// Its top directory.
    pub(crate) top: &'static str,
    /// Where mirrors put it.
    pub(crate) base: &'static str,
    /// How many of a thousand public hosts carry it.
    pub(crate) public_permille: u64,
    /// How many of a thousand private hosts carry it.
    pub(crate) private_permille: u64,
}

/// A repository of one architecture, in its place.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// Position in [`CATEGORIES`].
    pub(crate) category: usize,
    /// Where it lies below the category's top.
    pub(crate) path: String,
    /// The name of the repository.
    pub(crate) prefix: String,
    /// The architecture.
    pub(crate) arch: &'static str,
    /// How many of a thousand mirrors leave it out.
    pub(crate) rarity: u64,
    /// It changes every day.
    pub(crate) churning: bool,
}

/// What lies in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Other directories.
    Folders,
    /// The repository itself, by its position in the list of trees.
    Repository(usize),
    /// Its metadata.
    Metadata(usize),
    /// Packages whose names begin alike.
    Packages(usize, usize),
    /// Images of an installer.
    Images,
}

/// The trees of one distribution, those that people use most first.
pub(crate) fn trees(counts: &Counts) -> Vec<Tree> {
    let mut trees = Vec::new();
    if counts.repositories < 100 {
        epel(&["10", "9"], &ARCHES[..2], &mut trees);
        rawhide(&ARCHES[..2], &mut trees);
        for version in [41, 40] {
            fedora(version, "Everything", &ARCHES[..2], &mut trees);
        }
        epel(&["8"], &ARCHES[..2], &mut trees);
    } else {
        epel(&["10", "9", "8", "10.1", "10.0", "7", "6"], &ARCHES[..4], &mut trees);
        rawhide(&ARCHES[..4], &mut trees);
        for version in (VERSION_FIRST..=VERSION_LAST).rev() {
            fedora(version, "Everything", arches(version), &mut trees);
            if (28..=38).contains(&version) {
                fedora(version, "Modular", &ARCHES[..4], &mut trees);
            }
        }
    }
    trees.truncate(counts.repositories);
    trees
}

/// All directories of one distribution: position of the category and path below its top.
pub(crate) fn directories(counts: &Counts, trees: &[Tree]) -> Vec<((usize, String), Content)> {
    let mut all = BTreeMap::new();
    for (i, tree) in trees.iter().enumerate() {
        all.insert((tree.category, tree.path.clone()), Content::Repository(i));
        all.insert((tree.category, format!("{}/repodata", tree.path)), Content::Metadata(i));
        all.insert((tree.category, format!("{}/Packages", tree.path)), Content::Packages(i, 0));
        if let Some(images) = images_path(tree) {
            all.insert((tree.category, images), Content::Images);
        }
    }
    let leaves: Vec<_> = all.keys().cloned().collect();
    for (category, path) in leaves {
        for (i, _) in path.match_indices('/') {
            all.entry((category, path[..i].to_owned())).or_insert(Content::Folders);
        }
        all.entry((category, String::new())).or_insert(Content::Folders);
    }
    // What is missing is packages, spread evenly.
    let mut letter = 0;
    while all.len() < counts.directories && letter < LETTERS.len() {
        let missing = counts.directories - all.len();
        for (i, tree) in trees.iter().enumerate().take(missing) {
            let path = format!("{}/Packages/{}", tree.path, LETTERS[letter]);
            all.insert((tree.category, path), Content::Packages(i, letter + 1));
        }
        letter += 1;
    }
    all.into_iter().collect()
}

/// Where the installer of a release lies, said once per architecture.
fn images_path(tree: &Tree) -> Option<String> {
    let release = tree.path.strip_suffix("/os")?.strip_prefix("releases/")?;
    let (version, arch) = release.split_once("/Everything/")?;
    Some(format!("releases/{version}/Workstation/{arch}/iso"))
}

/// A repository in all its architectures, with its debug information and its sources.
struct Stream {
    category: usize,
    base: String,
    /// Binary, debug and source packages.
    prefixes: [String; 3],
    /// Release trees keep their packages in `os`, all others directly.
    release: bool,
    rarity: u64,
    churning: bool,
}

impl Stream {
    fn trees(self, arches: &[&'static str], out: &mut Vec<Tree>) {
        let Stream { category, base, prefixes: [binary, debug, source], .. } = self;
        let (os, tree) = if self.release { ("/os", "/tree") } else { ("", "") };
        let mut push = |prefix: &str, arch, path: String, rarity| {
            let rarity = rarity + self.rarity;
            let (prefix, churning) = (prefix.to_owned(), self.churning);
            out.push(Tree { category, path, prefix, arch, rarity, churning });
        };
        for (i, arch) in arches.iter().enumerate() {
            let rarity = [0, 80].get(i).copied().unwrap_or(180);
            push(&binary, arch, format!("{base}/{arch}{os}"), rarity);
            push(&debug, arch, format!("{base}/{arch}/debug{tree}"), rarity + 250);
        }
        push(&source, "source", format!("{base}/source/tree"), 200);
    }
}

/// One version of Fedora: the release, its updates, and those in testing.
fn fedora(version: u32, variant: &str, arches: &[&'static str], out: &mut Vec<Tree>) {
    let v = version;
    let modular = if variant == "Modular" { "modular-" } else { "" };
    let archived = version < VERSION_CURRENT_FIRST;
    let (linux, folder) = if archived { (ARCHIVE, "fedora/linux/") } else { (LINUX, "") };
    let age = if archived { 0 } else { 30 * u64::from(VERSION_LAST - version) };
    let names = |start: &str, end: String| {
        ["", "debug-", "source-"].map(|kind| format!("{start}{kind}{modular}{end}"))
    };
    let streams = [
        ("releases", names("fedora-", v.to_string()), true, 0),
        ("updates", names("updates-released-", format!("f{v}")), false, 0),
        ("updates/testing", names("updates-testing-", format!("f{v}")), false, 150),
    ];
    let (primary, secondary) = arches.split_at(arches.len().min(2));
    for (place, prefixes, release, rarity) in streams {
        let stream = |category, base: String| Stream {
            category,
            base,
            prefixes: prefixes.clone(),
            release,
            rarity: rarity + age,
            churning: !release && !archived,
        };
        let base = format!("{folder}{place}/{v}/{variant}");
        if archived || secondary.is_empty() {
            stream(linux, base).trees(arches, out);
        } else {
            stream(linux, base.clone()).trees(primary, out);
            let sources = out.len();
            stream(SECONDARY, base).trees(secondary, out);
            // The sources are those of the primary architectures.
            if out.len() > sources {
                out.pop();
            }
        }
    }
}

fn rawhide(arches: &[&'static str], out: &mut Vec<Tree>) {
    Stream {
        category: LINUX,
        base: "development/rawhide/Everything".to_owned(),
        prefixes: ["rawhide", "rawhide-debug", "rawhide-source"].map(str::to_owned),
        release: true,
        rarity: 50,
        churning: true,
    }
    .trees(arches, out);
}

fn epel(versions: &[&str], arches: &[&'static str], out: &mut Vec<Tree>) {
    for v in versions {
        let stream = |category, base: String, start: &str, end: &str, rarity| {
            let prefixes = ["", "debug-", "source-"].map(|kind| format!("{start}{kind}{end}{v}"));
            Stream { category, base, prefixes, release: false, rarity, churning: true }
        };
        if matches!(*v, "6" | "7") {
            stream(ARCHIVE, format!("epel/{v}"), "epel-", "", 0).trees(arches, out);
            continue;
        }
        stream(EPEL, format!("{v}/Everything"), "epel-", "", 0).trees(arches, out);
        stream(EPEL, format!("testing/{v}/Everything"), "testing-", "epel", 150).trees(arches, out);
        if matches!(*v, "8" | "9") && arches.len() > 2 {
            stream(EPEL, format!("next/{v}/Everything"), "epel-next-", "", 200).trees(arches, out);
        }
    }
}

/// The architectures of a version of Fedora, the most used first.
fn arches(version: u32) -> &'static [&'static str] {
    match version {
        ..=30 => &ARCHES,
        31..=36 => &ARCHES[..5],
        _ => &ARCHES[..4],
    }
}

/// What a host may carry.
pub(crate) const CATEGORIES: [Category; 4] = [
    Category {
        top: "pub/fedora/linux",
        base: "fedora/linux",
        public_permille: 640,
        private_permille: 230,
    },
    Category { top: "pub/epel", base: "epel", public_permille: 640, private_permille: 270 },
    Category { top: "pub/archive", base: "archive", public_permille: 430, private_permille: 130 },
    Category {
        top: "pub/fedora-secondary",
        base: "fedora-secondary",
        public_permille: 460,
        private_permille: 130,
    },
];

const LINUX: usize = 0;
const EPEL: usize = 1;
const ARCHIVE: usize = 2;
const SECONDARY: usize = 3;

const VERSION_FIRST: u32 = 13;
const VERSION_CURRENT_FIRST: u32 = 39;
const VERSION_LAST: u32 = 43;

const ARCHES: [&str; 6] = ["x86_64", "aarch64", "ppc64le", "s390x", "armhfp", "i386"];

const LETTERS: [&str; 36] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s",
    "t", "u", "v", "w", "x", "y", "z", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9",
];
