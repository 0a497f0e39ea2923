//! Countries by address, from a GeoIP2 or GeoLite2 country database in MaxMind's format.
//!
//! The database is walked once from end to end; nobody looks anything up in it. Addresses of IPv4
//! come out as IPv4, whichever way the database stores them.

use std::collections::HashMap;

use heliostat_model::{Country, IpNet};
use maxminddb::{MaxMindDbError, PathElement, Reader, WithinOptions};

/// A file that is no country database.
#[derive(Debug, thiserror::Error)]
pub enum GeoipError {
    /// The file cannot be read as a database.
    #[error("not in MaxMind's format, or damaged")]
    Format(#[from] MaxMindDbError),
    /// The database describes something else than countries.
    #[error("a database of type {0}, which names no countries")]
    Type(String),
}

/// Reads which country each prefix lies in, in the order of addresses.
///
/// A prefix without a country falls back to the country where it is registered, as GeoIP does for
/// satellite links and anonymous proxies; one without either is left out.
///
/// # Errors
///
/// When the bytes are no country or city database.
pub fn countries_read(bytes: Vec<u8>) -> Result<Vec<(IpNet, Country)>, GeoipError> {
    let reader = Reader::from_source(bytes)?;
    let kind = &reader.metadata().database_type;
    if !["Country", "City", "Enterprise"].iter().any(|word| kind.contains(word)) {
        return Err(GeoipError::Type(kind.clone()));
    }
    let mut countries = Vec::new();
    // A few hundred records serve all prefixes; each is decoded once.
    let mut records: HashMap<usize, Option<Country>> = HashMap::new();
    for found in reader.networks(WithinOptions::default())? {
        let found = found?;
        let Some(offset) = found.offset() else { continue };
        let country = match records.get(&offset) {
            Some(country) => *country,
            None => {
                let code = |path: &str| -> Result<Option<Country>, MaxMindDbError> {
                    let path = [PathElement::Key(path), PathElement::Key("iso_code")];
                    Ok(found.decode_path::<&str>(&path)?.and_then(Country::parse))
                };
                let country = code("country")?.or(code("registered_country")?);
                records.insert(offset, country);
                country
            }
        };
        let network = found.network()?;
        let prefix = IpNet::new(network.ip(), network.prefix()).ok().map(|prefix| prefix.trunc());
        countries.extend(prefix.zip(country));
    }
    Ok(countries)
}
