//! Room for what a command holds in memory at its peak, before it reads anything.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use heliostat_admission::{Bytes, Capacity};
use heliostat_catalog::Catalog;
use heliostat_publish::memory::{self, Format, Room, Shortage, Weight};

use crate::Error;
use crate::args::{MemoryOptions, TableFiles};

/// Waits until there is room for so much, as long as the options say.
pub(crate) fn room(needed: Bytes, options: &MemoryOptions) -> Result<Option<Room>, Error> {
    let detect = || Some(Capacity::detect().ok()?.limited_to(None, options.memory));
    let patience = Duration::from_secs(options.memory_wait_s);
    let waiting = |shortage: &Shortage| {
        // Who cannot hear it is waited for all the same.
        let _ = writeln!(std::io::stderr(), "waiting for memory: {shortage}");
    };
    let room = memory::room(needed, patience, detect, waiting)?;
    if room.is_none() {
        let what = "warning: what memory there is cannot be found out; going on without";
        writeln!(std::io::stderr(), "{what}")?;
    }
    Ok(room)
}

/// The most that reading a source and compiling it takes.
pub(crate) fn peak(format: Format, source: Option<&Path>, tables: &TableFiles) -> Bytes {
    let tables = [&tables.netblocks, &tables.countries].into_iter().flatten();
    memory::peak(format, source.map_or(0, size), tables.map(|path| size(path)).sum())
}

/// How much there is in a catalog.
pub(crate) fn weight(catalog: &mut Catalog) -> Result<Weight, Error> {
    let weight = catalog.read(|view| view.weight())?;
    let (directories, carried) = (weight.directories, weight.carried);
    Ok(Weight { directories, carried, routes_bytes: weight.routes_bytes })
}

/// Bytes of a file, or of all files in a folder; what cannot be read is told when it is.
fn size(path: &Path) -> u64 {
    let Ok(facts) = std::fs::metadata(path) else { return 0 };
    if !facts.is_dir() {
        return facts.len();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_name() != ".git").map(|entry| size(&entry.path())).sum()
}
