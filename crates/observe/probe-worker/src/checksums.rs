//! `CHECKSUM`, `SHA256SUMS` and the like: lines of BSD's form (`SHA256 (name) = hash`), lines of
//! GNU's form (`hash  name`), and comments with sizes (`# name: 123 bytes`), signed or not.

use std::collections::HashMap;

use heliostat_observe_probe_wire::{Entry, Hash, Limit, Refused, Size};

use crate::date;
use crate::debian::Clear;
use crate::expand::Expanded;
use crate::gather::Gather;

/// The files of a folder, by their hashes.
pub(crate) fn parse(mut text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let mut clear = Clear::default();
    let mut line = Vec::new();
    let (mut entries, mut places) = (Vec::<Entry>::new(), HashMap::<String, usize>::new());
    let mut sizes = HashMap::<String, u64>::new();
    let (mut lines, mut strange) = (0_u64, 0_u64);
    while let Some(read) = text.line(&mut line)? {
        let Some(read) = clear.line(read) else { continue };
        let read = read.trim_end();
        if let Some(comment) = read.strip_prefix('#') {
            if let Some((name, bytes)) = size(comment)
                && sizes.len() < gather.entries_max()
            {
                sizes.insert(name.to_owned(), bytes);
            }
            continue;
        }
        if read.is_empty() {
            continue;
        }
        lines += 1;
        let Some((name, hash)) = bsd(read).or_else(|| gnu(read)) else {
            strange += 1;
            continue;
        };
        let place = *places.entry(name.to_owned()).or_insert_with(|| {
            entries.push(Entry { path: name.to_owned(), ..Entry::default() });
            entries.len() - 1
        });
        if entries.len() > gather.entries_max() {
            return Err(gather.too_many(text.at()));
        }
        if let Some(entry) = entries.get_mut(place) {
            entry.hash_add(hash);
        }
    }
    clear.end(text.at())?;
    if lines == strange {
        return Err(Refused::new(Limit::Format, "no line is a checksum", text.at()));
    }
    (0..strange).for_each(|_| gather.leave_out(Limit::Format));
    for mut entry in entries {
        entry.size = sizes.get(&entry.path).copied().map(Size::exact);
        gather.entry(entry, text.at())?;
    }
    Ok(())
}

/// `SHA256 (name) = hash`.
fn bsd(line: &str) -> Option<(&str, Hash)> {
    let (algorithm, rest) = line.split_once(" (")?;
    let (name, digits) = rest.rsplit_once(") = ")?;
    let hash = Hash::parse(digits)?;
    let fits = match algorithm {
        "MD5" => hash.rank() == 0,
        "SHA1" => hash.rank() == 1,
        "SHA256" => hash.rank() == 2,
        "SHA512" => hash.rank() == 3,
        _ => false,
    };
    fits.then_some((plain(name), hash))
}

/// `hash  name` or `hash *name`. A name with a backslash in front is written in a secret language
/// that nothing we serve needs.
fn gnu(line: &str) -> Option<(&str, Hash)> {
    let (digits, rest) = line.split_once(' ')?;
    let name = rest.strip_prefix([' ', '*'])?;
    Some((plain(name), Hash::parse(digits)?))
}

/// ` name: 123 bytes`.
fn size(comment: &str) -> Option<(&str, u64)> {
    let (name, bytes) = comment.trim().rsplit_once(": ")?;
    let bytes = date::number(bytes.strip_suffix(" bytes")?)?;
    Some((plain(name), bytes.unsigned_abs()))
}

fn plain(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}
