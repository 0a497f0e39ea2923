//! `Release`, `InRelease` and `Packages`: fields, one after the other, with continued lines.

use std::collections::HashMap;

use heliostat_observe_probe_wire::{Entry, Fact, Hash, Limit, Refused, Size};

use crate::date;
use crate::expand::Expanded;
use crate::gather::Gather;

/// The index of a Debian distribution: which files it consists of, relative to itself.
pub(crate) fn release(mut text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let mut clear = Clear::default();
    let (mut line, mut digits) = (Vec::new(), None);
    let (mut entries, mut places) = (Vec::<Entry>::new(), HashMap::<String, usize>::new());
    let mut understood = false;
    while let Some(read) = text.line(&mut line)? {
        let Some(read) = clear.line(read) else { continue };
        let at = text.at();
        if let Some(continued) = read.strip_prefix([' ', '\t']) {
            let Some(digits) = digits else { continue };
            let (hash, size, path) = file(continued, digits)
                .ok_or_else(|| Refused::new(Limit::Number, "a line of a file is none", at))?;
            let place = *places.entry(path.to_owned()).or_insert_with(|| {
                let (path, size) = (path.to_owned(), Some(size));
                entries.push(Entry { path, size, ..Entry::default() });
                entries.len() - 1
            });
            if entries.len() > gather.entries_max() {
                return Err(gather.too_many(at));
            }
            let Some(entry) = entries.get_mut(place) else { continue };
            if entry.size != Some(size) {
                return Err(Refused::new(Limit::Number, "a file has two sizes", at));
            }
            entry.hash_add(hash);
            continue;
        }
        let Some((name, value)) = read.split_once(':') else {
            if read.trim().is_empty() {
                continue;
            }
            return Err(Refused::new(Limit::Format, "a line is no field", at));
        };
        digits = SECTIONS.iter().find(|(section, _)| *section == name).map(|(_, digits)| *digits);
        understood |= digits.is_some() || name == "Suite" || name == "Codename";
        field(name, value.trim(), gather);
    }
    clear.end(text.at())?;
    if !understood {
        return Err(Refused::new(Limit::Format, "it has neither a suite nor files", text.at()));
    }
    entries.into_iter().try_for_each(|entry| gather.entry(entry, text.at()))
}

fn field(name: &str, value: &str, gather: &mut Gather) {
    match name {
        "Date" => gather.fact_time(Fact::Date, date::mail(value)),
        "Valid-Until" => gather.fact_time(Fact::ValidUntil, date::mail(value)),
        _ => {
            if let Some((_, fact)) = FACTS.iter().find(|(known, _)| *known == name) {
                gather.fact(*fact, value);
            }
        }
    }
}

/// ` hash size path`.
fn file(line: &str, digits: usize) -> Option<(Hash, Size, &str)> {
    let mut words = line.split_ascii_whitespace();
    let hash = words.next().filter(|hash| hash.len() == digits).and_then(Hash::parse)?;
    let size = Size::exact(date::number(words.next()?)?.unsigned_abs());
    Some((hash, size, words.next()?))
}

/// The packages of a component, relative to the folder above `dists`.
pub(crate) fn packages(mut text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let mut line = Vec::new();
    let (mut entry, mut begun) = (Entry::default(), false);
    while let Some(read) = text.line(&mut line)? {
        let at = text.at();
        if read.trim().is_empty() {
            if std::mem::take(&mut begun) {
                gather.entry(std::mem::take(&mut entry), at)?;
            }
            continue;
        }
        if read.starts_with([' ', '\t']) {
            continue;
        }
        let Some((name, value)) = read.split_once(':') else {
            return Err(Refused::new(Limit::Format, "a line is no field", at));
        };
        begun = true;
        let value = value.trim();
        match name {
            "Filename" => value.strip_prefix("./").unwrap_or(value).clone_into(&mut entry.path),
            "Size" => {
                let bytes = date::number(value).ok_or_else(|| number(at))?;
                entry.size = Some(Size::exact(bytes.unsigned_abs()));
            }
            "MD5sum" | "SHA1" | "SHA256" | "SHA512" => {
                entry.hash_add(Hash::parse(value).ok_or_else(|| number(at))?);
            }
            _ => {}
        }
    }
    if begun {
        gather.entry(entry, text.at())?;
    }
    Ok(())
}

fn number(at: u64) -> Refused {
    Refused::new(Limit::Number, "a size or a hash is none", at)
}

/// The text within a clear signature, or all of a text without one.
#[derive(Debug, Default)]
pub(crate) struct Clear {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first line.
    #[default]
    Start,
    /// Not signed.
    Plain,
    /// In the signature's own fields.
    Head,
    /// In what is signed.
    Signed,
    /// Behind it.
    Over,
}

impl Clear {
    /// What a line says, if it belongs to the text.
    pub(crate) fn line<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        match self.state {
            State::Start if line == "-----BEGIN PGP SIGNED MESSAGE-----" => {
                self.state = State::Head;
                None
            }
            State::Start | State::Plain => {
                self.state = State::Plain;
                Some(line)
            }
            State::Head => {
                if line.is_empty() {
                    self.state = State::Signed;
                }
                None
            }
            State::Signed if line == "-----BEGIN PGP SIGNATURE-----" => {
                self.state = State::Over;
                None
            }
            State::Signed => Some(line.strip_prefix("- ").unwrap_or(line)),
            State::Over => None,
        }
    }

    /// Refuses a signed text that its signature does not follow.
    pub(crate) fn end(&self, at: u64) -> Result<(), Refused> {
        match self.state {
            State::Head | State::Signed => {
                Err(Refused::new(Limit::Truncated, "the signature is missing", at))
            }
            _ => Ok(()),
        }
    }
}

const SECTIONS: [(&str, usize); 4] =
    [("MD5Sum", 32), ("SHA1", 40), ("SHA256", 64), ("SHA512", 128)];

const FACTS: [(&str, Fact); 6] = [
    ("Origin", Fact::Origin),
    ("Suite", Fact::Suite),
    ("Codename", Fact::Codename),
    ("Version", Fact::Version),
    ("Architectures", Fact::Architectures),
    ("Components", Fact::Components),
];
