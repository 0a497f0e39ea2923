//! Every change: who, when, what it was and what it became.

use serde::Serialize;

use crate::engine::Value;
use crate::{Error, View};

/// What was done to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is new.
    Add,
    /// It is another than before.
    Edit,
    /// It is gone.
    Remove,
}

impl Action {
    /// As it stands in the trail.
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Add => "add",
            Action::Edit => "edit",
            Action::Remove => "remove",
        }
    }

    fn parse(text: &str) -> Option<Action> {
        [Action::Add, Action::Edit, Action::Remove].into_iter().find(|a| a.as_str() == text)
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was done.
    pub action: Action,
    /// To what sort of thing.
    pub resource: &'static str,
    /// To which one.
    pub name: String,
    /// What it was, as JSON.
    pub before: Option<String>,
    /// What it became, as JSON.
    pub after: Option<String>,
}

/// One line of the trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Rises with time.
    pub id: i64,
    /// When, in seconds since 1970.
    pub at_unix_s: u64,
    /// Who.
    pub who: String,
    /// What was done.
    pub action: Action,
    /// To what sort of thing.
    pub resource: String,
    /// To which one.
    pub name: String,
    /// What it was, as JSON.
    pub before: Option<String>,
    /// What it became, as JSON.
    pub after: Option<String>,
}

/// Which lines of the trail.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this sort of thing only.
    pub resource: Option<String>,
    /// Of the thing with this name only.
    pub name: Option<String>,
    /// Of this person only.
    pub who: Option<String>,
    /// Not before this time.
    pub since_unix_s: u64,
}

impl View<'_> {
    /// The trail, newest first, at most so many lines.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn audit_list(&mut self, filter: &Filter, count_max: u32) -> Result<Vec<Entry>, Error> {
        let any = |text: &Option<String>| text.is_none();
        let own = |text: &Option<String>| text.clone().unwrap_or_default();
        let (resource, name, who) = (own(&filter.resource), own(&filter.name), own(&filter.who));
        self.query(
            "SELECT id, at_unix_s, who, action, resource, name, before, after FROM audit \
             WHERE (?1 OR resource = ?2) AND (?3 OR name = ?4) AND (?5 OR who = ?6) \
             AND at_unix_s >= ?7 ORDER BY id DESC LIMIT ?8",
            &[
                Value::Bool(any(&filter.resource)),
                Value::Text(&resource),
                Value::Bool(any(&filter.name)),
                Value::Text(&name),
                Value::Bool(any(&filter.who)),
                Value::Text(&who),
                Value::Int(filter.since_unix_s as i64),
                Value::Int(i64::from(count_max)),
            ],
            |row| {
                let action: String = row.cell(3)?;
                Ok(Entry {
                    id: row.cell(0)?,
                    at_unix_s: row.cell::<i64>(1)? as u64,
                    who: row.cell(2)?,
                    action: Action::parse(&action)
                        .ok_or_else(|| Error::damaged(format!("audit action {action}")))?,
                    resource: row.cell(4)?,
                    name: row.cell(5)?,
                    before: row.cell(6)?,
                    after: row.cell(7)?,
                })
            },
        )
    }
}
