//! Accounts: people who may do something, and how they prove that it is they.
//!
//! Only a salted argon2id hash of a password is kept, and it leaves the catalog by no door: neither
//! documents nor the trail have it, only the time at which the password was set.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// A person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Its number.
    #[serde(default)]
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// What it may do.
    #[serde(default)]
    pub role: Role,
    /// Neither password nor tokens count otherwise.
    #[serde(default = "yes")]
    pub active: bool,
    /// Whom to ask.
    #[serde(default)]
    pub contact: String,
    /// The sites whose hosts it may speak for, whatever its role: by name, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// When the password was set, in seconds since 1970; without it there is no password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_unix_s: Option<u64>,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything, other people's accounts included.
    Admin,
    /// Everything but that.
    Editor,
    /// Look at it, and speak for the hosts of its own sites.
    #[default]
    Viewer,
}

impl Role {
    /// As people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Editor => "editor",
            Role::Viewer => "viewer",
        }
    }

    fn parse(text: &str) -> Option<Role> {
        [Role::Admin, Role::Editor, Role::Viewer].into_iter().find(|role| role.as_str() == text)
    }
}

impl Account {
    /// An active account without a password.
    pub fn new(name: impl Into<String>, role: Role) -> Account {
        let (name, contact) = (name.into(), String::new());
        let (sites, password_unix_s) = (Vec::new(), None);
        Account { id: 0, name, role, active: true, contact, sites, password_unix_s }
    }

    /// Whether it may say what a host of a site has.
    #[must_use]
    pub fn speaks_for(&self, site: &str) -> bool {
        self.active && (self.role != Role::Viewer || self.sites.iter().any(|own| own == site))
    }

    fn check(&self) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &self.name };
        check.name("the name", &self.name)?;
        if self.name.contains('/') {
            // A token is named PERSON/TOKEN.
            return check.refuse("the name has a slash");
        }
        check.words("the contact", &self.contact)
    }
}

impl View<'_> {
    /// All accounts, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn account_list(&mut self) -> Result<Vec<Account>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM account ORDER BY name");
        let mut accounts = self.query(&sql, &[], read)?;
        accounts.iter_mut().try_for_each(|account| self.account_fill(account))?;
        Ok(accounts)
    }

    /// The account of a name.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn account_find(&mut self, name: &str) -> Result<Account, Error> {
        self.account_look(name)?
            .ok_or_else(|| Error::Unknown { resource: RESOURCE, name: name.to_owned() })
    }

    fn account_look(&mut self, name: &str) -> Result<Option<Account>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM account WHERE name = ?1");
        let mut account = self.query(&sql, &[Value::Text(name)], read)?.into_iter().next();
        account.iter_mut().try_for_each(|account| self.account_fill(account))?;
        Ok(account)
    }

    /// Reads the sites of an account.
    fn account_fill(&mut self, account: &mut Account) -> Result<(), Error> {
        let sql = "SELECT name FROM site JOIN account_site ON site_id = id WHERE account_id = ?1";
        account.sites = self.query(sql, &[Value::Int(account.id)], |row| row.cell(0))?;
        account.sites.sort_unstable();
        Ok(())
    }

    /// The active account of a name, when this is its password.
    ///
    /// It takes as long when there is no such account or it has no password, so that nobody learns
    /// from the time which names there are.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn account_by_password(
        &mut self,
        name: &str,
        password: &str,
    ) -> Result<Option<Account>, Error> {
        let account = self.account_look(name)?.filter(|account| account.active);
        let id = Value::Int(account.as_ref().map_or(0, |account| account.id));
        let sql = "SELECT password_hash FROM account WHERE id = ?1";
        let found = self.query(sql, &[id], |row| row.cell::<Option<String>>(0))?;
        let same = is_password(password, found.into_iter().next().flatten().as_deref())?;
        Ok(account.filter(|_| same))
    }
}

impl Txn<'_> {
    /// Adds an account, and gives it its number.
    ///
    /// # Errors
    ///
    /// When its name is taken or something about it makes no sense.
    pub fn account_insert(&mut self, mut account: Account) -> Result<Account, Error> {
        account.check()?;
        let check = Check { resource: RESOURCE, name: &account.name };
        if self.view().account_look(&account.name)?.is_some() {
            return check.refuse("the name is taken");
        }
        if account.password_unix_s.is_some() {
            return check.refuse(PASSWORD_APART);
        }
        account.id = self.id_new();
        self.execute(
            "INSERT INTO account (id, name, role, active, contact) VALUES (?1, ?2, ?3, ?4, ?5)",
            &values(&account),
        )?;
        self.account_sites_write(&mut account)?;
        self.note(RESOURCE, &account.name, None::<&Account>, Some(&account))?;
        Ok(account)
    }

    /// Makes an account what it is told to be; without the time of its password it loses that.
    ///
    /// # Errors
    ///
    /// When its new name is taken or something about it makes no sense.
    pub fn account_update(&mut self, before: &Account, account: &Account) -> Result<(), Error> {
        account.check()?;
        let check = Check { resource: RESOURCE, name: &before.name };
        if account.id != before.id {
            return check.refuse("its number cannot be changed");
        }
        if account.name != before.name && self.view().account_look(&account.name)?.is_some() {
            return check.refuse("the new name is taken");
        }
        if account.password_unix_s.is_some() && account.password_unix_s != before.password_unix_s {
            return check.refuse(PASSWORD_APART);
        }
        let mut account = account.clone();
        tidy(&mut account.sites);
        if account == *before {
            return Ok(());
        }
        self.execute(
            "UPDATE account SET name = ?2, role = ?3, active = ?4, contact = ?5 WHERE id = ?1",
            &values(&account),
        )?;
        self.account_sites_write(&mut account)?;
        if account.password_unix_s.is_none() {
            let sql =
                "UPDATE account SET password_hash = NULL, password_unix_s = NULL WHERE id = ?1";
            self.execute(sql, &[Value::Int(account.id)])?;
        }
        self.note(RESOURCE, &account.name, Some(before), Some(&account))
    }

    fn account_sites_write(&mut self, account: &mut Account) -> Result<(), Error> {
        tidy(&mut account.sites);
        let id = Value::Int(account.id);
        self.execute("DELETE FROM account_site WHERE account_id = ?1", &[id])?;
        let mut rows = Vec::new();
        for name in &account.sites {
            rows.push(vec![id, Value::Int(self.view().site_find(name)?.id)]);
        }
        self.insert_rows("account_site", "account_id, site_id", &rows)
    }

    /// Gives an account a password.
    ///
    /// The salt is for this one time, and random.
    ///
    /// # Errors
    ///
    /// When there is no such account, or the password is too short or too long.
    pub fn account_password_set(
        &mut self,
        name: &str,
        password: &str,
        salt: &[u8; SALT_BYTES],
    ) -> Result<(), Error> {
        let before = self.view().account_find(name)?;
        password_check(&Check { resource: RESOURCE, name }, password)?;
        let now_unix_s = self.actor().now_unix_s;
        let hash = hashed(password, salt)?;
        self.execute(
            "UPDATE account SET password_hash = ?2, password_unix_s = ?3 WHERE id = ?1",
            &[Value::Int(before.id), Value::Text(&hash), Value::Int(now_unix_s as i64)],
        )?;
        let after = Account { password_unix_s: Some(now_unix_s), ..before.clone() };
        self.note(RESOURCE, name, Some(&before), Some(&after))
    }

    /// Removes an account with its tokens.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn account_remove(&mut self, before: &Account) -> Result<(), Error> {
        for token in self.view().token_list()? {
            if token.account == before.name {
                self.token_remove(&token)?;
            }
        }
        self.execute("DELETE FROM account WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(RESOURCE, &before.name, Some(before), None::<&Account>)
    }
}

/// Whether a password is long enough and not too long.
pub(crate) fn password_check(check: &Check<'_>, password: &str) -> Result<(), Error> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return check.refuse(format!("a password has at least {PASSWORD_CHARS_MIN} characters"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return check.refuse(format!("a password has at most {PASSWORD_BYTES_MAX} bytes"));
    }
    Ok(())
}

/// Whether a password is the one of a hash; without a hash it takes as long to say no.
pub(crate) fn is_password(password: &str, hash: Option<&str>) -> Result<bool, Error> {
    // What is longer than any password is not hashed at all.
    let password = if password.len() > PASSWORD_BYTES_MAX { "" } else { password };
    let Some(hash) = hash else {
        hashed(password, &[0; SALT_BYTES])?;
        return Ok(false);
    };
    Ok(Argon2::default().verify_password(password.as_bytes(), hash).is_ok())
}

fn tidy(sites: &mut Vec<String>) {
    sites.sort_unstable();
    sites.dedup();
}

pub(crate) fn hashed(password: &str, salt: &[u8; SALT_BYTES]) -> Result<String, Error> {
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
    hash.map(|hash| hash.to_string()).map_err(|error| Error::damaged(error.to_string()))
}

fn values(account: &Account) -> [Value<'_>; 5] {
    [
        Value::Int(account.id),
        Value::Text(&account.name),
        Value::Text(account.role.as_str()),
        Value::Bool(account.active),
        Value::Text(&account.contact),
    ]
}

fn read(row: &Row<'_>) -> Result<Account, Error> {
    let role: String = row.cell(2)?;
    Ok(Account {
        id: row.cell(0)?,
        name: row.cell(1)?,
        role: Role::parse(&role).ok_or_else(|| Error::damaged(format!("role {role}")))?,
        active: row.cell(3)?,
        contact: row.cell(4)?,
        sites: Vec::new(),
        password_unix_s: row.cell::<Option<i64>>(5)?.map(|at| at as u64),
    })
}

fn yes() -> bool {
    true
}

/// Bytes of the salt of a password.
pub const SALT_BYTES: usize = 16;

/// The shortest password.
pub const PASSWORD_CHARS_MIN: usize = 8;

/// The longest password.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

const RESOURCE: &str = "user";
const COLUMNS: &str = "id, name, role, active, contact, password_unix_s";
const PASSWORD_APART: &str = "a password is set by `heliostat user password`, not like this";
