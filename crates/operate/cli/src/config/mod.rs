//! One file for all commands, the environment over it, and arguments over both.
//!
//! The table of settings is the table of options that `--help` prints: a setting is an option, and
//! its name, its meaning and what it may be are said once. A file and the environment are put under
//! the command line as defaults, so that every command is given them in the same way and none knows
//! where a value came from.

/// The table: which options are settings, and what they are called in the file and the environment.
mod setting;
/// The file: values with their lines, and what is wrong with it.
mod file;
/// The file and the environment under the command line.
mod overlay;
/// `config check`, `show` and `example`.
mod command;

pub(crate) use command::run;
pub use command::{ConfigAction, ConfigArgs};
pub use file::problems;
pub use overlay::parse;
pub(crate) use overlay::{catalog_place, dressed, usual_file};

#[cfg(test)]
mod tests;
