//! How much was answered on a day, by one thing that is known of the answers.
//!
//! Each answer is counted once under each `Dimension`, so the sums of all of them agree. No client
//! is in it, nor anything from which one could be found.

use serde::Serialize;

use crate::check::Check;
use crate::engine::Value;
use crate::{Error, Txn, View};

/// What answers are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// What was asked for.
    Repository,
    /// For which architecture.
    Arch,
    /// From which country; `N/A` when nobody knows.
    Country,
    /// Why the first mirror was the first.
    Tier,
    /// Which sort of answer.
    Protocol,
    /// With which status.
    Status,
    /// How old the client's installation says it is.
    Countme,
}

/// Answers of one day under one name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statistic {
    /// Days since 1970.
    pub day: u32,
    /// Counted by what.
    pub dimension: Dimension,
    /// Which one of these.
    pub name: String,
    /// How many.
    pub answers: u64,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Dimension; 7] = [
        Dimension::Repository,
        Dimension::Arch,
        Dimension::Country,
        Dimension::Tier,
        Dimension::Protocol,
        Dimension::Status,
        Dimension::Countme,
    ];

    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Dimension::Repository => "repository",
            Dimension::Arch => "arch",
            Dimension::Country => "country",
            Dimension::Tier => "tier",
            Dimension::Protocol => "protocol",
            Dimension::Status => "status",
            Dimension::Countme => "countme",
        }
    }
}

impl View<'_> {
    /// The answers of days `first..=last` by one dimension, the most first within each day.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn statistic_list(
        &mut self,
        dimension: Dimension,
        first: u32,
        last: u32,
    ) -> Result<Vec<Statistic>, Error> {
        let sql = "SELECT day, name, answers FROM statistic WHERE dimension = ?1 \
                   AND day BETWEEN ?2 AND ?3 ORDER BY day, answers DESC, name";
        let days = [first, last].map(|day| Value::Int(i64::from(day)));
        self.query(sql, &[Value::Text(dimension.as_str()), days[0], days[1]], |row| {
            Ok(Statistic {
                day: row.cell::<i64>(0)? as u32,
                dimension,
                name: row.cell(1)?,
                answers: row.cell::<i64>(2)? as u64,
            })
        })
    }
}

impl View<'_> {
    /// What a run of a serving node had counted on a day when that was last added: JSON.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn statistic_run(&mut self, run: &str, day: u32) -> Result<Option<String>, Error> {
        let sql = "SELECT totals FROM statistic_run WHERE run = ?1 AND day = ?2";
        let key = [Value::Text(run), Value::Int(i64::from(day))];
        Ok(self.query(sql, &key, |row| row.cell(0))?.into_iter().next())
    }
}

impl Txn<'_> {
    /// Remembers what a run of a serving node had counted on a day.
    ///
    /// # Errors
    ///
    /// When a name makes no sense.
    pub fn statistic_run_set(
        &mut self,
        run: &str,
        day: u32,
        node: &str,
        totals: &str,
    ) -> Result<(), Error> {
        Check { resource: "node", name: node }.words("the name", node)?;
        let now_unix_s = self.actor().now_unix_s as i64;
        let key = [Value::Text(run), Value::Int(i64::from(day))];
        self.execute("DELETE FROM statistic_run WHERE run = ?1 AND day = ?2", &key)?;
        let [run, day] = key;
        let row = vec![run, day, Value::Text(node), Value::Int(now_unix_s), Value::Text(totals)];
        self.insert_rows("statistic_run", "run, day, node, merged_unix_s, totals", &[row])
    }

    /// Forgets what runs had counted before a day, and says how much that was.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn statistic_run_expire(&mut self, before_day: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM statistic_run WHERE day < ?1";
        self.execute(sql, &[Value::Int(i64::from(before_day))])
    }

    /// Adds answers to those that were counted already.
    ///
    /// # Errors
    ///
    /// When a name makes no sense.
    pub fn statistic_add(&mut self, counted: &[Statistic]) -> Result<(), Error> {
        for one in counted {
            let check = Check { resource: "statistic", name: &one.name };
            check.words("the name", &one.name)?;
            self.execute(
                "INSERT INTO statistic (day, dimension, name, answers) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (day, dimension, name) \
                 DO UPDATE SET answers = statistic.answers + excluded.answers",
                &[
                    Value::Int(i64::from(one.day)),
                    Value::Text(one.dimension.as_str()),
                    Value::Text(&one.name),
                    Value::Int(one.answers as i64),
                ],
            )?;
        }
        Ok(())
    }

    /// Forgets the days before one, and says how many numbers that were.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn statistic_expire(&mut self, before_day: u32) -> Result<u64, Error> {
        let sql = "DELETE FROM statistic WHERE day < ?1";
        self.execute(sql, &[Value::Int(i64::from(before_day))])
    }
}
