//! What `mb export` prints: lists for mirmon, or statements for PostgreSQL.
//!
//! The statements are read, never run: `INSERT INTO server (columns) VALUES (values);` with values
//! in quotes or between `$QUOTE$`.

use std::collections::BTreeMap;

use heliostat_model::{Asn, Coordinates};

use super::draft::{Base, Draft, Entry};
use super::{List, ListError, mirmon};
use crate::Import;
use crate::prefix;
use crate::problem::{ProblemKind, shown};

/// Reads any of them.
///
/// # Errors
///
/// When the file is too large, or the name of the tree makes no sense. What is wrong with a host is
/// in [`Import::problems`].
pub fn mirrorbrain_read(list: List<'_>) -> Result<Import, ListError> {
    let mut draft = Draft::new(list, "MirrorBrain")?;
    let lines = draft.lines();
    if lines.iter().any(|(_, line)| line.starts_with(INSERT)) {
        statements(&mut draft, &lines);
    } else {
        mirmon::read(&mut draft, &lines);
    }
    Ok(draft.finish())
}

fn statements(draft: &mut Draft<'_>, lines: &[(usize, &str)]) {
    let mut at = 0;
    while let Some(found) = lines[at..].iter().position(|(_, line)| line.starts_with(INSERT)) {
        let first = at + found;
        // A statement ends where the next one begins, whatever stands in its texts.
        let rest = &lines[first + 1..];
        let length = rest.iter().position(|(_, line)| line.starts_with(INSERT));
        at = first + 1 + length.unwrap_or(rest.len());
        match fields(&lines[first..at]) {
            Ok(fields) => host(draft, lines[first].0, &fields),
            Err((line, what)) => {
                draft.wrong(line, "", ProblemKind::BadLine, || format!("{what}; left out"));
            }
        }
    }
}

/// A value, and the line on which it begins.
type Fields = BTreeMap<String, (usize, String)>;

fn fields(lines: &[(usize, &str)]) -> Result<Fields, (usize, String)> {
    let mut scan = Scan { lines, at: 0, rest: &lines[0].1[INSERT.len()..] };
    let columns = scan.list()?;
    scan.word("VALUES")?;
    let values = scan.list()?;
    if columns.len() != values.len() {
        let what = format!("{} columns have {} values", columns.len(), values.len());
        return Err((lines[0].0, what));
    }
    let names = columns.into_iter().map(|(_, name)| name);
    Ok(names.zip(values).collect())
}

struct Scan<'a, 'b> {
    lines: &'b [(usize, &'a str)],
    at: usize,
    rest: &'a str,
}

impl<'a> Scan<'a, '_> {
    fn line(&self) -> usize {
        self.lines[self.at].0
    }

    fn wrong<T>(&self, what: &str) -> Result<T, (usize, String)> {
        Err((self.line(), format!("the statement cannot be read: {what}")))
    }

    /// Goes on to what is no blank, on a later line if need be.
    fn skip(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            if !self.rest.is_empty() || !self.next_line() {
                return;
            }
        }
    }

    fn next_line(&mut self) -> bool {
        if self.at + 1 == self.lines.len() {
            return false;
        }
        self.at += 1;
        self.rest = self.lines[self.at].1;
        true
    }

    fn word(&mut self, word: &str) -> Result<(), (usize, String)> {
        self.skip();
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None => self.wrong(&format!("there is no {word}")),
        }
    }

    /// Texts between parentheses.
    fn list(&mut self) -> Result<Vec<(usize, String)>, (usize, String)> {
        self.word("(")?;
        let mut values = Vec::new();
        loop {
            self.skip();
            values.push((self.line(), self.value()?));
            self.skip();
            match self.rest.as_bytes().first() {
                Some(b',') => self.rest = &self.rest[1..],
                Some(b')') => {
                    self.rest = &self.rest[1..];
                    return Ok(values);
                }
                _ => return self.wrong("a value is not followed by a comma or parenthesis"),
            }
        }
    }

    fn value(&mut self) -> Result<String, (usize, String)> {
        if self.rest.starts_with('\'') {
            self.rest = &self.rest[1..];
            let mut text = self.until("'")?;
            // Two quotes in a row are one within the text.
            while self.rest.starts_with('\'') {
                self.rest = &self.rest[1..];
                text = text + "'" + &self.until("'")?;
            }
            return Ok(text);
        }
        if self.rest.starts_with(QUOTE) {
            self.rest = &self.rest[QUOTE.len()..];
            return self.until(QUOTE);
        }
        let end = self.rest.find([',', ')']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word.trim().to_owned())
    }

    /// The text before an end, over lines.
    fn until(&mut self, end: &str) -> Result<String, (usize, String)> {
        let mut text = String::new();
        loop {
            if let Some((own, rest)) = self.rest.split_once(end) {
                self.rest = rest;
                return Ok(text + own);
            }
            text = text + self.rest + "\n";
            if !self.next_line() {
                return self.wrong(&format!("{end} is missing"));
            }
        }
    }
}

fn host(draft: &mut Draft<'_>, line: usize, fields: &Fields) {
    let get = |name: &str| {
        let known = fields.get(name).filter(|(_, text)| !text.is_empty() && text != "None");
        known.map(|(line, text)| (*line, text.as_str()))
    };
    let is = |name: &str| get(name).is_some_and(|(_, text)| matches!(text, "True" | "t" | "1"));
    let mut entry = Entry::new(line, get("identifier").map_or("", |(_, name)| name));
    if let Some((line, text)) = get("country") {
        entry.host.country = draft.country(line, "country", text);
    }
    for (column, limit) in [("lat", 90.0), ("lng", 180.0)] {
        let Some((line, text)) = get(column) else { continue };
        if text.parse::<f32>().is_ok_and(|degrees| degrees.abs() <= limit) {
            continue;
        }
        draft.wrong(line, column, ProblemKind::OutOfRange, || {
            format!("{:?} is no place on Earth; left out", shown(text.as_bytes()))
        });
    }
    let degrees = |name| get(name).and_then(|(_, text)| text.parse::<f32>().ok());
    let place = degrees("lat").zip(degrees("lng"));
    let place = place.filter(|(north, east)| north.abs() <= 90.0 && east.abs() <= 180.0);
    // Nobody has a mirror where the equator meets Greenwich: it is what is said of no place.
    let place = place.filter(|&place| place != (0.0, 0.0));
    entry.host.coordinates =
        place.map(|(latitude_deg, longitude_deg)| Coordinates { latitude_deg, longitude_deg });
    networks(draft, &mut entry, &get);
    if let Some((line, text)) = get("score") {
        match text.parse() {
            Ok(score) => entry.host.bandwidth_mbit_s = score,
            Err(_) => draft.wrong(line, "score", ProblemKind::OutOfRange, || {
                format!("{:?} is no score; left out", shown(text.as_bytes()))
            }),
        }
    }
    reach(draft, &mut entry, &is);
    entry.facts.active_admin = Some(is("enabled"));
    entry.facts.contact = get("admin_email").map(|(_, text)| text.to_owned());
    entry.facts.notes = get("comment").map(|(_, text)| text.trim().to_owned());
    entry.facts.site = get("operator_name").map(|(_, text)| text.trim().to_owned());
    for column in ["baseurl", "baseurl_ftp", "baseurl_rsync"] {
        let Some((line, url)) = get(column) else { continue };
        let (field, top) = (column.to_owned(), draft.top().to_owned());
        entry.urls.push(Base { line, field, top, url: url.to_owned() });
    }
    draft.add(entry);
}

/// The networks whose clients come first.
fn networks<'a>(
    draft: &mut Draft<'_>,
    entry: &mut Entry,
    get: &impl Fn(&str) -> Option<(usize, &'a str)>,
) {
    if let Some((line, text)) = get("asn") {
        match text.parse() {
            Ok(0) => {}
            Ok(number) => entry.host.asns.push(Asn(number)),
            Err(_) => draft.wrong(line, "asn", ProblemKind::OutOfRange, || {
                format!("{:?} is no autonomous system; left out", shown(text.as_bytes()))
            }),
        }
    }
    if let Some((line, text)) = get("prefix") {
        match prefix::parse(text.as_bytes()) {
            Ok(prefix) => entry.host.netblocks.push(prefix),
            Err(fault) => draft.wrong(line, "prefix", fault.kind, || fault.what),
        }
    }
}

/// Whose clients it serves.
fn reach(draft: &mut Draft<'_>, entry: &mut Entry, is: &impl Fn(&str) -> bool) {
    if is("country_only") {
        entry.host.countries_allowed.extend(entry.host.country);
    }
    entry.host.private = is("as_only") || is("prefix_only");
    if is("region_only") {
        draft.wrong(entry.line, "region_only", ProblemKind::NotDone, || {
            "a host is not kept to a region here; it serves all".to_owned()
        });
    }
}

const INSERT: &str = "INSERT INTO server ";
const QUOTE: &str = "$QUOTE$";
