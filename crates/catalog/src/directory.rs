//! Directories of the master tree, the files in them whose content is known, and who has them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::states::States;
use crate::{Error, Txn, View};

/// A directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Its number: its position in the states of mirrors. Dense, and never used again.
    #[serde(skip)]
    pub id: i64,
    /// The category that it belongs to.
    pub category_id: i64,
    /// Its full name, without slashes around.
    pub name: String,
    /// What is appended to a mirror's base URL.
    pub subpath: String,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
    /// Its files, by name; of each what it is and was, the current one first.
    #[serde(default)]
    pub files: BTreeMap<String, Vec<FileDetail>>,
}

/// One version of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDetail {
    /// Its modification time, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp_unix_s: Option<i64>,
    /// Its length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<i64>,
    /// Hexadecimal MD5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub md5: Option<String>,
    /// Hexadecimal SHA-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha1: Option<String>,
    /// Hexadecimal SHA-256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Hexadecimal SHA-512.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha512: Option<String>,
}

/// What the audit trail keeps of the states of a mirror.
#[derive(Debug, Serialize)]
struct StatesSummary {
    current: i64,
    behind: i64,
    missing: i64,
    reserved: i64,
    hash: String,
}

impl Directory {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &self.name };
        if self.name.is_empty() {
            return check.refuse("the name is empty");
        }
        check.path("the name", &self.name)?;
        check.path("the subpath", &self.subpath)?;
        for (name, details) in &self.files {
            let file = Check { resource: "file", name };
            file.name("the name", name)?;
            if name.contains('/') || name == "." || name == ".." {
                return file.refuse("it is no name of a file");
            }
            details.iter().try_for_each(|detail| detail.check(&file))?;
        }
        Ok(())
    }
}

impl FileDetail {
    fn check(&self, check: &Check<'_>) -> Result<(), Error> {
        if self.timestamp_unix_s.is_some_and(|t| t < 0) || self.size_bytes.is_some_and(|s| s < 0) {
            return check.refuse("its time or size is negative");
        }
        let hashes = [(&self.md5, 32), (&self.sha1, 40), (&self.sha256, 64), (&self.sha512, 128)];
        for (hash, digits) in hashes {
            let sound = |hash: &String| {
                hash.len() == digits && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
            };
            if hash.as_ref().is_some_and(|hash| !sound(hash)) {
                return check.refuse(format!("a hash is not {digits} hexadecimal digits"));
            }
        }
        Ok(())
    }
}

impl View<'_> {
    /// All directories, by number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn directory_list(&mut self) -> Result<Vec<Directory>, Error> {
        let sql = "SELECT id, category_id, name, subpath, source FROM directory ORDER BY id";
        let mut directories = self.query(sql, &[], read)?;
        self.each(
            "SELECT directory_id, name, timestamp_unix_s, size_bytes, md5, sha1, sha256, sha512 \
             FROM file_detail ORDER BY directory_id, name, rank",
            &[],
            |row| {
                let id = row.cell(0)?;
                if let Ok(at) = directories.binary_search_by_key(&id, |directory| directory.id) {
                    let details = directories[at].files.entry(row.cell(1)?).or_default();
                    details.push(detail(row)?);
                }
                Ok(())
            },
        )?;
        Ok(directories)
    }

    /// The directory of a name.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn directory_find(&mut self, name: &str) -> Result<Directory, Error> {
        let sql = "SELECT id, category_id, name, subpath, source FROM directory WHERE name = ?1";
        let found = self.query(sql, &[Value::Text(name)], read)?.into_iter().next();
        let mut directory =
            found.ok_or_else(|| Error::Unknown { resource: RESOURCE, name: name.to_owned() })?;
        self.each(
            "SELECT directory_id, name, timestamp_unix_s, size_bytes, md5, sha1, sha256, sha512 \
             FROM file_detail WHERE directory_id = ?1 ORDER BY name, rank",
            &[Value::Int(directory.id)],
            |row| {
                directory.files.entry(row.cell(1)?).or_default().push(detail(row)?);
                Ok(())
            },
        )?;
        Ok(directory)
    }

    /// What every mirror has, by the mirrors' numbers.
    ///
    /// # Errors
    ///
    /// When the database cannot be read or is damaged.
    pub fn states_list(&mut self) -> Result<BTreeMap<i64, States>, Error> {
        let sql = "SELECT mirror_id, states FROM mirror_state";
        let found =
            self.query(sql, &[], |row| Ok((row.cell(0)?, row.bytes(1, States::from_bytes)??)))?;
        Ok(found.into_iter().collect())
    }

    /// What one mirror has.
    ///
    /// # Errors
    ///
    /// When the database cannot be read or is damaged.
    pub fn states_find(&mut self, mirror_id: i64) -> Result<States, Error> {
        let sql = "SELECT states FROM mirror_state WHERE mirror_id = ?1";
        let found =
            self.query(sql, &[Value::Int(mirror_id)], |row| row.bytes(0, States::from_bytes)?)?;
        Ok(found.into_iter().next().unwrap_or_default())
    }
}

impl Txn<'_> {
    /// Adds a directory, and gives it its number.
    ///
    /// # Errors
    ///
    /// When it makes no sense, or its name is taken.
    pub fn directory_insert(&mut self, directory: Directory) -> Result<Directory, Error> {
        let sql = "SELECT id FROM directory WHERE name = ?1";
        let name = [Value::Text(&directory.name)];
        if !self.view().query(sql, &name, |row| row.cell::<i64>(0))?.is_empty() {
            return Check { resource: RESOURCE, name: &directory.name }.refuse("there is one");
        }
        let mut added = [directory];
        self.directories_insert(&mut added)?;
        let [added] = added;
        Ok(added)
    }

    /// Adds directories at once, and gives them their numbers. None of their names may be taken.
    ///
    /// # Errors
    ///
    /// When one makes no sense, or its name is taken.
    pub fn directories_insert(&mut self, directories: &mut [Directory]) -> Result<(), Error> {
        for directory in directories.iter_mut() {
            directory.check()?;
            directory.id = self.state.directory_next;
            self.state.directory_next += 1;
        }
        let rows: Vec<_> = directories.iter().map(values).collect();
        self.insert_rows("directory", "id, category_id, name, subpath, source", &rows)?;
        self.files_insert(directories)?;
        for directory in directories.iter() {
            self.note(RESOURCE, &directory.name, None::<&Directory>, Some(directory))?;
        }
        Ok(())
    }

    /// Makes a directory what it is told to be; its number and name stay.
    ///
    /// # Errors
    ///
    /// When it makes no sense, or its number or name would change.
    pub fn directory_update(
        &mut self,
        before: &Directory,
        directory: &Directory,
    ) -> Result<(), Error> {
        directory.check()?;
        if (directory.id, &directory.name) != (before.id, &before.name) {
            return Check { resource: RESOURCE, name: &before.name }
                .refuse("its number and its name cannot be changed");
        }
        if directory == before {
            return Ok(());
        }
        let sql = "UPDATE directory SET category_id = ?2, name = ?3, subpath = ?4, source = ?5 \
                   WHERE id = ?1";
        self.execute(sql, &values(directory))?;
        if directory.files != before.files {
            let sql = "DELETE FROM file_detail WHERE directory_id = ?1";
            self.execute(sql, &[Value::Int(directory.id)])?;
            self.files_insert(std::slice::from_ref(directory))?;
        }
        self.note(RESOURCE, &directory.name, Some(before), Some(directory))
    }

    /// Removes a directory; repositories in it are left without one.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn directory_remove(&mut self, before: &Directory) -> Result<(), Error> {
        self.execute("DELETE FROM directory WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(RESOURCE, &before.name, Some(before), None::<&Directory>)
    }

    pub(crate) fn files_insert(&mut self, directories: &[Directory]) -> Result<(), Error> {
        let mut rows = Vec::new();
        for directory in directories {
            for (name, details) in &directory.files {
                let details = (0..).zip(details);
                rows.extend(details.map(|(rank, d)| file_values(directory.id, name, rank, d)));
            }
        }
        let columns = "directory_id, name, rank, timestamp_unix_s, size_bytes, md5, sha1, sha256, \
                       sha512";
        self.insert_rows("file_detail", columns, &rows)
    }

    /// Notes what a mirror has.
    ///
    /// # Errors
    ///
    /// When there is no such mirror.
    pub fn states_set(
        &mut self,
        mirror_id: i64,
        label: &str,
        states: &States,
    ) -> Result<(), Error> {
        let before = self.view().states_find(mirror_id)?;
        if before == *states {
            return Ok(());
        }
        let id = Value::Int(mirror_id);
        self.execute("DELETE FROM mirror_state WHERE mirror_id = ?1", &[id])?;
        if !states.bytes().is_empty() {
            let row = vec![id, Value::Bytes(states.bytes())];
            self.insert_rows("mirror_state", "mirror_id, states", &[row])?;
        }
        self.note("states", label, summary(&before).as_ref(), summary(states).as_ref())
    }
}

/// What the trail keeps of states; nothing when none is known.
fn summary(states: &States) -> Option<StatesSummary> {
    let [current, behind, missing, reserved] = states.counts();
    (!states.bytes().is_empty()).then(|| StatesSummary {
        current,
        behind,
        missing,
        reserved,
        hash: blake3::hash(states.bytes()).to_hex().to_string(),
    })
}

fn values(directory: &Directory) -> Vec<Value<'_>> {
    vec![
        Value::Int(directory.id),
        Value::Int(directory.category_id),
        Value::Text(&directory.name),
        Value::Text(&directory.subpath),
        Value::Text(&directory.source),
    ]
}

fn file_values<'a>(id: i64, name: &'a str, rank: i64, detail: &'a FileDetail) -> Vec<Value<'a>> {
    vec![
        Value::Int(id),
        Value::Text(name),
        Value::Int(rank),
        Value::int(detail.timestamp_unix_s),
        Value::int(detail.size_bytes),
        Value::text(detail.md5.as_deref()),
        Value::text(detail.sha1.as_deref()),
        Value::text(detail.sha256.as_deref()),
        Value::text(detail.sha512.as_deref()),
    ]
}

fn read(row: &Row<'_>) -> Result<Directory, Error> {
    Ok(Directory {
        id: row.cell(0)?,
        category_id: row.cell(1)?,
        name: row.cell(2)?,
        subpath: row.cell(3)?,
        source: row.cell(4)?,
        files: BTreeMap::new(),
    })
}

fn detail(row: &Row<'_>) -> Result<FileDetail, Error> {
    Ok(FileDetail {
        timestamp_unix_s: row.cell(2)?,
        size_bytes: row.cell(3)?,
        md5: row.cell(4)?,
        sha1: row.cell(5)?,
        sha256: row.cell(6)?,
        sha512: row.cell(7)?,
    })
}

const RESOURCE: &str = "directory";
