//! `config check`, `show` and `example`.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args as ClapArgs, CommandFactory, Subcommand};
use serde_json::json;

use super::file::{File, PATH_DEFAULT};
use super::overlay::{dressed, file_in_environment};
use super::setting::{SECTIONS, Setting, masked, settings};
use crate::{Args, Error, table};

/// Arguments of `config`.
#[derive(Debug, ClapArgs)]
pub struct ConfigArgs {
    /// The file that was named for all commands.
    #[arg(skip)]
    pub(super) named: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Say what is wrong with a file, by line and field.
    Check {
        /// The file; by default the one that would be used.
        file: Option<PathBuf>,
    },
    /// Print every setting, and where its value comes from; passwords are hidden.
    Show {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// A command and its arguments: print what it would be told.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND …")]
        line: Vec<OsString>,
    },
    /// Print a file with every setting, each with what it means.
    Example,
}

/// Does it.
pub(crate) fn run(args: &ConfigArgs, out: &mut impl Write) -> Result<(), Error> {
    let named = args.named.clone().or_else(file_in_environment);
    match &args.action {
        ConfigAction::Check { file } => {
            let file = File::read(file.as_deref().or(named.as_deref()))?;
            let count = file.values.len();
            match &file.path {
                Some(path) => writeln!(out, "{}: {count} settings, no problem", path.display())?,
                None => writeln!(out, "there is no {PATH_DEFAULT}, and nothing else is named")?,
            }
            Ok(())
        }
        ConfigAction::Show { json, line } => {
            let file = File::read(named.as_deref())?;
            show(&shown(&file, line), *json, out)
        }
        ConfigAction::Example => Ok(out.write_all(example().as_bytes())?),
    }
}

/// A setting, its value, and where that comes from.
struct Shown {
    name: String,
    value: Option<String>,
    from: String,
}

fn shown(file: &File, line: &[OsString]) -> Vec<Shown> {
    let all = settings(&Args::command());
    if line.is_empty() {
        return all.iter().map(|setting| below(setting, file)).collect();
    }
    let name = OsString::from("heliostat");
    let matches = dressed(file).get_matches_from(std::iter::once(&name).chain(line));
    let Some((top, mut matches)) = matches.subcommand() else { return Vec::new() };
    while let Some((_, deeper)) = matches.subcommand() {
        matches = deeper;
    }
    let section = SECTIONS.iter().find(|(_, commands)| commands.contains(&top));
    let section = section.map(|(section, _)| *section);
    all.iter()
        .filter(|setting| setting.section.is_none() || setting.section == section)
        .filter_map(|setting| {
            let known = matches.try_contains_id(&setting.key).is_ok();
            known.then(|| said(setting, matches).unwrap_or_else(|| below(setting, file)))
        })
        .collect()
}

/// What the command line says.
fn said(setting: &Setting, matches: &ArgMatches) -> Option<Shown> {
    if matches.value_source(&setting.key) != Some(ValueSource::CommandLine) {
        return None;
    }
    let texts = matches.get_raw(&setting.key)?.map(|text| text.to_string_lossy().into_owned());
    let value = masked(&texts.collect::<Vec<_>>().join(", "));
    Some(Shown { name: setting.name(), value: Some(value), from: "command line".to_owned() })
}

/// What is said below the command line: by the environment, the file, or nobody.
fn below(setting: &Setting, file: &File) -> Shown {
    let name = setting.name();
    let variable = setting.variable();
    if let Some(value) = std::env::var_os(&variable).filter(|value| !value.is_empty()) {
        let value = masked(&value.to_string_lossy());
        return Shown { name, value: Some(value), from: format!("environment {variable}") };
    }
    if let (Some(value), Some(path)) = (file.value(setting), &file.path) {
        let from = format!("{}:{}", path.display(), value.line);
        return Shown { name, value: Some(masked(&value.texts.join(", "))), from };
    }
    Shown { name, value: setting.default(), from: "default".to_owned() }
}

fn show(shown: &[Shown], json: bool, out: &mut impl Write) -> Result<(), Error> {
    if json {
        let all = shown.iter().map(
            |Shown { name, value, from }| json!({ "name": name, "value": value, "from": from }),
        );
        let all = serde_json::Value::Array(all.collect());
        return Ok(writeln!(out, "{all:#}")?);
    }
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|Shown { name, value, from }| {
            vec![name.clone(), value.clone().unwrap_or_else(|| "-".to_owned()), from.clone()]
        })
        .collect();
    Ok(table::print(out, &["setting", "value", "from"], &rows)?)
}

/// A file with every setting, none of which is said.
pub(super) fn example() -> String {
    let mut text =
        "# Settings of all commands. What stands here is put under the environment, and \
                    that under the\n# command line. Take away a # to say something.\n"
            .to_owned();
    let mut section = None;
    for setting in settings(&Args::command()) {
        if setting.section != section {
            section = setting.section;
            text += &format!("\n[{}]\n", section.unwrap_or_default());
        }
        for line in wrapped(&setting.help()) {
            text += &format!("\n# {line}");
        }
        let value = sample(&setting);
        text += &format!("\n#{} = {value}\n", setting.key);
    }
    text
}

/// A value that makes sense, in TOML.
fn sample(setting: &Setting) -> String {
    let name = setting.value_name();
    let by_name = SAMPLES.iter().find(|(known, _)| *known == name).map(|(_, sample)| *sample);
    let default = setting.default().filter(|text| is_bare(text) || by_name.is_none());
    let text = default.unwrap_or_else(|| by_name.unwrap_or("…").to_owned());
    let value = if is_bare(&text) { text } else { format!("{text:?}") };
    if setting.is_list() { format!("[{value}]") } else { value }
}

/// It is a number or a truth value.
fn is_bare(text: &str) -> bool {
    text == "true" || text == "false" || text.parse::<u64>().is_ok()
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < LINE_CHARS_MAX => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What values of these names look like.
const SAMPLES: &[(&str, &str)] = &[
    ("ADDR", "127.0.0.1:8080"),
    ("CIDR", "192.0.2.0/24"),
    ("DIR", "/var/lib/heliostat/snapshots"),
    ("FILE", "/var/lib/heliostat/file"),
    ("FILE.mmdb", "/var/lib/GeoIP/GeoLite2-Country.mmdb"),
    ("N", "8"),
    ("SECONDS", "60"),
    ("BOOL", "true"),
    ("SIZE", "300M"),
    ("PLACE", "/var/lib/heliostat/catalog.db"),
    ("STORE", "s3://bucket/prefix"),
    ("URL", "https://s3.example.org"),
    ("HOOK", "https://chat.example.org/hook"),
    ("MAILBOX", "mirrors@example.org"),
    ("SMTP", "smtp://localhost:25"),
    ("NAME", "mirror1.example.org"),
    ("CATEGORY=DIR", "Linux=/srv/mirror/linux"),
    ("NODE", "http://192.0.2.11:9100"),
];

const LINE_CHARS_MAX: usize = 96;
