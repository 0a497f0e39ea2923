//! Hosts and trees, line by line, as a world.

use std::collections::{BTreeMap, HashMap};

use heliostat_model::{
    CategoryFacts, Country, Directory, Facts, Host, HostFacts, HostIndex, Mirror, MirrorIndex,
    MirrorSetIndex, Url, World,
};

use super::{LIST_BYTES_MAX, List, ListError};
use crate::Import;
use crate::problem::{ProblemKind, Problems, shown};

/// A world as it grows.
pub(super) struct Draft<'a> {
    list: List<'a>,
    world: World,
    facts: Facts,
    /// Who carries each tree: for everybody, and for clients of their own networks.
    trees: BTreeMap<String, [Vec<MirrorIndex>; 2]>,
    hosts: HashMap<String, usize>,
    pub(super) problems: Problems,
}

/// A host that a list names, and where it has what.
#[derive(Debug)]
pub(super) struct Entry {
    /// The line on which it begins.
    pub(super) line: usize,
    pub(super) host: Host,
    pub(super) facts: HostFacts,
    /// Trees and base URLs, each with its line and field.
    pub(super) urls: Vec<Base>,
}

/// A base URL of a tree.
#[derive(Debug)]
pub(super) struct Base {
    pub(super) line: usize,
    pub(super) field: String,
    pub(super) top: String,
    pub(super) url: String,
}

impl Entry {
    pub(super) fn new(line: usize, name: &str) -> Entry {
        let (facts, urls) = (HostFacts::default(), Vec::new());
        Entry { line, host: Host::new(0, name), facts, urls }
    }
}

impl<'a> Draft<'a> {
    pub(super) fn new(list: List<'a>, source: &str) -> Result<Draft<'a>, ListError> {
        if list.bytes.len() > LIST_BYTES_MAX {
            return Err(ListError::TooLarge);
        }
        let part = |part: &str| !matches!(part, "" | "." | "..");
        if !list.top.split('/').all(part) || list.top.chars().any(char::is_control) {
            return Err(ListError::Top(shown(list.top.as_bytes())));
        }
        Ok(Draft {
            list,
            world: World::new(source, list.created_unix_s),
            facts: Facts::default(),
            trees: BTreeMap::new(),
            hosts: HashMap::new(),
            problems: Problems::new(),
        })
    }

    /// The lines of the file and their numbers; one that is not UTF-8 is told and left out.
    pub(super) fn lines(&mut self) -> Vec<(usize, &'a str)> {
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(self.list.bytes.split(|&byte| byte == b'\n')) {
            match std::str::from_utf8(line) {
                Ok(text) => lines.push((number, text.trim_end_matches('\r'))),
                Err(_) => self.wrong(number, "", ProblemKind::BadText, || {
                    format!("{} is not UTF-8; left out", shown(line))
                }),
            }
        }
        lines
    }

    pub(super) fn top(&self) -> &'a str {
        self.list.top
    }

    /// Notes what is wrong with a field of a line.
    pub(super) fn wrong(
        &mut self,
        line: usize,
        field: &str,
        kind: ProblemKind,
        what: impl FnOnce() -> String,
    ) {
        let blank = if field.is_empty() { "" } else { " " };
        let name = self.list.name;
        self.problems.add(kind, || format!("{name}:{line}{blank}{field}"), what);
    }

    /// A country, if it is one.
    pub(super) fn country(&mut self, line: usize, field: &str, text: &str) -> Option<Country> {
        let known = text.trim();
        // What these systems write when they do not know.
        if known.is_empty() || matches!(known, "--" | "**" | "/" | "None") {
            return None;
        }
        let country = Country::parse(known);
        if country.is_none() {
            self.wrong(line, field, ProblemKind::BadCountry, || {
                format!("{:?} is no country; left out", shown(known.as_bytes()))
            });
        }
        country
    }

    /// Takes a host. One that is there already is told and left out.
    pub(super) fn add(&mut self, entry: Entry) {
        let Entry { line, host, facts, urls } = entry;
        let name = host.name.clone();
        let sound = |c: char| !c.is_control() && !c.is_whitespace();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(sound) {
            return self.wrong(line, "", ProblemKind::BadText, || {
                format!("{:?} is no name of a host; left out", shown(name.as_bytes()))
            });
        }
        if let Some(&first) = self.hosts.get(&name) {
            return self.wrong(line, "", ProblemKind::Duplicate, || {
                format!("{} stands on line {first} already; left out", shown(name.as_bytes()))
            });
        }
        let mut trees: BTreeMap<String, Vec<Url>> = BTreeMap::new();
        for base in urls {
            // Numbers are given where the list is kept; here they only have to differ.
            let id = self.world.mirrors.len() as u64 * URLS_PER_MIRROR;
            let known = trees.entry(base.top).or_default();
            let id = id + known.len() as u64;
            match Url::parse(id, base.url.trim()) {
                Some(url) if known.iter().any(|known| known.text == url.text) => {}
                Some(url) if (known.len() as u64) < URLS_PER_MIRROR => known.push(url),
                Some(_) => self.wrong(base.line, &base.field, ProblemKind::OutOfRange, || {
                    format!("more than {URLS_PER_MIRROR} URLs of one host; left out")
                }),
                None => self.wrong(base.line, &base.field, ProblemKind::BadUrl, || {
                    let text = shown(base.url.trim().as_bytes());
                    format!("{text:?} is no URL of a known scheme; left out")
                }),
            }
        }
        if trees.values().all(Vec::is_empty) {
            return self.wrong(line, "", ProblemKind::NoUrl, || {
                format!("{} has no URL; left out", shown(name.as_bytes()))
            });
        }
        self.hosts.insert(name, line);
        let index = HostIndex(self.world.hosts.len() as u32);
        let private = host.private;
        self.world.hosts.push(Host { id: u64::from(index.0) + 1, ..host });
        self.facts.hosts.push(facts);
        for (top, urls) in trees.into_iter().filter(|(_, urls)| !urls.is_empty()) {
            let first = self.world.mirrors.len() as u64 * URLS_PER_MIRROR;
            let urls = (first..).zip(urls).map(|(id, url)| Url { id, ..url }).collect();
            let mirror = MirrorIndex(self.world.mirrors.len() as u32);
            self.trees.entry(top).or_default()[usize::from(private)].push(mirror);
            self.world.mirrors.push(Mirror { host: index, urls });
        }
    }

    pub(super) fn finish(mut self) -> Import {
        let trees = std::mem::take(&mut self.trees);
        for (top, [public, private]) in trees {
            let (public, private) = (self.set(public), self.set(private));
            let (name, subpath, files) = (top.clone(), String::new(), Vec::new());
            self.world.directories.push(Directory { name, subpath, public, private, files });
            let (name, product) = (top.clone(), None);
            self.facts.categories.push(CategoryFacts { name, top, product });
        }
        Import { world: self.world, problems: self.problems, facts: self.facts }
    }

    fn set(&mut self, mirrors: Vec<MirrorIndex>) -> MirrorSetIndex {
        if mirrors.is_empty() {
            return MirrorSetIndex(0);
        }
        self.world.mirror_sets.push(mirrors.into());
        MirrorSetIndex(self.world.mirror_sets.len() as u32 - 1)
    }
}

/// The longest name of a host.
const NAME_BYTES_MAX: usize = 255;

/// More than anybody has.
const URLS_PER_MIRROR: u64 = 64;
