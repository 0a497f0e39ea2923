//! The catalog for other systems.

use std::io::{self, Write};
use std::path::Path;

use heliostat_exchange::mirrormanager::{cache_write, countries_write, netblocks_write};
use heliostat_publish::publish;

use super::args::ExportTarget;
use super::open;
use crate::Error;

/// Writes what another system reads, each file whole or not at all.
pub(crate) fn export(target: &ExportTarget, out: &mut impl Write) -> Result<(), Error> {
    let ExportTarget::MirrormanagerCache { catalog, output, netblocks, countries } = target;
    let world = open(catalog)?.read(|view| view.world())?;
    publish(output, |file| cache_write(&world, file).map_err(io::Error::other))?;
    let mut written: Vec<&Path> = vec![output];
    if let Some(path) = netblocks {
        publish(path, |file| netblocks_write(&world, file))?;
        written.push(path);
    }
    if let Some(path) = countries {
        publish(path, |file| countries_write(&world, file))?;
        written.push(path);
    }
    for path in written {
        writeln!(out, "wrote {}", path.display())?;
    }
    Ok(())
}
