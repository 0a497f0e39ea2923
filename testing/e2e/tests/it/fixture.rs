//! What the tests share: a network of mirrors that nobody calls, compiled.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use heliostat_testing_e2e::{Network, compile};
use tempfile::TempDir;

/// Asks for the one repository of every network here.
pub(crate) const MIRRORLIST: &str = "/mirrorlist?repo=fedora-40&arch=x86_64";

/// Asks for its metalink.
pub(crate) const METALINK: &str = "/metalink?repo=fedora-40&arch=x86_64";

/// A folder with the snapshot of a network of one mirror, whose name the answers show.
pub(crate) fn snapshot_of(mirror: &str) -> Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let snapshot = compile_one(mirror, folder.path(), "world")?;
    Ok((folder, snapshot))
}

/// Compiles a network of one mirror to `<name>.snapshot`.
pub(crate) fn compile_one(mirror: &str, folder: &Path, name: &str) -> Result<PathBuf> {
    let url = format!("http://{mirror}.example/linux");
    let network = Network::default().with_mirror(mirror, &url).with_repomd(b"a document")?;
    compile(&network, folder, name)
}

/// The cache that such a network is compiled from.
pub(crate) fn cache_of(mirror: &str, folder: &Path) -> Result<PathBuf> {
    compile_one(mirror, folder, "source")?;
    Ok(folder.join("source.cache"))
}

/// Puts a file in another's place, as a compiler of snapshots does.
pub(crate) fn replace(with: &Path, place: &Path) -> Result<()> {
    Ok(fs::rename(with, place)?)
}
