//! MirrorManager's own database, read and never written, in one consistent view.
//!
//! Its tables become what its cache would be: the same hosts, numbers and URLs, with what no cache
//! tells: sites, switches, contacts, categories by name, products and versions.

use std::collections::{BTreeMap, HashMap};

use heliostat_model::{
    Asn, CategoryFacts, Continent, Coordinates, Country, Directory, DirectoryIndex, Facts, File,
    FileDetail, Host, HostFacts, HostIndex, IpNet, Location, Mirror, MirrorIndex, MirrorSetIndex,
    Repository, RepositoryRedirect, Url, VersionFacts, World,
};
use indexmap::IndexSet;

use crate::Error;
use crate::check::shown;
use crate::engine::{Engine, Postgres, Purpose, Row, Session};

/// What was in the database.
#[derive(Clone, Debug)]
pub struct Found {
    /// Everything that was sound.
    pub world: World,
    /// What of it no cache tells.
    pub facts: Facts,
    /// What was not sound, by table and row; it is left out.
    pub problems: Vec<String>,
}

/// What networks are called, which people typed freely.
pub trait Networks {
    /// A prefix, an address, or an address with a netmask.
    ///
    /// # Errors
    ///
    /// Why it is none.
    fn prefix(&mut self, text: &str) -> Result<IpNet, String>;

    /// Of a host's own networks: that, or the name of a machine, which means its addresses.
    ///
    /// # Errors
    ///
    /// Why it is none.
    fn networks(&mut self, text: &str) -> Result<Vec<IpNet>, String>;
}

/// Reads the database of this URL.
///
/// # Errors
///
/// When it cannot be reached, or its tables are none of MirrorManager's.
pub fn read(url: &str, networks: &mut dyn Networks, now_unix_s: u64) -> Result<Found, Error> {
    let mut engine = Engine::Postgres(Postgres::connect(url)?);
    let mut session = engine.begin(Purpose::Read)?;
    let mut reading = Reading {
        world: World::new("MirrorManager database", now_unix_s),
        facts: Facts::default(),
        problems: Vec::new(),
        hosts: HashMap::new(),
        mirrors: HashMap::new(),
        categories: HashMap::new(),
        directories: HashMap::new(),
    };
    reading.hosts(&mut session)?;
    reading.host_lists(&mut session, networks)?;
    reading.mirrors(&mut session)?;
    reading.categories(&mut session)?;
    reading.directories(&mut session)?;
    reading.carriers(&mut session)?;
    reading.files(&mut session)?;
    reading.repositories(&mut session)?;
    reading.tables(&mut session, networks)?;
    reading.locations(&mut session)?;
    session.rollback()?;
    let Reading { world, facts, problems, .. } = reading;
    Ok(Found { world, facts, problems })
}

/// The world as it grows, and where it has what the database has under a number.
struct Reading {
    world: World,
    facts: Facts,
    problems: Vec<String>,
    hosts: HashMap<i64, HostIndex>,
    /// By the number of the host's category: the mirror, its host's number, its category.
    mirrors: HashMap<i64, Carrier>,
    /// The top of each category.
    categories: HashMap<i64, String>,
    directories: HashMap<i64, (DirectoryIndex, i64)>,
}

struct Carrier {
    mirror: Option<MirrorIndex>,
    host: HostIndex,
    category: i64,
    always_current: bool,
}

impl Reading {
    fn wrong(&mut self, table: &str, id: i64, what: &str) {
        self.problems.push(format!("{table} {id}: {what}; left out"));
    }

    fn country(&mut self, table: &str, id: i64, text: &str) -> Option<Country> {
        let country = Country::parse(text.trim());
        if country.is_none() {
            self.wrong(table, id, &format!("{:?} is no country", shown(text)));
        }
        country
    }

    fn hosts(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        let sql = "SELECT h.id::bigint, h.name::text, s.name::text, \
             COALESCE(h.private, FALSE) OR COALESCE(s.private, FALSE), \
             COALESCE(h.admin_active, TRUE) AND COALESCE(s.admin_active, TRUE), \
             COALESCE(h.user_active, TRUE) AND COALESCE(s.user_active, TRUE), \
             COALESCE(h.country, '')::text, COALESCE(h.bandwidth_int, 100)::bigint, \
             h.max_connections::bigint, COALESCE(h.internet2, FALSE), h.asn::bigint, \
             COALESCE(h.asn_clients, TRUE), COALESCE(h.robot_email, '')::text, \
             COALESCE(h.comment, '')::text, h.latitude::float8, h.longitude::float8 \
             FROM host h JOIN site s ON s.id = h.site_id ORDER BY h.id";
        let rows = session.query(sql, &[], |row| {
            let id: i64 = row.cell(0)?;
            let mut host = Host::new(id as u64, row.cell::<String>(1)?);
            host.private = row.cell(3)?;
            host.bandwidth_mbit_s = row.cell::<i64>(7)?.clamp(0, i64::from(u32::MAX)) as u32;
            let connections = row.cell::<Option<i64>>(8)?;
            host.connections_max = connections.and_then(|count| u32::try_from(count).ok());
            host.internet2 = row.cell(9)?;
            let asn = row.cell::<Option<i64>>(10)?.filter(|&asn| asn > 0);
            if let (true, Some(asn)) = (row.cell(11)?, asn.and_then(|asn| u32::try_from(asn).ok()))
            {
                host.asns.push(Asn(asn));
            }
            let place = row.cell::<Option<f64>>(14)?.zip(row.cell::<Option<f64>>(15)?);
            let place = place.filter(|(north, east)| north.abs() <= 90.0 && east.abs() <= 180.0);
            host.coordinates = place.map(|(north, east)| Coordinates {
                latitude_deg: north as f32,
                longitude_deg: east as f32,
            });
            let facts = HostFacts {
                site: Some(row.cell(2)?),
                active_admin: Some(row.cell(4)?),
                active_owner: Some(row.cell(5)?),
                contact: Some(row.cell(12)?),
                notes: Some(row.cell(13)?),
            };
            Ok((host, row.cell::<String>(6)?, facts))
        })?;
        for (mut host, country, facts) in rows {
            let id = host.id as i64;
            if !country.trim().is_empty() {
                host.country = self.country("host", id, &country);
            }
            self.hosts.insert(id, HostIndex(self.world.hosts.len() as u32));
            self.world.hosts.push(host);
            self.facts.hosts.push(facts);
        }
        Ok(())
    }

    fn host_lists(
        &mut self,
        session: &mut Session<'_>,
        networks: &mut dyn Networks,
    ) -> Result<(), Error> {
        let sql = "SELECT host_id::bigint, netblock::text FROM host_netblock ORDER BY id";
        for (host, text) in session.query(sql, &[], pair::<String>)? {
            let Some(index) = self.hosts.get(&host).copied() else { continue };
            match networks.networks(&text) {
                Ok(found) => self.world.hosts[index.0 as usize].netblocks.extend(found),
                Err(why) => self.wrong("host", host, &format!("netblock {why}")),
            }
        }
        let sql = "SELECT host_id::bigint, country::text FROM host_country_allowed ORDER BY id";
        for (host, text) in session.query(sql, &[], pair::<String>)? {
            let Some(index) = self.hosts.get(&host).copied() else { continue };
            if let Some(country) = self.country("host", host, &text) {
                self.world.hosts[index.0 as usize].countries_allowed.push(country);
            }
        }
        let sql = "SELECT host_id::bigint, asn::bigint FROM host_peer_asn ORDER BY id";
        for (host, asn) in session.query(sql, &[], pair::<i64>)? {
            let asn = u32::try_from(asn).ok().filter(|&asn| asn != 0);
            if let (Some(index), Some(asn)) = (self.hosts.get(&host), asn) {
                self.world.hosts[index.0 as usize].asns.push(Asn(asn));
            }
        }
        for host in &mut self.world.hosts {
            host.asns.sort_unstable();
            host.asns.dedup();
            host.netblocks.sort_unstable();
            host.netblocks.dedup();
        }
        Ok(())
    }

    fn mirrors(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        let mut urls: HashMap<i64, Vec<Url>> = HashMap::new();
        let sql = "SELECT id::bigint, host_category_id::bigint, url::text \
                   FROM host_category_url WHERE NOT COALESCE(private, FALSE) ORDER BY id";
        let read =
            |row: &Row<'_>| Ok((row.cell::<i64>(0)?, row.cell::<i64>(1)?, row.cell::<String>(2)?));
        for (id, of, text) in session.query(sql, &[], read)? {
            match Url::parse(id as u64, text.trim()) {
                Some(url) => urls.entry(of).or_default().push(url),
                None => {
                    let what = format!("{:?} is no URL of a known scheme", shown(&text));
                    self.wrong("host_category_url", id, &what);
                }
            }
        }
        let sql = "SELECT id::bigint, host_id::bigint, category_id::bigint, \
                   COALESCE(always_up2date, FALSE) FROM host_category ORDER BY id";
        let rows = session.query(sql, &[], |row| {
            Ok((row.cell(0)?, row.cell::<i64>(1)?, row.cell::<i64>(2)?, row.cell::<bool>(3)?))
        })?;
        for (id, host, category, always_current) in rows {
            let Some(host) = self.hosts.get(&host).copied() else { continue };
            let mirror = urls.remove(&id).map(|urls| {
                self.world.mirrors.push(Mirror { host, urls });
                MirrorIndex(self.world.mirrors.len() as u32 - 1)
            });
            self.mirrors.insert(id, Carrier { mirror, host, category, always_current });
        }
        Ok(())
    }

    fn categories(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        let sql = "SELECT c.id::bigint, c.name::text, d.name::text, p.name::text FROM category c \
                   LEFT JOIN directory d ON d.id = c.topdir_id \
                   LEFT JOIN product p ON p.id = c.product_id ORDER BY c.id";
        let rows = session.query(sql, &[], |row| {
            let (name, top) = (row.cell::<String>(1)?, row.cell::<Option<String>>(2)?);
            Ok((row.cell::<i64>(0)?, name, top, row.cell::<Option<String>>(3)?))
        })?;
        for (id, name, top, product) in rows {
            let Some(top) = top else {
                self.wrong("category", id, "it has no directory at its top");
                continue;
            };
            let top = top.trim_matches('/').to_owned();
            self.categories.insert(id, top.clone());
            self.facts.categories.push(CategoryFacts { name, top, product });
        }
        let sql = "SELECT p.name::text, v.name::text, COALESCE(v.is_test, FALSE) FROM version v \
                   JOIN product p ON p.id = v.product_id ORDER BY v.id";
        self.facts.versions = session.query(sql, &[], |row| {
            let (product, name) = (row.cell(0)?, row.cell(1)?);
            Ok(VersionFacts { product, name, development: row.cell(2)? })
        })?;
        Ok(())
    }

    fn directories(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        // Of several categories of a directory the first one counts.
        let sql = "SELECT d.id::bigint, d.name::text, min(cd.category_id)::bigint \
                   FROM directory d JOIN category_directory cd ON cd.directory_id = d.id \
                   GROUP BY d.id, d.name ORDER BY d.id";
        let rows = session.query(sql, &[], |row| {
            Ok((row.cell::<i64>(0)?, row.cell::<String>(1)?, row.cell::<i64>(2)?))
        })?;
        for (id, name, category) in rows {
            let name = name.trim_matches('/').to_owned();
            let Some(top) = self.categories.get(&category) else { continue };
            let Some(subpath) = below(top, &name) else {
                let what = format!("{:?} is not below {:?}", shown(&name), shown(top));
                self.wrong("directory", id, &what);
                continue;
            };
            let index = DirectoryIndex(self.world.directories.len() as u32);
            let (public, private) = (MirrorSetIndex(0), MirrorSetIndex(0));
            let (subpath, files) = (subpath.to_owned(), Vec::new());
            self.world.directories.push(Directory { name, subpath, public, private, files });
            self.directories.insert(id, (index, category));
        }
        Ok(())
    }

    /// Who has which directory: millions of rows, looked at one by one.
    fn carriers(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        let mut sets: Vec<[Vec<MirrorIndex>; 2]> =
            vec![Default::default(); self.world.directories.len()];
        let Reading { world, mirrors, directories, .. } = &*self;
        let private = |host: HostIndex| usize::from(world.hosts[host.0 as usize].private);
        let sql = "SELECT host_category_id::bigint, directory_id::bigint FROM host_category_dir \
                   WHERE up2date";
        session.each(sql, &[], |row| {
            let (carrier, directory) = (row.cell::<i64>(0)?, row.cell::<i64>(1)?);
            let found = mirrors.get(&carrier).filter(|carrier| !carrier.always_current);
            let found = found.and_then(|carrier| Some((carrier.mirror?, carrier.host)));
            if let (Some((mirror, host)), Some((at, _))) = (found, directories.get(&directory)) {
                sets[at.0 as usize][private(host)].push(mirror);
            }
            Ok(())
        })?;
        for carrier in mirrors.values().filter(|carrier| carrier.always_current) {
            let Some(mirror) = carrier.mirror else { continue };
            let own = directories.values().filter(|(_, category)| *category == carrier.category);
            own.for_each(|(at, _)| sets[at.0 as usize][private(carrier.host)].push(mirror));
        }
        let mut known: IndexSet<Box<[MirrorIndex]>> = IndexSet::new();
        known.insert(Box::default());
        for (directory, [public, private]) in self.world.directories.iter_mut().zip(sets) {
            let mut set = |mut mirrors: Vec<MirrorIndex>| {
                mirrors.sort_unstable();
                mirrors.dedup();
                MirrorSetIndex(known.insert_full(mirrors.into()).0 as u32)
            };
            (directory.public, directory.private) = (set(public), set(private));
        }
        self.world.mirror_sets = known.into_iter().collect();
        Ok(())
    }

    fn files(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        let sql = "SELECT directory_id::bigint, filename::text, timestamp::bigint, size::bigint, \
                   md5::text, sha1::text, sha256::text, sha512::text FROM file_detail \
                   ORDER BY timestamp DESC, id DESC";
        let mut files: HashMap<DirectoryIndex, BTreeMap<String, Vec<FileDetail>>> = HashMap::new();
        let directories = &self.directories;
        session.each(sql, &[], |row| {
            let Some((at, _)) = directories.get(&row.cell::<i64>(0)?) else { return Ok(()) };
            let number = |column| row.cell::<Option<i64>>(column);
            let hash = |column| {
                let text = row.cell::<Option<String>>(column)?;
                Ok::<_, Error>(text.filter(|text| !text.is_empty()))
            };
            let detail = FileDetail {
                timestamp_unix_s: number(2)?.and_then(|time| u64::try_from(time).ok()),
                size_bytes: number(3)?.and_then(|size| u64::try_from(size).ok()),
                md5: hash(4)?,
                sha1: hash(5)?,
                sha256: hash(6)?,
                sha512: hash(7)?,
            };
            files.entry(*at).or_default().entry(row.cell(1)?).or_default().push(detail);
            Ok(())
        })?;
        for (at, files) in files {
            let files = files.into_iter().map(|(name, details)| File { name, details });
            self.world.directories[at.0 as usize].files = files.collect();
        }
        Ok(())
    }

    fn repositories(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        let sql = "SELECT r.prefix::text, a.name::text, r.directory_id::bigint, \
                   COALESCE(r.disabled, FALSE), p.name::text, v.name::text FROM repository r \
                   JOIN arch a ON a.id = r.arch_id LEFT JOIN version v ON v.id = r.version_id \
                   LEFT JOIN product p ON p.id = v.product_id \
                   WHERE r.prefix IS NOT NULL ORDER BY r.id";
        let rows = session.query(sql, &[], |row| {
            let version = row.cell::<Option<String>>(4)?.zip(row.cell::<Option<String>>(5)?);
            let version = version.map(|(product, version)| format!("{product}/{version}"));
            let (prefix, arch) = (row.cell::<String>(0)?, row.cell::<String>(1)?);
            Ok((prefix, arch, row.cell::<Option<i64>>(2)?, row.cell::<bool>(3)?, version))
        })?;
        for (prefix, arch, directory, disabled, version) in rows {
            if disabled {
                // One row switches the prefix off for every architecture, as in the cache.
                self.world.repositories_disabled.push(prefix.clone());
            }
            let directory = directory.and_then(|id| self.directories.get(&id));
            let directory = directory.map(|(at, _)| *at);
            self.world.repositories.push(Repository { prefix, arch, directory });
            self.facts.repository_versions.push(version);
        }
        self.world.repositories_disabled.sort_unstable();
        self.world.repositories_disabled.dedup();
        Ok(())
    }

    fn tables(
        &mut self,
        session: &mut Session<'_>,
        networks: &mut dyn Networks,
    ) -> Result<(), Error> {
        let texts = |session: &mut Session<'_>, sql| {
            session.query(sql, &[], |row| {
                Ok((row.cell::<i64>(0)?, row.cell::<String>(1)?, row.cell::<String>(2)?))
            })
        };
        let sql = "SELECT id::bigint, from_repo::text, to_repo::text FROM repository_redirect \
                   WHERE to_repo IS NOT NULL ORDER BY id";
        for (_, from, to) in texts(session, sql)? {
            self.world.repository_redirects.push(RepositoryRedirect { from, to });
        }
        let sql = "SELECT id::bigint, country::text, continent::text \
                   FROM country_continent_redirect ORDER BY id";
        for (id, country, continent) in texts(session, sql)? {
            let Some(country) = self.country("country_continent_redirect", id, &country) else {
                continue;
            };
            match Continent::parse(continent.trim()) {
                Some(continent) => self.world.continent_redirects.push((country, continent)),
                None => self.wrong("country_continent_redirect", id, "it names no continent"),
            }
        }
        let sql = "SELECT id::bigint, netblock::text, country::text FROM netblock_country \
                   ORDER BY id";
        for (id, netblock, country) in texts(session, sql)? {
            let Some(country) = self.country("netblock_country", id, &country) else { continue };
            match networks.prefix(&netblock) {
                Ok(prefix) => self.world.netblock_countries.push((prefix, country)),
                Err(why) => self.wrong("netblock_country", id, &why),
            }
        }
        Ok(())
    }

    fn locations(&mut self, session: &mut Session<'_>) -> Result<(), Error> {
        let sql = "SELECT l.name::text, hl.host_id::bigint FROM location l \
                   JOIN host_location hl ON hl.location_id = l.id ORDER BY l.id, hl.host_id";
        let rows =
            session.query(sql, &[], |row| Ok((row.cell::<String>(0)?, row.cell::<i64>(1)?)))?;
        for (name, host) in rows {
            let Some(&host) = self.hosts.get(&host) else { continue };
            match self.world.locations.last_mut().filter(|last| last.name == name) {
                Some(last) => last.hosts.push(host),
                None => self.world.locations.push(Location { name, hosts: vec![host] }),
            }
        }
        Ok(())
    }
}

fn pair<T: crate::engine::Cell>(row: &Row<'_>) -> Result<(i64, T), Error> {
    Ok((row.cell(0)?, row.cell(1)?))
}

/// What is left of a directory's name below a top.
fn below<'a>(top: &str, name: &'a str) -> Option<&'a str> {
    let rest = name.strip_prefix(top)?;
    match rest.strip_prefix('/') {
        Some(rest) => Some(rest),
        None if rest.is_empty() || top.is_empty() => Some(rest),
        None => None,
    }
}
