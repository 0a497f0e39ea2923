//! PostgreSQL, over a socket.

use std::collections::HashMap;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::ToSql;
use postgres::{Client, Config, IsolationLevel, NoTls, Statement, Transaction};

use super::tls::Tls;
use super::{Purpose, Row, Value};
use crate::Error;

/// A connection.
pub(crate) struct Postgres {
    client: Client,
    statements: HashMap<String, Statement>,
    listens: bool,
}

/// A transaction on it.
pub(crate) struct Session<'a> {
    transaction: Transaction<'a>,
    statements: &'a mut HashMap<String, Statement>,
}

impl Postgres {
    /// Connects.
    pub(crate) fn connect(url: &str) -> Result<Postgres, Error> {
        let (tls, url) = Tls::of(url)?;
        let mut config: Config = url.parse().map_err(Error::postgres)?;
        // A server that is cut off must not hold anybody up for the hours that TCP would take.
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(SILENCE_TIMEOUT);
        }
        config.keepalives_idle(SILENCE_TIMEOUT);
        // Nothing listens in on a local socket, whatever is said of TLS.
        let local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        config.ssl_mode(if local { SslMode::Disable } else { tls.mode() });
        let client = match config.get_ssl_mode() {
            SslMode::Disable => config.connect(NoTls),
            _ => config.connect(tls.connector()?),
        };
        let client = client.map_err(Error::postgres)?;
        Ok(Postgres { client, statements: HashMap::new(), listens: false })
    }

    pub(super) fn begin(&mut self, purpose: Purpose) -> Result<Session<'_>, Error> {
        let builder = self.client.build_transaction();
        let builder = match purpose {
            Purpose::Read => {
                builder.read_only(true).isolation_level(IsolationLevel::RepeatableRead)
            }
            Purpose::Write | Purpose::Lease => {
                builder.isolation_level(IsolationLevel::ReadCommitted)
            }
        };
        let mut transaction = builder.start().map_err(Error::postgres)?;
        if purpose == Purpose::Write {
            // One writer at a time, as with the other engine: numbers and differences are then
            // taken from what nobody changes meanwhile.
            let lock = format!("SELECT pg_advisory_xact_lock({WRITER_LOCK})");
            transaction.batch_execute(&lock).map_err(Error::postgres)?;
        }
        Ok(Session { transaction, statements: &mut self.statements })
    }

    /// Waits for what a writer says when it commits, or for so long.
    pub(super) fn wait(&mut self, patience: Duration) -> Result<(), Error> {
        if !self.listens {
            self.client.batch_execute(LISTEN).map_err(Error::postgres)?;
            self.listens = true;
            // What happened before this moment was not heard.
            return Ok(());
        }
        let mut notifications = self.client.notifications();
        let heard = notifications.timeout_iter(patience).next().map_err(Error::postgres)?;
        if heard.is_some() {
            // One look is enough for all that were said so far.
            let mut more = notifications.iter();
            while more.next().map_err(Error::postgres)?.is_some() {}
        }
        Ok(())
    }
}

impl Session<'_> {
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), Error> {
        self.transaction.batch_execute(sql).map_err(Error::postgres)
    }

    pub(super) fn announce(&mut self) -> Result<(), Error> {
        self.batch(NOTIFY)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, Error> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.transaction.prepare(&numbered(sql)).map_err(Error::postgres)?;
        self.statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, Error> {
        let statement = self.prepare(sql)?;
        let values: Vec<&(dyn ToSql + Sync)> =
            values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.transaction.execute(&statement, &values).map_err(Error::postgres)
    }

    pub(super) fn each(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        take: &mut dyn FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let statement = self.prepare(sql)?;
        let values = values.iter().map(|value| value as &dyn ToSql);
        let mut rows = self.transaction.query_raw(&statement, values).map_err(Error::postgres)?;
        while let Some(row) = rows.next().map_err(Error::postgres)? {
            take(&Row::Postgres(&row))?;
        }
        Ok(())
    }

    /// Many rows a statement: one round trip for each would be slow.
    pub(super) fn insert_rows(
        &mut self,
        table: &str,
        columns: &str,
        rows: &[Vec<Value<'_>>],
    ) -> Result<(), Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let width = first.len();
        for rows in rows.chunks((PARAMETERS_MAX / width).min(ROWS_MAX)) {
            let mut sql = format!("INSERT INTO {table} ({columns}) VALUES ");
            for at in 0..rows.len() {
                let places: Vec<String> =
                    (1..=width).map(|column| format!("?{}", at * width + column)).collect();
                sql += if at == 0 { "(" } else { ", (" };
                sql += &places.join(", ");
                sql += ")";
            }
            let values: Vec<Value<'_>> = rows.iter().flatten().copied().collect();
            self.execute(&sql, &values)?;
        }
        Ok(())
    }

    pub(super) fn commit(self) -> Result<(), Error> {
        self.transaction.commit().map_err(Error::postgres)
    }

    pub(super) fn rollback(self) -> Result<(), Error> {
        self.transaction.rollback().map_err(Error::postgres)
    }
}

/// `?1` is `$1` here. No statement has a question mark in a text.
fn numbered(sql: &str) -> String {
    sql.replace('?', "$")
}

/// What the schema's placeholders mean to PostgreSQL.
pub(super) const DIALECT: &[(&str, &str)] = &[
    ("@id", "BIGINT PRIMARY KEY"),
    ("@int", "BIGINT"),
    ("@bool", "BOOLEAN"),
    ("@real", "DOUBLE PRECISION"),
    ("@bytes", "BYTEA"),
    ("@strict", ""),
    ("@random", "md5(random()::text || clock_timestamp()::text)"),
    ("@is_code(code)", "code ~ '^[A-Z0-9]{2}$'"),
    ("@is_code(continent)", "continent ~ '^[A-Z0-9]{2}$'"),
    ("@is_code(served_as)", "served_as ~ '^[A-Z0-9]{2}$'"),
];

/// A server that does not answer is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// So is one that acknowledges nothing.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

/// The server's clock, in milliseconds.
pub(super) const CLOCK: &str =
    "SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)";

/// What writers say when they commit, and how it is heard.
const NOTIFY: &str = "NOTIFY heliostat_catalog";
const LISTEN: &str = "LISTEN heliostat_catalog";

/// The lock of the one writer: "heliosta" in ASCII.
const WRITER_LOCK: i64 = 0x6865_6c69_6f73_7461;

/// The wire counts parameters with 16 bits.
const PARAMETERS_MAX: usize = 60_000;

/// Longer statements are no faster.
const ROWS_MAX: usize = 500;
