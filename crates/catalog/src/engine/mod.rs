//! Two engines behind one transaction: SQLite in this process, PostgreSQL over a socket.
//!
//! Every statement of the product is written once, with `?1` for its first parameter, and means the
//! same to both. What differs (how a parameter is called, how types are called, how a table of
//! rows is written fast) is here and in [`migrate`](crate::migrate), nowhere else.

mod postgres;
mod sqlite;
/// Whom to believe to be the server.
mod tls;
/// What goes into a statement and what comes out of it.
mod value;

pub(crate) use postgres::Postgres;
pub(crate) use sqlite::Sqlite;
pub(crate) use value::{Cell, Row, Value};

use std::time::Duration;

use crate::Error;

/// An open database of either kind.
#[expect(clippy::large_enum_variant, reason = "there is one, and it is not moved about")]
pub(crate) enum Engine {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// One consistent view of everything; blocks no writer.
    Read,
    /// The one writer.
    Write,
    /// Rows that have nothing to do with the rest and wait for no writer, where the engine can.
    Lease,
}

/// A transaction under way: it is rolled back unless it is committed.
pub(crate) enum Session<'a> {
    Sqlite(sqlite::Session<'a>),
    Postgres(postgres::Session<'a>),
}

impl Engine {
    /// Begins a transaction.
    pub(crate) fn begin(&mut self, purpose: Purpose) -> Result<Session<'_>, Error> {
        match self {
            Engine::Sqlite(engine) => engine.begin(purpose).map(Session::Sqlite),
            Engine::Postgres(engine) => engine.begin(purpose).map(Session::Postgres),
        }
    }

    /// Waits until somebody has changed something, or for so long.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<(), Error> {
        match self {
            Engine::Sqlite(engine) => engine.wait(patience),
            Engine::Postgres(engine) => engine.wait(patience),
        }
    }

    /// What the engine calls a type or a check.
    pub(crate) fn dialect(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Engine::Sqlite(_) => sqlite::DIALECT,
            Engine::Postgres(_) => postgres::DIALECT,
        }
    }
}

impl Session<'_> {
    /// Runs statements without parameters.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), Error> {
        match self {
            Session::Sqlite(session) => session.batch(sql),
            Session::Postgres(session) => session.batch(sql),
        }
    }

    /// What time it is where the database is, milliseconds since 1970: all who share it agree.
    pub(crate) fn clock_unix_ms(&mut self) -> Result<i64, Error> {
        let sql = match self {
            Session::Sqlite(_) => sqlite::CLOCK,
            Session::Postgres(_) => postgres::CLOCK,
        };
        let found = self.query(sql, &[], |row| row.cell(0))?;
        found.first().copied().ok_or_else(|| Error::damaged("it has no clock"))
    }

    /// What ends a query for a row that is about to be changed: whoever holds it is not waited for.
    pub(crate) fn for_update(&self) -> &'static str {
        match self {
            // A transaction that writes is alone anyway.
            Session::Sqlite(_) => "",
            Session::Postgres(_) => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Tells those who wait for a change, once it counts.
    pub(crate) fn announce(&mut self) -> Result<(), Error> {
        match self {
            // They see it in the file.
            Session::Sqlite(_) => Ok(()),
            Session::Postgres(session) => session.announce(),
        }
    }

    /// Whether there is a table of this name.
    pub(crate) fn has_table(&mut self, name: &str) -> Result<bool, Error> {
        let sql = match self {
            Session::Sqlite(_) => {
                "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1"
            }
            Session::Postgres(_) => {
                "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() \
                 AND tablename = ?1"
            }
        };
        let count = self.query(sql, &[Value::Text(name)], |row| row.cell::<i64>(0))?;
        Ok(count.first().is_some_and(|&count| count > 0))
    }

    /// How many tables there are.
    pub(crate) fn table_count(&mut self) -> Result<i64, Error> {
        let sql = match self {
            Session::Sqlite(_) => "SELECT count(*) FROM sqlite_master WHERE type = 'table'",
            Session::Postgres(_) => {
                "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"
            }
        };
        Ok(self.query(sql, &[], |row| row.cell(0))?.first().copied().unwrap_or(0))
    }

    /// Runs a statement and says how many rows it touched.
    pub(crate) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, Error> {
        match self {
            Session::Sqlite(session) => session.execute(sql, values),
            Session::Postgres(session) => session.execute(sql, values),
        }
    }

    /// Calls for each row of an answer, in order, without keeping them.
    pub(crate) fn each(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut take: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match self {
            Session::Sqlite(session) => session.each(sql, values, &mut take),
            Session::Postgres(session) => session.each(sql, values, &mut take),
        }
    }

    /// The rows of an answer.
    pub(crate) fn query<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        self.each(sql, values, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Inserts many rows at once; `columns` is the list between the parentheses.
    pub(crate) fn insert_rows(
        &mut self,
        table: &str,
        columns: &str,
        rows: &[Vec<Value<'_>>],
    ) -> Result<(), Error> {
        match self {
            Session::Sqlite(session) => session.insert_rows(table, columns, rows),
            Session::Postgres(session) => session.insert_rows(table, columns, rows),
        }
    }

    /// Makes everything that was done last.
    pub(crate) fn commit(self) -> Result<(), Error> {
        match self {
            Session::Sqlite(session) => session.commit(),
            Session::Postgres(session) => session.commit(),
        }
    }

    /// Undoes everything that was done.
    pub(crate) fn rollback(self) -> Result<(), Error> {
        match self {
            Session::Sqlite(session) => session.rollback(),
            Session::Postgres(session) => session.rollback(),
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Engine::Sqlite(_) => "SQLite",
            Engine::Postgres(_) => "PostgreSQL",
        })
    }
}
