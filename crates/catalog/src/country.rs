//! Countries: which there are, which continent they lie on, and from where they are served.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// A country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Country {
    /// Two capital letters.
    pub code: String,
    /// The continent that it lies on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continent: Option<String>,
    /// The continent as a part of which it is served instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_as: Option<String>,
}

impl View<'_> {
    /// All countries, by code.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn country_list(&mut self) -> Result<Vec<Country>, Error> {
        self.query("SELECT code, continent, served_as FROM country ORDER BY code", &[], read)
    }

    /// The country of a code.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn country_find(&mut self, code: &str) -> Result<Country, Error> {
        let sql = "SELECT code, continent, served_as FROM country WHERE code = ?1";
        let found = self.query(sql, &[Value::Text(code)], read)?.into_iter().next();
        found.ok_or_else(|| Error::Unknown { resource: RESOURCE, name: code.to_owned() })
    }
}

impl Txn<'_> {
    /// Adds a country or changes it.
    ///
    /// # Errors
    ///
    /// When a code is none.
    pub fn country_set(&mut self, country: &Country) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &country.code };
        check.code("the code", &country.code)?;
        for continent in [&country.continent, &country.served_as].into_iter().flatten() {
            check.code("the continent", continent)?;
        }
        let before = match self.view().country_find(&country.code) {
            Ok(before) => Some(before),
            Err(Error::Unknown { .. }) => None,
            Err(error) => return Err(error),
        };
        if before.as_ref() == Some(country) {
            return Ok(());
        }
        let sql = match before {
            Some(_) => "UPDATE country SET continent = ?2, served_as = ?3 WHERE code = ?1",
            None => "INSERT INTO country (code, continent, served_as) VALUES (?1, ?2, ?3)",
        };
        let values = [
            Value::Text(&country.code),
            Value::text(country.continent.as_deref()),
            Value::text(country.served_as.as_deref()),
        ];
        self.execute(sql, &values)?;
        self.note(RESOURCE, &country.code, before.as_ref(), Some(country))
    }

    /// Adds a country.
    ///
    /// # Errors
    ///
    /// When it is there already or a code is none.
    pub fn country_insert(&mut self, country: &Country) -> Result<(), Error> {
        if self.view().country_find(&country.code).is_ok() {
            let check = Check { resource: RESOURCE, name: &country.code };
            return check.refuse("it is there already");
        }
        self.country_set(country)
    }

    /// Makes a country what it is told to be.
    ///
    /// # Errors
    ///
    /// When its code is another or a continent is none.
    pub fn country_update(&mut self, before: &Country, country: &Country) -> Result<(), Error> {
        if country.code != before.code {
            let check = Check { resource: RESOURCE, name: &before.code };
            return check.refuse("its code cannot be changed");
        }
        self.country_set(country)
    }

    /// Removes a country that nothing names.
    ///
    /// # Errors
    ///
    /// When a host or a network names it.
    pub fn country_remove(&mut self, before: &Country) -> Result<(), Error> {
        let code = [Value::Text(&before.code)];
        for (table, what) in NAMED_BY {
            let sql = format!("SELECT count(*) FROM {table} WHERE country = ?1");
            let count = self.view().query(&sql, &code, |row| row.cell::<i64>(0))?;
            if let Some(&count @ 1..) = count.first() {
                let check = Check { resource: RESOURCE, name: &before.code };
                return check.refuse(format!("{count} {what} it"));
            }
        }
        self.execute("DELETE FROM country WHERE code = ?1", &code)?;
        self.note(RESOURCE, &before.code, Some(before), None::<&Country>)
    }

    /// Makes all countries what they are told to be; those not told of are left alone.
    pub(crate) fn countries_set(
        &mut self,
        wanted: &BTreeMap<String, Country>,
    ) -> Result<(), Error> {
        let known = self.view().country_list()?;
        let known: BTreeMap<&str, &Country> =
            known.iter().map(|country| (country.code.as_str(), country)).collect();
        for (code, country) in wanted {
            if known.get(code.as_str()) != Some(&country) {
                self.country_set(country)?;
            }
        }
        Ok(())
    }
}

fn read(row: &Row<'_>) -> Result<Country, Error> {
    Ok(Country { code: row.cell(0)?, continent: row.cell(1)?, served_as: row.cell(2)? })
}

const RESOURCE: &str = "country";

/// The tables that name countries, and what their rows do.
const NAMED_BY: [(&str, &str); 3] = [
    ("host", "hosts lie in"),
    ("host_country_allowed", "hosts are open to"),
    ("netblock_country", "netblocks lie in"),
];
