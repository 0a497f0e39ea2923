//! Documents as text, and text as documents.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use serde::de::{DeserializeOwned, Deserializer, Visitor};
use serde::{Serialize, forward_to_deserialize_any};
use serde_json::{Map, Value};

use crate::Error;

/// The fields of a document.
pub(super) fn fields(document: &impl Serialize) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(document).map_err(wrong)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::Document("it has no fields".to_owned())),
    }
}

/// The names of the fields that a sort of document has.
pub(super) fn names<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It gives no document, whatever it is asked for: what was asked is what is wanted.
    let _ = T::deserialize(Asked(&mut names));
    names
}

/// Notes for which fields it is asked.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(serde::de::Error::custom("there is nothing"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// A document of fields, some of them set: `country=SE`, `asns=[1, 2]`, `notes=`.
pub(super) fn with<T: DeserializeOwned>(
    mut fields: Map<String, Value>,
    set: &[String],
) -> Result<T, Error> {
    for setting in set {
        let (field, text) = setting
            .split_once('=')
            .ok_or_else(|| Error::Document(format!("{setting} is not FIELD=VALUE")))?;
        if text.is_empty() {
            fields.remove(field);
        } else {
            fields.insert(field.to_owned(), value(text));
        }
    }
    serde_json::from_value(Value::Object(fields.clone())).map_err(|error| {
        let error = error.to_string().replace("expected u32", "expected a number from 0 on");
        match culprit::<T>(&fields) {
            Some(field) => Error::Document(format!("{field}: {error}")),
            None => Error::Document(error),
        }
    })
}

/// The field without which a document could be understood.
fn culprit<T: DeserializeOwned>(fields: &Map<String, Value>) -> Option<&str> {
    let without = |field: &&String| {
        let mut others = fields.clone();
        others.remove(*field);
        serde_json::from_value::<T>(Value::Object(others)).is_ok()
    };
    fields.keys().find(without).map(String::as_str)
}

/// A value in TOML; what is none is a text.
fn value(text: &str) -> Value {
    let parsed: Option<toml::Table> = toml::from_str(&format!("value = {text}")).ok();
    let value = parsed.and_then(|mut table| table.remove("value"));
    let value = value.and_then(|value| serde_json::to_value(value).ok());
    value.unwrap_or_else(|| Value::from(text))
}

/// The fields in a TOML file, or in what comes on the standard input.
pub(super) fn read(path: &Path) -> Result<Map<String, Value>, Error> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    let text = text.map_err(|source| Error::Read { path: path.to_owned(), source })?;
    parse(&text)
}

fn parse(text: &str) -> Result<Map<String, Value>, Error> {
    let table: toml::Table = toml::from_str(text)
        .map_err(|error| Error::Document(error.to_string().trim().to_owned()))?;
    fields(&table)
}

/// A document as TOML.
pub(super) fn toml(document: &impl Serialize) -> Result<String, Error> {
    toml::to_string_pretty(document).map_err(|error| Error::Document(error.to_string()))
}

/// A document as JSON.
pub(super) fn json(document: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string_pretty(document).map(|text| text + "\n").map_err(wrong)
}

/// A document as somebody left it in their editor.
pub(super) fn edited<T: Serialize + DeserializeOwned>(before: &T) -> Result<T, Error> {
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var(name).ok());
    let editor = editor.filter(|editor| !editor.trim().is_empty());
    let editor = editor.ok_or_else(|| {
        Error::Document("set EDITOR to open it, or give --set FIELD=VALUE".to_owned())
    })?;
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile()?;
    file.write_all(toml(before)?.as_bytes())?;
    // The variable may hold arguments, and what it means is the shell's to say.
    let script = format!("{editor} \"$1\"");
    let status = Command::new("sh").args(["-c", &script, "sh"]).arg(file.path()).status()?;
    if !status.success() {
        return Err(Error::Document(format!("{editor} ended with {status}; nothing changed")));
    }
    let text = std::fs::read_to_string(file.path())?;
    let after = parse(&text).and_then(|fields| with(fields, &[]));
    if after.is_err() {
        // What was typed is not thrown away because of a slip.
        if let Ok((_, path)) = file.keep() {
            writeln!(std::io::stderr().lock(), "what you wrote is in {}", path.display())?;
        }
    }
    after
}

fn wrong(error: serde_json::Error) -> Error {
    Error::Document(error.to_string())
}

#[cfg(test)]
mod tests {
    use heliostat_catalog::host::Host;

    use super::*;

    #[test]
    fn what_is_wrong_is_told_by_its_field() {
        let said = |set: &str| {
            let host = fields(&Host::new("University", "mirror.example")).unwrap();
            with::<Host>(host, &[set.to_owned()]).unwrap_err().to_string()
        };
        assert_eq!(
            said("bandwidth_mbit_s=-1"),
            "it cannot be understood: bandwidth_mbit_s: invalid value: integer `-1`, \
             expected a number from 0 on"
        );
        assert!(said("contry=SE").contains("contry: unknown field `contry`, expected one of"));
        assert!(said("mirrors=[{urls=[]}]").contains("mirrors: missing field `category`"));
        assert!(said("country").contains("country is not FIELD=VALUE"));
    }
}
