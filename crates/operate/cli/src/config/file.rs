//! The file: values with their lines, and what is wrong with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, CommandFactory};
use toml::de::{DeTable, DeValue};

use super::setting::{Setting, settings};
use crate::{Args, Error};

/// A file that is understood.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    /// Where it is; none when there is none.
    pub(crate) path: Option<PathBuf>,
    /// Its values, by section and key.
    pub(crate) values: BTreeMap<(Option<&'static str>, String), Value>,
}

/// What a file says of one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    /// As the command line would have it.
    pub(crate) texts: Vec<String>,
    /// Where, counted from one.
    pub(crate) line: usize,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    line: usize,
    field: String,
    what: String,
}

impl File {
    /// Reads the file that was named, or the usual one if it is there.
    pub(crate) fn read(named: Option<&Path>) -> Result<File, Error> {
        let path = match named {
            Some(path) => path,
            None if Path::new(PATH_DEFAULT).exists() => Path::new(PATH_DEFAULT),
            None => return Ok(File::default()),
        };
        let text = std::fs::read_to_string(path)
            .map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let (values, problems) = understand(&text, &settings(&Args::command()));
        if problems.is_empty() {
            return Ok(File { path: Some(path.to_owned()), values });
        }
        let lines = problems.iter().map(|problem| problem.said(&path.display().to_string()));
        Err(Error::Config { problems: lines.collect::<Vec<_>>().join("\n") })
    }

    /// What it says of a setting.
    pub(crate) fn value(&self, setting: &Setting) -> Option<&Value> {
        self.values.get(&(setting.section, setting.key.clone()))
    }
}

impl Problem {
    fn said(&self, file: &str) -> String {
        let Problem { line, field, what } = self;
        match field.is_empty() {
            true => format!("{file}:{line}: {what}"),
            false => format!("{file}:{line}: {field}: {what}"),
        }
    }
}

/// What is wrong with the text of a file, by line and field.
pub fn problems(text: &str) -> Vec<String> {
    let (_, problems) = understand(text, &settings(&Args::command()));
    problems.iter().map(|problem| problem.said("heliostat.toml")).collect()
}

type Values = BTreeMap<(Option<&'static str>, String), Value>;

fn understand(text: &str, settings: &[Setting]) -> (Values, Vec<Problem>) {
    let mut reading = Reading { text, settings, values: BTreeMap::new(), problems: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => reading.table(None, table.get_ref()),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            reading.wrong(at, "", error.message().to_owned());
        }
    }
    reading.problems.sort_by_key(|problem| problem.line);
    (reading.values, reading.problems)
}

struct Reading<'a> {
    text: &'a str,
    settings: &'a [Setting],
    values: Values,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn table(&mut self, section: Option<&'static str>, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let (at, name) = (key.span().start, key.get_ref().as_ref());
            match (section, value.get_ref()) {
                (None, DeValue::Table(below)) => match self.section(name) {
                    Some(section) => self.table(Some(section), below),
                    None => self.wrong(at, name, "there is no such section".to_owned()),
                },
                (_, value) => self.value(section, at, name, value),
            }
        }
    }

    fn section(&self, name: &str) -> Option<&'static str> {
        self.settings.iter().filter_map(|setting| setting.section).find(|&section| section == name)
    }

    fn value(&mut self, section: Option<&'static str>, at: usize, name: &str, value: &DeValue<'_>) {
        let settings = self.settings;
        let field = section.map_or(String::new(), |section| format!("{section}.")) + name;
        let found = settings.iter().find(|known| known.section == section && known.key == name);
        let Some(setting) = found else {
            let elsewhere = settings.iter().find(|known| known.key == name);
            let what = elsewhere.map_or_else(
                || "there is no such setting".to_owned(),
                |known| format!("there is no such setting here; there is {}", known.name()),
            );
            return self.wrong(at, &field, what);
        };
        let texts = match value {
            DeValue::Array(all) if setting.is_list() => {
                all.iter().map(|one| text(one.get_ref())).collect()
            }
            one => text(one).map(|text| vec![text]),
        };
        let Some(texts) = texts else {
            let what = match setting.is_list() {
                true => "it must be a list of texts",
                false => "it must be a text, a number or a truth value",
            };
            return self.wrong(at, &field, what.to_owned());
        };
        for text in &texts {
            if let Err(what) = fits(&setting.arg, text) {
                return self.wrong(at, &field, what);
            }
        }
        let line = self.line(at);
        self.values.insert((section, name.to_owned()), Value { texts, line });
    }

    fn wrong(&mut self, at: usize, field: &str, what: String) {
        let field = field.chars().filter(|c| !c.is_control()).take(FIELD_CHARS_MAX).collect();
        self.problems.push(Problem { line: self.line(at), field, what });
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().iter().take(at);
        before.filter(|&&byte| byte == b'\n').count() + 1
    }
}

/// A value as the command line would have it.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().replace('_', "")),
        DeValue::Float(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// Whether an option would take a value; else why not.
fn fits(arg: &Arg, value: &str) -> Result<(), String> {
    let (name, parser) = (arg.get_id().to_string(), arg.get_value_parser().clone());
    let arg = Arg::new(name.clone()).long(name.clone()).value_parser(parser);
    let command = Command::new("heliostat").no_binary_name(true).disable_help_flag(true).arg(arg);
    let Err(error) = command.try_get_matches_from([format!("--{name}={value}")]) else {
        return Ok(());
    };
    let said = error.to_string();
    let said = said.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    // What is said of the option is true of the setting.
    Err(said.replace(&format!(" for '--{name} <{name}>'"), ""))
}

/// Where the file is unless somebody says otherwise.
pub(crate) const PATH_DEFAULT: &str = "/etc/heliostat/heliostat.toml";

const FIELD_CHARS_MAX: usize = 120;
