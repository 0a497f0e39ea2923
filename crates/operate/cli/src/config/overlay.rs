//! The file and the environment under the command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::ArgPredicate;
use clap::{Arg, Command, CommandFactory, FromArgMatches};

use super::file::File;
use super::setting::{is_list, place, variable};
use crate::args::Ending;
use crate::catalog::args::first_line;
use crate::{Args, Error};

/// Understands a command line, with the environment and the file under it.
///
/// # Errors
///
/// What is wrong with the file. What is wrong with the command line is printed, and the process
/// ends, as with `Args::parse`.
pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Args, Error> {
    let line: Vec<OsString> = line.into_iter().collect();
    let Named { file, command } = named(&line);
    let file = match File::read(file.as_deref()) {
        // Who asks what is wrong with the file is not refused because of it.
        Err(_) if command.is_some_and(|command| command == "config") => File::default(),
        file => file?,
    };
    let matches = dressed(&file).get_matches_from(line);
    let mut args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let crate::Command::Ending(Ending::Config(config)) = &mut args.command {
        config.named.clone_from(&args.config);
    }
    Ok(args)
}

/// What a command line names before it is understood.
struct Named {
    /// The file, there or in the environment.
    file: Option<PathBuf>,
    /// The command.
    command: Option<OsString>,
}

fn named(line: &[OsString]) -> Named {
    let mut named = Named { file: None, command: None };
    let mut words = line.iter().skip(1).take_while(|word| *word != "--");
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        if text == "--config" {
            named.file = words.next().map(PathBuf::from);
        } else if let Some(path) = text.strip_prefix("--config=") {
            named.file = Some(PathBuf::from(path));
        } else if named.command.is_none() && !text.starts_with('-') {
            named.command = Some(word.clone());
        }
    }
    named.file = named.file.or_else(file_in_environment);
    named
}

/// The file that the environment names.
pub(crate) fn file_in_environment() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The file that the environment names or the usual one, if it is understood.
pub(crate) fn usual_file() -> File {
    File::read(file_in_environment().as_deref()).unwrap_or_default()
}

/// Where the catalog is, as the environment or the file says.
pub(crate) fn catalog_place(file: &File) -> Option<String> {
    let says = |key: &str| file.values.get(&(None, key.to_owned())).map(|value| &value.texts);
    if let Some(path) = value_file(None, "catalog_file", "catalog", &says) {
        return first_line(path.as_ref()).ok();
    }
    let value = std::env::var(variable(None, "catalog")).ok().filter(|place| !place.is_empty());
    value.or_else(|| says("catalog")?.first().cloned())
}

/// The commands, with what the file and the environment say as defaults.
pub(crate) fn dressed(file: &File) -> Command {
    Args::command().mut_subcommands(|command| {
        let top = command.get_name().to_owned();
        dress(command, &top, file)
    })
}

fn dress(command: Command, top: &str, file: &File) -> Command {
    let command = command.mut_args(|arg| match place(top, &arg) {
        Some(section) => given(arg, section, file),
        None => arg,
    });
    if !command.has_subcommands() {
        return command;
    }
    command.mut_subcommands(|below| dress(below, top, file))
}

/// An option that is given what the environment or the file says.
fn given(arg: Arg, section: Option<&'static str>, file: &File) -> Arg {
    let key = arg.get_id().to_string();
    let says = |key: &str| file.values.get(&(section, key.to_owned())).map(|value| &value.texts);
    if let Some(whose) = key.strip_suffix(FILE_SUFFIX) {
        return match value_file(section, &key, whose, &says) {
            // The value itself on the command line wins over a file that has it.
            Some(path) => arg
                .default_value_if(whose.to_owned(), ArgPredicate::IsPresent, None::<&str>)
                .default_value(path),
            None => arg,
        };
    }
    let arg = if is_list(&arg) { arg.value_delimiter(',') } else { arg };
    let arg = arg.env(variable(section, &key)).hide_env_values(true);
    let rivals = RIVALS
        .iter()
        .filter(|(of, one, other)| Some(*of) == section && (*one == key || *other == key));
    let arg = rivals.fold(arg, |arg, (_, one, other)| {
        let rival = if *one == key { other } else { one };
        arg.default_value_if(*rival, ArgPredicate::IsPresent, None::<&str>)
    });
    match says(&key) {
        Some(texts) => arg.required(false).default_values(texts),
        None => arg,
    }
}

/// The file that has a value, unless the value itself is said there or above.
fn value_file<'a>(
    section: Option<&'static str>,
    key: &str,
    whose: &str,
    says: &impl Fn(&str) -> Option<&'a Vec<String>>,
) -> Option<OsString> {
    let in_environment = |key| std::env::var_os(variable(section, key)).filter(|v| !v.is_empty());
    if in_environment(whose).is_some() {
        return None;
    }
    in_environment(key).or_else(|| match says(whose) {
        Some(_) => None,
        None => says(key)?.first().map(OsString::from),
    })
}

/// Of these settings of a section, one that is said above replaces the other in the file.
const RIVALS: &[(&str, &str, &str)] = &[("serve", "snapshot", "follow")];

/// Names the file.
const VARIABLE: &str = "HELIOSTAT_CONFIG";

/// A setting of this name with this end names a file that has the value.
const FILE_SUFFIX: &str = "_file";
