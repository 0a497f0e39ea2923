//! What the master tree was seen to hold: directories with all their files, and how far the hashing
//! of large ones has come.
//!
//! There are millions of files, and nobody asks for one of them alone, so the files of a directory
//! are one value: a count, and of each file a byte of bits, its name, size and time.

use std::collections::BTreeMap;

use crate::check::Check;
use crate::directory::{Directory, FileDetail};
use crate::engine::Value;
use crate::{Error, Txn, View};

/// A directory as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// The directory's number.
    pub directory_id: i64,
    /// Its full name.
    pub name: String,
    /// Changes when the directory does; empty when it has to be looked at again.
    pub mark: String,
    /// Since when it is gone from the master tree.
    pub gone_unix_s: Option<i64>,
}

/// A file as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenFile {
    /// Its name.
    pub name: String,
    /// Its length, when the listing tells it to the byte.
    pub size_bytes: Option<u64>,
    /// Its modification time, when the listing tells it to the second.
    pub timestamp_unix_s: Option<i64>,
    /// Its content changes while its name stays, so that a mirror may well have another one.
    pub volatile: bool,
    /// It is a symbolic link.
    pub link: bool,
}

/// How far the hashing of a file has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashProgress {
    /// The file's length; of another one it is worth nothing.
    pub size_bytes: u64,
    /// The file's time; of another one it is worth nothing.
    pub timestamp_unix_s: i64,
    /// Bytes that have been hashed.
    pub hashed_bytes: u64,
    /// The hashes after these bytes, as whoever computes them writes it.
    pub state: Vec<u8>,
}

impl View<'_> {
    /// Where the primary copy of a category is, and when all of it was last seen.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn scan_origin(
        &mut self,
        category_id: i64,
    ) -> Result<Option<(String, Option<i64>)>, Error> {
        let sql = "SELECT origin, scanned_unix_s FROM scan_origin WHERE category_id = ?1";
        let found =
            self.query(sql, &[Value::Int(category_id)], |row| Ok((row.cell(0)?, row.cell(1)?)))?;
        Ok(found.into_iter().next())
    }

    /// The directories of a category, those that were never seen included, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn scan_list(&mut self, category_id: i64) -> Result<Vec<Scanned>, Error> {
        let sql = "SELECT id, name, mark, gone_unix_s FROM directory \
                   LEFT JOIN scan_directory ON directory_id = id WHERE category_id = ?1";
        let mut found = self.query(sql, &[Value::Int(category_id)], |row| {
            Ok(Scanned {
                directory_id: row.cell(0)?,
                name: row.cell(1)?,
                mark: row.cell::<Option<String>>(2)?.unwrap_or_default(),
                gone_unix_s: row.cell(3)?,
            })
        })?;
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// The files of a directory, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read or is damaged.
    pub fn scan_files(&mut self, directory_id: i64) -> Result<Vec<SeenFile>, Error> {
        let sql = "SELECT files FROM scan_directory WHERE directory_id = ?1";
        let found = self.query(sql, &[Value::Int(directory_id)], |row| row.bytes(0, decode)?)?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// The files of all directories of a category that are not gone.
    ///
    /// # Errors
    ///
    /// What `take` answers, or that the database cannot be read or is damaged.
    pub fn scan_files_each(
        &mut self,
        category_id: i64,
        mut take: impl FnMut(i64, &str, Vec<SeenFile>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sql = "SELECT id, name, files FROM directory \
                   JOIN scan_directory ON directory_id = id \
                   WHERE category_id = ?1 AND gone_unix_s IS NULL ORDER BY id";
        self.each(sql, &[Value::Int(category_id)], |row| {
            let name: String = row.cell(1)?;
            take(row.cell(0)?, &name, row.bytes(2, decode)??)
        })
    }

    /// What the files of a directory are and were, the current version of each first.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn history(
        &mut self,
        directory_id: i64,
    ) -> Result<BTreeMap<String, Vec<FileDetail>>, Error> {
        let sql = "SELECT name, timestamp_unix_s, size_bytes, md5, sha1, sha256, sha512 \
                   FROM file_detail WHERE directory_id = ?1 ORDER BY name, rank";
        let mut history = BTreeMap::<String, Vec<FileDetail>>::new();
        self.each(sql, &[Value::Int(directory_id)], |row| {
            history.entry(row.cell(0)?).or_default().push(FileDetail {
                timestamp_unix_s: row.cell(1)?,
                size_bytes: row.cell(2)?,
                md5: row.cell(3)?,
                sha1: row.cell(4)?,
                sha256: row.cell(5)?,
                sha512: row.cell(6)?,
            });
            Ok(())
        })?;
        Ok(history)
    }

    /// The directories of a category in which a file was something else before.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn history_list(&mut self, category_id: i64) -> Result<Vec<(i64, String)>, Error> {
        let sql = "SELECT DISTINCT directory.id, directory.name FROM file_detail \
                   JOIN directory ON directory.id = directory_id \
                   WHERE category_id = ?1 AND rank > 0 ORDER BY directory.id";
        self.query(sql, &[Value::Int(category_id)], |row| Ok((row.cell(0)?, row.cell(1)?)))
    }

    /// How far the hashing of a file has come.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn hash_progress(
        &mut self,
        directory_id: i64,
        name: &str,
    ) -> Result<Option<HashProgress>, Error> {
        let sql = "SELECT size_bytes, timestamp_unix_s, hashed_bytes, state FROM scan_hash \
                   WHERE directory_id = ?1 AND name = ?2";
        let found = self.query(sql, &[Value::Int(directory_id), Value::Text(name)], |row| {
            Ok(HashProgress {
                size_bytes: row.cell::<i64>(0)? as u64,
                timestamp_unix_s: row.cell(1)?,
                hashed_bytes: row.cell::<i64>(2)? as u64,
                state: row.bytes(3, <[u8]>::to_vec)?,
            })
        })?;
        Ok(found.into_iter().next())
    }
}

impl Txn<'_> {
    /// Notes where the primary copy of a category is, and when all of it was seen.
    ///
    /// # Errors
    ///
    /// When there is no such category.
    pub fn scan_origin_set(
        &mut self,
        category_id: i64,
        origin: &str,
        scanned_unix_s: Option<i64>,
    ) -> Result<(), Error> {
        let sql = "INSERT INTO scan_origin (category_id, origin, scanned_unix_s) \
                   VALUES (?1, ?2, ?3) ON CONFLICT (category_id) DO UPDATE \
                   SET origin = excluded.origin, scanned_unix_s = excluded.scanned_unix_s";
        let values = [Value::Int(category_id), Value::Text(origin), Value::int(scanned_unix_s)];
        self.execute(sql, &values).map(drop)
    }

    /// Notes what a directory was seen to hold, its mark, and its own time where it is known.
    ///
    /// # Errors
    ///
    /// When there is no such directory, or a name makes no sense.
    pub fn scan_set(
        &mut self,
        directory_id: i64,
        (mark, timestamp_unix_s): (&str, Option<i64>),
        files: &[SeenFile],
    ) -> Result<(), Error> {
        for file in files {
            let check = Check { resource: "file", name: &file.name };
            check.words("the name", &file.name)?;
            if file.name.is_empty() || file.name.contains('/') {
                return check.refuse("it is no name of a file");
            }
        }
        let sql = "INSERT INTO scan_directory \
                   (directory_id, mark, gone_unix_s, files, timestamp_unix_s) \
                   VALUES (?1, ?2, NULL, ?3, ?4) ON CONFLICT (directory_id) DO UPDATE \
                   SET mark = excluded.mark, gone_unix_s = NULL, files = excluded.files, \
                   timestamp_unix_s = excluded.timestamp_unix_s";
        let files = encode(files);
        let values = [
            Value::Int(directory_id),
            Value::Text(mark),
            Value::Bytes(&files),
            Value::int(timestamp_unix_s),
        ];
        self.execute(sql, &values).map(drop)
    }

    /// Notes that a directory is not in the master tree any more.
    ///
    /// # Errors
    ///
    /// When there is no such directory.
    pub fn scan_gone(&mut self, directory_id: i64, gone_unix_s: i64) -> Result<(), Error> {
        let sql = "INSERT INTO scan_directory (directory_id, mark, gone_unix_s, files) \
                   VALUES (?1, '', ?2, ?3) ON CONFLICT (directory_id) DO UPDATE \
                   SET mark = '', gone_unix_s = excluded.gone_unix_s, files = excluded.files";
        let files = encode(&[]);
        let values = [Value::Int(directory_id), Value::Int(gone_unix_s), Value::Bytes(&files)];
        self.execute(sql, &values).map(drop)
    }

    /// Removes a directory that has been gone for long; repositories in it are left without one.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn scan_forget(&mut self, gone: &Scanned, category_id: i64) -> Result<(), Error> {
        let directory = Directory {
            id: gone.directory_id,
            category_id,
            name: gone.name.clone(),
            subpath: String::new(),
            source: String::new(),
            files: self.view().history(gone.directory_id)?,
        };
        self.directory_remove(&directory)
    }

    /// Notes what a file is and was, the current version first.
    ///
    /// # Errors
    ///
    /// When there is no such directory, or a version makes no sense.
    pub fn history_set(
        &mut self,
        directory: (i64, &str),
        name: &str,
        versions: &[FileDetail],
    ) -> Result<(), Error> {
        let (directory_id, directory_name) = directory;
        let before = self.view().history(directory_id)?.remove(name).unwrap_or_default();
        if before == versions {
            return Ok(());
        }
        let only = BTreeMap::from([(name.to_owned(), versions.to_vec())]);
        let holder = Directory {
            id: directory_id,
            category_id: 0,
            name: directory_name.to_owned(),
            subpath: String::new(),
            source: String::new(),
            files: only,
        };
        holder.check()?;
        let sql = "DELETE FROM file_detail WHERE directory_id = ?1 AND name = ?2";
        self.execute(sql, &[Value::Int(directory_id), Value::Text(name)])?;
        self.files_insert(std::slice::from_ref(&holder))?;
        let some = |versions: &[FileDetail]| (!versions.is_empty()).then(|| versions.to_vec());
        let path = format!("{directory_name}/{name}");
        self.note("file", &path, some(&before).as_ref(), some(versions).as_ref())
    }

    /// Notes how far the hashing of a file has come; nothing, when it is done.
    ///
    /// # Errors
    ///
    /// When there is no such directory.
    pub fn hash_progress_set(
        &mut self,
        directory_id: i64,
        name: &str,
        progress: Option<&HashProgress>,
    ) -> Result<(), Error> {
        let id = Value::Int(directory_id);
        let sql = "DELETE FROM scan_hash WHERE directory_id = ?1 AND name = ?2";
        self.execute(sql, &[id, Value::Text(name)])?;
        let Some(progress) = progress else { return Ok(()) };
        let row = vec![
            id,
            Value::Text(name),
            Value::Int(progress.size_bytes as i64),
            Value::Int(progress.timestamp_unix_s),
            Value::Int(progress.hashed_bytes as i64),
            Value::Bytes(&progress.state),
        ];
        let columns = "directory_id, name, size_bytes, timestamp_unix_s, hashed_bytes, state";
        self.insert_rows("scan_hash", columns, &[row])
    }
}

fn encode(files: &[SeenFile]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + files.len() * 40);
    number(&mut out, files.len() as u64);
    for file in files {
        let mut bits = 0;
        bits |= if file.volatile { VOLATILE } else { 0 };
        bits |= if file.link { LINK } else { 0 };
        bits |= if file.size_bytes.is_some() { SIZED } else { 0 };
        bits |= if file.timestamp_unix_s.is_some() { TIMED } else { 0 };
        out.push(bits);
        number(&mut out, file.name.len() as u64);
        out.extend_from_slice(file.name.as_bytes());
        if let Some(bytes) = file.size_bytes {
            number(&mut out, bytes);
        }
        if let Some(unix_s) = file.timestamp_unix_s {
            number(&mut out, ((unix_s << 1) ^ (unix_s >> 63)) as u64);
        }
    }
    out
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<SeenFile>, Error> {
    decoded(bytes).ok_or_else(|| Error::damaged("a list of files is none"))
}

fn decoded(mut bytes: &[u8]) -> Option<Vec<SeenFile>> {
    let rest = &mut bytes;
    let count = take(rest)?;
    let mut files = Vec::with_capacity(usize::try_from(count).ok()?.min(rest.len() / 2));
    for _ in 0..count {
        let (&bits, behind) = rest.split_first()?;
        *rest = behind;
        let length = usize::try_from(take(rest)?).ok()?;
        let (name, behind) = rest.split_at_checked(length)?;
        *rest = behind;
        let mut file = SeenFile {
            name: str::from_utf8(name).ok()?.to_owned(),
            volatile: bits & VOLATILE != 0,
            link: bits & LINK != 0,
            ..SeenFile::default()
        };
        if bits & SIZED != 0 {
            file.size_bytes = Some(take(rest)?);
        }
        if bits & TIMED != 0 {
            let number = take(rest)?;
            file.timestamp_unix_s = Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
        files.push(file);
    }
    rest.is_empty().then_some(files)
}

pub(crate) fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

pub(crate) fn take(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, behind) = rest.split_first()?;
        *rest = behind;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

const VOLATILE: u8 = 1;
const LINK: u8 = 2;
const SIZED: u8 = 4;
const TIMED: u8 = 8;

#[cfg(test)]
mod tests {
    use super::{SeenFile, decoded, encode};

    #[test]
    fn files_go_in_and_come_out() {
        let file = |name: &str, size, time| SeenFile {
            name: name.into(),
            size_bytes: size,
            timestamp_unix_s: time,
            volatile: size.is_some(),
            link: time.is_none(),
        };
        let files = vec![
            file("a", Some(u64::MAX), Some(-1)),
            file("ä b", None, Some(i64::MIN)),
            file("c", Some(0), None),
        ];
        let bytes = encode(&files);
        assert_eq!(decoded(&bytes), Some(files));
        assert_eq!(decoded(&encode(&[])), Some(Vec::new()));
        assert!((0..bytes.len()).all(|cut| decoded(&bytes[..cut]).is_none()));
    }
}
