//! What changes, line by line: a sign, what it is, and which fields.

use std::collections::BTreeMap;
use std::io::Write;

use heliostat_catalog::{Action, Change};
use serde_json::{Map, Value, json};

use crate::Error;
use crate::table::{self, thousands};

/// Prints how many changes there are of each sort.
pub(super) fn totals(changes: &[Change], out: &mut impl Write) -> Result<(), Error> {
    let mut counts: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for change in changes {
        counts.entry(change.resource).or_default()[change.action as usize] += 1;
    }
    let rows: Vec<Vec<String>> = counts
        .into_iter()
        .map(|(resource, counts)| {
            std::iter::once(resource.to_owned()).chain(counts.map(thousands)).collect()
        })
        .collect();
    table::print(out, &["what", ">added", ">changed", ">removed"], &rows)?;
    Ok(())
}

/// Prints the changes themselves, so many of each sort.
pub(super) fn lines(
    changes: &[Change],
    each_max: usize,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut shown: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for change in changes {
        let count = shown.entry((change.resource, change.action.as_str())).or_default();
        *count += 1;
        if *count <= each_max {
            writeln!(out, "{}", line(change))?;
        }
    }
    for ((resource, action), count) in shown.into_iter().filter(|(_, count)| *count > each_max) {
        let more = thousands((count - each_max) as u64);
        writeln!(out, "… and {more} more of {resource} ({action}); --json prints all")?;
    }
    Ok(())
}

/// Prints each change as a line of JSON.
pub(super) fn json_lines(changes: &[Change], out: &mut impl Write) -> Result<(), Error> {
    for change in changes {
        let line = json!({
            "action": change.action.as_str(),
            "resource": change.resource,
            "name": change.name,
            "before": parsed(change.before.as_deref()),
            "after": parsed(change.after.as_deref()),
        });
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn line(change: &Change) -> String {
    let sign = match change.action {
        Action::Add => '+',
        Action::Edit => '~',
        Action::Remove => '-',
    };
    let fields = fields(change.before.as_deref(), change.after.as_deref());
    let colon = if fields.is_empty() { "" } else { ": " };
    format!("{sign} {} {}{colon}{fields}", change.resource, change.name)
}

/// The fields that differ: `private false -> true, country null -> "SE"`.
pub(super) fn fields(before: Option<&str>, after: Option<&str>) -> String {
    let (Value::Object(before), Value::Object(after)) = (parsed(before), parsed(after)) else {
        return String::new();
    };
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let side = |object: &Map<String, Value>, name: &str| {
        let text = object.get(name).unwrap_or(&Value::Null).to_string();
        match text.char_indices().nth(FIELD_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    let differs = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    let fields: Vec<String> = differs
        .map(|name| format!("{name} {} -> {}", side(&before, name), side(&after, name)))
        .collect();
    fields.join(", ")
}

pub(super) fn parsed(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

/// The longest value that a line shows.
const FIELD_CHARS_MAX: usize = 60;
