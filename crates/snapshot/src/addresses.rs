//! Where an address is: the file's places and a country database folded into one table.
//!
//! Two tables would be two walks through memory that nobody has read lately. They are walked once,
//! when the snapshot is opened, prefix by prefix with a stack of those that are open; a prefix that
//! says no more than the one around it is left out. What is left is small enough to stay in a cache.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use heliostat_prefixmap::{Error, Layout, PrefixMap};
use ipnet::IpNet;

use crate::Code;
use crate::country_table::CountryTable;
use crate::map::Bytes;
use crate::records::{NONE, PlaceRow};

/// From addresses to what is known of them.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    map: Option<(Layout, Bytes)>,
    known: Vec<Known>,
}

/// The table of the snapshot that was opened last, and the hash of what it was made of.
///
/// From one snapshot to the next addresses seldom change; then they have been checked already and
/// the table is taken over, and opening costs neither the time of it nor the memory.
#[derive(Clone, Debug, Default)]
pub struct LastAddresses(Option<(blake3::Hash, Arc<Addresses>)>);

impl LastAddresses {
    /// The table, if it was made of bytes with this hash.
    pub(crate) fn of(&self, origin: blake3::Hash) -> Option<Arc<Addresses>> {
        let (last, addresses) = self.0.as_ref()?;
        (*last == origin).then(|| Arc::clone(addresses))
    }

    /// Remembers a table and what it was made of, which has been checked.
    pub(crate) fn remember(&mut self, origin: blake3::Hash, addresses: &Arc<Addresses>) {
        self.0 = Some((origin, Arc::clone(addresses)));
    }
}

/// The hash of what a table is made of: prefixes and places.
pub(crate) fn origin(bytes: [&[u8]; 2]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for bytes in bytes {
        hasher.update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    }
    hasher.finalize()
}

/// What is known of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Known {
    /// Row of its place, or [`NONE`].
    pub(crate) place: u32,
    /// Its country by the file, else by the database.
    pub(crate) country: Option<Code>,
}

impl Addresses {
    /// Folds the tables.
    ///
    /// # Errors
    ///
    /// When the table would be larger than a prefix map can be.
    pub(crate) fn new(
        places: impl Iterator<Item = (IpNet, u32)>,
        rows: &[PlaceRow],
        countries: Option<&CountryTable>,
    ) -> Result<Addresses, Error> {
        let countries = countries.into_iter().flat_map(CountryTable::iter);
        let (mut known, mut numbers) = (Vec::new(), HashMap::new());
        let mut open: Vec<Open> = Vec::new();
        let prefixes = both(places, countries).filter_map(|(prefix, place, country)| {
            while open.last().is_some_and(|around| !around.prefix.contains(&prefix)) {
                open.pop();
            }
            let around = open.last().map_or(Open::nowhere(prefix), |around| *around);
            let place = place.unwrap_or(around.place);
            let by_database = country.or(around.by_database);
            let row = rows.get(place as usize);
            let by_file = row.and_then(|row| Code::from_bytes(&row.country));
            let bears = row.is_some_and(PlaceRow::bears);
            let here =
                Known { place: if bears { place } else { NONE }, country: by_file.or(by_database) };
            open.push(Open { prefix, place, by_database, known: here });
            if here == around.known {
                return None;
            }
            let number = *numbers.entry(here).or_insert_with(|| {
                known.push(here);
                known.len() as u32 - 1
            });
            Some((prefix, number))
        });
        let built = PrefixMap::build(prefixes)?;
        let map = Some((built.layout(), Bytes::huge(built.into_inner())));
        Ok(Addresses { map, known })
    }

    /// What is known of an address.
    #[inline]
    pub(crate) fn find(&self, address: IpAddr) -> Option<Known> {
        let (layout, image) = self.map.as_ref()?;
        let number = layout.view(image.as_ref()).value(address)?;
        self.known.get(number as usize).copied()
    }
}

/// A prefix around the current one.
#[derive(Clone, Copy)]
struct Open {
    prefix: IpNet,
    place: u32,
    by_database: Option<Code>,
    known: Known,
}

impl Open {
    /// Around all prefixes: nothing is known.
    fn nowhere(prefix: IpNet) -> Open {
        let known = Known { place: NONE, country: None };
        Open { prefix, place: NONE, by_database: None, known }
    }
}

/// Two tables in the order of prefixes (IPv4 first, by address, shorter ones first), each prefix
/// once.
fn both(
    places: impl Iterator<Item = (IpNet, u32)>,
    countries: impl Iterator<Item = (IpNet, Code)>,
) -> impl Iterator<Item = (IpNet, Option<u32>, Option<Code>)> {
    let (mut places, mut countries) = (places.peekable(), countries.peekable());
    std::iter::from_fn(move || {
        let order = match (places.peek(), countries.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let place = if order.is_le() { places.next() } else { None };
        let country = if order.is_ge() { countries.next() } else { None };
        let prefix = place.map(|(prefix, _)| prefix).or(country.map(|(prefix, _)| prefix))?;
        Some((prefix, place.map(|(_, row)| row), country.map(|(_, code)| code)))
    })
}
