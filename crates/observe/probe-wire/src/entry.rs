//! One thing that a document speaks of: a file, a folder, a package.

use crate::bytes::{Malformed, Take, put_number, put_signed, put_text};
use crate::path::{PATH_BYTES_MAX, path_check};
use crate::verdict::LABEL_BYTES_MAX;

/// One thing that a document speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Where it is below the document's folder; checked by [`path_check`].
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// What the document calls it; of a `repomd.xml` the type, of a check-in the category. May be
    /// empty.
    pub label: String,
    /// How large it is.
    pub size: Option<Size>,
    /// When it was changed.
    pub time: Option<Time>,
    /// What its content hashes to, at most one of each algorithm, in order.
    pub hashes: Vec<Hash>,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    #[default]
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Link,
    /// Something else: a device, a pipe.
    Other,
}

/// A size, as exactly as the document says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The smallest that it can be, in bytes.
    pub bytes_min: u64,
    /// The largest that it can be.
    pub bytes_max: u64,
}

impl Size {
    /// A size to the byte.
    #[must_use]
    pub fn exact(bytes: u64) -> Size {
        Size { bytes_min: bytes, bytes_max: bytes }
    }

    /// The size, if it is known to the byte.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        (self.bytes_min == self.bytes_max).then_some(self.bytes_min)
    }

    /// Whether something so large can be meant.
    #[must_use]
    pub fn admits(&self, bytes: u64) -> bool {
        (self.bytes_min..=self.bytes_max).contains(&bytes)
    }
}

/// A time, as exactly as the document says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// The earliest that it can be, seconds since 1970.
    pub unix_s: i64,
    /// It is less than so many seconds later; one, if it is known to the second.
    pub precision_s: u32,
    /// What clock it was read from.
    pub zone: Zone,
}

/// What clock a time was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The world's.
    Utc,
    /// The server's own, which may be up to 14 hours off.
    Unknown,
}

impl Time {
    /// A time to the second.
    #[must_use]
    pub fn exact(unix_s: i64) -> Time {
        Time { unix_s, precision_s: 1, zone: Zone::Utc }
    }

    /// Whether this second can be meant.
    #[must_use]
    pub fn admits(&self, unix_s: i64) -> bool {
        let Some(late_s) = unix_s.checked_sub(self.unix_s) else { return false };
        match self.zone {
            Zone::Utc => (0..i64::from(self.precision_s)).contains(&late_s),
            Zone::Unknown => {
                let own = late_s.rem_euclid(ZONE_STEP_S) < i64::from(self.precision_s);
                own && (-ZONE_S_MAX..ZONE_S_MAX + i64::from(self.precision_s)).contains(&late_s)
            }
        }
    }
}

/// All zones differ from the world's clock by quarters of an hour.
const ZONE_STEP_S: i64 = 15 * 60;
const ZONE_S_MAX: i64 = 14 * 3600;

/// What content hashes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hash {
    /// MD5.
    Md5([u8; 16]),
    /// SHA-1.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-512.
    Sha512([u8; 64]),
}

impl Hash {
    /// The hash of hexadecimal digits; the algorithm shows in their number.
    #[must_use]
    pub fn parse(digits: &str) -> Option<Hash> {
        match digits.len() {
            32 => unhex(digits).map(Hash::Md5),
            40 => unhex(digits).map(Hash::Sha1),
            64 => unhex(digits).map(Hash::Sha256),
            128 => unhex(digits).map(Hash::Sha512),
            _ => None,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Hash::Md5(hash) => hash,
            Hash::Sha1(hash) => hash,
            Hash::Sha256(hash) => hash,
            Hash::Sha512(hash) => hash,
        }
    }

    /// Its bytes in hexadecimal, lower case.
    #[must_use]
    pub fn hex(&self) -> String {
        let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
        self.bytes().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    /// Its place among the hashes of an entry.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Hash::Md5(_) => 0,
            Hash::Sha1(_) => 1,
            Hash::Sha256(_) => 2,
            Hash::Sha512(_) => 3,
        }
    }
}

fn unhex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut hash = [0; N];
    for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? << 4 | digit(1)?).ok()?;
    }
    Some(hash)
}

impl Entry {
    /// Adds a hash, unless there is one of its algorithm.
    pub fn hash_add(&mut self, hash: Hash) {
        if let Err(at) = self.hashes.binary_search_by_key(&hash.rank(), Hash::rank) {
            self.hashes.insert(at, hash);
        }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let size = match &self.size {
            None => 0,
            Some(size) if size.bytes().is_some() => SIZE_EXACT,
            Some(_) => SIZE_ROUNDED,
        };
        let time = match &self.time {
            None => 0,
            Some(time) if *time == Time::exact(time.unix_s) => TIME_EXACT,
            Some(time) if time.zone == Zone::Utc => TIME_UTC,
            Some(_) => TIME_UNKNOWN,
        };
        let hashes = self.hashes.iter().fold(0, |bits, hash| bits | 1 << hash.rank());
        let label = if self.label.is_empty() { 0 } else { LABELLED };
        out.push(self.kind as u8 | size | time);
        out.push(hashes | label);
        put_text(out, &self.path);
        if label != 0 {
            put_text(out, &self.label);
        }
        if let Some(size) = &self.size {
            put_number(out, size.bytes_min);
            if size.bytes().is_none() {
                put_number(out, size.bytes_max);
            }
        }
        if let Some(known) = &self.time {
            put_signed(out, known.unix_s);
            if time != TIME_EXACT {
                put_number(out, u64::from(known.precision_s));
            }
        }
        self.hashes.iter().for_each(|hash| out.extend_from_slice(hash.bytes()));
    }

    pub(crate) fn decode(take: &mut Take<'_>) -> Result<Entry, Malformed> {
        let (first, second) = (take.byte()?, take.byte()?);
        let kind = match first & 3 {
            0 => Kind::File,
            1 => Kind::Directory,
            2 => Kind::Link,
            _ => Kind::Other,
        };
        let path = take.text(PATH_BYTES_MAX)?;
        if path_check(path).is_err() {
            return take.refuse("a path goes where it must not");
        }
        let label = if second & LABELLED == 0 { "" } else { take.text(LABEL_BYTES_MAX)? };
        if (second & LABELLED != 0) == label.is_empty() || label.chars().any(char::is_control) {
            return take.refuse("a label is empty or hides something");
        }
        let mut entry = Entry { path: path.into(), kind, label: label.into(), ..Entry::default() };
        entry.size = size(take, first & (SIZE_EXACT | SIZE_ROUNDED))?;
        entry.time = time(take, first & (TIME_EXACT | TIME_UTC | TIME_UNKNOWN))?;
        if first & !0b11_1111 != 0 || second & !0b1_1111 != 0 {
            return take.refuse("unknown bits are set");
        }
        let bits = second & 0b1111;
        entry.hashes.reserve_exact(bits.count_ones() as usize);
        for rank in (0..4_u8).filter(|rank| bits & 1 << rank != 0) {
            entry.hashes.push(match rank {
                0 => Hash::Md5(take.array()?),
                1 => Hash::Sha1(take.array()?),
                2 => Hash::Sha256(take.array()?),
                _ => Hash::Sha512(take.array()?),
            });
        }
        Ok(entry)
    }
}

fn size(take: &mut Take<'_>, sort: u8) -> Result<Option<Size>, Malformed> {
    match sort {
        0 => Ok(None),
        SIZE_EXACT => Ok(Some(Size::exact(take.number()?))),
        SIZE_ROUNDED => {
            let (bytes_min, bytes_max) = (take.number()?, take.number()?);
            if bytes_min >= bytes_max {
                return take.refuse("a rounded size is none");
            }
            Ok(Some(Size { bytes_min, bytes_max }))
        }
        _ => take.refuse("a size is of two sorts"),
    }
}

fn time(take: &mut Take<'_>, sort: u8) -> Result<Option<Time>, Malformed> {
    if sort == 0 {
        return Ok(None);
    }
    let unix_s = take.signed()?;
    if sort == TIME_EXACT {
        return Ok(Some(Time::exact(unix_s)));
    }
    let zone = if sort == TIME_UTC { Zone::Utc } else { Zone::Unknown };
    let time = match u32::try_from(take.number()?) {
        Ok(precision_s) => Time { unix_s, precision_s, zone },
        Err(_) => return take.refuse("a time is too vague"),
    };
    if time.precision_s == 0 || time == Time::exact(unix_s) {
        return take.refuse("a time is not as vague as it says");
    }
    Ok(Some(time))
}

/// Bits of the first byte: two of the kind, then how size and time are told.
const SIZE_EXACT: u8 = 1 << 2;
const SIZE_ROUNDED: u8 = 1 << 3;
const TIME_EXACT: u8 = 1 << 4;
const TIME_UTC: u8 = 1 << 5;
const TIME_UNKNOWN: u8 = TIME_EXACT | TIME_UTC;
/// Bits of the second byte: four of the hashes, then whether there is a label.
const LABELLED: u8 = 1 << 4;
/// The fewest bytes of an entry: two of bits, a length, a letter.
pub(crate) const ENTRY_BYTES_MIN: usize = 4;
