//! Sites: who runs hosts.

use serde::{Deserialize, Serialize};

use crate::account::{SALT_BYTES, hashed, is_password, password_check};
use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// An organisation that runs hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its number.
    #[serde(default)]
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// All its hosts are for clients of their own networks only.
    #[serde(default)]
    pub private: bool,
    /// The administrators of the network have nothing against it.
    #[serde(default = "yes")]
    pub active_admin: bool,
    /// Its owner wants it to be used.
    #[serde(default = "yes")]
    pub active_owner: bool,
    /// Whom to ask.
    #[serde(default)]
    pub contact: String,
    /// Anything else.
    #[serde(default)]
    pub notes: String,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

impl Site {
    /// An active, public site.
    pub fn new(name: impl Into<String>) -> Site {
        Site {
            id: 0,
            name: name.into(),
            private: false,
            active_admin: true,
            active_owner: true,
            contact: String::new(),
            notes: String::new(),
            source: String::new(),
        }
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &self.name };
        check.name("the name", &self.name)?;
        check.words("the contact", &self.contact)?;
        check.prose("the notes", &self.notes)
    }
}

impl View<'_> {
    /// All sites, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn site_list(&mut self) -> Result<Vec<Site>, Error> {
        self.query(&format!("SELECT {COLUMNS} FROM site ORDER BY name"), &[], read)
    }

    /// The site of a name.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn site_find(&mut self, name: &str) -> Result<Site, Error> {
        self.site_look(name)?
            .ok_or_else(|| Error::Unknown { resource: RESOURCE, name: name.to_owned() })
    }

    /// The active site of a name, when this is the password that its hosts check in with.
    ///
    /// It takes as long when there is no such site or it has no password.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn site_by_password(&mut self, name: &str, password: &str) -> Result<Option<Site>, Error> {
        let site = self.site_look(name)?.filter(|site| site.active_admin);
        let id = Value::Int(site.as_ref().map_or(0, |site| site.id));
        let sql = "SELECT password_hash FROM site_password WHERE site_id = ?1";
        let found = self.query(sql, &[id], |row| row.cell::<String>(0))?;
        let same = is_password(password, found.first().map(String::as_str))?;
        Ok(site.filter(|_| same))
    }

    pub(crate) fn site_look(&mut self, name: &str) -> Result<Option<Site>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM site WHERE name = ?1");
        Ok(self.query(&sql, &[Value::Text(name)], read)?.into_iter().next())
    }
}

impl Txn<'_> {
    /// Adds a site, and gives it its number.
    ///
    /// # Errors
    ///
    /// When its name is taken or something about it makes no sense.
    pub fn site_insert(&mut self, mut site: Site) -> Result<Site, Error> {
        site.check()?;
        if self.view().site_look(&site.name)?.is_some() {
            return Check { resource: RESOURCE, name: &site.name }.refuse("the name is taken");
        }
        site.id = self.id_new();
        let values = values(&site);
        self.execute(
            "INSERT INTO site (id, name, private, active_admin, active_owner, contact, notes, \
             source) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            &values,
        )?;
        self.note(RESOURCE, &site.name, None::<&Site>, Some(&site))?;
        Ok(site)
    }

    /// Makes a site what it is told to be.
    ///
    /// # Errors
    ///
    /// When it is unknown, its new name is taken or something about it makes no sense.
    pub fn site_update(&mut self, name: &str, site: &Site) -> Result<(), Error> {
        site.check()?;
        let before = self.view().site_find(name)?;
        let check = Check { resource: RESOURCE, name };
        if site.id != before.id {
            return check.refuse("its number cannot be changed");
        }
        if site.name != name && self.view().site_look(&site.name)?.is_some() {
            return check.refuse("the new name is taken");
        }
        if *site == before {
            return Ok(());
        }
        self.execute(
            "UPDATE site SET name = ?2, private = ?3, active_admin = ?4, active_owner = ?5, \
             contact = ?6, notes = ?7, source = ?8 WHERE id = ?1",
            &values(site),
        )?;
        self.note(RESOURCE, &site.name, Some(&before), Some(site))
    }

    /// Gives a site the password that its hosts check in with, or takes it away.
    ///
    /// The salt is for this one time, and random.
    ///
    /// # Errors
    ///
    /// When there is no such site, or the password is too short or too long.
    pub fn site_password_set(
        &mut self,
        name: &str,
        password: Option<&str>,
        salt: &[u8; SALT_BYTES],
    ) -> Result<(), Error> {
        let site = self.view().site_find(name)?;
        let id = Value::Int(site.id);
        let sql = "SELECT password_unix_s FROM site_password WHERE site_id = ?1";
        let before = self.view().query(sql, &[id], |row| row.cell::<i64>(0))?;
        let before = before.first().map(|&set| PasswordSet { password_unix_s: set });
        self.execute("DELETE FROM site_password WHERE site_id = ?1", &[id])?;
        let mut after = None;
        if let Some(password) = password {
            password_check(&Check { resource: RESOURCE, name }, password)?;
            let now = self.actor().now_unix_s as i64;
            let hash = hashed(password, salt)?;
            let row = vec![id, Value::Text(&hash), Value::Int(now)];
            let columns = "site_id, password_hash, password_unix_s";
            self.insert_rows("site_password", columns, &[row])?;
            after = Some(PasswordSet { password_unix_s: now });
        }
        if before.is_none() && after.is_none() {
            return Ok(());
        }
        self.note("site password", name, before.as_ref(), after.as_ref())
    }

    /// Removes a site that has no hosts.
    ///
    /// # Errors
    ///
    /// When it is unknown or has hosts.
    pub fn site_remove(&mut self, name: &str) -> Result<(), Error> {
        let before = self.view().site_find(name)?;
        let sql = "SELECT count(*) FROM host WHERE site_id = ?1";
        let hosts = self.view().query(sql, &[Value::Int(before.id)], |row| row.cell::<i64>(0))?;
        if let Some(&hosts @ 1..) = hosts.first() {
            return Check { resource: RESOURCE, name }
                .refuse(format!("it has {hosts} hosts; remove or move them first"));
        }
        self.execute("DELETE FROM site WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(RESOURCE, name, Some(&before), None::<&Site>)
    }
}

/// What the trail keeps of a password.
#[derive(Debug, Serialize)]
struct PasswordSet {
    password_unix_s: i64,
}

fn values(site: &Site) -> [Value<'_>; 8] {
    [
        Value::Int(site.id),
        Value::Text(&site.name),
        Value::Bool(site.private),
        Value::Bool(site.active_admin),
        Value::Bool(site.active_owner),
        Value::Text(&site.contact),
        Value::Text(&site.notes),
        Value::Text(&site.source),
    ]
}

fn read(row: &Row<'_>) -> Result<Site, Error> {
    Ok(Site {
        id: row.cell(0)?,
        name: row.cell(1)?,
        private: row.cell(2)?,
        active_admin: row.cell(3)?,
        active_owner: row.cell(4)?,
        contact: row.cell(5)?,
        notes: row.cell(6)?,
        source: row.cell(7)?,
    })
}

fn yes() -> bool {
    true
}

const RESOURCE: &str = "site";
const COLUMNS: &str = "id, name, private, active_admin, active_owner, contact, notes, source";
