//! What crawls remember between each other: how the last crawl of a host went, what tells versions
//! of a mirror's pages apart, and what a crawl compares with.
//!
//! Validators are texts that servers make up, so they are kept only where they are short, a value
//! for each mirror: a count, and of each the directory, a byte of bits, what is known under it, and
//! the texts.

use std::collections::BTreeMap;

use crate::directory::FileDetail;
use crate::engine::Value;
use crate::scan::{SeenFile, decode, number, take};
use crate::{Error, Txn, View};

/// How the last crawl of a host went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CrawlHost {
    /// Which host.
    pub host_id: i64,
    /// When it ended.
    pub crawled_unix_s: i64,
    /// How many there have been.
    pub rounds: u32,
    /// How many in a row learned nothing.
    pub failures: u32,
    /// The host asked to be left alone until then; zero when it did not.
    pub later_unix_s: i64,
    /// Requests that it took.
    pub requests: u64,
    /// How long it took.
    pub duration_ms: u64,
    /// What it came to, for people: `all of it looked at`, `no answer`.
    pub reason: String,
}

/// What tells one version of something from another, and what that version was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validator {
    /// The directory.
    pub directory_id: i64,
    /// Its page; otherwise the index in it.
    pub page: bool,
    /// What it was: of an index the first bytes of its SHA-256, of a page those that stand for the
    /// files that it was compared with.
    pub proof: u64,
    /// When it was last fetched.
    pub at_unix_s: i64,
    /// `ETag`, where it is short.
    pub etag: Option<String>,
    /// `Last-Modified`.
    pub last_modified: Option<String>,
}

/// A directory that mirrors should have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its number.
    pub directory_id: i64,
    /// Where it is below the category's top.
    pub subpath: String,
    /// Its own time in the master tree.
    pub timestamp_unix_s: Option<i64>,
    /// Its files; nothing, when the master tree was never scanned there.
    pub files: Option<Vec<SeenFile>>,
}

impl View<'_> {
    /// How the last crawl of every host went, by its number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn crawl_list(&mut self) -> Result<BTreeMap<i64, CrawlHost>, Error> {
        let sql = format!("SELECT {CRAWL_HOST} FROM crawl_host");
        let found = self.query(&sql, &[], |row| {
            Ok(CrawlHost {
                host_id: row.cell(0)?,
                crawled_unix_s: row.cell(1)?,
                rounds: row.cell::<i64>(2)? as u32,
                failures: row.cell::<i64>(3)? as u32,
                later_unix_s: row.cell(4)?,
                requests: row.cell::<i64>(5)? as u64,
                duration_ms: row.cell::<i64>(6)? as u64,
                reason: row.cell(7)?,
            })
        })?;
        Ok(found.into_iter().map(|host| (host.host_id, host)).collect())
    }

    /// Whether there is a host of this number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn is_host(&mut self, host_id: i64) -> Result<bool, Error> {
        let sql = "SELECT id FROM host WHERE id = ?1";
        let found = self.query(sql, &[Value::Int(host_id)], |row| row.cell::<i64>(0))?;
        Ok(!found.is_empty())
    }

    /// Whether there is a mirror of this number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn is_mirror(&mut self, mirror_id: i64) -> Result<bool, Error> {
        let sql = "SELECT id FROM mirror WHERE id = ?1";
        let found = self.query(sql, &[Value::Int(mirror_id)], |row| row.cell::<i64>(0))?;
        Ok(!found.is_empty())
    }

    /// The URLs of a mirror and their numbers.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn mirror_urls(&mut self, mirror_id: i64) -> Result<Vec<(i64, String)>, Error> {
        let sql = "SELECT number, url FROM mirror_url WHERE mirror_id = ?1 ORDER BY number";
        self.query(sql, &[Value::Int(mirror_id)], |row| Ok((row.cell(0)?, row.cell(1)?)))
    }

    /// What is known to tell versions of a mirror's pages apart, by directory.
    ///
    /// # Errors
    ///
    /// When the database cannot be read or is damaged.
    pub fn validators_find(&mut self, mirror_id: i64) -> Result<Vec<Validator>, Error> {
        let sql = "SELECT validators FROM mirror_validator WHERE mirror_id = ?1";
        let found = self.query(sql, &[Value::Int(mirror_id)], |row| row.bytes(0, read)?)?;
        Ok(found.into_iter().next().unwrap_or_default())
    }

    /// The directories of a category that mirrors should have: all but those that are gone.
    ///
    /// # Errors
    ///
    /// What `take` answers, or that the database cannot be read or is damaged.
    pub fn wanted_each(
        &mut self,
        category_id: i64,
        mut take: impl FnMut(Wanted) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sql = "SELECT id, subpath, timestamp_unix_s, files FROM directory \
                   LEFT JOIN scan_directory ON directory_id = id \
                   WHERE category_id = ?1 AND gone_unix_s IS NULL ORDER BY id";
        self.each(sql, &[Value::Int(category_id)], |row| {
            let files: Option<Vec<u8>> = row.cell(3)?;
            take(Wanted {
                directory_id: row.cell(0)?,
                subpath: row.cell(1)?,
                timestamp_unix_s: row.cell(2)?,
                files: files.map(|bytes| decode(&bytes)).transpose()?,
            })
        })
    }

    /// What the files of a category's directories are and were: directory, name and version, the
    /// current version of each file first.
    ///
    /// # Errors
    ///
    /// What `take` answers, or that the database cannot be read.
    pub fn history_each(
        &mut self,
        category_id: i64,
        mut take: impl FnMut(i64, String, FileDetail) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let sql = "SELECT directory_id, file_detail.name, timestamp_unix_s, size_bytes, md5, sha1, \
                   sha256, sha512 FROM file_detail JOIN directory ON directory.id = directory_id \
                   WHERE category_id = ?1 ORDER BY directory_id, file_detail.name, rank";
        self.each(sql, &[Value::Int(category_id)], |row| {
            let detail = FileDetail {
                timestamp_unix_s: row.cell(2)?,
                size_bytes: row.cell(3)?,
                md5: row.cell(4)?,
                sha1: row.cell(5)?,
                sha256: row.cell(6)?,
                sha512: row.cell(7)?,
            };
            take(row.cell(0)?, row.cell(1)?, detail)
        })
    }
}

impl Txn<'_> {
    /// Notes how a crawl of a host went. The trail has nothing of it.
    ///
    /// # Errors
    ///
    /// When there is no such host.
    pub fn crawl_set(&mut self, crawled: &CrawlHost) -> Result<(), Error> {
        let id = Value::Int(crawled.host_id);
        self.execute("DELETE FROM crawl_host WHERE host_id = ?1", &[id])?;
        let row = vec![
            id,
            Value::Int(crawled.crawled_unix_s),
            Value::Int(i64::from(crawled.rounds)),
            Value::Int(i64::from(crawled.failures)),
            Value::Int(crawled.later_unix_s),
            Value::Int(crawled.requests as i64),
            Value::Int(crawled.duration_ms as i64),
            Value::Text(&crawled.reason),
        ];
        self.insert_rows("crawl_host", CRAWL_HOST, &[row])
    }

    /// Keeps what tells versions of a mirror's pages apart, in place of what was kept before.
    ///
    /// # Errors
    ///
    /// When there is no such mirror.
    pub fn validators_set(
        &mut self,
        mirror_id: i64,
        validators: &[Validator],
    ) -> Result<(), Error> {
        let id = Value::Int(mirror_id);
        self.execute("DELETE FROM mirror_validator WHERE mirror_id = ?1", &[id])?;
        if validators.is_empty() {
            return Ok(());
        }
        let bytes = write(validators);
        let row = vec![id, Value::Bytes(&bytes)];
        self.insert_rows("mirror_validator", "mirror_id, validators", &[row])
    }
}

fn write(validators: &[Validator]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + validators.len() * 64);
    number(&mut out, validators.len() as u64);
    for validator in validators {
        let texts = [&validator.etag, &validator.last_modified];
        let short = |text: &&Option<String>| {
            text.as_ref().is_some_and(|text| text.len() <= VALIDATOR_BYTES_MAX)
        };
        let mut bits = if validator.page { PAGE } else { 0 };
        bits |= if short(&texts[0]) { TAGGED } else { 0 };
        bits |= if short(&texts[1]) { TIMED } else { 0 };
        number(&mut out, validator.directory_id as u64);
        out.push(bits);
        out.extend_from_slice(&validator.proof.to_le_bytes());
        number(&mut out, validator.at_unix_s as u64);
        for text in texts.into_iter().filter(short).flatten() {
            number(&mut out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
        }
    }
    out
}

fn read(bytes: &[u8]) -> Result<Vec<Validator>, Error> {
    read_all(bytes).ok_or_else(|| Error::damaged("validators are none"))
}

fn read_all(mut bytes: &[u8]) -> Option<Vec<Validator>> {
    let rest = &mut bytes;
    let count = take(rest)?;
    let mut validators = Vec::with_capacity(usize::try_from(count).ok()?.min(rest.len() / 8));
    for _ in 0..count {
        let directory_id = take(rest)? as i64;
        let (&bits, behind) = rest.split_first()?;
        let (proof, behind) = behind.split_first_chunk()?;
        *rest = behind;
        let (proof, at_unix_s) = (u64::from_le_bytes(*proof), take(rest)? as i64);
        let mut text = |bit: u8| -> Option<Option<String>> {
            if bits & bit == 0 {
                return Some(None);
            }
            let length = usize::try_from(take(rest)?).ok()?;
            let (text, behind) = rest.split_at_checked(length)?;
            *rest = behind;
            Some(Some(str::from_utf8(text).ok()?.to_owned()))
        };
        let (etag, last_modified) = (text(TAGGED)?, text(TIMED)?);
        let page = bits & PAGE != 0;
        validators.push(Validator { directory_id, page, proof, at_unix_s, etag, last_modified });
    }
    rest.is_empty().then_some(validators)
}

const PAGE: u8 = 1;
const TAGGED: u8 = 2;
const TIMED: u8 = 4;

/// Honest ones have 20 to 40 bytes.
const VALIDATOR_BYTES_MAX: usize = 96;

const CRAWL_HOST: &str =
    "host_id, crawled_unix_s, rounds, failures, later_unix_s, requests, duration_ms, reason";

#[cfg(test)]
mod tests {
    use super::{Validator, read_all, write};

    #[test]
    fn validators_go_in_and_come_out() {
        let validators = vec![
            Validator { directory_id: 7, page: true, proof: u64::MAX, ..Validator::default() },
            Validator {
                directory_id: 300,
                at_unix_s: 1_700_000_000,
                etag: Some("\"5f3-ä\"".into()),
                last_modified: Some("Tue, 14 Nov 2023 22:30:00 GMT".into()),
                ..Validator::default()
            },
        ];
        let bytes = write(&validators);
        assert_eq!(read_all(&bytes), Some(validators));
        assert!((0..bytes.len()).all(|cut| read_all(&bytes[..cut]).is_none()));
        let long = Validator { etag: Some("x".repeat(200)), ..Validator::default() };
        assert_eq!(read_all(&write(&[long])), Some(vec![Validator::default()]));
    }
}
