//! The XML of S3, which lists keys, not folders.
//!
//! Both versions of the call are known, with and without a delimiter; keys begin below the bucket,
//! whose name is the base of every mirror.

use super::{Lens, escaped, rows};
use crate::date::Date;
use crate::tree::Tree;

/// The answer to a listing of keys, of so many at most, from behind a key on.
pub(crate) fn bucket(tree: &Tree, query: &str, lens: &Lens) -> String {
    let asked = |wanted: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| decoded(value));
        values.next().unwrap_or_default()
    };
    let is_second = asked("list-type") == "2";
    let (prefix, delimiter) = (asked("prefix"), asked("delimiter"));
    let behind = match is_second {
        true => [asked("continuation-token"), asked("start-after")],
        false => [asked("marker"), String::new()],
    };
    let behind = behind.into_iter().find(|key| !key.is_empty()).unwrap_or_default();
    let most = asked("max-keys").parse().unwrap_or(KEYS_MAX).min(KEYS_MAX);
    let all = if delimiter == "/" { level(tree, &prefix) } else { deep(tree, &prefix) };
    let mut keys = all.into_iter().filter(|key| key.name > behind);
    let listed: Vec<Key> = keys.by_ref().take(most).collect();
    let more = keys.next().and(listed.last()).map(|last| last.name.clone());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Name>linux</Name><Prefix>{}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{most}</MaxKeys>\
         <IsTruncated>{}</IsTruncated>",
        escaped(&prefix),
        listed.len(),
        more.is_some()
    );
    if let Some(last) = more {
        let element = if is_second { "NextContinuationToken" } else { "NextMarker" };
        text += &format!("<{element}>{}</{element}>", escaped(&last));
    }
    for Key { name, file } in &listed {
        let name = escaped(name);
        text += &match file {
            None => format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
            Some((bytes, modified_unix_s)) => format!(
                "<Contents><Key>{name}</Key><LastModified>{}</LastModified><Size>{}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                Date::of(lens.time(*modified_unix_s)).internet(),
                lens.bytes(*bytes)
            ),
        };
    }
    text + "</ListBucketResult>\n"
}

#[derive(Debug)]
struct Key {
    name: String,
    /// Size and time; nothing for what several keys share.
    file: Option<(u64, i64)>,
}

/// What is in one folder.
fn level(tree: &Tree, prefix: &str) -> Vec<Key> {
    let (path, begun) = prefix.rsplit_once('/').unwrap_or(("", prefix));
    let above = &prefix[..prefix.len() - begun.len()];
    let Some(folder) = tree.folder(path) else { return Vec::new() };
    let found = rows(folder).filter(|row| row.name.starts_with(begun));
    let mut keys: Vec<Key> = found
        .map(|row| Key {
            name: format!("{above}{}{}", row.name, if row.bytes.is_some() { "" } else { "/" }),
            file: row.bytes.map(|bytes| (bytes, row.modified_unix_s)),
        })
        .collect();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    keys
}

/// Every file below a prefix.
fn deep(tree: &Tree, prefix: &str) -> Vec<Key> {
    let files = tree.files().filter(|(path, _)| path.starts_with(prefix));
    let mut keys: Vec<Key> = files
        .map(|(name, file)| Key { name, file: Some((file.length(), file.modified_unix_s)) })
        .collect();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    keys
}

/// A part of a URL with its escapes resolved.
pub(crate) fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&first, behind)) = rest.split_first() {
        let digit = |at: usize| behind.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        let escape = (first == b'%').then(|| Some((digit(0)? << 4 | digit(1)?) as u8)).flatten();
        bytes.push(escape.unwrap_or(first));
        rest = if escape.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What S3 gives at most.
const KEYS_MAX: usize = 1000;
