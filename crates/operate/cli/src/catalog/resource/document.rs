//! Documents as text, and text as documents.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::Error;

/// The fields of a document.
pub(super) fn fields(document: &impl Serialize) -> Result<Map<String, Value>, Error> {
    match serde_json::to_value(document).map_err(wrong)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Error::Document("it has no fields".to_owned())),
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
    serde_json::from_value(Value::Object(fields)).map_err(wrong)
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
