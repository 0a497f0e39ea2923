//! Completion: commands and options from the table, names from the catalog.
//!
//! The shell asks the program itself at every press of the key, with [`VARIABLE`] in its environment, so
//! what is completed is what there is. Whatever stands in the way (no catalog, no server) completes
//! nothing and says nothing: nobody wants errors in the line that they are writing.

use std::ffi::OsStr;

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::CompleteEnv;
use heliostat_catalog::{Catalog, Error, Place, View};

use crate::catalog::args::CATALOG_DEFAULT;
use crate::clock;
use crate::config;

/// Answers a shell and ends, if it is a shell that asks.
pub fn answer() {
    CompleteEnv::with_factory(command).var(VARIABLE).complete();
}

/// All commands, which complete the names of what they are about.
fn command() -> Command {
    let commands = config::dressed(&config::usual_file());
    NAMES.iter().fold(commands, |commands, &(name, list)| {
        commands.mut_subcommand(name, |command| with_names(command, list))
    })
}

/// A command, and what is below it but `add`, whose names are new.
fn with_names(command: Command, list: List) -> Command {
    let command = command.mut_args(|arg| match arg.get_id().as_str() {
        "name" => arg.add(ArgValueCompleter::new(move |current: &OsStr| names(list, current))),
        _ => arg,
    });
    if !command.has_subcommands() {
        return command;
    }
    command.mut_subcommands(|below| match below.get_name() {
        "add" => below,
        _ => with_names(below, list),
    })
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
    ("host", |view| Ok(view.host_list()?.into_iter().map(|one| one.name).collect())),
    ("category", |view| Ok(view.category_list()?.into_iter().map(|one| one.name).collect())),
    ("directory", |view| Ok(view.directory_list()?.into_iter().map(|one| one.name).collect())),
    ("product", |view| Ok(view.product_list()?.into_iter().map(|one| one.name).collect())),
    ("version", versions),
    ("release", versions),
    ("emergency-expire", versions),
    ("repo", |view| {
        let all = view.repository_list()?.into_iter();
        Ok(all.map(|one| format!("{}/{}", one.prefix, one.arch)).collect())
    }),
    ("redirect", |view| Ok(view.redirect_list()?.into_iter().map(|one| one.name).collect())),
    ("disabled", |view| Ok(view.disabled_list()?.into_iter().map(|one| one.prefix).collect())),
    ("location", |view| Ok(view.location_list()?.into_iter().map(|one| one.name).collect())),
    ("netblock", |view| Ok(view.netblock_list()?.into_iter().map(|one| one.prefix).collect())),
    ("country", |view| Ok(view.country_list()?.into_iter().map(|one| one.code).collect())),
    ("user", |view| Ok(view.account_list()?.into_iter().map(|one| one.name).collect())),
    ("token", |view| Ok(view.token_list()?.iter().map(|one| one.full_name()).collect())),
];

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
}
