//! Tokens: what a person's programs show instead of a password.
//!
//! The secret is random and long, so a plain hash of it is enough to know it again, and it is shown
//! once: when it is made.

use serde::Serialize;

use crate::account::Account;
use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its number.
    pub id: i64,
    /// Whose it is.
    pub account: String,
    /// What it is called.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub created_unix_s: u64,
    /// When it ends, in seconds since 1970; without it, never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_unix_s: Option<u64>,
}

impl Token {
    /// Its name and its owner's: `operator/laptop`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.account, self.name)
    }
}

impl View<'_> {
    /// All tokens, by owner and name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn token_list(&mut self) -> Result<Vec<Token>, Error> {
        let sql = format!("SELECT {COLUMNS} {FROM} ORDER BY account.name, token.name");
        self.query(&sql, &[], read)
    }

    /// The token of a full name.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn token_find(&mut self, full_name: &str) -> Result<Token, Error> {
        let (account, name) = full_name.split_once('/').unwrap_or((full_name, ""));
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE account.name = ?1 AND token.name = ?2");
        let found = self.query(&sql, &[Value::Text(account), Value::Text(name)], read)?;
        let unknown = || Error::Unknown { resource: RESOURCE, name: full_name.to_owned() };
        found.into_iter().next().ok_or_else(unknown)
    }

    /// Whose secret this is, if it counts now: not expired, its owner active.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn token_by_secret(
        &mut self,
        secret: &str,
        now_unix_s: u64,
    ) -> Result<Option<(Token, Account)>, Error> {
        let sql = format!("SELECT {COLUMNS} {FROM} WHERE hash = ?1");
        let found = self.query(&sql, &[Value::Text(&hashed(secret))], read)?;
        let alive = |token: &Token| token.expires_unix_s.is_none_or(|end| now_unix_s < end);
        let Some(token) = found.into_iter().next().filter(alive) else { return Ok(None) };
        let account = self.account_find(&token.account)?;
        Ok(account.active.then_some((token, account)))
    }
}

impl Txn<'_> {
    /// Adds a token, and gives its secret, which is made of random bytes and nowhere else.
    ///
    /// # Errors
    ///
    /// When there is no such account, the name is taken, or the token would be over at once.
    pub fn token_insert(
        &mut self,
        full_name: &str,
        expires_unix_s: Option<u64>,
        random: &[u8; SECRET_BYTES],
    ) -> Result<(Token, String), Error> {
        let check = Check { resource: RESOURCE, name: full_name };
        let Some((account, name)) = full_name.split_once('/') else {
            return check.refuse("name it as PERSON/TOKEN: operator/laptop");
        };
        check.name("the name", name)?;
        let owner = self.view().account_find(account)?;
        if self.view().token_find(full_name).is_ok() {
            return check.refuse("the name is taken");
        }
        let created_unix_s = self.actor().now_unix_s;
        if expires_unix_s.is_some_and(|end| end <= created_unix_s) {
            return check.refuse("it would be over at once");
        }
        let id = self.id_new();
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let secret = format!("{SECRET_PREFIX}{digits}");
        self.execute(
            "INSERT INTO token (id, account_id, name, hash, created_unix_s, expires_unix_s) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                Value::Int(id),
                Value::Int(owner.id),
                Value::Text(name),
                Value::Text(&hashed(&secret)),
                Value::Int(created_unix_s as i64),
                Value::int(expires_unix_s.map(|end| end as i64)),
            ],
        )?;
        let (account, name) = (owner.name, name.to_owned());
        let token = Token { id, account, name, created_unix_s, expires_unix_s };
        self.note(RESOURCE, full_name, None::<&Token>, Some(&token))?;
        Ok((token, secret))
    }

    /// Removes a token: from now on its secret is nobody's.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn token_remove(&mut self, before: &Token) -> Result<(), Error> {
        self.execute("DELETE FROM token WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(RESOURCE, &before.full_name(), Some(before), None::<&Token>)
    }
}

fn hashed(secret: &str) -> String {
    blake3::hash(secret.as_bytes()).to_hex().to_string()
}

fn read(row: &Row<'_>) -> Result<Token, Error> {
    Ok(Token {
        id: row.cell(0)?,
        account: row.cell(1)?,
        name: row.cell(2)?,
        created_unix_s: row.cell::<i64>(3)? as u64,
        expires_unix_s: row.cell::<Option<i64>>(4)?.map(|end| end as u64),
    })
}

/// Random bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// What every secret begins with, so that scanners for leaked secrets know it.
const SECRET_PREFIX: &str = "heliostat_";
const RESOURCE: &str = "token";
const FROM: &str = "FROM token JOIN account ON account.id = token.account_id";
const COLUMNS: &str =
    "token.id, account.name, token.name, token.created_unix_s, token.expires_unix_s";
