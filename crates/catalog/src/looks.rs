//! How each directory of a mirror was last looked at: when, over which scheme and family of
//! addresses, and by how many versions it was behind.
//!
//! As [states](crate::states) are, looks are kept as runs by directory id, because one crawl looks at
//! a whole tree in one way: `length × 2 + known`, and where something is known the time, the way
//! and the lag, all as numbers of seven bits a byte. The list is canonical: equal lists are equal
//! bytes.

use std::collections::BTreeMap;

use heliostat_model::Scheme;

use crate::engine::Value;
use crate::states::{DIRECTORY_MAX, number_read, number_write};
use crate::{Error, Txn, View};

/// How a directory was looked at, and what was found beyond its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Look {
    /// When, in seconds since 1970.
    pub at_unix_s: u64,
    /// Over which scheme.
    pub scheme: Scheme,
    /// Over which family of addresses, where only one was used.
    pub family: Option<Family>,
    /// By how many versions it was behind; zero when it was not, or nobody knows.
    pub behind: u32,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The looks at one mirror, by directory id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Looks {
    bytes: Vec<u8>,
}

/// Directories `first..end`, and how they were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookRun {
    /// The first directory.
    pub first: i64,
    /// The directory after the last one.
    pub end: i64,
    /// How, if ever.
    pub look: Option<Look>,
}

impl Family {
    /// 4 or 6.
    pub const fn number(self) -> i64 {
        match self {
            Family::V4 => 4,
            Family::V6 => 6,
        }
    }

    /// The family of 4 or 6.
    pub const fn of(number: i64) -> Option<Family> {
        match number {
            4 => Some(Family::V4),
            6 => Some(Family::V6),
            _ => None,
        }
    }
}

impl Looks {
    /// The looks that were stored as these bytes.
    ///
    /// # Errors
    ///
    /// When they are no canonical list.
    pub fn from_bytes(bytes: &[u8]) -> Result<Looks, Error> {
        let mut again = LooksBuilder::default();
        let mut rest = bytes;
        let mut first = 0;
        while !rest.is_empty() {
            let run = run_read(&mut rest, first);
            let run = run.filter(|run| run.end <= DIRECTORY_MAX);
            let run = run.ok_or_else(|| Error::damaged("looks have a run that cannot be"))?;
            again.push_run(run);
            first = run.end;
        }
        let looks = again.finish();
        if looks.bytes != bytes {
            return Err(Error::damaged("looks are not canonical"));
        }
        Ok(looks)
    }

    /// The bytes to store.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All runs, also those of directories that nobody looked at.
    pub fn runs(&self) -> impl Iterator<Item = LookRun> + '_ {
        let mut rest = self.bytes.as_slice();
        let mut first = 0;
        std::iter::from_fn(move || {
            let run = run_read(&mut rest, first)?;
            first = run.end;
            Some(run)
        })
    }

    /// How one directory was looked at.
    pub fn look(&self, directory: i64) -> Option<Look> {
        let run = self.runs().find(|run| directory < run.end);
        run.filter(|_| directory >= 0)?.look
    }

    /// These looks, and where somebody looked again, those.
    pub fn renewed(&self, newer: &Looks) -> Looks {
        let (mut old, mut new) = (self.runs().peekable(), newer.runs().peekable());
        let mut both = LooksBuilder::default();
        let mut first = 0;
        loop {
            old.next_if(|run| run.end <= first);
            new.next_if(|run| run.end <= first);
            let ends = [old.peek(), new.peek()];
            let Some(end) = ends.iter().flatten().map(|run| run.end).min() else { break };
            let look = ends[1].and_then(|run| run.look).or(ends[0].and_then(|run| run.look));
            both.push_run(LookRun { first, end, look });
            first = end;
        }
        both.finish()
    }
}

/// Makes looks from directories in rising order.
#[derive(Clone, Debug)]
pub struct LooksBuilder {
    bytes: Vec<u8>,
    run: LookRun,
}

impl Default for LooksBuilder {
    fn default() -> LooksBuilder {
        LooksBuilder { bytes: Vec::new(), run: LookRun { first: 0, end: 0, look: None } }
    }
}

impl LooksBuilder {
    /// One directory; it must come after those before it, else it is passed over.
    pub fn push(&mut self, directory: i64, look: Look) {
        self.push_run(LookRun { first: directory, end: directory + 1, look: Some(look) });
    }

    /// Directories in a row; they must come after those before them.
    pub fn push_run(&mut self, run: LookRun) {
        if run.first < self.run.end || run.end <= run.first {
            return;
        }
        if run.first > self.run.end {
            self.join(LookRun { first: self.run.end, end: run.first, look: None });
        }
        self.join(run);
    }

    fn join(&mut self, run: LookRun) {
        if run.look == self.run.look {
            self.run.end = run.end;
            return;
        }
        run_write(self.run, &mut self.bytes);
        self.run = run;
    }

    /// The looks; nobody looked at what follows the last one.
    pub fn finish(mut self) -> Looks {
        if self.run.look.is_some() {
            run_write(self.run, &mut self.bytes);
        }
        Looks { bytes: self.bytes }
    }
}

impl View<'_> {
    /// How every mirror was looked at, by the mirrors' numbers.
    ///
    /// # Errors
    ///
    /// When the database cannot be read or is damaged.
    pub fn looks_list(&mut self) -> Result<BTreeMap<i64, Looks>, Error> {
        let sql = "SELECT mirror_id, looks FROM mirror_look";
        let found =
            self.query(sql, &[], |row| Ok((row.cell(0)?, row.bytes(1, Looks::from_bytes)??)))?;
        Ok(found.into_iter().collect())
    }

    /// How one mirror was looked at.
    ///
    /// # Errors
    ///
    /// When the database cannot be read or is damaged.
    pub fn looks_find(&mut self, mirror_id: i64) -> Result<Looks, Error> {
        let sql = "SELECT looks FROM mirror_look WHERE mirror_id = ?1";
        let found =
            self.query(sql, &[Value::Int(mirror_id)], |row| row.bytes(0, Looks::from_bytes)?)?;
        Ok(found.into_iter().next().unwrap_or_default())
    }
}

impl Txn<'_> {
    /// Keeps how a mirror was looked at, in place of what was kept before.
    ///
    /// # Errors
    ///
    /// When there is no such mirror.
    pub fn looks_set(&mut self, mirror_id: i64, looks: &Looks) -> Result<(), Error> {
        let id = Value::Int(mirror_id);
        self.execute("DELETE FROM mirror_look WHERE mirror_id = ?1", &[id])?;
        if looks.bytes().is_empty() {
            return Ok(());
        }
        let row = vec![id, Value::Bytes(looks.bytes())];
        self.insert_rows("mirror_look", "mirror_id, looks", &[row])
    }
}

/// One run, if the bytes are one.
fn run_read(rest: &mut &[u8], first: i64) -> Option<LookRun> {
    let head = number_read(rest)?;
    let end = first.checked_add_unsigned(head >> 1)?;
    if head & 1 == 0 {
        return Some(LookRun { first, end, look: None });
    }
    let at_unix_s = number_read(rest)?;
    let way = number_read(rest)?;
    let (scheme, family) = (SCHEMES.get((way / 3) as usize)?, FAMILIES[(way % 3) as usize]);
    let behind = u32::try_from(number_read(rest)?).ok()?;
    Some(LookRun { first, end, look: Some(Look { at_unix_s, scheme: *scheme, family, behind }) })
}

fn run_write(run: LookRun, bytes: &mut Vec<u8>) {
    let length = (run.end - run.first) as u64;
    if length == 0 {
        return;
    }
    number_write(length << 1 | u64::from(run.look.is_some()), bytes);
    let Some(look) = run.look else { return };
    let position = |found: Option<usize>| found.unwrap_or(0) as u64;
    let scheme = position(SCHEMES.iter().position(|&scheme| scheme == look.scheme));
    let family = position(FAMILIES.iter().position(|&family| family == look.family));
    // Numbers of more than 63 bits are none; no time is as late as that.
    number_write(look.at_unix_s & (u64::MAX >> 1), bytes);
    number_write(scheme * 3 + family, bytes);
    number_write(u64::from(look.behind), bytes);
}

/// Their positions are stored: a new one comes last.
const SCHEMES: [Scheme; 4] = [Scheme::Https, Scheme::Http, Scheme::Ftp, Scheme::Rsync];
const FAMILIES: [Option<Family>; 3] = [None, Some(Family::V4), Some(Family::V6)];
