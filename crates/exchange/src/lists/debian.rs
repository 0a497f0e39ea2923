//! Debian's list of mirrors, and apt's: `Mirrors.masterlist` and the `*.mirrors` forms.
//!
//! The master list has a paragraph for each machine, with a field for each tree and scheme
//! (`Archive-http: /debian/`). The other forms are URLs, one to a line, under headings of countries
//! (`#LOC:SE`) or with options behind them (`country:SE`).

use std::collections::BTreeMap;

use super::draft::{Base, Draft, Entry};
use super::mirmon::machine;
use super::{List, ListError};
use crate::Import;
use crate::problem::{ProblemKind, shown};

/// Reads any of them.
///
/// # Errors
///
/// When the file is too large, or the name of the tree makes no sense. What is wrong with a line is
/// in [`Import::problems`].
pub fn debian_read(list: List<'_>) -> Result<Import, ListError> {
    let mut draft = Draft::new(list, "Debian mirrors")?;
    let lines = draft.lines();
    match lines.iter().any(|(_, line)| line.starts_with("Site:")) {
        true => lines
            .split(|(_, line)| line.trim().is_empty())
            .for_each(|lines| paragraph(&mut draft, lines)),
        false => urls(&mut draft, &lines),
    }
    Ok(draft.finish())
}

/// One machine of the master list.
fn paragraph(draft: &mut Draft<'_>, lines: &[(usize, &str)]) {
    let own = lines.iter().filter(|(_, text)| !text.starts_with('#'));
    let mut entry: Option<Entry> = None;
    for &(line, text) in own {
        if text.starts_with([' ', '\t']) {
            // The rest of the field before it; none that has a second line counts here.
            continue;
        }
        let Some((field, value)) = text.split_once(':') else {
            draft.wrong(line, "", ProblemKind::BadLine, || {
                format!("{}: no field and value; left out", shown(text.as_bytes()))
            });
            continue;
        };
        let value = value.trim();
        match (&mut entry, field) {
            (None, "Site") => entry = Some(Entry::new(line, &value.to_ascii_lowercase())),
            (None, _) => draft.wrong(line, field, ProblemKind::BadLine, || {
                "it stands before the Site whose it is; left out".to_owned()
            }),
            (Some(entry), _) => site_field(draft, entry, line, field, value),
        }
    }
    entry.into_iter().for_each(|entry| draft.add(entry));
}

fn site_field(draft: &mut Draft<'_>, entry: &mut Entry, line: usize, field: &str, value: &str) {
    match field {
        // Of several countries the first is where it is.
        "Country" if entry.host.country.is_none() => {
            let code = value.split_whitespace().next().unwrap_or_default();
            entry.host.country = draft.country(line, field, code);
        }
        "Maintainer" if entry.facts.contact.is_none() => {
            let address = value.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
            entry.facts.contact = Some(address.map_or(value, |(address, _)| address).to_owned());
        }
        "Sponsor" if entry.facts.site.is_none() => {
            // A name, and then a URL.
            let words = value.split_whitespace().take_while(|word| !word.contains("://"));
            let name = words.collect::<Vec<_>>().join(" ");
            entry.facts.site = Some(name).filter(|name| !name.is_empty());
        }
        _ => {
            let field = field.strip_prefix("X-").unwrap_or(field);
            let Some((tree, scheme)) = field.rsplit_once('-') else { return };
            let scheme = scheme.to_ascii_lowercase();
            let known = TREES.iter().find(|(name, _)| name.eq_ignore_ascii_case(tree));
            let (Some((_, top)), true) = (known, SCHEMES.contains(&scheme.as_str())) else {
                return;
            };
            let url = format!("{scheme}://{}/{}", entry.host.name, value.trim_start_matches('/'));
            let (field, top) = (field.to_owned(), (*top).to_owned());
            entry.urls.push(Base { line, field, top, url });
        }
    }
}

/// URLs under headings of countries, or with options.
fn urls(draft: &mut Draft<'_>, lines: &[(usize, &str)]) {
    let mut hosts: BTreeMap<String, usize> = BTreeMap::new();
    let mut entries: Vec<Entry> = Vec::new();
    let mut heading = None;
    for &(line, text) in lines {
        let text = text.trim();
        if let Some(code) = text.strip_prefix("#LOC:") {
            heading = draft.country(line, "LOC", code);
            continue;
        }
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let mut words = text.split_whitespace();
        let url = words.next().unwrap_or_default();
        let Some(name) = machine(url) else {
            draft.wrong(line, "url", ProblemKind::BadUrl, || {
                format!("{:?} is no URL of a known scheme; left out", shown(url.as_bytes()))
            });
            continue;
        };
        let at = *hosts.entry(name.clone()).or_insert(entries.len());
        if at == entries.len() {
            let mut entry = Entry::new(line, &name);
            entry.host.country = heading;
            entries.push(entry);
        }
        for word in words {
            match word.split_once(':') {
                Some(("country", code)) => {
                    let country = draft.country(line, "country", code);
                    entries[at].host.country = country.or(entries[at].host.country);
                }
                Some(("priority" | "type" | "arch" | "lang", _)) => {}
                _ => draft.wrong(line, "", ProblemKind::BadLine, || {
                    format!("{:?} is no option; left out", shown(word.as_bytes()))
                }),
            }
        }
        let (field, top) = ("url".to_owned(), draft.top().to_owned());
        entries[at].urls.push(Base { line, field, top, url: url.to_owned() });
    }
    entries.into_iter().for_each(|entry| draft.add(entry));
}

/// The trees of the master list, and the directories above them.
const TREES: &[(&str, &str)] = &[
    ("Archive", "debian"),
    ("CDImage", "debian-cd"),
    ("Ports", "debian-ports"),
    ("Security", "debian-security"),
    ("Backports", "debian-backports"),
    ("Volatile", "debian-volatile"),
    ("Old", "debian-archive"),
];

const SCHEMES: [&str; 4] = ["https", "http", "ftp", "rsync"];
