//! What a mirror says of itself.
//!
//! Either JSON, compressed or not, or what the old client `report_mirror` sends: JSON as bz2, that as
//! base64 for URLs, and that in a call of XML-RPC. The old server fell back to Python's pickle, which
//! runs what it reads; here there is no such thing.
//!
//! The old client (version 0) tells which folders there are, and nothing else. Version 1 tells of
//! each how many bytes its files have, and what its indexes hash to.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use heliostat_observe_probe_wire::{Entry, Fact, Hash, Kind, Limit, Refused, Size};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use crate::expand::Expanded;
use crate::gather::Gather;
use crate::xml::{Step, walk};

/// The folders that a mirror has, labelled with their categories.
pub(crate) fn parse(document: &[u8], gather: &mut Gather) -> Result<(), Refused> {
    let bytes_max = gather.expanded_bytes_max();
    let mut document: Cow<'_, [u8]> = document.trim_ascii().into();
    if document.first() == Some(&b'<') {
        document = call(&document, bytes_max)?.into_bytes().into();
    }
    if document.first() != Some(&b'{') && !is_compressed(&document) {
        document = unpack(&document)?.into();
    }
    let json = if is_compressed(&document) {
        Expanded::new(&document, bytes_max)?.all()?.into()
    } else {
        document
    };
    let mut refused = None;
    let mut reader = serde_json::Deserializer::from_slice(&json);
    let report = Report { gather, refused: &mut refused };
    let done = report.deserialize(&mut reader).and_then(|()| reader.end());
    let Err(error) = done else { return Ok(()) };
    let at = json.len() as u64;
    Err(refused.unwrap_or_else(|| match error.classify() {
        Category::Eof => Refused::new(Limit::Truncated, "the JSON ends in the middle", at),
        _ if error.to_string().starts_with("recursion limit") => {
            Refused::new(Limit::Depth, "the JSON is nested too deeply", at)
        }
        _ => Refused::new(Limit::Format, "it is no check-in", at),
    }))
}

/// Whether it begins as one of the compressions does; neither JSON nor base64 begins so.
fn is_compressed(document: &[u8]) -> bool {
    let magics: [&[u8]; 4] = [b"BZh", b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"];
    magics.iter().any(|magic| document.starts_with(magic))
}

/// The argument of a call of `checkin`.
fn call(document: &[u8], bytes_max: u64) -> Result<String, Refused> {
    let (mut method, mut argument) = (false, None);
    // Thirty thousand folders are some 100 KiB when they are packed, and one text.
    let text = Expanded::new(document, bytes_max)?;
    walk(text, "methodCall", |step, _| {
        match step {
            Step::Close("methodName", text) => method = text.trim() == "checkin",
            Step::Close("string" | "base64" | "value", text) if argument.is_none() => {
                argument = Some(text.trim().to_owned());
            }
            _ => {}
        }
        Ok(())
    })?;
    let argument = argument.filter(|argument| method && !argument.is_empty());
    argument.ok_or_else(|| Refused::new(Limit::Format, "it is no call of checkin", 0))
}

/// Base64 of either alphabet, with or without line ends.
fn unpack(text: &[u8]) -> Result<Vec<u8>, Refused> {
    let plain = text.iter().filter(|byte| !byte.is_ascii_whitespace()).map(|&byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte,
    });
    let plain: Vec<u8> = plain.collect();
    let unpacked = ENGINE.decode(plain);
    unpacked.map_err(|_| Refused::new(Limit::Format, "it is neither JSON nor base64", 0))
}

/// `{"version": 0, "site": {…}, "host": {…}, "<category>": {"dirtree": {"<folder>": …}}}`, or
/// `{"version": 1, "host": "…", "categories": {"<category>": {"<folder>": {…}}}}`
struct Report<'a> {
    gather: &'a mut Gather,
    /// A limit that no error of JSON can carry.
    refused: &'a mut Option<Refused>,
}

impl<'de> DeserializeSeed<'de> for Report<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Report<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a check-in")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "version" => {
                    if map.next_value::<u64>()? > 1 {
                        return Err(serde::de::Error::custom("an unknown version"));
                    }
                }
                "site" | "host" => {
                    let facts: &[(&str, Fact)] = if key == "site" { &SITE } else { &HOST };
                    map.next_value_seed(Words { gather: self.gather, facts })?;
                }
                "categories" => {
                    let (gather, refused) = (&mut *self.gather, &mut *self.refused);
                    map.next_value_seed(Seed(Categories { gather, refused }))?;
                }
                "global" | "stats" => drop(map.next_value::<IgnoredAny>()?),
                _ => {
                    let (gather, refused) = (&mut *self.gather, &mut *self.refused);
                    map.next_value_seed(Carried { category: &key, gather, refused })?;
                }
            }
        }
        Ok(())
    }
}

/// `{"name": "…", "password": "…"}`, or the name alone.
struct Words<'a> {
    gather: &'a mut Gather,
    facts: &'a [(&'static str, Fact)],
}

impl<'de> DeserializeSeed<'de> for Words<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Words<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("names and texts")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        let name = self.facts.iter().find(|(name, _)| *name == "name");
        name.into_iter().for_each(|(_, fact)| self.gather.fact(*fact, text));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match self.facts.iter().find(|(name, _)| *name == key) {
                Some((_, fact)) => {
                    let text = map.next_value::<Word>()?.0;
                    self.gather.fact(*fact, &text);
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A text, or something that the old client would have written as one.
struct Word(String);

impl<'de> serde::Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Word;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Word, E> {
                Ok(Word(text.to_owned()))
            }

            fn visit_bool<E>(self, yes: bool) -> Result<Word, E> {
                Ok(Word(yes.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Word, E> {
                Ok(Word(number.to_string()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// `{"dirtree": {"<folder>": …}}`
struct Carried<'a> {
    category: &'a str,
    gather: &'a mut Gather,
    refused: &'a mut Option<Refused>,
}

impl<'de> DeserializeSeed<'de> for Carried<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Carried<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a category")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "dirtree" {
                let (category, gather) = (self.category, &mut *self.gather);
                map.next_value_seed(Tree { category, gather, refused: &mut *self.refused })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// `{"<folder>": …}`; the top itself is an empty text or a dot, and goes without saying.
struct Tree<'a> {
    category: &'a str,
    gather: &'a mut Gather,
    refused: &'a mut Option<Refused>,
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("folders")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(path) = map.next_key::<String>()? {
            map.next_value::<IgnoredAny>()?;
            if path.is_empty() || path == "." {
                continue;
            }
            let label = self.category.to_owned();
            let entry = Entry { path, kind: Kind::Directory, label, ..Entry::default() };
            if let Err(refused) = self.gather.entry(entry, 0) {
                *self.refused = Some(refused);
                return Err(serde::de::Error::custom("too many entries"));
            }
        }
        Ok(())
    }
}

/// Something that is a map, and is read as one.
struct Seed<T>(T);

impl<'de, T: Visitor<'de>> DeserializeSeed<'de> for Seed<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        deserializer.deserialize_map(self.0)
    }
}

/// `{"<category>": {"<folder>": {…}}}`
struct Categories<'a> {
    gather: &'a mut Gather,
    refused: &'a mut Option<Refused>,
}

impl<'de> Visitor<'de> for Categories<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("categories")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(category) = map.next_key::<String>()? {
            let (gather, refused) = (&mut *self.gather, &mut *self.refused);
            map.next_value_seed(Seed(Folders { category: &category, gather, refused }))?;
        }
        Ok(())
    }
}

/// `{"<folder>": {"bytes": 1, "indexes": {"<file>": "<SHA-256>"}}}`
struct Folders<'a> {
    category: &'a str,
    gather: &'a mut Gather,
    refused: &'a mut Option<Refused>,
}

impl<'de> Visitor<'de> for Folders<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("folders")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(path) = map.next_key::<String>()? {
            let (bytes, indexes) = map.next_value_seed(Seed(Content))?;
            if path.is_empty() || path == "." {
                continue;
            }
            let label = self.category.to_owned();
            let files = indexes.into_iter().map(|(name, hash)| Entry {
                path: format!("{path}/{name}"),
                label: label.clone(),
                hashes: vec![hash],
                ..Entry::default()
            });
            let files: Vec<Entry> = files.collect();
            let (kind, size) = (Kind::Directory, Some(Size::exact(bytes)));
            let folder = Entry { path, kind, label, size, ..Entry::default() };
            for entry in std::iter::once(folder).chain(files) {
                if let Err(refused) = self.gather.entry(entry, 0) {
                    *self.refused = Some(refused);
                    return Err(serde::de::Error::custom("too many entries"));
                }
            }
        }
        Ok(())
    }
}

/// What is in a folder: the bytes of its files, and what its indexes hash to.
struct Content;

impl<'de> Visitor<'de> for Content {
    type Value = (u64, Vec<(String, Hash)>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the content of a folder")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut bytes, mut indexes) = (0, Vec::new());
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "bytes" => bytes = map.next_value()?,
                "indexes" => {
                    let told = map.next_value::<BTreeMap<String, String>>()?;
                    let known = told.into_iter().map(|(name, digits)| {
                        let hash = Hash::parse(&digits).filter(|hash| hash.rank() == SHA256_RANK);
                        hash.map(|hash| (name, hash))
                    });
                    let known: Option<Vec<_>> = known.collect();
                    indexes = known.ok_or_else(|| serde::de::Error::custom("no SHA-256"))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok((bytes, indexes))
    }
}

const SHA256_RANK: u8 = 2;
const SITE: [(&str, Fact); 2] = [("name", Fact::Site), ("password", Fact::Password)];
const HOST: [(&str, Fact); 2] = [("name", Fact::Host), ("user_active", Fact::HostActive)];

/// Padding may be there or not.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
);
