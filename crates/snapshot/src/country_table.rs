//! Countries by address, from a GeoIP database: read once into a flat prefix map, then one lookup.

use std::net::IpAddr;

use heliostat_prefixmap::PrefixMap;
use ipnet::IpNet;

use crate::Code;
use crate::map::Bytes;

/// Which country an address belongs to.
#[derive(Debug)]
pub struct CountryTable {
    prefixes: PrefixMap<Bytes>,
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
        let built = PrefixMap::build(countries)?;
        Ok(CountryTable { prefixes: PrefixMap::open(Bytes::huge(built.into_inner()))? })
    }

    /// The country of an address.
    #[inline]
    pub fn country(&self, address: IpAddr) -> Option<Code> {
        let value = self.prefixes.value(address)?;
        Code::from_bytes(&(value as u16).to_le_bytes())
    }

    /// The number of prefixes.
    pub fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// Whether it knows no prefix at all.
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }

    /// What it takes in memory.
    pub fn image_bytes(&self) -> usize {
        self.prefixes.as_bytes().len()
    }
}
