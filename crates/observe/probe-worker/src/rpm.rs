//! `repomd.xml`, `primary.xml` and `filelists.xml`.

use heliostat_observe_probe_wire::{Entry, Fact, Hash, Kind, Limit, Refused, Size, Time};
use quick_xml::events::BytesStart;

use crate::date;
use crate::expand::Expanded;
use crate::gather::Gather;
use crate::xml::{Place, Step, attribute, walk};

/// The index of a repository: which files it consists of, relative to the folder above `repodata`.
pub(crate) fn repomd(text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let mut entry = Entry::default();
    walk(text, "repomd", |step, place| {
        match step {
            Step::Open("data", tag) if place.depth == 2 => {
                let label = attribute(tag, "type").unwrap_or_default();
                entry = Entry { label, ..Entry::default() };
            }
            Step::Open("location", tag) if place.depth == 3 => entry.path = location(tag),
            Step::Close("revision", text) if place.depth == 2 => {
                gather.fact(Fact::Revision, text.trim());
            }
            Step::Close("checksum", text) if place.depth == 3 => {
                entry.hash_add(hash(text, place)?);
            }
            Step::Close("size", text) if place.depth == 3 => entry.size = Some(size(text, place)?),
            Step::Close("timestamp", text) if place.depth == 3 => {
                // Some tools write parts of a second.
                let whole = text.trim().split('.').next().unwrap_or_default();
                entry.time = Some(time(whole, place)?);
            }
            Step::Close("data", _) if place.depth == 2 => {
                gather.entry(std::mem::take(&mut entry), place.at)?;
            }
            _ => {}
        }
        Ok(())
    })
}

/// The packages of a repository, relative to the folder above `repodata`.
pub(crate) fn primary(text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    let mut entry = Entry::default();
    walk(text, "metadata", |step, place| {
        match step {
            Step::Open("package", _) if place.depth == 2 => entry = Entry::default(),
            Step::Open("location", tag) if place.depth == 3 => entry.path = location(tag),
            Step::Open("size", tag) if place.depth == 3 => {
                let bytes = attribute(tag, "package");
                entry.size = bytes.map(|bytes| size(&bytes, place)).transpose()?;
            }
            Step::Open("time", tag) if place.depth == 3 => {
                let file = attribute(tag, "file");
                entry.time = file.map(|file| time(&file, place)).transpose()?;
            }
            Step::Close("checksum", text) if place.depth == 3 => {
                entry.hash_add(hash(text, place)?);
            }
            Step::Close("package", _) if place.depth == 2 => {
                gather.entry(std::mem::take(&mut entry), place.at)?;
            }
            _ => {}
        }
        Ok(())
    })
}

/// The packages of a repository by name and hash; the names of their files are passed over.
pub(crate) fn filelists(text: Expanded<'_>, gather: &mut Gather) -> Result<(), Refused> {
    walk(text, "filelists", |step, place| {
        if let Step::Open("package", tag) = step
            && place.depth == 2
        {
            let mut entry = Entry {
                path: attribute(tag, "name").unwrap_or_default(),
                kind: Kind::Other,
                label: attribute(tag, "arch").unwrap_or_default(),
                ..Entry::default()
            };
            entry.hash_add(hash(&attribute(tag, "pkgid").unwrap_or_default(), place)?);
            gather.entry(entry, place.at)?;
        }
        Ok(())
    })
}

/// Where a file is: nowhere, when it is at another server.
fn location(tag: &BytesStart<'_>) -> String {
    match attribute(tag, "base") {
        Some(_) => String::new(),
        None => attribute(tag, "href").unwrap_or_default(),
    }
}

fn hash(text: &str, place: Place) -> Result<Hash, Refused> {
    // SHA-224 and SHA-384 exist on paper; nothing that makes repositories writes them by default.
    Hash::parse(text.trim()).ok_or_else(|| place.refused(Limit::Number, "a checksum is none"))
}

fn size(text: &str, place: Place) -> Result<Size, Refused> {
    let bytes = date::number(text.trim());
    let bytes = bytes.ok_or_else(|| place.refused(Limit::Number, "a size is no number"))?;
    Ok(Size::exact(bytes.unsigned_abs()))
}

fn time(text: &str, place: Place) -> Result<Time, Refused> {
    let unix_s = date::number(text.trim());
    let unix_s = unix_s.ok_or_else(|| place.refused(Limit::Number, "a time is no number"))?;
    Ok(Time::exact(unix_s))
}
