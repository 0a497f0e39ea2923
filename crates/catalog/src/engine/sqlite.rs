//! SQLite, in this process and in one file.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params_from_iter};

use super::{Purpose, Row, Value};
use crate::Error;

/// An open file.
pub(crate) struct Sqlite {
    connection: Connection,
    /// The state of the file at the end of the last wait.
    seen: Option<i64>,
}

/// A transaction on it.
pub(crate) struct Session<'a>(Transaction<'a>);

impl Sqlite {
    /// Opens a file that exists, or makes one that does not.
    pub(crate) fn open(path: &Path, create: bool) -> Result<Sqlite, Error> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let connection = Connection::open_with_flags(path, flags).map_err(Error::sqlite)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(Error::sqlite)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        connection
            .execute_batch("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;")
            .map_err(Error::sqlite)?;
        Ok(Sqlite { connection, seen: None })
    }

    /// Lets readers and the writer work side by side; the file remembers it.
    pub(crate) fn write_ahead(&mut self) -> Result<(), Error> {
        let pragma = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
        self.connection.execute_batch(pragma).map_err(Error::sqlite)
    }

    pub(super) fn begin(&mut self, purpose: Purpose) -> Result<Session<'_>, Error> {
        let behavior = match purpose {
            Purpose::Read => TransactionBehavior::Deferred,
            Purpose::Write | Purpose::Lease => TransactionBehavior::Immediate,
        };
        let transaction =
            self.connection.transaction_with_behavior(behavior).map_err(Error::sqlite)?;
        Ok(Session(transaction))
    }

    /// Waits until another connection has changed the file, or for so long.
    pub(super) fn wait(&mut self, patience: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            let version = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0));
            let version: i64 = version.map_err(Error::sqlite)?;
            if self.seen.replace(version) != Some(version) {
                return Ok(());
            }
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(LOOK_AGAIN.min(left));
        }
    }
}

impl Session<'_> {
    pub(super) fn batch(&self, sql: &str) -> Result<(), Error> {
        self.0.execute_batch(sql).map_err(Error::sqlite)
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, Error> {
        let mut statement = self.0.prepare_cached(sql).map_err(Error::sqlite)?;
        let touched = statement.execute(params_from_iter(values)).map_err(Error::sqlite)?;
        Ok(touched as u64)
    }

    pub(super) fn each(
        &self,
        sql: &str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut statement = self.0.prepare_cached(sql).map_err(Error::sqlite)?;
        let mut rows = statement.query(params_from_iter(values)).map_err(Error::sqlite)?;
        while let Some(row) = rows.next().map_err(Error::sqlite)? {
            take(&Row::Sqlite(row))?;
        }
        Ok(())
    }

    pub(super) fn insert_rows(
        &self,
        table: &str,
        columns: &str,
        rows: &[Vec<Value<'_>>],
    ) -> Result<(), Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let places: Vec<String> = (1..=first.len()).map(|n| format!("?{n}")).collect();
        let sql = format!("INSERT INTO {table} ({columns}) VALUES ({})", places.join(", "));
        let mut statement = self.0.prepare_cached(&sql).map_err(Error::sqlite)?;
        for row in rows {
            statement.execute(params_from_iter(row)).map_err(Error::sqlite)?;
        }
        Ok(())
    }

    pub(super) fn commit(self) -> Result<(), Error> {
        self.0.commit().map_err(Error::sqlite)
    }

    pub(super) fn rollback(self) -> Result<(), Error> {
        self.0.rollback().map_err(Error::sqlite)
    }
}

/// What the schema's placeholders mean to SQLite.
pub(super) const DIALECT: &[(&str, &str)] = &[
    ("@id", "INTEGER PRIMARY KEY"),
    ("@int", "INTEGER"),
    ("@bool", "INTEGER"),
    ("@real", "REAL"),
    ("@bytes", "BLOB"),
    ("@strict", "STRICT"),
    ("@random", "lower(hex(randomblob(16)))"),
    ("@is_code(code)", "code GLOB '[A-Z0-9][A-Z0-9]'"),
    ("@is_code(continent)", "continent GLOB '[A-Z0-9][A-Z0-9]'"),
    ("@is_code(served_as)", "served_as GLOB '[A-Z0-9][A-Z0-9]'"),
];

/// The machine's clock, in milliseconds.
pub(super) const CLOCK: &str = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)";

/// How often a wait looks at the file; a look reads a counter in shared memory.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// How long a writer waits for the writer before it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// More than there are different statements.
const STATEMENTS_KEPT: usize = 256;
