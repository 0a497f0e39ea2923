//! Countries, continents, and the order of mirrors that makes each of them a range.
//!
//! Mirrors are numbered by continent, then country, then host. The mirrors of a directory that
//! stand in a country are then one slice of the directory's sorted set, found by two binary
//! searches, and so are those of a continent: no per-country copies of any set are kept.

use std::collections::BTreeSet;

use heliostat_model::{Continent, Country, World};
use heliostat_snapshot::records::{ContinentRow, CountryRow, NO_COUNTRY, Span};
use zerocopy::little_endian::U16;

/// The order of mirrors, and the tables that describe it.
#[derive(Debug)]
pub(crate) struct Geography {
    /// Row of a mirror to its position in the world.
    pub(crate) order: Vec<u32>,
    /// Position of a mirror in the world to its row.
    pub(crate) rows: Vec<u32>,
    /// The countries, sorted.
    pub(crate) countries: Vec<CountryRow>,
    /// The continents, sorted.
    pub(crate) continents: Vec<ContinentRow>,
}

impl Geography {
    /// Numbers the mirrors of a world.
    pub(crate) fn new(world: &World) -> Geography {
        let continents_by_country = world.continents();
        // Of a mirror: continent (none last), country (none last), host.
        let place = |mirror: &u32| {
            let host = world.mirrors[*mirror as usize].host.0;
            let country = world.hosts[host as usize].country;
            let continent =
                country.and_then(|country| continents_by_country.get(&country)).copied();
            ((continent.is_none(), continent), (country.is_none(), country), host)
        };
        let mut order: Vec<u32> = (0..world.mirrors.len() as u32).collect();
        order.sort_by_cached_key(place);
        let mut rows = vec![0; order.len()];
        for (row, &mirror) in order.iter().enumerate() {
            rows[mirror as usize] = row as u32;
        }
        let keys: Vec<_> = order.iter().map(place).collect();
        let continents = continents_by_country.values().copied().collect::<BTreeSet<Continent>>();
        let countries = continents_by_country.keys().copied();
        let countries = countries.chain(world.hosts.iter().filter_map(|host| host.country));
        let countries = countries.collect::<BTreeSet<Country>>();
        let continent_row = |country: &Country| {
            let continent = continents_by_country.get(country)?;
            continents.iter().position(|known| known == continent).map(|row| row as u16)
        };
        Geography {
            countries: countries
                .iter()
                .map(|country| CountryRow {
                    code: country.0.to_bytes(),
                    continent: U16::new(continent_row(country).unwrap_or(NO_COUNTRY)),
                    mirrors: run(&keys, |key| key.1.1 == Some(*country)),
                })
                .collect(),
            continents: continents
                .iter()
                .map(|continent| ContinentRow {
                    code: continent.0.to_bytes(),
                    reserved: U16::new(0),
                    mirrors: run(&keys, |key| key.0.1 == Some(*continent)),
                })
                .collect(),
            order,
            rows,
        }
    }

    /// The row of a country.
    pub(crate) fn country_row(&self, country: Option<Country>) -> u16 {
        let row = country.and_then(|country| {
            self.countries.binary_search_by_key(&country.0.to_bytes(), |row| row.code).ok()
        });
        row.map_or(NO_COUNTRY, |row| row as u16)
    }
}

/// The run of items for which something holds; the items lie together.
fn run<T>(items: &[T], holds: impl Fn(&T) -> bool) -> Span {
    let first = items.iter().position(&holds).unwrap_or(0);
    let count = items[first..].iter().take_while(|item| holds(item)).count();
    Span::new(first as u32, count as u32)
}
