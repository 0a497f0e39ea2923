//! One YAML document as a structure, within limits.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeOwned, SeqAccess, Visitor};
use serde_saphyr::DuplicateKeyPolicy;

use crate::problem::shown;

/// What is wrong in a document, in words with line and column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct YamlError {
    what: String,
}

/// A document, and what was wrong with it without making it illegible.
#[derive(Clone, Debug)]
pub(super) struct Parsed<T> {
    pub(super) value: T,
    pub(super) duplicate: Option<YamlError>,
}

/// Reads a document. When a key comes twice the last one counts, as for most readers of YAML.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Parsed<T>, YamlError> {
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(YamlError { what: format!("larger than {DOCUMENT_BYTES_MAX} bytes") });
    }
    let strict = match parse_with(bytes, DuplicateKeyPolicy::Error) {
        Ok(value) => return Ok(Parsed { value, duplicate: None }),
        Err(error) => error,
    };
    match parse_with(bytes, DuplicateKeyPolicy::LastWins) {
        Ok(value) => Ok(Parsed { value, duplicate: Some(strict) }),
        Err(error) => Err(error),
    }
}

fn parse_with<T: DeserializeOwned>(
    bytes: &[u8],
    duplicate_keys: DuplicateKeyPolicy,
) -> Result<T, YamlError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_aliases: 0,
            max_documents: 1,
        },
        duplicate_keys: duplicate_keys,
        with_snippet: false,
    };
    serde_saphyr::from_slice_with_options(bytes, options).map_err(|error| YamlError {
        what: shown(error.to_string().replace(ADVICE, "").as_bytes()),
    })
}

/// One scalar or a list of them, as text: `asn: 5` and `asn: [5, 6]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scalars {
    One(String),
    Many(Vec<String>),
}

impl Default for Scalars {
    fn default() -> Scalars {
        Scalars::Many(Vec::new())
    }
}

impl<'de> Deserialize<'de> for Scalars {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Scalars, D::Error> {
        deserializer.deserialize_any(ScalarsVisitor)
    }
}

struct ScalarsVisitor;

impl<'de> Visitor<'de> for ScalarsVisitor {
    type Value = Scalars;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or a list of values")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Scalars, E> {
        Ok(Scalars::One(text.to_owned()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Scalars, E> {
        Ok(Scalars::One(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Scalars, E> {
        Ok(Scalars::One(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Scalars, E> {
        Ok(Scalars::One(value.to_string()))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Scalars, E> {
        Ok(Scalars::One(value.to_string()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Scalars, E> {
        Ok(Scalars::default())
    }

    fn visit_none<E: de::Error>(self) -> Result<Scalars, E> {
        Ok(Scalars::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalars, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Scalars::Many(values))
    }
}

/// What the reader of YAML tells programmers, not people.
const ADVICE: &str = ", set DuplicateKeyPolicy in Options if acceptable";

/// The largest document: mirrors' files have one kilobyte, the configuration ten.
pub(super) const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// The deepest nesting; the formats have five levels.
const DEPTH_MAX: usize = 16;

/// The most nodes of a document.
const NODES_MAX: usize = 20_000;
