//! Hosts: machines that carry content, where they can be reached, and whom they serve.
//!
//! A host is one document: its row, its mirrors with their URLs, its networks, the countries it
//! allows. It is read, changed and noted in the audit trail as a whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// A machine that carries content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Host {
    /// Its number: clients' logs and other systems know it under it.
    #[serde(default)]
    pub id: i64,
    /// Whose it is.
    pub site: String,
    /// What people call it, usually its DNS name.
    pub name: String,
    /// The administrators of the network have nothing against it.
    #[serde(default = "yes")]
    pub active_admin: bool,
    /// Its owner wants it to be used.
    #[serde(default = "yes")]
    pub active_owner: bool,
    /// For clients of its own networks only.
    #[serde(default)]
    pub private: bool,
    /// Clients of its own networks are given it and no other.
    #[serde(default)]
    pub monopoly: bool,
    /// On the Internet2 research network.
    #[serde(default)]
    pub internet2: bool,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Degrees north.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude_deg: Option<f64>,
    /// Degrees east.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude_deg: Option<f64>,
    /// Its weight among equals.
    #[serde(default = "bandwidth")]
    pub bandwidth_mbit_s: u32,
    /// How many connections of one client its owner allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections_max: Option<u32>,
    /// Its own networks.
    #[serde(default)]
    pub asns: Vec<u32>,
    /// Other networks that it serves first.
    #[serde(default)]
    pub peer_asns: Vec<u32>,
    /// The prefixes that it serves first.
    #[serde(default)]
    pub netblocks: Vec<String>,
    /// When not empty: it serves clients of these countries only.
    #[serde(default)]
    pub countries_allowed: Vec<String>,
    /// Whom to ask.
    #[serde(default)]
    pub contact: String,
    /// Anything else.
    #[serde(default)]
    pub notes: String,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
    /// Its number there.
    #[serde(default)]
    pub source_id: i64,
    /// What it carries, and where.
    #[serde(default)]
    pub mirrors: Vec<Mirror>,
}

/// A host's copy of one category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirror {
    /// Its number; states hang on it.
    #[serde(default)]
    pub id: i64,
    /// What it is a copy of.
    pub category: String,
    /// It has everything at once, so nobody needs to look.
    #[serde(default)]
    pub always_current: bool,
    /// Where it can be reached.
    #[serde(default)]
    pub urls: Vec<MirrorUrl>,
}

/// Where a copy can be reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MirrorUrl {
    /// Its number: of one scheme the lowest is given to clients. Below zero: it has none yet.
    #[serde(default = "none")]
    pub number: i64,
    /// Without a slash at its end.
    pub url: String,
    /// Not given to clients.
    #[serde(default)]
    pub private: bool,
}

impl Host {
    /// An active, public host about which nothing is known.
    pub fn new(site: impl Into<String>, name: impl Into<String>) -> Host {
        Host {
            id: 0,
            site: site.into(),
            name: name.into(),
            active_admin: true,
            active_owner: true,
            private: false,
            monopoly: false,
            internet2: false,
            country: None,
            latitude_deg: None,
            longitude_deg: None,
            bandwidth_mbit_s: bandwidth(),
            connections_max: None,
            asns: Vec::new(),
            peer_asns: Vec::new(),
            netblocks: Vec::new(),
            countries_allowed: Vec::new(),
            contact: String::new(),
            notes: String::new(),
            source: String::new(),
            source_id: 0,
            mirrors: Vec::new(),
        }
    }

    /// Puts lists into the one order in which they are stored, each value once.
    fn tidy(&mut self) {
        tidy(&mut self.asns);
        tidy(&mut self.peer_asns);
        self.peer_asns.retain(|asn| !self.asns.contains(asn));
        tidy(&mut self.netblocks);
        tidy(&mut self.countries_allowed);
        for mirror in &mut self.mirrors {
            tidy(&mut mirror.urls);
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &self.name };
        check.name("the name", &self.name)?;
        check.words("the contact", &self.contact)?;
        check.prose("the notes", &self.notes)?;
        for code in self.country.iter().chain(&self.countries_allowed) {
            check.code("the country", code)?;
        }
        self.netblocks.iter().try_for_each(|prefix| check.prefix(prefix))?;
        match (self.latitude_deg, self.longitude_deg) {
            (None, None) => {}
            (Some(north), Some(east)) if north.abs() <= 90.0 && east.abs() <= 180.0 => {}
            (Some(north), Some(east)) => {
                return check.refuse(format!("{north}, {east} is no place on Earth"));
            }
            _ => return check.refuse("latitude_deg and longitude_deg go together"),
        }
        for mirror in &self.mirrors {
            for url in &mirror.urls {
                check.url(&url.url)?;
            }
            let numbers: BTreeSet<i64> = mirror.urls.iter().map(|url| url.number).collect();
            if numbers.len() < mirror.urls.len() || numbers.first().is_some_and(|&n| n < 0) {
                return check.refuse("two of its URLs have one number");
            }
        }
        Ok(())
    }
}

impl View<'_> {
    /// All hosts, by number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn host_list(&mut self) -> Result<Vec<Host>, Error> {
        self.hosts(0, i64::MAX)
    }

    /// A host by its name or number.
    ///
    /// # Errors
    ///
    /// When there is none, several have the name, or the database cannot be read.
    pub fn host_find(&mut self, name: &str) -> Result<Host, Error> {
        let number = name.parse().unwrap_or(-1_i64);
        let sql = "SELECT id FROM host WHERE name = ?1 OR id = ?2 ORDER BY id LIMIT 10";
        let values = [Value::Text(name), Value::Int(number)];
        let ids = self.query(sql, &values, |row| row.cell::<i64>(0))?;
        match ids.as_slice() {
            [] => Err(Error::Unknown { resource: RESOURCE, name: name.to_owned() }),
            &[id] => self.host_by_id(id),
            ids if ids.contains(&number) => self.host_by_id(number),
            ids => {
                let check = Check { resource: RESOURCE, name };
                check.refuse(format!("several have this name; name one by its number: {ids:?}"))
            }
        }
    }

    pub(crate) fn host_by_id(&mut self, id: i64) -> Result<Host, Error> {
        let found = self.hosts(id, id)?.pop();
        found.ok_or_else(|| Error::Unknown { resource: RESOURCE, name: id.to_string() })
    }

    /// The hosts with numbers in a range, ends included.
    fn hosts(&mut self, first: i64, last: i64) -> Result<Vec<Host>, Error> {
        let range = [Value::Int(first), Value::Int(last)];
        let mut hosts: BTreeMap<i64, Host> = BTreeMap::new();
        self.each(
            &format!(
                "SELECT {COLUMNS} FROM host JOIN site ON site.id = host.site_id \
                 WHERE host.id BETWEEN ?1 AND ?2 ORDER BY host.id"
            ),
            &range,
            |row| {
                let host = read(row)?;
                hosts.insert(host.id, host);
                Ok(())
            },
        )?;
        let mut fill =
            |sql: &str, take: &mut dyn FnMut(&mut Host, &Row<'_>) -> Result<(), Error>| {
                self.each(sql, &range, |row| match hosts.get_mut(&row.cell(0)?) {
                    Some(host) => take(host, row),
                    None => Ok(()),
                })
            };
        fill(
            "SELECT host_id, asn, peer FROM host_asn WHERE host_id BETWEEN ?1 AND ?2 \
             ORDER BY host_id, asn",
            &mut |host, row| {
                let list = if row.cell(2)? { &mut host.peer_asns } else { &mut host.asns };
                list.push(row.cell::<i64>(1)? as u32);
                Ok(())
            },
        )?;
        fill(
            "SELECT host_id, prefix FROM host_netblock WHERE host_id BETWEEN ?1 AND ?2",
            &mut |host, row| row.cell(1).map(|prefix| host.netblocks.push(prefix)),
        )?;
        fill(
            "SELECT host_id, country FROM host_country_allowed WHERE host_id BETWEEN ?1 AND ?2",
            &mut |host, row| row.cell(1).map(|code| host.countries_allowed.push(code)),
        )?;
        fill(
            "SELECT host_id, mirror.id, category.name, always_current FROM mirror \
             JOIN category ON category.id = category_id WHERE host_id BETWEEN ?1 AND ?2 \
             ORDER BY mirror.id",
            &mut |host, row| {
                let (id, category, always_current) = (row.cell(1)?, row.cell(2)?, row.cell(3)?);
                host.mirrors.push(Mirror { id, category, always_current, urls: Vec::new() });
                Ok(())
            },
        )?;
        fill(
            "SELECT host_id, mirror_id, number, url, private FROM mirror_url \
             JOIN mirror ON mirror.id = mirror_id WHERE host_id BETWEEN ?1 AND ?2 \
             ORDER BY mirror_id, number",
            &mut |host, row| {
                let (number, url, private) = (row.cell(2)?, row.cell(3)?, row.cell(4)?);
                let id: i64 = row.cell(1)?;
                if let Ok(at) = host.mirrors.binary_search_by_key(&id, |mirror| mirror.id) {
                    host.mirrors[at].urls.push(MirrorUrl { number, url, private });
                }
                Ok(())
            },
        )?;
        let mut hosts: Vec<Host> = hosts.into_values().collect();
        // Engines order texts in their own ways; a document has one order.
        hosts.iter_mut().for_each(Host::tidy);
        Ok(hosts)
    }
}

impl Txn<'_> {
    /// Adds a host. Numbers that are zero are given; others must be free.
    ///
    /// # Errors
    ///
    /// When its site has one of this name, its site, country or a category is unknown, or something
    /// about it makes no sense.
    pub fn host_insert(&mut self, mut host: Host) -> Result<Host, Error> {
        host.tidy();
        self.numbers(&mut host);
        host.check()?;
        self.host_check(&host)?;
        self.host_write(&host)?;
        self.note(RESOURCE, &host.name, None::<&Host>, Some(&host))?;
        Ok(host)
    }

    /// Makes a host what it is told to be. Mirrors keep their states by their numbers; those left
    /// out are removed, those with the number zero are new.
    ///
    /// # Errors
    ///
    /// When it is unknown, or as for [`Txn::host_insert`].
    pub fn host_update(&mut self, before: &Host, mut host: Host) -> Result<Host, Error> {
        host.tidy();
        let check = Check { resource: RESOURCE, name: &before.name };
        if host.id != before.id {
            return check.refuse("its number cannot be changed");
        }
        let own: BTreeSet<i64> = before.mirrors.iter().map(|mirror| mirror.id).collect();
        if let Some(strange) = host.mirrors.iter().find(|m| m.id != 0 && !own.contains(&m.id)) {
            return check.refuse(format!("it has no mirror {}", strange.id));
        }
        self.numbers(&mut host);
        host.check()?;
        if host == *before {
            return Ok(host);
        }
        self.host_check(&host)?;
        self.host_rewrite(before, &host)?;
        self.note(RESOURCE, &host.name, Some(before), Some(&host))?;
        Ok(host)
    }

    /// Removes a host with everything that hangs on it.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn host_remove(&mut self, before: &Host) -> Result<(), Error> {
        self.execute("DELETE FROM host WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(RESOURCE, &before.name, Some(before), None::<&Host>)
    }

    /// Gives numbers to what has none.
    fn numbers(&mut self, host: &mut Host) {
        if host.id == 0 {
            host.id = self.id_new();
        }
        self.id_taken(host.id);
        for mirror in &mut host.mirrors {
            if mirror.id == 0 {
                mirror.id = self.id_new();
            }
            for url in mirror.urls.iter_mut().filter(|url| url.number < 0) {
                url.number = self.id_new();
            }
            mirror.urls.sort_by_key(|url| url.number);
        }
        host.mirrors.sort_by_key(|mirror| mirror.id);
    }

    /// What only the rest of the catalog can tell.
    fn host_check(&mut self, host: &Host) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &host.name };
        for code in host.country.iter().chain(&host.countries_allowed) {
            if let Err(error) = self.view().country_find(code) {
                return match error {
                    Error::Unknown { .. } => check.refuse(format!("there is no country {code}")),
                    error => Err(error),
                };
            }
        }
        let site = self.view().site_find(&host.site)?;
        let sql = "SELECT id FROM host WHERE site_id = ?1 AND name = ?2 AND id <> ?3 \
                   AND source = ?4 AND source_id = ?5";
        let values = [
            Value::Int(site.id),
            Value::Text(&host.name),
            Value::Int(host.id),
            Value::Text(&host.source),
            Value::Int(host.source_id),
        ];
        match self.view().query(sql, &values, |row| row.cell::<i64>(0))?.first() {
            Some(other) => check.refuse(format!("{} has it already, as number {other}", host.site)),
            None => Ok(()),
        }
    }

    fn host_write(&mut self, host: &Host) -> Result<(), Error> {
        let site = self.view().site_find(&host.site)?;
        self.insert_rows("host", COLUMNS_WRITTEN, &[values(host, site.id)])?;
        self.host_lists_write(host)?;
        for mirror in &host.mirrors {
            self.mirror_write(host.id, mirror)?;
        }
        Ok(())
    }

    fn host_rewrite(&mut self, before: &Host, host: &Host) -> Result<(), Error> {
        let site = self.view().site_find(&host.site)?;
        let places = COLUMNS_WRITTEN.split(", ").zip(1..).skip(1);
        let places: Vec<String> = places.map(|(column, n)| format!("{column} = ?{n}")).collect();
        let sql = format!("UPDATE host SET {} WHERE id = ?1", places.join(", "));
        self.execute(&sql, &values(host, site.id))?;
        let id = [Value::Int(host.id)];
        for list in ["host_asn", "host_netblock", "host_country_allowed"] {
            self.execute(&format!("DELETE FROM {list} WHERE host_id = ?1"), &id)?;
        }
        self.host_lists_write(host)?;
        for mirror in &before.mirrors {
            if !host.mirrors.iter().any(|kept| kept.id == mirror.id) {
                self.execute("DELETE FROM mirror WHERE id = ?1", &[Value::Int(mirror.id)])?;
            }
        }
        for mirror in &host.mirrors {
            match before.mirrors.iter().find(|known| known.id == mirror.id) {
                Some(known) if known == mirror => {}
                Some(_) => self.mirror_rewrite(mirror)?,
                None => self.mirror_write(host.id, mirror)?,
            }
        }
        Ok(())
    }

    fn host_lists_write(&mut self, host: &Host) -> Result<(), Error> {
        let id = Value::Int(host.id);
        let asn = |peer| move |&asn: &u32| vec![id, Value::Int(i64::from(asn)), Value::Bool(peer)];
        let asns: Vec<_> =
            host.asns.iter().map(asn(false)).chain(host.peer_asns.iter().map(asn(true))).collect();
        self.insert_rows("host_asn", "host_id, asn, peer", &asns)?;
        let netblocks: Vec<_> =
            host.netblocks.iter().map(|prefix| vec![id, Value::Text(prefix)]).collect();
        self.insert_rows("host_netblock", "host_id, prefix", &netblocks)?;
        let allowed: Vec<_> =
            host.countries_allowed.iter().map(|code| vec![id, Value::Text(code)]).collect();
        self.insert_rows("host_country_allowed", "host_id, country", &allowed)
    }

    fn mirror_write(&mut self, host_id: i64, mirror: &Mirror) -> Result<(), Error> {
        let category = self.view().category_find(&mirror.category)?;
        self.execute(
            "INSERT INTO mirror (id, host_id, category_id, always_current) VALUES (?1, ?2, ?3, ?4)",
            &[
                Value::Int(mirror.id),
                Value::Int(host_id),
                Value::Int(category.id),
                Value::Bool(mirror.always_current),
            ],
        )?;
        self.mirror_urls_write(mirror)
    }

    fn mirror_rewrite(&mut self, mirror: &Mirror) -> Result<(), Error> {
        let category = self.view().category_find(&mirror.category)?;
        self.execute(
            "UPDATE mirror SET category_id = ?2, always_current = ?3 WHERE id = ?1",
            &[Value::Int(mirror.id), Value::Int(category.id), Value::Bool(mirror.always_current)],
        )?;
        self.execute("DELETE FROM mirror_url WHERE mirror_id = ?1", &[Value::Int(mirror.id)])?;
        self.mirror_urls_write(mirror)
    }

    fn mirror_urls_write(&mut self, mirror: &Mirror) -> Result<(), Error> {
        let rows: Vec<_> = mirror
            .urls
            .iter()
            .map(|url| {
                vec![
                    Value::Int(mirror.id),
                    Value::Int(url.number),
                    Value::Text(&url.url),
                    Value::Bool(url.private),
                ]
            })
            .collect();
        self.insert_rows("mirror_url", "mirror_id, number, url, private", &rows)
    }
}

fn values(host: &Host, site_id: i64) -> Vec<Value<'_>> {
    vec![
        Value::Int(host.id),
        Value::Int(site_id),
        Value::Text(&host.name),
        Value::Bool(host.active_admin),
        Value::Bool(host.active_owner),
        Value::Bool(host.private),
        Value::Bool(host.monopoly),
        Value::Bool(host.internet2),
        Value::text(host.country.as_deref()),
        Value::real(host.latitude_deg),
        Value::real(host.longitude_deg),
        Value::Int(i64::from(host.bandwidth_mbit_s)),
        Value::int(host.connections_max.map(i64::from)),
        Value::Text(&host.contact),
        Value::Text(&host.notes),
        Value::Text(&host.source),
        Value::Int(host.source_id),
    ]
}

fn read(row: &Row<'_>) -> Result<Host, Error> {
    let mut host = Host::new(row.cell::<String>(1)?, row.cell::<String>(2)?);
    host.id = row.cell(0)?;
    host.active_admin = row.cell(3)?;
    host.active_owner = row.cell(4)?;
    host.private = row.cell(5)?;
    host.monopoly = row.cell(6)?;
    host.internet2 = row.cell(7)?;
    host.country = row.cell(8)?;
    host.latitude_deg = row.cell(9)?;
    host.longitude_deg = row.cell(10)?;
    host.bandwidth_mbit_s = row.cell::<i64>(11)? as u32;
    host.connections_max = row.cell::<Option<i64>>(12)?.map(|count| count as u32);
    host.contact = row.cell(13)?;
    host.notes = row.cell(14)?;
    host.source = row.cell(15)?;
    host.source_id = row.cell(16)?;
    Ok(host)
}

fn tidy<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

fn none() -> i64 {
    -1
}

fn yes() -> bool {
    true
}

/// What MirrorManager assumes of a host that does not say.
fn bandwidth() -> u32 {
    100
}

const RESOURCE: &str = "host";
const COLUMNS: &str = "host.id, site.name, host.name, host.active_admin, host.active_owner, \
    host.private, monopoly, internet2, country, latitude_deg, longitude_deg, bandwidth_mbit_s, \
    connections_max, host.contact, host.notes, host.source, source_id";
const COLUMNS_WRITTEN: &str = "id, site_id, name, active_admin, active_owner, private, monopoly, \
    internet2, country, latitude_deg, longitude_deg, bandwidth_mbit_s, connections_max, contact, \
    notes, source, source_id";
