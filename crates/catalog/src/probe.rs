//! Probes: what came of asking a URL whether it is there, and whether clients are given it since.
//!
//! Each probe is a line of history. What they add up to is the `Health` of a URL: one that is not
//! good is left out of worlds until a probe finds it good again. The owner's and the administrators'
//! switches have nothing to do with it.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::looks::Family;
use crate::{Error, Txn, View};

/// What came of asking a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// Rises with time.
    pub id: i64,
    /// Whose URL.
    pub host_id: i64,
    /// What was asked.
    pub url: String,
    /// Over which family of addresses, 4 or 6, where it was one.
    pub family: Option<i64>,
    /// When, in seconds since 1970.
    pub at_unix_s: u64,
    /// What to think of it.
    pub verdict: Verdict,
    /// Why, for people: `404 for the canary`, `no answer in 10 s`.
    pub reason: String,
    /// How long it took.
    pub duration_ms: u64,
    /// The score of the URL after it, of 100.
    pub score: u8,
}

/// What to think of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It had what it should have.
    Good,
    /// It had not.
    Bad,
    /// Nobody can tell; it counts for nothing.
    Unknown,
}

/// Whether clients are given a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The mirror whose URL it is.
    pub mirror_id: i64,
    /// The number of the URL there.
    pub number: i64,
    /// They are.
    pub good: bool,
    /// Of 100.
    pub score: u8,
    /// Bad probes in a row.
    pub failures: u32,
    /// Since when it is as good or bad as it is.
    pub since_unix_s: u64,
    /// When it was last probed.
    pub probed_unix_s: u64,
    /// Why it is so.
    pub reason: String,
}

/// One version of a file whose content is known: what a probe may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFile {
    /// Its directory.
    pub directory_id: i64,
    /// The category of that.
    pub category_id: i64,
    /// What is appended to a mirror's base URL for the directory.
    pub subpath: String,
    /// Its name.
    pub name: String,
    /// Which version it is: zero is the current one, the others are older.
    pub rank: i64,
    /// When it was modified.
    pub timestamp_unix_s: Option<i64>,
    /// Its length.
    pub size_bytes: u64,
    /// Hexadecimal SHA-256.
    pub sha256: Option<String>,
}

impl Verdict {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Bad => "bad",
            Verdict::Unknown => "unknown",
        }
    }

    fn parse(text: &str) -> Option<Verdict> {
        [Verdict::Good, Verdict::Bad, Verdict::Unknown].into_iter().find(|v| v.as_str() == text)
    }
}

impl Probe {
    fn check(&self) -> Result<(), Error> {
        let check = Check { resource: "probe", name: &self.url };
        check.url(&self.url)?;
        check.words("the reason", &self.reason)?;
        if self.family.is_some_and(|number| Family::of(number).is_none()) {
            return check.refuse("a family of addresses is 4 or 6");
        }
        if self.score > SCORE_MAX {
            return check.refuse(format!("its score is more than {SCORE_MAX}"));
        }
        Ok(())
    }
}

impl View<'_> {
    /// The probes of a host, or of all, the newest first, at most so many.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn probe_list(
        &mut self,
        host_id: Option<i64>,
        since_unix_s: u64,
        count_max: u32,
    ) -> Result<Vec<Probe>, Error> {
        let newest = "ORDER BY at_unix_s DESC, id DESC LIMIT ?2";
        let mut values = vec![Value::Int(since_unix_s as i64), Value::Int(i64::from(count_max))];
        let mut only = "";
        if let Some(id) = host_id {
            only = "host_id = ?3 AND ";
            values.push(Value::Int(id));
        }
        let sql = format!("SELECT {PROBE} FROM probe WHERE {only}at_unix_s >= ?1 {newest}");
        self.query(&sql, &values, probe)
    }

    /// The health of every URL that was probed, by mirror and number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn health_list(&mut self) -> Result<Vec<Health>, Error> {
        let sql = format!("SELECT {HEALTH} FROM url_health ORDER BY mirror_id, number");
        self.query(&sql, &[], health)
    }
}

impl View<'_> {
    /// The files whose content is known, by directory, name and rank.
    ///
    /// # Errors
    ///
    /// What `take` answers, or that the database cannot be read.
    pub fn known_files_each(
        &mut self,
        mut take: impl FnMut(KnownFile) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sql = "SELECT directory_id, category_id, subpath, file_detail.name, rank, \
                   timestamp_unix_s, size_bytes, sha256 FROM file_detail \
                   JOIN directory ON directory.id = directory_id WHERE size_bytes IS NOT NULL \
                   ORDER BY directory_id, file_detail.name, rank";
        self.each(sql, &[], |row| {
            take(KnownFile {
                directory_id: row.cell(0)?,
                category_id: row.cell(1)?,
                subpath: row.cell(2)?,
                name: row.cell(3)?,
                rank: row.cell(4)?,
                timestamp_unix_s: row.cell(5)?,
                size_bytes: row.cell::<i64>(6)? as u64,
                sha256: row.cell(7)?,
            })
        })
    }
}

impl Txn<'_> {
    /// Adds probes to the history, and gives them their numbers.
    ///
    /// # Errors
    ///
    /// When one makes no sense, or its host is gone.
    pub fn probes_insert(&mut self, probes: &mut [Probe]) -> Result<(), Error> {
        for probe in probes.iter_mut() {
            probe.check()?;
            probe.id = self.id_new();
        }
        let rows: Vec<_> = probes.iter().map(probe_values).collect();
        self.insert_rows("probe", PROBE, &rows)
    }

    /// Forgets probes before a time, and says how many.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn probes_expire(&mut self, before_unix_s: u64) -> Result<u64, Error> {
        let sql = "DELETE FROM probe WHERE at_unix_s < ?1";
        self.execute(sql, &[Value::Int(before_unix_s as i64)])
    }

    /// Sets the health of all URLs of these mirrors at once; what is not named is forgotten. The
    /// trail has it when a URL goes, or comes back.
    ///
    /// # Errors
    ///
    /// As for [`Txn::health_set`].
    pub fn healths_set(
        &mut self,
        mirrors: &[i64],
        healths: &[(String, Health)],
    ) -> Result<(), Error> {
        let key = |health: &Health| (health.mirror_id, health.number);
        let before = self.view().health_list()?;
        let before: HashMap<_, _> = before.iter().map(|health| (key(health), health)).collect();
        for (label, health) in healths {
            health_check(label, health)?;
            let before = before.get(&key(health)).copied();
            // A URL that was never probed is given to clients.
            if before.is_none_or(|before| before.good) != health.good {
                self.note(HEALTH_NOTED, label, before, Some(health))?;
            }
        }
        let named: HashSet<_> = healths.iter().map(|(_, health)| key(health)).collect();
        for forgotten in before.values().filter(|health| !health.good) {
            if mirrors.contains(&forgotten.mirror_id) && !named.contains(&key(forgotten)) {
                let label = format!("{}#{}", forgotten.mirror_id, forgotten.number);
                self.note(HEALTH_NOTED, &label, Some(*forgotten), None::<&Health>)?;
            }
        }
        for some in mirrors.chunks(MIRRORS_AT_ONCE) {
            let ids: Vec<String> = some.iter().map(i64::to_string).collect();
            let sql = format!("DELETE FROM url_health WHERE mirror_id IN ({})", ids.join(", "));
            self.execute(&sql, &[])?;
        }
        let rows: Vec<_> = healths.iter().map(|(_, health)| health_values(health)).collect();
        self.insert_rows("url_health", HEALTH, &rows)
    }

    /// Sets the health of a URL. The trail has it when the URL goes, or comes back.
    ///
    /// # Errors
    ///
    /// When it makes no sense, or there is no such mirror.
    pub fn health_set(&mut self, label: &str, health: &Health) -> Result<(), Error> {
        health_check(label, health)?;
        let sql = format!("SELECT {HEALTH} FROM url_health WHERE mirror_id = ?1 AND number = ?2");
        let key = [Value::Int(health.mirror_id), Value::Int(health.number)];
        let before = self.view().query(&sql, &key, self::health)?.pop();
        let sql = "DELETE FROM url_health WHERE mirror_id = ?1 AND number = ?2";
        self.execute(sql, &key)?;
        self.insert_rows("url_health", HEALTH, &[health_values(health)])?;
        // A URL that was never probed is given to clients.
        if before.as_ref().is_none_or(|before| before.good) == health.good {
            return Ok(());
        }
        self.note(HEALTH_NOTED, label, before.as_ref(), Some(health))
    }
}

fn health_check(label: &str, health: &Health) -> Result<(), Error> {
    let check = Check { resource: HEALTH_NOTED, name: label };
    check.words("the reason", &health.reason)?;
    if health.score > SCORE_MAX || health.probed_unix_s < health.since_unix_s {
        return check.refuse("its score or times make no sense");
    }
    Ok(())
}

fn probe_values(probe: &Probe) -> Vec<Value<'_>> {
    vec![
        Value::Int(probe.id),
        Value::Int(probe.host_id),
        Value::Text(&probe.url),
        Value::int(probe.family),
        Value::Int(probe.at_unix_s as i64),
        Value::Text(probe.verdict.as_str()),
        Value::Text(&probe.reason),
        Value::Int(probe.duration_ms as i64),
        Value::Int(i64::from(probe.score)),
    ]
}

fn probe(row: &Row<'_>) -> Result<Probe, Error> {
    let verdict: String = row.cell(5)?;
    Ok(Probe {
        id: row.cell(0)?,
        host_id: row.cell(1)?,
        url: row.cell(2)?,
        family: row.cell(3)?,
        at_unix_s: row.cell::<i64>(4)? as u64,
        verdict: Verdict::parse(&verdict)
            .ok_or_else(|| Error::damaged(format!("verdict {verdict}")))?,
        reason: row.cell(6)?,
        duration_ms: row.cell::<i64>(7)? as u64,
        score: row.cell::<i64>(8)? as u8,
    })
}

fn health_values(health: &Health) -> Vec<Value<'_>> {
    vec![
        Value::Int(health.mirror_id),
        Value::Int(health.number),
        Value::Bool(health.good),
        Value::Int(i64::from(health.score)),
        Value::Int(i64::from(health.failures)),
        Value::Int(health.since_unix_s as i64),
        Value::Int(health.probed_unix_s as i64),
        Value::Text(&health.reason),
    ]
}

fn health(row: &Row<'_>) -> Result<Health, Error> {
    Ok(Health {
        mirror_id: row.cell(0)?,
        number: row.cell(1)?,
        good: row.cell(2)?,
        score: row.cell::<i64>(3)? as u8,
        failures: row.cell::<i64>(4)? as u32,
        since_unix_s: row.cell::<i64>(5)? as u64,
        probed_unix_s: row.cell::<i64>(6)? as u64,
        reason: row.cell(7)?,
    })
}

/// The best score.
pub const SCORE_MAX: u8 = 100;

/// Of how many mirrors one statement forgets.
const MIRRORS_AT_ONCE: usize = 500;

const HEALTH_NOTED: &str = "health";
const PROBE: &str = "id, host_id, url, family, at_unix_s, verdict, reason, duration_ms, score";
const HEALTH: &str =
    "mirror_id, number, good, score, failures, since_unix_s, probed_unix_s, reason";
