//! Locations: named lists of hosts, put first when a client names one.

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::Value;
use crate::{Error, Txn, View};

/// A named list of hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Its number.
    #[serde(default)]
    pub id: i64,
    /// What clients send as `location=`.
    pub name: String,
    /// The numbers of the hosts, in order.
    pub hosts: Vec<i64>,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

impl View<'_> {
    /// All locations, by number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn location_list(&mut self) -> Result<Vec<Location>, Error> {
        let sql = "SELECT id, name, source FROM location ORDER BY id";
        let mut locations = self.query(sql, &[], |row| {
            let (id, name, source) = (row.cell(0)?, row.cell(1)?, row.cell(2)?);
            Ok(Location { id, name, hosts: Vec::new(), source })
        })?;
        let sql = "SELECT location_id, host_id FROM location_host ORDER BY location_id, position";
        self.each(sql, &[], |row| {
            let id = row.cell(0)?;
            if let Ok(at) = locations.binary_search_by_key(&id, |location: &Location| location.id) {
                locations[at].hosts.push(row.cell(1)?);
            }
            Ok(())
        })?;
        Ok(locations)
    }

    /// The location of a name.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn location_find(&mut self, name: &str) -> Result<Location, Error> {
        let found = self.location_list()?.into_iter().find(|location| location.name == name);
        found.ok_or_else(|| Error::Unknown { resource: RESOURCE, name: name.to_owned() })
    }
}

impl Txn<'_> {
    /// Adds a location, and gives it its number.
    ///
    /// # Errors
    ///
    /// When its name makes no sense or is taken, or it names a host that there is not.
    pub fn location_insert(&mut self, mut location: Location) -> Result<Location, Error> {
        let check = Check { resource: RESOURCE, name: &location.name };
        check.name("the name", &location.name)?;
        if self.view().location_find(&location.name).is_ok() {
            return check.refuse("the name is taken");
        }
        location.id = self.id_new();
        let (id, name) = (Value::Int(location.id), Value::Text(&location.name));
        let row = vec![id, name, Value::Text(&location.source)];
        self.insert_rows("location", "id, name, source", &[row])?;
        self.location_hosts_write(&location)?;
        self.note(RESOURCE, &location.name, None::<&Location>, Some(&location))?;
        Ok(location)
    }

    /// Gives a location other hosts; its name stays.
    ///
    /// # Errors
    ///
    /// When it names a host that there is not, or its number or name would change.
    pub fn location_update(&mut self, before: &Location, location: &Location) -> Result<(), Error> {
        if (location.id, &location.name) != (before.id, &before.name) {
            return Check { resource: RESOURCE, name: &before.name }
                .refuse("its number and its name cannot be changed");
        }
        if location == before {
            return Ok(());
        }
        let sql = "DELETE FROM location_host WHERE location_id = ?1";
        self.execute(sql, &[Value::Int(location.id)])?;
        self.location_hosts_write(location)?;
        self.note(RESOURCE, &location.name, Some(before), Some(location))
    }

    /// Removes a location.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn location_remove(&mut self, before: &Location) -> Result<(), Error> {
        self.execute("DELETE FROM location WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(RESOURCE, &before.name, Some(before), None::<&Location>)
    }

    fn location_hosts_write(&mut self, location: &Location) -> Result<(), Error> {
        for &host in &location.hosts {
            let known = self.view().query(
                "SELECT id FROM host WHERE id = ?1",
                &[Value::Int(host)],
                |row| row.cell::<i64>(0),
            )?;
            if known.is_empty() {
                return Check { resource: RESOURCE, name: &location.name }
                    .refuse(format!("there is no host {host}"));
            }
        }
        let rows: Vec<_> = (0..)
            .zip(&location.hosts)
            .map(|(at, &host)| vec![Value::Int(location.id), Value::Int(at), Value::Int(host)])
            .collect();
        self.insert_rows("location_host", "location_id, position, host_id", &rows)
    }
}

const RESOURCE: &str = "location";
