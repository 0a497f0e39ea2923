//! Leases: work that one process at a time may do.
//!
//! Whoever takes a lease has it until a moment that the database's clock tells, and can put that
//! moment off. A process that dies lets it run out; one that sleeps through it finds itself replaced.
//! Sleepers do not know that yet, so a lease carries a number, its fence, that rises with each new
//! holder: what the work is done to remembers the largest one and refuses all smaller ones.

use std::time::Duration;

use crate::engine::Value;
use crate::{Catalog, Error};

/// The right to do some work, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which work.
    pub name: String,
    /// Larger than that of everybody who had it before.
    pub fence: u64,
}

/// What came of asking for a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours.
    Ours(Lease),
    /// Somebody else has it.
    Theirs {
        /// Who.
        holder: String,
        /// For how long yet, unless they put it off.
        left: Duration,
    },
}

impl Catalog {
    /// Takes a lease, if nobody has it or its holder is `gone`.
    ///
    /// Its fence becomes larger than `floor`: that is for work which remembers more than a database
    /// that came back from a backup.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn lease_take(
        &mut self,
        name: &str,
        holder: &str,
        time: Duration,
        floor: u64,
        gone: impl FnOnce(&str) -> bool,
    ) -> Result<Taken, Error> {
        self.lease(|session| {
            let made = "INSERT INTO lease (name, holder, expires_unix_ms, fence) \
                        VALUES (?1, '', 0, 0) ON CONFLICT (name) DO NOTHING";
            session.execute(made, &[Value::Text(name)])?;
            let sql = format!(
                "SELECT holder, expires_unix_ms, fence FROM lease WHERE name = ?1{}",
                session.for_update()
            );
            let found: Vec<(String, i64, i64)> =
                session.query(&sql, &[Value::Text(name)], |row| {
                    Ok((row.cell(0)?, row.cell(1)?, row.cell(2)?))
                })?;
            // Locked by somebody who takes or puts it off at this very moment.
            let Some((theirs, expires_unix_ms, fence)) = found.into_iter().next() else {
                return Ok(Taken::Theirs { holder: "another".to_owned(), left: Duration::ZERO });
            };
            let now_unix_ms = session.clock_unix_ms()?;
            let left_ms = expires_unix_ms.saturating_sub(now_unix_ms);
            if left_ms > 0 && !gone(&theirs) {
                let left = Duration::from_millis(left_ms as u64);
                return Ok(Taken::Theirs { holder: theirs, left });
            }
            let floor = i64::try_from(floor).unwrap_or(i64::MAX - 1);
            let fence = fence.max(floor) + 1;
            session.execute(
                "UPDATE lease SET holder = ?2, expires_unix_ms = ?3, fence = ?4 WHERE name = ?1",
                &[
                    Value::Text(name),
                    Value::Text(holder),
                    Value::Int(later(now_unix_ms, time)),
                    Value::Int(fence),
                ],
            )?;
            Ok(Taken::Ours(Lease { name: name.to_owned(), fence: fence as u64 }))
        })
    }

    /// Puts off the end of a lease; whether it is still ours.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn lease_renew(&mut self, lease: &Lease, time: Duration) -> Result<bool, Error> {
        self.lease(|session| {
            let now_unix_ms = session.clock_unix_ms()?;
            let touched = session.execute(
                "UPDATE lease SET expires_unix_ms = ?3 \
                 WHERE name = ?1 AND fence = ?2 AND expires_unix_ms > ?4",
                &[
                    Value::Text(&lease.name),
                    Value::Int(lease.fence as i64),
                    Value::Int(later(now_unix_ms, time)),
                    Value::Int(now_unix_ms),
                ],
            )?;
            Ok(touched == 1)
        })
    }

    /// Gives a lease back before its end. One that is somebody else's by now is left alone.
    ///
    /// # Errors
    ///
    /// When the database cannot be written; the lease then runs out by itself.
    pub fn lease_release(&mut self, lease: &Lease) -> Result<(), Error> {
        self.lease(|session| {
            session.execute(
                "UPDATE lease SET holder = '', expires_unix_ms = 0 WHERE name = ?1 AND fence = ?2",
                &[Value::Text(&lease.name), Value::Int(lease.fence as i64)],
            )?;
            Ok(())
        })
    }
}

fn later(now_unix_ms: i64, time: Duration) -> i64 {
    now_unix_ms.saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}
