//! Manual pages and completions, from the same table as `--help`.

use std::io::Write;
use std::path::Path;

use clap::Command;
use clap_complete::Shell;
use clap_complete::env::Shells;

use crate::complete::VARIABLE;
use crate::{Error, config};

/// Prints what makes a shell complete commands and options.
pub(crate) fn completions(shell: Shell, out: &mut impl Write) -> Result<(), Error> {
    let known = Shells::builtins();
    let name = shell.to_string();
    let shell = known.completer(&name).ok_or_else(|| Error::Nothing(format!("no {name} here")))?;
    let mut script = Vec::new();
    shell.write_registration(VARIABLE, "heliostat", "heliostat", "heliostat", &mut script)?;
    Ok(out.write_all(&script)?)
}

/// Writes a page for every command.
pub(crate) fn pages(folder: &Path, out: &mut impl Write) -> Result<(), Error> {
    std::fs::create_dir_all(folder)?;
    let mut command = config::dressed(&Default::default());
    command.build();
    let count = page(&command, "heliostat", folder)?;
    writeln!(out, "{count} pages in {}", folder.display())?;
    Ok(())
}

fn page(command: &Command, name: &str, folder: &Path) -> Result<usize, Error> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).title(name).render(&mut text)?;
    std::fs::write(folder.join(format!("{name}.1")), text)?;
    let mut count = 1;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        count += page(below, &format!("{name}-{}", below.get_name()), folder)?;
    }
    Ok(count)
}
