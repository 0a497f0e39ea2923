//! The catalog as a world: what the compiler of snapshots consumes.
//!
//! Who is switched off is not in it, and who has what is turned around: the catalog knows of each
//! mirror which directories it has, a world of each directory which mirrors have it. A mirror that
//! probes find bad is not in it either, unless a directory would be left with none.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use heliostat_model::{
    Asn, Continent, Coordinates, Country, Directory, DirectoryIndex, File, FileDetail, Host,
    HostIndex, IpNet, Location, Mirror, MirrorIndex, MirrorSet, MirrorSetIndex, Repository,
    RepositoryRedirect, World,
};
use indexmap::IndexSet;

use crate::directory;
use crate::fallen::{Fallen, Spares, Standing, without};
use crate::host;
use crate::states::MirrorState;
use crate::{Error, View};

impl View<'_> {
    /// Everything that is active, in one consistent view.
    ///
    /// # Errors
    ///
    /// When the database cannot be read, or holds something that no constraint would let in.
    pub fn world(&mut self) -> Result<World, Error> {
        let state = self.state()?;
        let mut world = World::new(state.source, state.data_unix_s);
        let mirrors = self.hosts_read(&mut world)?;
        let directories = self.directory_list()?;
        self.carriers_read(&mut world, &mirrors, &directories)?;
        let by_name: HashMap<&str, DirectoryIndex, RandomState> = (0..)
            .zip(&directories)
            .map(|(at, directory)| (directory.name.as_str(), DirectoryIndex(at)))
            .collect();
        for repository in self.repository_list()? {
            let directory = repository.directory.as_deref();
            let directory = directory.and_then(|name| by_name.get(name).copied());
            let (prefix, arch) = (repository.prefix, repository.arch);
            world.repositories.push(Repository { prefix, arch, directory });
        }
        self.tables_read(&mut world)?;
        world.netblock_asns = self.route_list()?;
        Ok(world)
    }

    /// Reads active hosts and their mirrors; gives what the rest needs to know of mirrors.
    fn hosts_read(&mut self, world: &mut World) -> Result<Vec<Carrier>, Error> {
        let sites = self.site_list()?;
        let sites: HashMap<&str, &crate::site::Site> =
            sites.iter().map(|site| (site.name.as_str(), site)).collect();
        let categories = self.category_list()?;
        let categories: HashMap<&str, i64> =
            categories.iter().map(|category| (category.name.as_str(), category.id)).collect();
        let fallen = Fallen::new(self.health_list()?);
        let mut carriers = Vec::new();
        for record in self.host_list()? {
            let Some(site) = sites.get(record.site.as_str()) else { continue };
            let active = site.active_admin && site.active_owner;
            if !(active && record.active_admin && record.active_owner) {
                continue;
            }
            let index = HostIndex(world.hosts.len() as u32);
            let private = record.private || site.private;
            for mirror in &record.mirrors {
                let (urls, standing) = fallen.urls(mirror)?;
                let category = categories.get(mirror.category.as_str()).copied();
                if let (false, Some(category)) = (urls.is_empty(), category) {
                    let always_current = mirror.always_current.then_some(category);
                    let mirror_id = mirror.id;
                    carriers.push((
                        Carrier { mirror_id, private, always_current, standing },
                        Mirror { host: index, urls },
                    ));
                }
            }
            world.hosts.push(host(&record, private)?);
        }
        // Mirrors come in the order of their numbers, whoever's they are.
        carriers.sort_by_key(|(carrier, _)| carrier.mirror_id);
        let (carriers, mirrors) = carriers.into_iter().unzip();
        world.mirrors = mirrors;
        Ok(carriers)
    }

    /// Reads who has what, and turns it around.
    fn carriers_read(
        &mut self,
        world: &mut World,
        mirrors: &[Carrier],
        directories: &[directory::Directory],
    ) -> Result<(), Error> {
        let end = directories.last().map_or(0, |last| last.id + 1);
        let mut position = vec![None; usize::try_from(end).unwrap_or(0)];
        for (at, directory) in directories.iter().enumerate() {
            position[directory.id as usize] = Some(at);
        }
        let states = self.states_list()?;
        let mut sets: Vec<[Vec<MirrorIndex>; 2]> = vec![Default::default(); directories.len()];
        let mut spares = Spares::default();
        for (index, carrier) in (0..).map(MirrorIndex).zip(mirrors) {
            let mut carry = |at: usize, private: bool| match carrier.standing {
                None => sets[at][usize::from(private)].push(index),
                Some(standing) => spares.push((at, private), standing, index),
            };
            if let Some(category) = carrier.always_current {
                let own = directories.iter().enumerate();
                own.filter(|(_, directory)| directory.category_id == category)
                    .for_each(|(at, _)| carry(at, carrier.private));
                continue;
            }
            let Some(states) = states.get(&carrier.mirror_id) else { continue };
            for run in states.runs() {
                let private = match run.state {
                    MirrorState::Current => carrier.private,
                    MirrorState::Reserved => true,
                    _ => continue,
                };
                // Directories at the end may be gone.
                let run = run.first.min(end) as usize..run.end.min(end) as usize;
                for at in position[run].iter().flatten() {
                    carry(*at, private);
                }
            }
        }
        let kept = spares.fill(&mut sets);
        without(world, &mut sets, |index| {
            mirrors[index.0 as usize].standing.is_some() && !kept.contains(&index)
        });
        let mut known: IndexSet<MirrorSet, RandomState> = IndexSet::default();
        known.insert(MirrorSet::default());
        let mut set = |mirrors: &[MirrorIndex]| {
            let at = known.get_index_of(mirrors);
            MirrorSetIndex(at.unwrap_or_else(|| known.insert_full(mirrors.into()).0) as u32)
        };
        for (record, [public, private]) in directories.iter().zip(&sets) {
            let (public, private) = (set(public), set(private));
            world.directories.push(directory(record, public, private));
        }
        world.mirror_sets = known.into_iter().collect();
        Ok(())
    }

    fn tables_read(&mut self, world: &mut World) -> Result<(), Error> {
        for redirect in self.redirect_list()? {
            let (from, to) = (redirect.name, redirect.target);
            world.repository_redirects.push(RepositoryRedirect { from, to });
        }
        let disabled = self.disabled_list()?;
        world.repositories_disabled = disabled.into_iter().map(|known| known.prefix).collect();
        let hosts: HashMap<u64, HostIndex> =
            (0..).zip(&world.hosts).map(|(at, host)| (host.id, HostIndex(at))).collect();
        for location in self.location_list()? {
            let ids = location.hosts.iter();
            let hosts = ids.filter_map(|&id| hosts.get(&(id as u64)).copied()).collect();
            world.locations.push(Location { name: location.name, hosts });
        }
        for record in self.country_list()? {
            let country = country(&record.code)?;
            if let Some(text) = &record.continent {
                world.country_continents.push((country, continent(text)?));
            }
            if let Some(text) = &record.served_as {
                world.continent_redirects.push((country, continent(text)?));
            }
        }
        for netblock in self.netblock_list()? {
            let country = country(&netblock.country)?;
            world.netblock_countries.push((prefix(&netblock.prefix)?, country));
        }
        Ok(())
    }
}

/// What is known of a mirror besides where it is.
struct Carrier {
    mirror_id: i64,
    private: bool,
    /// The category of which it has everything, if it does.
    always_current: Option<i64>,
    /// Of a mirror that clients are not given: how bad it is.
    standing: Option<Standing>,
}

fn host(record: &host::Host, private: bool) -> Result<Host, Error> {
    let mut host = Host::new(record.id as u64, &record.name);
    host.country = record.country.as_deref().map(country).transpose()?;
    host.coordinates = record.latitude_deg.zip(record.longitude_deg).map(|(north, east)| {
        Coordinates { latitude_deg: north as f32, longitude_deg: east as f32 }
    });
    host.bandwidth_mbit_s = record.bandwidth_mbit_s;
    host.connections_max = record.connections_max;
    host.private = private;
    host.monopoly = record.monopoly;
    host.internet2 = record.internet2;
    host.asns = record.asns.iter().chain(&record.peer_asns).map(|&asn| Asn(asn)).collect();
    host.netblocks = record.netblocks.iter().map(|text| prefix(text)).collect::<Result<_, _>>()?;
    let allowed = record.countries_allowed.iter().map(|code| country(code));
    host.countries_allowed = allowed.collect::<Result<_, _>>()?;
    Ok(host)
}

fn directory(
    record: &directory::Directory,
    public: MirrorSetIndex,
    private: MirrorSetIndex,
) -> Directory {
    let files = record.files.iter().map(|(name, details)| File {
        name: name.clone(),
        details: details.iter().map(detail).collect(),
    });
    Directory {
        name: record.name.clone(),
        subpath: record.subpath.clone(),
        public,
        private,
        files: files.collect(),
    }
}

fn detail(detail: &directory::FileDetail) -> FileDetail {
    FileDetail {
        timestamp_unix_s: detail.timestamp_unix_s.map(|time| time as u64),
        size_bytes: detail.size_bytes.map(|size| size as u64),
        md5: detail.md5.clone(),
        sha1: detail.sha1.clone(),
        sha256: detail.sha256.clone(),
        sha512: detail.sha512.clone(),
    }
}

fn country(code: &str) -> Result<Country, Error> {
    Country::parse(code).ok_or_else(|| Error::damaged(format!("{code} is no country")))
}

fn continent(code: &str) -> Result<Continent, Error> {
    Continent::parse(code).ok_or_else(|| Error::damaged(format!("{code} is no continent")))
}

fn prefix(text: &str) -> Result<IpNet, Error> {
    text.parse().map_err(|_| Error::damaged(format!("{text} is no prefix")))
}
