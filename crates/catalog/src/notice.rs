//! Notices: what people and programs are to be told, until it is told.
//!
//! A notice is written together with what it tells of, so neither is without the other, and it stays
//! until somebody has taken it: whoever was away for a while is told later, and whoever was not sure
//! whether a notice arrived sends it again under the same number.

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number; the same one however often it is sent.
    pub id: i64,
    /// When what it tells of was seen, in seconds since 1970.
    pub at_unix_s: u64,
    /// On which way.
    pub channel: Channel,
    /// Whom: a URL or a mailbox.
    pub recipient: String,
    /// What it is about, in a line.
    pub subject: String,
    /// What is sent.
    pub body: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried.
    pub due_unix_s: u64,
}

/// A way to tell somebody something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A request to a URL.
    Webhook,
    /// A letter.
    Mail,
}

impl Channel {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Webhook => "webhook",
            Channel::Mail => "mail",
        }
    }

    fn parse(text: &str) -> Option<Channel> {
        [Channel::Webhook, Channel::Mail].into_iter().find(|channel| channel.as_str() == text)
    }
}

impl Notice {
    fn check(&self) -> Result<(), Error> {
        let check = Check { resource: "notice", name: &self.subject };
        check.words("the subject", &self.subject)?;
        check.prose("the body", &self.body)?;
        check.long("the recipient", &self.recipient)
    }
}

impl View<'_> {
    /// The notices that are due, those that have been due for longest first, at most so many.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn notice_list(&mut self, now_unix_s: u64, count_max: u32) -> Result<Vec<Notice>, Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM notice WHERE due_unix_s <= ?1 ORDER BY due_unix_s, id LIMIT ?2"
        );
        let values = [Value::Int(now_unix_s as i64), Value::Int(i64::from(count_max))];
        self.query(&sql, &values, read)
    }

    /// How many notices wait, due or not.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn notice_count(&mut self) -> Result<u64, Error> {
        let found = self.query("SELECT count(*) FROM notice", &[], |row| row.cell::<i64>(0))?;
        Ok(found.first().map_or(0, |&count| count as u64))
    }
}

impl Txn<'_> {
    /// Adds notices, and says how many there was no room for: at most [`NOTICES_MAX`] wait.
    ///
    /// # Errors
    ///
    /// When one makes no sense.
    pub fn notices_insert(&mut self, notices: &[Notice]) -> Result<u64, Error> {
        let room = NOTICES_MAX.saturating_sub(self.view().notice_count()?);
        let taken = &notices[..notices.len().min(usize::try_from(room).unwrap_or(usize::MAX))];
        let mut rows = Vec::with_capacity(taken.len());
        for notice in taken {
            notice.check()?;
            rows.push(values(self.id_new(), notice));
        }
        self.insert_rows("notice", COLUMNS, &rows)?;
        Ok((notices.len() - taken.len()) as u64)
    }

    /// Notes that a notice was tried in vain, and when it is to be tried again.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn notice_again(&mut self, notice: &Notice, due_unix_s: u64) -> Result<(), Error> {
        let sql = "UPDATE notice SET attempts = ?2, due_unix_s = ?3 WHERE id = ?1";
        let attempts = i64::from(notice.attempts) + 1;
        let values = [Value::Int(notice.id), Value::Int(attempts), Value::Int(due_unix_s as i64)];
        self.execute(sql, &values).map(drop)
    }

    /// Forgets a notice: it was told, or nobody takes it.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn notice_remove(&mut self, id: i64) -> Result<(), Error> {
        self.execute("DELETE FROM notice WHERE id = ?1", &[Value::Int(id)]).map(drop)
    }
}

fn values(id: i64, notice: &Notice) -> Vec<Value<'_>> {
    vec![
        Value::Int(id),
        Value::Int(notice.at_unix_s as i64),
        Value::Text(notice.channel.as_str()),
        Value::Text(&notice.recipient),
        Value::Text(&notice.subject),
        Value::Text(&notice.body),
        Value::Int(i64::from(notice.attempts)),
        Value::Int(notice.due_unix_s as i64),
    ]
}

fn read(row: &Row<'_>) -> Result<Notice, Error> {
    let channel: String = row.cell(2)?;
    Ok(Notice {
        id: row.cell(0)?,
        at_unix_s: row.cell::<i64>(1)? as u64,
        channel: Channel::parse(&channel)
            .ok_or_else(|| Error::damaged(format!("channel {channel}")))?,
        recipient: row.cell(3)?,
        subject: row.cell(4)?,
        body: row.cell(5)?,
        attempts: row.cell::<i64>(6)? as u32,
        due_unix_s: row.cell::<i64>(7)? as u64,
    })
}

/// How many notices wait at most: who takes none is not worth more.
pub const NOTICES_MAX: u64 = 1_000;

const COLUMNS: &str = "id, at_unix_s, channel, recipient, subject, body, attempts, due_unix_s";
