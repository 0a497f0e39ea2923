//! Networks whose country is known better than a GeoIP database knows it.

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::Value;
use crate::{Error, Txn, View};

/// A network and its country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetblockCountry {
    /// The network, in its canonical form.
    pub prefix: String,
    /// Two capital letters.
    pub country: String,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

impl View<'_> {
    /// All of them, by prefix.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn netblock_list(&mut self) -> Result<Vec<NetblockCountry>, Error> {
        let sql = "SELECT prefix, country, source FROM netblock_country ORDER BY prefix";
        self.query(sql, &[], |row| {
            Ok(NetblockCountry {
                prefix: row.cell(0)?,
                country: row.cell(1)?,
                source: row.cell(2)?,
            })
        })
    }

    /// The one of a prefix.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn netblock_find(&mut self, prefix: &str) -> Result<NetblockCountry, Error> {
        self.netblock_look(prefix)?
            .ok_or_else(|| Error::Unknown { resource: RESOURCE, name: prefix.to_owned() })
    }

    fn netblock_look(&mut self, prefix: &str) -> Result<Option<NetblockCountry>, Error> {
        let sql = "SELECT prefix, country, source FROM netblock_country WHERE prefix = ?1";
        let found = self.query(sql, &[Value::Text(prefix)], |row| {
            Ok(NetblockCountry {
                prefix: row.cell(0)?,
                country: row.cell(1)?,
                source: row.cell(2)?,
            })
        })?;
        Ok(found.into_iter().next())
    }
}

impl Txn<'_> {
    /// Adds one.
    ///
    /// # Errors
    ///
    /// When its prefix is taken or not canonical, or there is no such country.
    pub fn netblock_insert(&mut self, netblock: &NetblockCountry) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &netblock.prefix };
        self.netblock_check(netblock)?;
        if let Some(known) = self.view().netblock_look(&netblock.prefix)? {
            return check.refuse(format!("it is in {} already", known.country));
        }
        let values = [
            Value::Text(&netblock.prefix),
            Value::Text(&netblock.country),
            Value::Text(&netblock.source),
        ];
        let sql = "INSERT INTO netblock_country (prefix, country, source) VALUES (?1, ?2, ?3)";
        self.execute(sql, &values)?;
        self.note(RESOURCE, &netblock.prefix, None::<&NetblockCountry>, Some(netblock))
    }

    /// Makes one what it is told to be; its prefix stays.
    ///
    /// # Errors
    ///
    /// When its prefix would change, or there is no such country.
    pub fn netblock_update(
        &mut self,
        before: &NetblockCountry,
        netblock: &NetblockCountry,
    ) -> Result<(), Error> {
        self.netblock_check(netblock)?;
        if netblock.prefix != before.prefix {
            return Check { resource: RESOURCE, name: &before.prefix }
                .refuse("the prefix cannot be changed; add the new one and remove this one");
        }
        if netblock == before {
            return Ok(());
        }
        let values = [
            Value::Text(&netblock.prefix),
            Value::Text(&netblock.country),
            Value::Text(&netblock.source),
        ];
        let sql = "UPDATE netblock_country SET country = ?2, source = ?3 WHERE prefix = ?1";
        self.execute(sql, &values)?;
        self.note(RESOURCE, &netblock.prefix, Some(before), Some(netblock))
    }

    /// Removes one.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn netblock_remove(&mut self, before: &NetblockCountry) -> Result<(), Error> {
        let sql = "DELETE FROM netblock_country WHERE prefix = ?1";
        self.execute(sql, &[Value::Text(&before.prefix)])?;
        self.note(RESOURCE, &before.prefix, Some(before), None::<&NetblockCountry>)
    }

    fn netblock_check(&mut self, netblock: &NetblockCountry) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &netblock.prefix };
        check.prefix(&netblock.prefix)?;
        check.code("the country", &netblock.country)?;
        match self.view().country_find(&netblock.country) {
            Err(Error::Unknown { .. }) => {
                check.refuse(format!("there is no country {}", netblock.country))
            }
            found => found.map(drop),
        }
    }
}

const RESOURCE: &str = "netblock";
