//! An open catalog, and transactions on it.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::engine::{Engine, Postgres, Purpose, Row, Session, Sqlite, Value};
use crate::migrate::{self, Found};
use crate::{Action, Change, Error, Place};

/// An open catalog.
///
/// It has one connection and is used by one thread at a time; open another one for another thread.
#[derive(Debug)]
pub struct Catalog {
    engine: Engine,
}

/// Who changes something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// A name that people recognise: `cli:root`, `import:MirrorManager cache`.
    pub name: String,
    /// Seconds since 1970.
    pub now_unix_s: u64,
}

/// What becomes of a transaction that went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It counts.
    Commit,
    /// It was only to see what would happen.
    DryRun,
}

impl Catalog {
    /// Makes a catalog where none is.
    ///
    /// # Errors
    ///
    /// When there is one already, the database has other tables, or it cannot be reached.
    pub fn create(place: &Place, now_unix_s: u64) -> Result<Catalog, Error> {
        if let Place::File(path) = place {
            file_create(path)?;
        }
        let mut engine = engine(place, true)?;
        if migrate::look(&mut engine)? != Found::Empty {
            return Err(Error::Exists { place: place.to_string() });
        }
        ready(engine, now_unix_s)
    }

    /// Opens a catalog, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// When there is none, it is of a newer program (it is then left untouched), or it cannot be
    /// reached.
    pub fn open(place: &Place, now_unix_s: u64) -> Result<Catalog, Error> {
        if let Place::File(path) = place
            && !path.exists()
        {
            return Err(Error::Missing { path: path.clone() });
        }
        let mut engine = engine(place, false)?;
        match migrate::look(&mut engine)? {
            Found::Empty => Err(Error::Missing { path: place.to_string().into() }),
            Found::Version(_) => ready(engine, now_unix_s),
        }
    }

    /// Reads one consistent view of everything, while others may write.
    ///
    /// # Errors
    ///
    /// What `read` answers, or that the database cannot be read.
    pub fn read<T>(
        &mut self,
        read: impl FnOnce(&mut View<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut view = View { session: self.engine.begin(Purpose::Read)? };
        let found = read(&mut view)?;
        view.session.rollback()?;
        Ok(found)
    }

    /// Changes something: all of it, or nothing when `write` or the database fails.
    ///
    /// # Errors
    ///
    /// What `write` answers, or that the database cannot be written.
    pub fn write<T>(
        &mut self,
        actor: &Actor,
        ending: Ending,
        write: impl FnOnce(&mut Txn<'_>) -> Result<T, Error>,
    ) -> Result<(T, Vec<Change>), Error> {
        let view = View { session: self.engine.begin(Purpose::Write)? };
        let mut txn = Txn::begin(view, actor)?;
        let made = write(&mut txn)?;
        let changes = txn.finish(ending)?;
        Ok((made, changes))
    }
}

impl Catalog {
    /// Waits until somebody has changed something, or for so long. It may end early.
    ///
    /// # Errors
    ///
    /// When the database is away.
    pub fn wait(&mut self, patience: Duration) -> Result<(), Error> {
        self.engine.wait(patience)
    }

    /// Does something with leases, which wait for no writer where the engine can do that.
    pub(crate) fn lease<T>(
        &mut self,
        act: impl FnOnce(&mut Session<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut session = self.engine.begin(Purpose::Lease)?;
        let done = act(&mut session)?;
        session.commit()?;
        Ok(done)
    }
}

/// Makes a catalog as an older program made it.
#[cfg(test)]
pub(crate) fn create_old(place: &Place, version: i64, now_unix_s: u64) -> Result<(), Error> {
    migrate::forward(&mut engine(place, true)?, version, now_unix_s)
}

fn ready(mut engine: Engine, now_unix_s: u64) -> Result<Catalog, Error> {
    if let Engine::Sqlite(sqlite) = &mut engine {
        sqlite.write_ahead()?;
    }
    if migrate::look(&mut engine)? != Found::Version(migrate::newest()) {
        migrate::forward(&mut engine, migrate::newest(), now_unix_s)?;
    }
    Ok(Catalog { engine })
}

fn engine(place: &Place, create: bool) -> Result<Engine, Error> {
    Ok(match place {
        Place::File(path) => Engine::Sqlite(Sqlite::open(path, create)?),
        Place::Server(url) => Engine::Postgres(Postgres::connect(url)?),
    })
}

/// Hashes of passwords are in it: it is its owner's alone.
fn file_create(path: &Path) -> Result<(), Error> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => Ok(()),
        // An empty file that was made beforehand, or an interrupted `init`, is as good as none.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::Create { path: path.to_owned(), source }),
    }
}

/// One consistent view of everything.
pub struct View<'a> {
    session: Session<'a>,
}

impl View<'_> {
    pub(crate) fn query<T>(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.session.query(sql, values, read)
    }

    pub(crate) fn each(
        &mut self,
        sql: &str,
        values: &[Value<'_>],
        take: impl FnMut(&Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.session.each(sql, values, take)
    }

    /// What tells this state of this catalog from every other: its name, revision and date.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn mark(&mut self) -> Result<String, Error> {
        let State { revision, data_unix_s, .. } = self.state()?;
        let sql = "SELECT identity FROM catalog_identity WHERE id = 1";
        let names: Vec<String> = self.query(sql, &[], |row| row.cell(0))?;
        let name = names.first().ok_or_else(|| Error::damaged("it has no name"))?;
        Ok(format!("{name}:{revision}:{data_unix_s}"))
    }

    /// What changed last.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn state(&mut self) -> Result<State, Error> {
        let sql = "SELECT revision, id_next, directory_next, data_unix_s, source \
                   FROM catalog_state WHERE id = 1";
        let states = self.query(sql, &[], |row| {
            Ok(State {
                revision: row.cell(0)?,
                id_next: row.cell(1)?,
                directory_next: row.cell(2)?,
                data_unix_s: row.cell::<i64>(3)? as u64,
                source: row.cell(4)?,
            })
        })?;
        states.into_iter().next().ok_or_else(|| Error::damaged("it has no state"))
    }

    /// How much there is.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn weight(&mut self) -> Result<Weight, Error> {
        let mut weight = Weight::default();
        let sql = "SELECT directories, mirrors FROM \
                   (SELECT category_id, count(*) AS directories FROM directory \
                    GROUP BY category_id) AS of_category LEFT JOIN \
                   (SELECT category_id AS id, count(*) AS mirrors FROM mirror \
                    GROUP BY category_id) AS mirrored ON id = category_id";
        self.each(sql, &[], |row| {
            let directories = row.cell::<i64>(0)? as u64;
            let mirrors = row.cell::<Option<i64>>(1)?.unwrap_or(0) as u64;
            weight.directories += directories;
            weight.carried = weight.carried.saturating_add(directories.saturating_mul(mirrors));
            Ok(())
        })?;
        let sql = "SELECT CAST(length(routes) AS BIGINT) FROM route_chunk";
        self.each(sql, &[], |row| {
            weight.routes_bytes += row.cell::<i64>(0)? as u64;
            Ok(())
        })?;
        Ok(weight)
    }
}

/// How much there is, for planning what it takes to hold all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Directories.
    pub directories: u64,
    /// For each mirror the directories of its category: the most that it can have.
    pub carried: u64,
    /// Bytes of the routing table.
    pub routes_bytes: u64,
}

/// What changed last, and the next free numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Rises with every change.
    pub revision: i64,
    /// How old the data is, seconds since 1970.
    pub data_unix_s: u64,
    /// Where most of it came from, for people.
    pub source: String,
    pub(crate) id_next: i64,
    pub(crate) directory_next: i64,
}

/// A change under way.
pub struct Txn<'a> {
    view: View<'a>,
    actor: Actor,
    pub(crate) state: State,
    changes: Vec<Change>,
    /// The data is as old as its source says, not as new as the change.
    dated: bool,
    abandoned: bool,
}

impl<'a> Txn<'a> {
    fn begin(mut view: View<'a>, actor: &Actor) -> Result<Txn<'a>, Error> {
        let state = view.state()?;
        Ok(Txn {
            view,
            actor: actor.clone(),
            state,
            changes: Vec::new(),
            dated: false,
            abandoned: false,
        })
    }

    /// What is there now, the changes so far included.
    pub fn view(&mut self) -> &mut View<'a> {
        &mut self.view
    }

    /// Makes a dry run of it after all: nothing of it will count.
    pub fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// Who does it.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    pub(crate) fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, Error> {
        self.view.session.execute(sql, values)
    }

    pub(crate) fn insert_rows(
        &mut self,
        table: &str,
        columns: &str,
        rows: &[Vec<Value<'_>>],
    ) -> Result<(), Error> {
        self.view.session.insert_rows(table, columns, rows)
    }

    /// A number that nothing had before.
    pub(crate) fn id_new(&mut self) -> i64 {
        self.state.id_next += 1;
        self.state.id_next - 1
    }

    /// Says how old the data is and where it came from.
    pub(crate) fn data_is_of(&mut self, data_unix_s: u64, source: &str) {
        self.state.data_unix_s = data_unix_s;
        source.clone_into(&mut self.state.source);
        self.dated = true;
    }

    /// Makes sure that a number is never given to anything else.
    pub(crate) fn id_taken(&mut self, id: i64) {
        self.state.id_next = self.state.id_next.max(id.saturating_add(1));
    }

    /// Notes what changes: the trail is written with the change or not at all.
    pub(crate) fn note(
        &mut self,
        resource: &'static str,
        name: &str,
        before: Option<&impl Serialize>,
        after: Option<&impl Serialize>,
    ) -> Result<(), Error> {
        let (before, after) = (before.map(json).transpose()?, after.map(json).transpose()?);
        let action = match (&before, &after) {
            (None, _) => Action::Add,
            (_, None) => Action::Remove,
            _ => Action::Edit,
        };
        self.changes.push(Change { action, resource, name: name.to_owned(), before, after });
        Ok(())
    }

    fn finish(mut self, ending: Ending) -> Result<Vec<Change>, Error> {
        if ending == Ending::DryRun || self.abandoned {
            self.view.session.rollback()?;
            return Ok(self.changes);
        }
        if !self.changes.is_empty() {
            self.audit_write()?;
            self.state.revision += 1;
            if !self.dated {
                self.state.data_unix_s = self.actor.now_unix_s;
            }
        }
        let state = self.state.clone();
        self.execute(
            "UPDATE catalog_state SET revision = ?1, id_next = ?2, directory_next = ?3, \
             data_unix_s = ?4, source = ?5 WHERE id = 1",
            &[
                Value::Int(state.revision),
                Value::Int(state.id_next),
                Value::Int(state.directory_next),
                Value::Int(state.data_unix_s as i64),
                Value::Text(&state.source),
            ],
        )?;
        if !self.changes.is_empty() {
            self.view.session.announce()?;
        }
        self.view.session.commit()?;
        Ok(self.changes)
    }

    fn audit_write(&mut self) -> Result<(), Error> {
        let first = self.state.id_next;
        self.state.id_next += self.changes.len() as i64;
        let rows: Vec<Vec<Value<'_>>> = (first..)
            .zip(&self.changes)
            .map(|(id, change)| {
                vec![
                    Value::Int(id),
                    Value::Int(self.actor.now_unix_s as i64),
                    Value::Text(&self.actor.name),
                    Value::Text(change.action.as_str()),
                    Value::Text(change.resource),
                    Value::Text(&change.name),
                    Value::text(change.before.as_deref()),
                    Value::text(change.after.as_deref()),
                ]
            })
            .collect();
        let columns = "id, at_unix_s, who, action, resource, name, before, after";
        self.view.session.insert_rows("audit", columns, &rows)
    }
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| Error::damaged(error.to_string()))
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("View")
    }
}

impl std::fmt::Debug for Txn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Txn").field("actor", &self.actor).finish_non_exhaustive()
    }
}
