//! Countries by address, from a GeoIP database: read once, then folded into every snapshot.

use heliostat_prefixmap::PrefixMap;
use ipnet::IpNet;

use crate::Code;

/// Which country a prefix belongs to.
#[derive(Debug)]
pub struct CountryTable {
    prefixes: PrefixMap<Vec<u8>>,
}

impl CountryTable {
    /// Builds the table; of equal prefixes the last counts.
    ///
    /// # Errors
    ///
    /// When the table would be larger than a prefix map can be.
    pub fn new(
        countries: impl IntoIterator<Item = (IpNet, Code)>,
    ) -> Result<CountryTable, heliostat_prefixmap::Error> {
        let value = |code: Code| u32::from(u16::from_le_bytes(code.to_bytes()));
        let countries = countries.into_iter().map(|(prefix, code)| (prefix, value(code)));
        Ok(CountryTable { prefixes: PrefixMap::build(countries)? })
    }

    /// The prefixes in order, each with its country.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (IpNet, Code)> {
        let code = |value: u32| Code::from_bytes(&(value as u16).to_le_bytes());
        self.prefixes.iter().filter_map(move |(prefix, value)| Some((prefix, code(value)?)))
    }

    /// The number of prefixes.
    pub fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// Whether it knows no prefix at all.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }
}
