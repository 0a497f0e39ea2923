//! Check-ins: when a host last said itself what it has, who said so, and how much that was.

use serde::Serialize;

use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// The last check-in of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checkin {
    /// The number of the host.
    pub host_id: i64,
    /// When, in seconds since 1970.
    pub at_unix_s: u64,
    /// Who said so: `token:operator/mirror1`, `site:University`.
    pub who: String,
    /// Directories that it has as they should be.
    pub current: u64,
    /// Directories of which it has an older version.
    pub behind: u64,
    /// Directories that it has not.
    pub missing: u64,
    /// Directories of which it said nothing that anybody could compare.
    pub unknown: u64,
}

impl View<'_> {
    /// The last check-in of every host that ever did, by the hosts' numbers.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn checkin_list(&mut self) -> Result<Vec<Checkin>, Error> {
        self.query(&format!("SELECT {COLUMNS} FROM host_checkin ORDER BY host_id"), &[], read)
    }
}

impl Txn<'_> {
    /// Keeps a check-in, in place of the one before.
    ///
    /// # Errors
    ///
    /// When there is no such host.
    pub fn checkin_set(&mut self, checkin: &Checkin) -> Result<(), Error> {
        let id = Value::Int(checkin.host_id);
        self.execute("DELETE FROM host_checkin WHERE host_id = ?1", &[id])?;
        let row = vec![
            id,
            Value::Int(checkin.at_unix_s as i64),
            Value::Text(&checkin.who),
            Value::Int(checkin.current as i64),
            Value::Int(checkin.behind as i64),
            Value::Int(checkin.missing as i64),
            Value::Int(checkin.unknown as i64),
        ];
        self.insert_rows("host_checkin", COLUMNS, &[row])
    }
}

fn read(row: &Row<'_>) -> Result<Checkin, Error> {
    let count = |column| row.cell::<i64>(column).map(|count| count as u64);
    Ok(Checkin {
        host_id: row.cell(0)?,
        at_unix_s: count(1)?,
        who: row.cell(2)?,
        current: count(3)?,
        behind: count(4)?,
        missing: count(5)?,
        unknown: count(6)?,
    })
}

const COLUMNS: &str = "host_id, at_unix_s, who, current, behind, missing, unknown";
