//! A world as a cache, for the mirrorlist servers that read one.
//!
//! The cache cannot say everything that a world can: coordinates, monopolies, repositories without
//! a directory, and the tables of autonomous systems and continents, which are files of their own
//! ([`netblocks_write`], [`countries_write`]), are not in it.

use std::collections::BTreeMap;
use std::io;

use heliostat_model::{Country, Directory, File, FileDetail, Host, MirrorSetIndex, World};
use thiserror::Error;

use super::encode::Message;
use super::schema::{Field, detail, directory as number, map, named};

/// Why a world cannot be written as a cache.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CacheWriteError {
    /// the world is not sound
    #[error("the world is not sound: {what}")]
    World {
        /// What [`World::check`] found.
        what: String,
    },
    /// an id is larger than the cache can hold
    #[error("the id {id} is larger than the cache can hold")]
    IdTooLarge {
        /// Of a host or URL.
        id: u64,
    },
    /// two hosts share an id
    #[error("two hosts share the id {id}")]
    HostIdTwice {
        /// Of the hosts.
        id: u64,
    },
    /// two URLs share an id
    #[error("two URLs share the id {id}")]
    UrlIdTwice {
        /// Of the URLs.
        id: u64,
    },
    /// the cache could not be written
    #[error("the cache could not be written")]
    Io {
        /// What the system said.
        #[from]
        source: io::Error,
    },
}

/// Writes a world as a cache, entry by entry; give it a buffered writer.
///
/// # Errors
///
/// When the world is not sound, its ids are not unique, or the writer fails.
pub fn cache_write(world: &World, out: &mut impl io::Write) -> Result<(), CacheWriteError> {
    world.check().map_err(|what| CacheWriteError::World { what })?;
    let urls = urls(world)?;
    hosts_check(world)?;
    let mut out = Out { out, frame: Message::default() };
    out.time(world.created_unix_s)?;
    out.geography(world)?;
    for (id, text) in urls {
        out.entry(Field::HcUrl, |m| int_text(m, id, text))?;
    }
    for directory in world.directories.iter().filter(|directory| !directory.files.is_empty()) {
        out.entry(Field::FileDetails, |m| files(m, directory))?;
    }
    out.repositories(world)?;
    out.hosts(world)?;
    let entries = host_entries(world);
    for place in &world.directories {
        out.entry(Field::MirrorList, |m| directory(m, world, place, &entries))?;
    }
    Ok(())
}

/// Writes the table of announced prefixes: a line `prefix number` each.
///
/// # Errors
///
/// When the writer fails.
pub fn netblocks_write(world: &World, out: &mut impl io::Write) -> io::Result<()> {
    world.netblock_asns.iter().try_for_each(|(prefix, asn)| writeln!(out, "{prefix} {asn}"))
}

/// Writes the table of continents: a header, then a line `country,continent` each.
///
/// # Errors
///
/// When the writer fails.
pub fn countries_write(world: &World, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "\"iso 3166 country\",\"continent code\"")?;
    let mut pairs = world.country_continents.iter();
    pairs.try_for_each(|(country, continent)| writeln!(out, "{country},{continent}"))
}

/// Every URL by its id.
fn urls(world: &World) -> Result<BTreeMap<u64, &str>, CacheWriteError> {
    let mut urls = BTreeMap::new();
    for url in world.mirrors.iter().flat_map(|mirror| &mirror.urls) {
        id_check(url.id)?;
        if *urls.entry(url.id).or_insert(url.text.as_str()) != url.text {
            return Err(CacheWriteError::UrlIdTwice { id: url.id });
        }
    }
    Ok(urls)
}

fn hosts_check(world: &World) -> Result<(), CacheWriteError> {
    let mut ids: Vec<u64> = world.hosts.iter().map(|host| host.id).collect();
    ids.sort_unstable();
    ids.iter().try_for_each(|&id| id_check(id))?;
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(CacheWriteError::HostIdTwice { id: pair[0] }),
        None => Ok(()),
    }
}

fn id_check(id: u64) -> Result<(), CacheWriteError> {
    i64::try_from(id).map(drop).map_err(|_| CacheWriteError::IdTooLarge { id })
}

/// The file, and the buffer of the entry that is being made.
struct Out<'a, W> {
    out: &'a mut W,
    frame: Message,
}

impl<W: io::Write> Out<'_, W> {
    fn time(&mut self, unix_s: u64) -> io::Result<()> {
        let mut message = Message::default();
        message.int(Field::Time.number(), unix_s);
        self.out.write_all(message.bytes())
    }

    fn entry(&mut self, field: Field, fill: impl FnOnce(&mut Message)) -> io::Result<()> {
        let mut message = Message::default();
        fill(&mut message);
        self.frame.clear();
        self.frame.message(field.number(), &message);
        self.out.write_all(self.frame.bytes())
    }

    fn geography(&mut self, world: &World) -> io::Result<()> {
        for (prefix, country) in &world.netblock_countries {
            let prefix = prefix.to_string();
            self.entry(Field::NetblockCountry, |m| text_text(m, &prefix, country.0.as_str()))?;
        }
        for location in &world.locations {
            let hosts = location.hosts.iter().map(|host| world.hosts[host.0 as usize].id);
            self.entry(Field::Location, |m| text_ints(m, &location.name, hosts))?;
        }
        for (country, continent) in &world.continent_redirects {
            self.entry(Field::CountryContinentRedirect, |m| {
                text_text(m, country.0.as_str(), continent.0.as_str());
            })?;
        }
        Ok(())
    }

    fn repositories(&mut self, world: &World) -> io::Result<()> {
        for prefix in &world.repositories_disabled {
            self.entry(Field::DisabledRepository, |m| {
                m.text(map::KEY, prefix);
                m.int(map::VALUE, 1);
            })?;
        }
        for redirect in &world.repository_redirects {
            self.entry(Field::RepositoryRedirect, |m| text_text(m, &redirect.from, &redirect.to))?;
        }
        for repository in &world.repositories {
            let Some(directory) = repository.directory else { continue };
            let key = format!("{}+{}", repository.prefix, repository.arch);
            let name = &world.directories[directory.0 as usize].name;
            self.entry(Field::RepoArchToDirectory, |m| text_text(m, &key, name))?;
        }
        Ok(())
    }

    fn hosts(&mut self, world: &World) -> io::Result<()> {
        let (mut asns, mut netblocks) = (BTreeMap::new(), BTreeMap::new());
        for host in &world.hosts {
            self.host(host)?;
            for asn in &host.asns {
                asns.entry(*asn).or_insert_with(Vec::new).push(host.id);
            }
            for netblock in &host.netblocks {
                netblocks.entry(*netblock).or_insert_with(Vec::new).push(host.id);
            }
        }
        for (asn, hosts) in asns {
            self.entry(Field::HostAsn, |m| int_ints(m, u64::from(asn.0), hosts))?;
        }
        for (netblock, hosts) in netblocks {
            self.entry(Field::HostNetblock, |m| text_ints(m, &netblock.to_string(), hosts))?;
        }
        Ok(())
    }

    fn host(&mut self, host: &Host) -> io::Result<()> {
        if let Some(connections) = host.connections_max {
            self.entry(Field::HostMaxConnection, |m| {
                int_ints(m, host.id, [u64::from(connections)]);
            })?;
        }
        if let Some(country) = host.country {
            self.entry(Field::HostCountry, |m| int_text(m, host.id, country.0.as_str()))?;
        }
        self.entry(Field::HostBandwidth, |m| {
            int_ints(m, host.id, [u64::from(host.bandwidth_mbit_s)]);
        })?;
        if !host.countries_allowed.is_empty() {
            self.entry(Field::HostCountryAllowed, |m| {
                m.int(map::KEY, host.id);
                for country in &host.countries_allowed {
                    m.text(map::VALUE, country.0.as_str());
                }
            })?;
        }
        Ok(())
    }
}

/// The `ByHostId` entry of each mirror: millions of times written, so made once.
fn host_entries(world: &World) -> Vec<Message> {
    let entries = world.mirrors.iter().map(|mirror| {
        let mut message = Message::default();
        let host = &world.hosts[mirror.host.0 as usize];
        int_ints(&mut message, host.id, mirror.urls.iter().map(|url| url.id));
        message
    });
    entries.collect()
}

fn directory(m: &mut Message, world: &World, directory: &Directory, entries: &[Message]) {
    m.text(number::NAME, &directory.name);
    for host in hosts(world, directory.public) {
        m.int(number::GLOBAL, host.id);
    }
    m.text(number::SUBPATH, &directory.subpath);
    let listed = by_country(hosts(world, directory.public));
    for hosts in listed.chunk_by(|a, b| a.0 == b.0) {
        m.message(number::BY_COUNTRY, &country_list(hosts));
    }
    let both = hosts(world, directory.public).chain(hosts(world, directory.private));
    let listed = by_country(both.filter(|host| host.internet2));
    for hosts in listed.chunk_by(|a, b| a.0 == b.0) {
        m.message(number::BY_COUNTRY_INTERNET2, &country_list(hosts));
    }
    for set in [directory.public, directory.private] {
        for mirror in &world.mirror_sets[set.0 as usize] {
            m.message(number::BY_HOST_ID, &entries[mirror.0 as usize]);
        }
    }
}

fn hosts(world: &World, set: MirrorSetIndex) -> impl Iterator<Item = &Host> {
    let set = &world.mirror_sets[set.0 as usize];
    set.iter().map(|mirror| &world.hosts[world.mirrors[mirror.0 as usize].host.0 as usize])
}

fn by_country<'a>(hosts: impl Iterator<Item = &'a Host>) -> Vec<(Country, u64)> {
    let mut listed: Vec<_> =
        hosts.filter_map(|host| host.country.map(|country| (country, host.id))).collect();
    listed.sort_unstable();
    listed
}

/// Hosts of one country.
fn country_list(hosts: &[(Country, u64)]) -> Message {
    let mut message = Message::default();
    text_ints(&mut message, hosts[0].0.0.as_str(), hosts.iter().map(|&(_, id)| id));
    message
}

fn files(m: &mut Message, directory: &Directory) {
    m.text(named::NAME, &directory.name);
    for file in &directory.files {
        m.message(named::CHILD, &file_message(file));
    }
}

fn file_message(file: &File) -> Message {
    let mut message = Message::default();
    message.text(named::NAME, &file.name);
    for detail in &file.details {
        message.message(named::CHILD, &detail_message(detail));
    }
    message
}

/// Time and size are required fields: what is not known is written as zero.
fn detail_message(detail: &FileDetail) -> Message {
    let mut message = Message::default();
    message.int(detail::TIMESTAMP, detail.timestamp_unix_s.unwrap_or(0));
    message.int(detail::SIZE, detail.size_bytes.unwrap_or(0));
    let hashes = [
        (detail::SHA1, &detail.sha1),
        (detail::MD5, &detail.md5),
        (detail::SHA256, &detail.sha256),
        (detail::SHA512, &detail.sha512),
    ];
    for (number, hash) in hashes {
        if let Some(hash) = hash {
            message.text(number, hash);
        }
    }
    message
}

fn text_text(m: &mut Message, key: &str, value: &str) {
    m.text(map::KEY, key);
    m.text(map::VALUE, value);
}

fn int_text(m: &mut Message, key: u64, value: &str) {
    m.int(map::KEY, key);
    m.text(map::VALUE, value);
}

fn text_ints(m: &mut Message, key: &str, values: impl IntoIterator<Item = u64>) {
    m.text(map::KEY, key);
    values.into_iter().for_each(|value| m.int(map::VALUE, value));
}

fn int_ints(m: &mut Message, key: u64, values: impl IntoIterator<Item = u64>) {
    m.int(map::KEY, key);
    values.into_iter().for_each(|value| m.int(map::VALUE, value));
}
