//! The compiler, stage by stage: a world becomes the sections of a snapshot.

use std::io::{self, Write};

use heliostat_model::{IpNet, Mirror, Scheme, Url, World};
use heliostat_snapshot::encode::{SectionBytes, Stamp, encode};
use heliostat_snapshot::format::Section;
use heliostat_snapshot::records::{
    AboutRow, DirectorySlotRow, HOST_INTERNET2, HOST_MONOPOLY, HOST_PRIVATE, HostCountryRow,
    HostRow, LocationHostRow, LocationRow, MirrorRow, NameSlotRow, RepositorySlotRow, SetMemberRow,
    SetRow, Span, Text, UrlRow,
};
use heliostat_snapshot::{repository_key, slots};
use zerocopy::little_endian::{F32, U16, U32, U64};

use crate::geography::Geography;
use crate::markup;
use crate::networks::Networks;
use crate::texts::Texts;
use crate::tree::Tree;

/// What was compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Length of the file.
    pub file_bytes: u64,
    /// Hosts in it.
    pub hosts: usize,
    /// Mirrors in it.
    pub mirrors: usize,
    /// Directories in it.
    pub directories: usize,
    /// Repositories in it, one per architecture.
    pub repositories: usize,
    /// Prefixes in it, after those that say nothing new were left out.
    pub prefixes: usize,
}

/// Compiles a world into a snapshot and writes it.
///
/// The same world and stamp give the same bytes. `stage` is called with the name of each stage
/// as it begins.
///
/// # Errors
///
/// What the writer answers; [`io::ErrorKind::InvalidData`] when the world names rows that it does
/// not have, or is too large for the format.
pub fn compile(
    world: &World,
    stamp: Stamp,
    out: &mut impl Write,
    mut stage: impl FnMut(&'static str),
) -> io::Result<Summary> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    world.check().map_err(invalid)?;
    let mut sections = Sections::default();
    stage("mirrors");
    let geography = Geography::new(world);
    sections.add_mirrors(world, &geography);
    sections.add_hosts(world, &geography);
    sections.add_sets(world, &geography);
    stage("directories");
    let tree = Tree::new(world, &mut sections.texts);
    stage("addresses");
    let networks = Networks::new(world);
    let build = |prefixes: &[(IpNet, u32)]| {
        let built = heliostat_snapshot::prefixmap::build(prefixes.iter().copied());
        built.map_err(|error| invalid(error.to_string()))
    };
    let maps = [build(&networks.prefixes)?, build(&networks.systems)?];
    stage("writing");
    let about = AboutRow {
        source: sections.texts.add(world.source.as_bytes()),
        repository_list: sections.texts.add(&tree.repository_list),
    };
    let file_bytes = sections.write(out, stamp, about, &geography, &tree, &networks, &maps)?;
    Ok(Summary {
        file_bytes,
        hosts: world.hosts.len(),
        mirrors: world.mirrors.len(),
        directories: tree.directories.len(),
        repositories: tree.repositories.len(),
        prefixes: networks.systems.len(),
    })
}

/// The sections about hosts and mirrors, as they grow.
#[derive(Debug, Default)]
struct Sections {
    texts: Texts,
    hosts: Vec<HostRow>,
    host_countries: Vec<HostCountryRow>,
    mirrors: Vec<MirrorRow>,
    urls: Vec<UrlRow>,
    sets: Vec<SetRow>,
    set_members: Vec<SetMemberRow>,
    locations: Vec<LocationRow>,
    location_hosts: Vec<LocationHostRow>,
}

impl Sections {
    /// Mirrors come first, so that the texts that every answer copies lie close together.
    fn add_mirrors(&mut self, world: &World, geography: &Geography) {
        for &at in &geography.order {
            let mirror = &world.mirrors[at as usize];
            let host = &world.hosts[mirror.host.0 as usize];
            let first = self.urls.len() as u32;
            let mut urls: Vec<&Url> = mirror.urls.iter().collect();
            urls.sort_by_key(|url| (url.scheme, url.id));
            for url in &urls {
                let row = self.url_row(url, host.country);
                self.urls.push(row);
            }
            let default = urls.first().filter(|url| url.scheme != Scheme::Rsync);
            let weight = host.bandwidth_mbit_s.clamp(WEIGHT_MIN, WEIGHT_MAX);
            self.mirrors.push(MirrorRow {
                host: U32::new(mirror.host.0),
                weight_inverse: F32::new(1.0 / weight as f32),
                urls: Span::new(first, urls.len() as u32),
                base: default.map_or(Text::new(0, 0), |_| self.urls[first as usize].base),
                country: U16::new(geography.country_row(host.country)),
                schemes: schemes(mirror),
                restricted: u8::from(!host.countries_allowed.is_empty()),
            });
        }
    }

    fn url_row(&mut self, url: &Url, country: Option<heliostat_model::Country>) -> UrlRow {
        let base = format!("{}/", url.text.trim_end_matches('/'));
        let (mut head, mut link) = (Vec::new(), Vec::new());
        markup::url_head(&mut head, url, country);
        markup::url_link(&mut link, base.as_bytes());
        UrlRow {
            id: U64::new(url.id),
            base: self.texts.add(base.as_bytes()),
            head: self.texts.add(&head),
            link: self.texts.add(&link),
            scheme: url.scheme as u8,
            reserved: [0; 3],
        }
    }

    fn add_hosts(&mut self, world: &World, geography: &Geography) {
        let mut spans = vec![(0, 0); world.hosts.len()];
        for (row, &at) in geography.order.iter().enumerate().rev() {
            let span: &mut (u32, u32) = &mut spans[world.mirrors[at as usize].host.0 as usize];
            *span = (row as u32, span.1 + 1);
        }
        for (host, (first, count)) in world.hosts.iter().zip(spans) {
            let allowed = self.host_countries.len() as u32;
            let codes = host.countries_allowed.iter();
            self.host_countries.extend(codes.map(|c| HostCountryRow { code: c.0.to_bytes() }));
            let degrees = |read: fn(&heliostat_model::Coordinates) -> f32| {
                F32::new(host.coordinates.as_ref().map_or(f32::NAN, read))
            };
            self.hosts.push(HostRow {
                id: U64::new(host.id),
                name: self.texts.add(host.name.as_bytes()),
                mirrors: Span::new(first, count),
                countries_allowed: Span::new(allowed, host.countries_allowed.len() as u32),
                weight: U32::new(host.bandwidth_mbit_s.clamp(WEIGHT_MIN, WEIGHT_MAX)),
                connections_max: U32::new(host.connections_max.unwrap_or(0)),
                country: U16::new(geography.country_row(host.country)),
                flags: U16::new(
                    flag(host.private, HOST_PRIVATE)
                        | flag(host.monopoly, HOST_MONOPOLY)
                        | flag(host.internet2, HOST_INTERNET2),
                ),
                latitude_deg: degrees(|place| place.latitude_deg),
                longitude_deg: degrees(|place| place.longitude_deg),
            });
        }
        let mut locations: Vec<_> = world.locations.iter().collect();
        locations.sort_by_key(|location| location.name.as_str());
        locations.dedup_by_key(|location| location.name.as_str());
        for location in locations {
            let first = self.location_hosts.len() as u32;
            let hosts = location.hosts.iter();
            self.location_hosts.extend(hosts.map(|h| LocationHostRow { host: U32::new(h.0) }));
            self.locations.push(LocationRow {
                name: self.texts.add(location.name.as_bytes()),
                hosts: Span::new(first, location.hosts.len() as u32),
            });
        }
    }

    fn add_sets(&mut self, world: &World, geography: &Geography) {
        let mut rows = Vec::new();
        for set in &world.mirror_sets {
            rows.clear();
            rows.extend(set.iter().map(|mirror| geography.rows[mirror.0 as usize]));
            rows.sort_unstable();
            let first = self.set_members.len() as u32;
            let members = rows.iter().map(|&mirror| SetMemberRow { mirror: U32::new(mirror) });
            self.set_members.extend(members);
            self.sets.push(SetRow { members: Span::new(first, rows.len() as u32) });
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one argument per stage that made sections")]
    fn write(
        self,
        out: &mut impl Write,
        stamp: Stamp,
        about: AboutRow,
        geography: &Geography,
        tree: &Tree,
        networks: &Networks,
        [prefixes, systems]: &[Vec<u8>; 2],
    ) -> io::Result<u64> {
        let text = self.texts.into_bytes();
        let name = |at: Text| &text[at.offset.get() as usize..][..at.len()];
        let directory_slots: Vec<_> = slots::build(tree.directories.iter().map(|d| name(d.name)))
            .into_iter()
            .map(|row| DirectorySlotRow { row: U32::new(row) })
            .collect();
        let mut keys = vec![Vec::new(); tree.repositories.len()];
        for (key, repository) in keys.iter_mut().zip(&tree.repositories) {
            repository_key(name(repository.prefix), name(repository.arch), key);
        }
        let repository_slots: Vec<_> = slots::build(keys.iter().map(Vec::as_slice))
            .into_iter()
            .map(|row| RepositorySlotRow { row: U32::new(row) })
            .collect();
        let name_slots: Vec<_> = slots::build(tree.names.iter().map(|row| name(row.name)))
            .into_iter()
            .map(|row| NameSlotRow { row: U32::new(row) })
            .collect();
        let about = [about];
        let sections = [
            SectionBytes::rows(&about),
            SectionBytes::plain(Section::Text, &text),
            SectionBytes::rows(&geography.countries),
            SectionBytes::rows(&geography.continents),
            SectionBytes::rows(&self.hosts),
            SectionBytes::rows(&self.host_countries),
            SectionBytes::rows(&self.mirrors),
            SectionBytes::rows(&self.urls),
            SectionBytes::rows(&self.sets),
            SectionBytes::rows(&self.set_members),
            SectionBytes::rows(&tree.directories),
            SectionBytes::rows(&directory_slots),
            SectionBytes::rows(&tree.files),
            SectionBytes::rows(&tree.repositories),
            SectionBytes::rows(&repository_slots),
            SectionBytes::rows(&tree.names),
            SectionBytes::rows(&name_slots),
            SectionBytes::rows(&self.locations),
            SectionBytes::rows(&self.location_hosts),
            SectionBytes::rows(&networks.asns),
            SectionBytes::rows(&networks.asn_hosts),
            SectionBytes::rows(&networks.places),
            SectionBytes::rows(&networks.place_netblocks),
            SectionBytes::plain(Section::Prefixes, prefixes),
            SectionBytes::plain(Section::Systems, systems),
        ];
        encode(out, stamp, &sections)
    }
}

fn schemes(mirror: &Mirror) -> u8 {
    mirror.urls.iter().fold(0, |mask, url| mask | 1 << url.scheme as u8)
}

fn flag(set: bool, flag: u16) -> u16 {
    if set { flag } else { 0 }
}

/// The bounds of a host's weight, as MirrorManager set them.
const WEIGHT_MIN: u32 = 1;
const WEIGHT_MAX: u32 = 100_000;
