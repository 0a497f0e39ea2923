//! The table: which options are settings, and what they are called in the file and the environment.

use clap::{Arg, ArgAction, Command};

/// An option that a file and the environment may give too.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// The part of the file; none for what all commands share.
    pub(crate) section: Option<&'static str>,
    /// The name there, and that of the option with dashes.
    pub(crate) key: String,
    /// The option itself.
    pub(crate) arg: Arg,
}

impl Setting {
    /// `publish.keep`.
    pub(crate) fn name(&self) -> String {
        self.section.map_or(String::new(), |section| format!("{section}.")) + &self.key
    }

    /// `HELIOSTAT_PUBLISH_KEEP`.
    pub(crate) fn variable(&self) -> String {
        variable(self.section, &self.key)
    }

    /// It may be given more than once: a list in the file, commas in the environment.
    pub(crate) fn is_list(&self) -> bool {
        is_list(&self.arg)
    }

    /// What a value of it is called.
    pub(crate) fn value_name(&self) -> String {
        let name = self.arg.get_value_names().and_then(|names| names.first());
        name.map_or_else(|| "VALUE".to_owned(), ToString::to_string)
    }

    /// What it means.
    pub(crate) fn help(&self) -> String {
        self.arg.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// What it is when nobody says it, as far as that is a value.
    pub(crate) fn default(&self) -> Option<String> {
        let given: Vec<String> = self
            .arg
            .get_default_values()
            .iter()
            .map(|v| v.to_string_lossy().into_owned())
            .collect();
        if !given.is_empty() {
            return Some(given.join(", "));
        }
        let help = self.help();
        let (_, rest) = help.rsplit_once("[default: ")?;
        Some(rest.trim_end_matches('.').trim_end_matches(']').to_owned())
    }
}

/// Every setting, those that all commands share first.
pub(crate) fn settings(command: &Command) -> Vec<Setting> {
    let mut found: Vec<Setting> = Vec::new();
    for below in command.get_subcommands() {
        collect(below, below.get_name(), &mut |section, arg| {
            let key = arg.get_id().to_string();
            // Of commands that share a section, the first says what an option of both means.
            if !found.iter().any(|known| known.section == section && known.key == key) {
                found.push(Setting { section, key, arg: arg.clone() });
            }
        });
    }
    // In the order of the table of sections, and in each as `--help` has them.
    let position = |section| SECTIONS.iter().position(|&(name, _)| Some(name) == section);
    found.sort_by_key(|setting| position(setting.section));
    found
}

fn collect(command: &Command, top: &str, take: &mut impl FnMut(Option<&'static str>, &Arg)) {
    for arg in command.get_arguments() {
        if let Some(section) = place(top, arg) {
            take(section, arg);
        }
    }
    command.get_subcommands().for_each(|below| collect(below, top, take));
}

/// Where an option of a command stands in the file, if it is a setting.
pub(crate) fn place(top: &str, arg: &Arg) -> Option<Option<&'static str>> {
    let id = arg.get_id().as_str();
    if SHARED.contains(&id) {
        return Some(None);
    }
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    if arg.is_positional() || !takes_value || PER_CALL.contains(&id) {
        return None;
    }
    if top == "health" && NOTIFY.contains(&id) {
        return Some(Some("notify"));
    }
    SECTIONS.iter().find(|(_, commands)| commands.contains(&top)).map(|(section, _)| Some(*section))
}

pub(crate) fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

pub(crate) fn variable(section: Option<&str>, key: &str) -> String {
    let parts = ["heliostat"].into_iter().chain(section).chain([key]);
    parts.collect::<Vec<_>>().join("_").to_uppercase().replace('-', "_")
}

/// A value as it may be shown: without the password of a URL.
pub(crate) fn masked(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let Some((user, host)) = authority.rsplit_once('@') else { return value.to_owned() };
    match user.split_once(':') {
        Some((name, _)) => format!("{scheme}://{name}:{MASK}@{host}{path}"),
        None => value.to_owned(),
    }
}

/// The parts of the file, and whose options stand in them.
pub(crate) const SECTIONS: &[(&str, &[&str])] = &[
    ("serve", &["serve"]),
    ("web", &["web"]),
    ("checkin", &["checkin"]),
    ("notify", &["notify"]),
    ("report", &["report"]),
    ("publish", &["publish", "rollback"]),
    ("compile", &["compile"]),
    ("import", &["import"]),
    ("health", &["health"]),
];

/// Options that all commands share.
const SHARED: &[&str] = &["catalog", "catalog_file"];

/// Options of `health` that have a section of their own: who is told is not how it is looked.
const NOTIFY: &[&str] = &[
    "webhook",
    "webhook_key",
    "mail_to",
    "mail_contacts",
    "mail_from",
    "smtp",
    "smtp_file",
    "digest_above",
];

/// Options that mean one call only.
const PER_CALL: &[&str] = &[
    "by",
    "cache",
    "config",
    "days",
    "generation",
    "output",
    "paths",
    "postgres",
    "postgres_file",
    "seed",
    "top",
];

const MASK: &str = "********";
