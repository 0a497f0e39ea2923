//! The schema, step by step, forward only.
//!
//! A migration is one text for both engines; what they call differently stands in it as a word with
//! an `@`. All steps that a database lacks run in one transaction, so a crash leaves the old schema
//! or the new one. What has run is remembered with a hash of its text: a database of a newer
//! program, or of a program with another history, is refused before anything is written to it.

use crate::Error;
use crate::engine::{Engine, Purpose, Session, Value};

/// One step.
struct Migration {
    version: i64,
    name: &'static str,
    text: &'static str,
}

/// What a database is to this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing is in it.
    Empty,
    /// It has this version, which is known.
    Version(i64),
}

/// Looks at a database without changing it.
pub(crate) fn look(engine: &mut Engine) -> Result<Found, Error> {
    let mut session = engine.begin(Purpose::Read)?;
    let found = found(&mut session)?;
    session.rollback()?;
    Ok(found)
}

/// Brings a database to a version that it has not reached.
pub(crate) fn forward(engine: &mut Engine, to: i64, now_unix_s: u64) -> Result<(), Error> {
    let dialect = engine.dialect();
    let mut session = engine.begin(Purpose::Write)?;
    // Somebody may have migrated between the look and this transaction.
    let version = match found(&mut session)? {
        Found::Empty => {
            session.batch(&translated(HISTORY, dialect))?;
            0
        }
        Found::Version(version) => version,
    };
    let lacking = version + 1..=to;
    for migration in MIGRATIONS.iter().filter(|step| lacking.contains(&step.version)) {
        session.batch(&translated(migration.text, dialect))?;
        session.execute(
            "INSERT INTO migration (version, name, hash, applied_unix_s) VALUES (?1, ?2, ?3, ?4)",
            &[
                Value::Int(migration.version),
                Value::Text(migration.name),
                Value::Text(&hash(migration.text)),
                Value::Int(now_unix_s as i64),
            ],
        )?;
    }
    session.commit()
}

/// The newest version known here.
pub(crate) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.version)
}

fn found(session: &mut Session<'_>) -> Result<Found, Error> {
    if !session.has_table("migration")? {
        return if session.table_count()? == 0 { Ok(Found::Empty) } else { Err(Error::Foreign) };
    }
    let ran =
        session.query("SELECT version, hash FROM migration ORDER BY version", &[], |row| {
            Ok((row.cell::<i64>(0)?, row.cell::<String>(1)?))
        })?;
    let last = ran.last().map_or(0, |&(version, _)| version);
    if last > newest() {
        return Err(Error::Newer { found: last, known: newest() });
    }
    for (version, found) in ran {
        let known = MIGRATIONS.iter().find(|migration| migration.version == version);
        if known.is_none_or(|migration| hash(migration.text) != found) {
            return Err(Error::Altered { version });
        }
    }
    Ok(Found::Version(last))
}

fn translated(text: &str, dialect: &[(&str, &str)]) -> String {
    // Longer words first, because `@id` begins `@id_…` in no text, but `@is_code(…)` has arguments.
    dialect.iter().rev().fold(text.to_owned(), |text, (word, means)| text.replace(word, means))
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

const HISTORY: &str = "CREATE TABLE migration (
    version @id,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    applied_unix_s @int NOT NULL
) @strict;";

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "network", text: include_str!("../migrations/0001_network.sql") },
    Migration {
        version: 2,
        name: "countries",
        text: include_str!("../migrations/0002_countries.sql"),
    },
    Migration { version: 3, name: "people", text: include_str!("../migrations/0003_people.sql") },
    Migration { version: 4, name: "history", text: include_str!("../migrations/0004_history.sql") },
    Migration { version: 5, name: "leases", text: include_str!("../migrations/0005_leases.sql") },
    Migration { version: 6, name: "scan", text: include_str!("../migrations/0006_scan.sql") },
    Migration { version: 7, name: "crawl", text: include_str!("../migrations/0007_crawl.sql") },
    Migration { version: 8, name: "reports", text: include_str!("../migrations/0008_reports.sql") },
    Migration { version: 9, name: "notices", text: include_str!("../migrations/0009_notices.sql") },
];
