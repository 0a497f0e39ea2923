//! Completion: commands and options from the table, names and their fields from the catalog.
//!
//! The shell asks the program itself at every press of the key, with [`VARIABLE`] in its environment, so
//! what is completed is what there is. Whatever stands in the way (no catalog, no server) completes
//! nothing and says nothing: nobody wants errors in the line that they are writing.

use std::ffi::OsStr;

use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::CompleteEnv;
use heliostat_catalog::{Catalog, Error, Place, View};

use crate::catalog::{self, args::CATALOG_DEFAULT};
use crate::{clock, config};

/// Answers a shell and ends, if it is a shell that asks.
pub fn answer() {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// All commands, which complete the names of what they are about, also where an option wants one.
fn command() -> Command {
    let mut commands = config::dressed(&config::usual_file());
    for &(name, list) in NAMES {
        commands = commands.mut_subcommand(name, |command| with_names(command, name, list));
    }
    for &(name, option, list) in OPTIONS {
        let with = |arg: Arg| arg.add(from_catalog(list));
        commands = commands.mut_subcommand(name, |command| command.mut_arg(option, with));
    }
    commands
}

/// A command, and what is below it; of `add`, whose names are new, the fields only.
fn with_names(command: Command, name: &'static str, list: List) -> Command {
    let is_new = command.get_name() == "add";
    let command = command.mut_args(|arg| match arg.get_id().as_str() {
        "name" if !is_new => arg.add(from_catalog(list)),
        "set" => arg.add(ArgValueCompleter::new(move |current: &OsStr| fields(name, current))),
        _ => arg,
    });
    if !command.has_subcommands() {
        return command;
    }
    command.mut_subcommands(|below| with_names(below, name, list))
}

fn from_catalog(list: List) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| names(list, current))
}

/// `country=` and the other fields of such a thing.
fn fields(name: &str, current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_str().unwrap_or_default();
    let all = catalog::fields(name).iter().map(|field| format!("{field}="));
    all.filter(|field| field.starts_with(current)).map(CompletionCandidate::new).collect()
}

fn names(list: List, current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(current) = current.to_str() else { return Vec::new() };
    let place: Place =
        place().parse().unwrap_or_else(|never: std::convert::Infallible| match never {});
    let Ok(mut catalog) = Catalog::open(&place, clock::now_unix_s()) else { return Vec::new() };
    let mut found = catalog.read(list).unwrap_or_default();
    found.retain(|name| name.starts_with(current));
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(CompletionCandidate::new).collect()
}

/// Where the catalog is: as the line says that is being written, else as for any command.
fn place() -> String {
    let mut words = std::env::args();
    while let Some(word) = words.next() {
        match word.strip_prefix("--catalog") {
            Some("") => return words.next().unwrap_or_default(),
            Some(rest) if rest.starts_with('=') => return rest[1..].to_owned(),
            _ => {}
        }
    }
    let file = config::usual_file();
    config::catalog_place(&file).unwrap_or_else(|| CATALOG_DEFAULT.to_owned())
}

/// In the environment of the program when a shell asks; its value is which shell.
pub(crate) const VARIABLE: &str = "HELIOSTAT_COMPLETE";

/// The names of all things of a sort.
type List = fn(&mut View<'_>) -> Result<Vec<String>, Error>;

/// The commands that take names, and which.
const NAMES: &[(&str, List)] = &[
    ("site", |view| Ok(view.site_list()?.into_iter().map(|one| one.name).collect())),
    ("host", hosts),
    ("category", categories),
    ("directory", directories),
    ("product", |view| Ok(view.product_list()?.into_iter().map(|one| one.name).collect())),
    ("version", versions),
    ("release", versions),
    ("emergency-expire", versions),
    ("repo", repositories),
    ("redirect", |view| Ok(view.redirect_list()?.into_iter().map(|one| one.name).collect())),
    ("disabled", |view| Ok(view.disabled_list()?.into_iter().map(|one| one.prefix).collect())),
    ("location", locations),
    ("netblock", |view| Ok(view.netblock_list()?.into_iter().map(|one| one.prefix).collect())),
    ("country", |view| Ok(view.country_list()?.into_iter().map(|one| one.code).collect())),
    ("user", |view| Ok(view.account_list()?.into_iter().map(|one| one.name).collect())),
    ("token", |view| Ok(view.token_list()?.iter().map(|one| one.full_name()).collect())),
];

/// Options that take names: their commands, what they are called in the table, and which names.
const OPTIONS: &[(&str, &str, List)] = &[
    ("scan", "category", categories),
    ("scan", "path", directories),
    ("scan", "announce", directories),
    ("crawl", "hosts", hosts),
    ("crawl", "categories", categories),
    ("crawl", "paths", directories),
    ("mirrors", "category", categories),
    ("propagation", "repo", repositories),
    ("move-to-archive", "of_version", versions),
    ("move-to-archive", "repo", repositories),
    ("move-to-archive", "archive", categories),
    ("explain", "repo", |view| {
        Ok(view.repository_list()?.into_iter().map(|one| one.prefix).collect())
    }),
    ("explain", "arch", |view| {
        Ok(view.repository_list()?.into_iter().map(|one| one.arch).collect())
    }),
    ("explain", "location", locations),
];

fn hosts(view: &mut View<'_>) -> Result<Vec<String>, Error> {
    Ok(view.host_list()?.into_iter().map(|one| one.name).collect())
}

fn categories(view: &mut View<'_>) -> Result<Vec<String>, Error> {
    Ok(view.category_list()?.into_iter().map(|one| one.name).collect())
}

fn directories(view: &mut View<'_>) -> Result<Vec<String>, Error> {
    Ok(view.directory_list()?.into_iter().map(|one| one.name).collect())
}

fn locations(view: &mut View<'_>) -> Result<Vec<String>, Error> {
    Ok(view.location_list()?.into_iter().map(|one| one.name).collect())
}

fn repositories(view: &mut View<'_>) -> Result<Vec<String>, Error> {
    let all = view.repository_list()?.into_iter();
    Ok(all.map(|one| format!("{}/{}", one.prefix, one.arch)).collect())
}

fn versions(view: &mut View<'_>) -> Result<Vec<String>, Error> {
    Ok(view.version_list()?.iter().map(|one| one.full_name()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command of the catalog that takes a name completes it.
    #[test]
    fn every_name_completes() {
        let mut takes = Vec::new();
        for command in config::dressed(&Default::default()).get_subcommands() {
            let own = |command: &Command| {
                command.get_arguments().any(|arg| arg.get_id() == "name" && arg.is_positional())
            };
            if own(command) || command.get_subcommands().any(own) {
                takes.push(command.get_name().to_owned());
            }
        }
        takes.sort_unstable();
        let mut known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        known.sort_unstable();
        assert_eq!(takes, known);
        command().debug_assert();
    }

    #[test]
    fn fields_complete() {
        let said = |command: &str, current: &str| -> Vec<String> {
            let found = fields(command, OsStr::new(current));
            found.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(said("host", "active_"), ["active_admin=", "active_owner="]);
        assert_eq!(said("netblock", "c"), ["country="]);
        for (name, _) in NAMES.iter().filter(|(name, _)| !WITHOUT_FIELDS.contains(name)) {
            assert!(!said(name, "").is_empty(), "{name}");
        }
    }

    /// Commands that change no field.
    const WITHOUT_FIELDS: &[&str] = &["release", "emergency-expire", "token"];
}
