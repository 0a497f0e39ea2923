//! The XML of S3: keys below a prefix, and where the listing goes on.

use heliostat_observe_probe_wire::{Entry, Fact, Hash, Kind, Limit, Refused, Size, Time};

use crate::date;
use crate::expand::Expanded;
use crate::gather::Gather;
use crate::xml::{Step, walk};

/// The entries below the prefix that was asked for.
pub(super) fn parse(page: &[u8], gather: &mut Gather) -> Result<(), Refused> {
    let text = Expanded::new(page, page.len() as u64)?;
    let (mut entry, mut prefix) = (Entry::default(), String::new());
    gather.fact(Fact::Style, "s3");
    walk(text, "ListBucketResult", |step, place| {
        match step {
            Step::Open("Contents" | "CommonPrefixes", _) if place.depth == 2 => {
                entry = Entry::default();
            }
            Step::Close("Prefix", text) if place.depth == 2 => text.clone_into(&mut prefix),
            Step::Close("NextContinuationToken" | "NextMarker", text) if place.depth == 2 => {
                gather.fact(Fact::Continuation, text);
            }
            Step::Close("Key", text) if place.depth == 3 => {
                // A key that ends with a slash stands for a folder.
                below(text, &prefix).clone_into(&mut entry.path);
                entry.kind = kind(text);
            }
            Step::Close("Prefix", text) if place.depth == 3 => {
                below(text, &prefix).clone_into(&mut entry.path);
                entry.kind = Kind::Directory;
            }
            Step::Close("Size", text) if place.depth == 3 => {
                let bytes = date::number(text.trim());
                let bytes = bytes.ok_or_else(|| place.refused(Limit::Number, "a size is none"))?;
                entry.size = Some(Size::exact(bytes.unsigned_abs()));
            }
            Step::Close("LastModified", text) if place.depth == 3 => {
                entry.time = date::internet(text.trim()).map(Time::exact);
            }
            // Of a file that came in parts it is no hash, and has a dash.
            Step::Close("ETag", text) if place.depth == 3 => {
                let hash = Hash::parse(text.trim().trim_matches('"'));
                if let Some(hash) = hash.filter(|hash| hash.rank() == 0) {
                    entry.hash_add(hash);
                }
            }
            Step::Close("Contents" | "CommonPrefixes", _) if place.depth == 2 => {
                let mut entry = std::mem::take(&mut entry);
                entry.size = entry.size.filter(|_| entry.kind == Kind::File);
                // The folder itself is often among what is in it.
                if !entry.path.is_empty() {
                    gather.entry(entry, place.at)?;
                }
            }
            _ => {}
        }
        Ok(())
    })
}

fn kind(key: &str) -> Kind {
    if key.ends_with('/') { Kind::Directory } else { Kind::File }
}

fn below<'a>(key: &'a str, prefix: &str) -> &'a str {
    let below = key.strip_prefix(prefix).unwrap_or(key);
    below.strip_suffix('/').unwrap_or(below)
}
