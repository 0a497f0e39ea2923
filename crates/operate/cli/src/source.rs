//! Other systems' data, with the address tables beside it.

use std::io::Write;
use std::path::Path;

use heliostat_exchange::almalinux::{Documents, documents_read};
use heliostat_exchange::lists::{self, List, ListError};
use heliostat_exchange::{Import, Problems, mirrormanager};

use crate::args::{AlmalinuxFiles, ListFiles, TableFiles};
use crate::table::thousands;
use crate::{Error, clock, progress};

/// Reads MirrorManager's cache and its tables.
pub(crate) fn mirrormanager(cache: &Path, tables: &TableFiles) -> Result<Import, Error> {
    let bytes = read(cache)?;
    let bar = progress::bytes("reading", bytes.len() as u64);
    let import = mirrormanager::cache_read(&bytes, &mut |done| bar.set_position(done));
    bar.finish_and_clear();
    let import = import.map_err(|source| Error::Cache { path: cache.to_owned(), source })?;
    with_tables(import, tables)
}

/// Reads AlmaLinux's folder and its tables.
pub(crate) fn almalinux(files: &AlmalinuxFiles) -> Result<Import, Error> {
    let wrong = |source| Error::Almalinux { path: files.folder.clone(), source };
    let documents = Documents::load(&files.folder).map_err(wrong)?;
    let import = documents_read(&documents, clock::now_unix_s()).map_err(wrong)?;
    with_tables(inhabited(import, &files.folder)?, &files.tables)
}

/// Reads a list of mirrors and its tables.
pub(crate) fn list(files: &ListFiles, sort: ListSort) -> Result<Import, Error> {
    let bytes = read(&files.list)?;
    let (reader, top): (Reader, _) = match sort {
        ListSort::Mirrorbits => (lists::mirrorbits_read, "pub"),
        ListSort::Mirrorbrain => (lists::mirrorbrain_read, "pub"),
        ListSort::Debian => (lists::debian_read, "debian"),
    };
    let list = List {
        bytes: &bytes,
        name: &files.list.display().to_string(),
        top: files.top.as_deref().unwrap_or(top),
        created_unix_s: clock::now_unix_s(),
    };
    let import = reader(list);
    let import = import.map_err(|source| Error::List { path: files.list.clone(), source })?;
    with_tables(inhabited(import, &files.list)?, &files.tables)
}

/// Something with a mirror in it: what is cut off or of another sort must not take away all that was
/// known.
fn inhabited(import: Import, path: &Path) -> Result<Import, Error> {
    if import.world.hosts.is_empty() {
        report(&import.problems)?;
        return Err(Error::Nothing(format!("there is no mirror in {}", path.display())));
    }
    Ok(import)
}

type Reader = fn(List<'_>) -> Result<Import, ListError>;

/// Whose list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ListSort {
    Mirrorbits,
    Mirrorbrain,
    Debian,
}

/// Adds the tables that are files of their own.
pub(crate) fn with_tables(import: Import, tables: &TableFiles) -> Result<Import, Error> {
    let Import { mut world, mut problems, facts } = import;
    if let Some(path) = &tables.netblocks {
        let mut found = Problems::new();
        world.netblock_asns = mirrormanager::netblocks_read(&read(path)?, &mut found);
        problems.append(found);
    }
    if let Some(path) = &tables.countries {
        let mut found = Problems::new();
        let table = mirrormanager::countries_read(&read(path)?, &mut found);
        world.country_continents = table.continents;
        problems.append(found);
    }
    Ok(Import { world, problems, facts })
}

/// Says what is wrong with the data, a few of each kind.
pub(crate) fn report(problems: &Problems) -> Result<(), Error> {
    let mut err = std::io::stderr().lock();
    for problem in problems.kept() {
        writeln!(err, "warning: {problem}")?;
    }
    let unsaid = problems.total() - problems.kept().len() as u64;
    if unsaid > 0 {
        writeln!(err, "warning: and {} more of the same kinds", thousands(unsaid))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
