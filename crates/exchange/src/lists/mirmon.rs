//! Lines of country, URL and address, as mirmon reads them: `se  https://mirror.example/  a@b`.
//!
//! Mirmon's other style, that of Apache, has the protocol before the country. A machine has as many
//! lines as it has URLs, so lines of one machine are one host.

use std::collections::BTreeMap;
use std::io::{self, Write};

use heliostat_model::{Url, World};

use super::draft::{Base, Draft, Entry};
use crate::problem::{ProblemKind, shown};

/// Reads the lines; what is wrong with one is told.
pub(super) fn read(draft: &mut Draft<'_>, lines: &[(usize, &str)]) {
    let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    for &(line, text) in lines {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let Some(found) = fields(text) else {
            draft.wrong(line, "", ProblemKind::BadLine, || {
                format!("{}: no country, URL and address; left out", shown(text.as_bytes()))
            });
            continue;
        };
        let Some(name) = machine(found.url) else {
            draft.wrong(line, "url", ProblemKind::BadUrl, || {
                format!("{:?} is no URL of a known scheme; left out", shown(found.url.as_bytes()))
            });
            continue;
        };
        let country = draft.country(line, "country", found.country);
        let at = *hosts.entry(name.clone()).or_insert(entries.len());
        if at == entries.len() {
            let mut entry = Entry::new(line, &name);
            entry.host.country = country;
            entry.facts.contact = Some(found.contact.to_owned());
            entries.push(entry);
        } else if entries[at].host.country != country {
            let first = entries[at].line;
            draft.wrong(line, "country", ProblemKind::Contradiction, || {
                format!("{name} is in another country on line {first}, which counts")
            });
        }
        let (field, top) = ("url".to_owned(), draft.top().to_owned());
        entries[at].urls.push(Base { line, field, top, url: found.url.to_owned() });
    }
    entries.into_iter().for_each(|entry| draft.add(entry));
}

struct Fields<'a> {
    country: &'a str,
    url: &'a str,
    contact: &'a str,
}

fn fields(text: &str) -> Option<Fields<'_>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let at = words.iter().position(|word| word.contains("://"))?;
    let (before, after) = (&words[..at], &words[at + 1..]);
    // `country url`, or `protocol country url`.
    let country = match before {
        [country] | [_, country] => country,
        _ => return None,
    };
    let url = words[at];
    // The columns of mirrorbits' list may have run together: nobody can tell them apart again.
    let path = url.split_once("://").and_then(|(_, rest)| rest.split_once('/'));
    let glued = after.is_empty() && path.is_some_and(|(_, path)| path.contains('@'));
    let contact = match after {
        [] if !glued => "",
        [contact] => contact,
        _ => return None,
    };
    Some(Fields { country, url, contact })
}

/// The name of the machine in a URL.
pub(super) fn machine(url: &str) -> Option<String> {
    Some(Url::parse(0, url)?.host_name()?.to_ascii_lowercase())
}

/// Writes every URL of every public host, one to a line: mirmon's `list_style = plain`.
///
/// # Errors
///
/// When the bytes cannot be written.
pub fn mirmon_write(
    world: &World,
    contact: impl Fn(u64) -> String,
    out: &mut impl Write,
) -> io::Result<()> {
    for mirror in &world.mirrors {
        let host = &world.hosts[mirror.host.0 as usize];
        if host.private {
            continue;
        }
        let country = host.country.map_or_else(|| "--".to_owned(), |country| country.to_string());
        let (country, contact) = (country.to_ascii_lowercase(), contact(host.id));
        let contact: String = contact.split_whitespace().collect::<Vec<_>>().join("_");
        for url in &mirror.urls {
            // The top of a tree is a folder.
            writeln!(out, "{country}\t{}/\t{contact}", url.text)?;
        }
    }
    Ok(())
}
