//! Countries by address, from a database file.

use std::path::Path;

use heliostat_exchange::geoip;
use heliostat_snapshot::CountryTable;

use crate::Error;

/// Reads a country database into a table.
///
/// # Errors
///
/// When the file cannot be read or is no country database.
pub fn countries_open(path: &Path) -> Result<CountryTable, Error> {
    let bytes =
        std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    let wrong = |what: String| Error::Countries { path: path.to_owned(), what };
    let countries = geoip::countries_read(bytes).map_err(|error| wrong(error.to_string()))?;
    let codes = countries.into_iter().map(|(prefix, country)| (prefix, country.0));
    let table = CountryTable::new(codes).map_err(|error| wrong(error.to_string()))?;
    if table.is_empty() {
        return Err(wrong("it names no country for any address".to_owned()));
    }
    Ok(table)
}
