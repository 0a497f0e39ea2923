//! File details, kept aside until their directories come.

use std::cmp::Reverse;

use foldhash::fast::RandomState;
use heliostat_model::{File, FileDetail};
use indexmap::IndexMap;

use super::entry::Entry;
use super::schema::{detail, named};
use super::wire::{Fields, Value, path, text};
use crate::problem::{Fault, ProblemKind, Problems, shown};

/// The files of each directory that has details.
#[derive(Debug, Default)]
pub(super) struct Files<'a> {
    by_directory: IndexMap<&'a str, Vec<File>, RandomState>,
}

impl<'a> Files<'a> {
    /// Takes in the files of one directory.
    pub(super) fn read(&mut self, entry: Entry<'a>, problems: &mut Problems) -> Result<(), Fault> {
        let directory = path(name(entry.message)?)?;
        let files = self.by_directory.entry(directory).or_default();
        for (index, child) in children(entry.message).enumerate() {
            let place = || format!("{} file {index}", entry.place());
            match child.and_then(|message| file(message, problems, &place)) {
                Ok(file) => files.push(file),
                Err(fault) => problems.fault(fault, place),
            }
        }
        Ok(())
    }

    /// The files of a directory: sorted by name, each with its details newest first.
    pub(super) fn take(&mut self, directory: &str) -> Vec<File> {
        let Some(files) = self.by_directory.get_mut(directory) else { return Vec::new() };
        tidy(std::mem::take(files))
    }

    /// Names the directories that nobody asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for (directory, files) in self.by_directory {
            if !files.is_empty() {
                problems.add(
                    ProblemKind::UnknownName,
                    || format!("FileDetailsCache {}", shown(directory.as_bytes())),
                    || "no such directory in MirrorListCache; its files are left out".to_owned(),
                );
            }
        }
    }
}

fn tidy(mut files: Vec<File>) -> Vec<File> {
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files.dedup_by(|later, first| {
        let same = later.name == first.name;
        if same {
            first.details.append(&mut later.details);
        }
        same
    });
    for file in &mut files {
        file.details.sort_by_key(|detail| Reverse(detail.timestamp_unix_s));
        file.details.dedup();
    }
    files
}

fn file(
    message: &[u8],
    problems: &mut Problems,
    place: &dyn Fn() -> String,
) -> Result<File, Fault> {
    let name = text(name(message)?)?;
    if name.contains('/') {
        let what = format!("{}: no file name; left out", shown(name.as_bytes()));
        return Err(Fault::new(ProblemKind::BadText, what));
    }
    let mut file = File { name: name.to_owned(), details: Vec::new() };
    for child in children(message) {
        match child {
            Ok(message) => {
                let place = || format!("{} {}", place(), shown(name.as_bytes()));
                file.details.push(detail_read(message, problems, &place));
            }
            Err(fault) => problems.fault(fault, place),
        }
    }
    Ok(file)
}

/// Reads what can be read: a detail without one of its fields is still a detail.
fn detail_read(message: &[u8], problems: &mut Problems, place: &dyn Fn() -> String) -> FileDetail {
    let mut detail = FileDetail::default();
    let mut has = (false, false);
    for field in Fields::new(message) {
        let read = field.and_then(|(number, value)| match number {
            detail::TIMESTAMP => {
                has.0 = true;
                number_read(value, TIMESTAMP_MAX).map(|n| detail.timestamp_unix_s = n)
            }
            detail::SIZE => {
                has.1 = true;
                number_read(value, SIZE_MAX).map(|n| detail.size_bytes = n)
            }
            detail::MD5 => hash(value, 32).map(|h| detail.md5 = h),
            detail::SHA1 => hash(value, 40).map(|h| detail.sha1 = h),
            detail::SHA256 => hash(value, 64).map(|h| detail.sha256 = h),
            detail::SHA512 => hash(value, 128).map(|h| detail.sha512 = h),
            _ => Ok(()),
        });
        if let Err(fault) = read {
            problems.fault(fault, place);
        }
    }
    if has != (true, true) {
        problems.add(ProblemKind::MissingField, place, || {
            "a detail without TimeStamp or Size; the rest of it counts".to_owned()
        });
    }
    detail
}

/// Zero is how writers of these required fields say that they do not know.
fn number_read(value: Value<'_>, max: u64) -> Result<Option<u64>, Fault> {
    let number = value.int()?;
    if number > max {
        let what = format!("{} is no time or size", super::wire::signed(number));
        return Err(Fault::new(ProblemKind::OutOfRange, what));
    }
    Ok(Some(number).filter(|&number| number != 0))
}

fn hash(value: Value<'_>, digits: usize) -> Result<Option<String>, Fault> {
    let bytes = value.bytes()?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let hexadecimal = bytes.len() == digits && bytes.iter().all(u8::is_ascii_hexdigit);
    let hash = std::str::from_utf8(bytes).ok().filter(|_| hexadecimal).ok_or_else(|| {
        let what = format!("{}: not {digits} hexadecimal digits; left out", shown(bytes));
        Fault::new(ProblemKind::BadHash, what)
    })?;
    Ok(Some(hash.to_owned()))
}

/// The name in a message of a name and its children.
fn name(message: &[u8]) -> Result<&[u8], Fault> {
    for field in Fields::new(message) {
        if let (named::NAME, value) = field? {
            return value.bytes();
        }
    }
    Err(Fault::new(ProblemKind::MissingField, "it has no name"))
}

fn children(message: &[u8]) -> impl Iterator<Item = Result<&[u8], Fault>> {
    Fields::new(message).filter_map(|field| match field {
        Ok((named::CHILD, value)) => Some(value.bytes()),
        Ok(_) => None,
        Err(fault) => Some(Err(fault)),
    })
}

/// The last second of the year 9999: metalinks write years with four digits.
pub(super) const TIMESTAMP_MAX: u64 = 253_402_300_799;

/// Larger sizes are negative numbers in disguise.
const SIZE_MAX: u64 = i64::MAX as u64;
