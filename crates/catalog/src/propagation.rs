//! How releases spread: at one time, how many mirrors had which version of a repository.

use serde::Serialize;

use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// How many mirrors had which version of a repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Propagation {
    /// The number of the repository.
    pub repository_id: i64,
    /// When, in seconds since 1970.
    pub at_unix_s: u64,
    /// They had the newest.
    pub same: u32,
    /// The one before it.
    pub one_behind: u32,
    /// The one before that.
    pub two_behind: u32,
    /// An older one.
    pub older: u32,
    /// Nobody could tell.
    pub unknown: u32,
}

impl View<'_> {
    /// How a repository spread since a time, the oldest first.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn propagation_list(
        &mut self,
        repository_id: i64,
        since_unix_s: u64,
    ) -> Result<Vec<Propagation>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM propagation WHERE repository_id = ?1 AND at_unix_s >= ?2 \
             ORDER BY at_unix_s"
        );
        self.query(&sql, &[Value::Int(repository_id), Value::Int(since_unix_s as i64)], read)
    }

    /// The newest of every repository, by its number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn propagation_newest(&mut self) -> Result<Vec<Propagation>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM propagation WHERE at_unix_s = (SELECT max(at_unix_s) \
             FROM propagation AS other WHERE other.repository_id = propagation.repository_id) \
             ORDER BY repository_id"
        );
        self.query(&sql, &[], read)
    }
}

impl Txn<'_> {
    /// Keeps how repositories have spread; a second word about one time replaces the first.
    ///
    /// # Errors
    ///
    /// When a repository is gone.
    pub fn propagation_set(&mut self, all: &[Propagation]) -> Result<(), Error> {
        for one in all {
            let sql = "DELETE FROM propagation WHERE repository_id = ?1 AND at_unix_s = ?2";
            let key = [Value::Int(one.repository_id), Value::Int(one.at_unix_s as i64)];
            self.execute(sql, &key)?;
        }
        let rows: Vec<_> = all.iter().map(values).collect();
        self.insert_rows("propagation", COLUMNS, &rows)
    }

    /// Forgets what was before a time, and says how much.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn propagation_expire(&mut self, before_unix_s: u64) -> Result<u64, Error> {
        let sql = "DELETE FROM propagation WHERE at_unix_s < ?1";
        self.execute(sql, &[Value::Int(before_unix_s as i64)])
    }
}

fn values(one: &Propagation) -> Vec<Value<'static>> {
    let counts = [one.same, one.one_behind, one.two_behind, one.older, one.unknown];
    [one.repository_id, one.at_unix_s as i64]
        .into_iter()
        .chain(counts.map(i64::from))
        .map(Value::Int)
        .collect()
}

fn read(row: &Row<'_>) -> Result<Propagation, Error> {
    let count = |column| row.cell::<i64>(column).map(|count| count as u32);
    Ok(Propagation {
        repository_id: row.cell(0)?,
        at_unix_s: row.cell::<i64>(1)? as u64,
        same: count(2)?,
        one_behind: count(3)?,
        two_behind: count(4)?,
        older: count(5)?,
        unknown: count(6)?,
    })
}

const COLUMNS: &str = "repository_id, at_unix_s, same, one_behind, two_behind, older, unknown";
