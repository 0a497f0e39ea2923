//! The checked-in inputs of a target.

use std::io;
use std::path::{Path, PathBuf};

/// The inputs of a target, in the order of their names; none when it has no folder.
pub(crate) fn inputs(target: &str) -> io::Result<Vec<Vec<u8>>> {
    let folder = folder(target);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut paths = Vec::new();
    for entry in folder.read_dir()? {
        paths.push(entry?.path());
    }
    paths.sort();
    paths.iter().map(std::fs::read).collect()
}

pub(crate) fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
}

#[cfg(test)]
mod tests {
    use crate::TARGETS;

    #[test]
    fn every_folder_belongs_to_a_target_and_is_small() {
        for entry in super::folder("").read_dir().unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(TARGETS.iter().any(|target| target.name == name), "{name} is no target");
            let bytes: usize = super::inputs(&name).unwrap().iter().map(Vec::len).sum();
            assert!(bytes <= 64 << 10, "{name} has {bytes} bytes");
        }
    }

    #[test]
    fn the_table_has_every_file() {
        let folder = super::folder("").join("../src/targets");
        let files = folder.read_dir().unwrap().count();
        assert_eq!(files, TARGETS.len() + 1, "mod.rs and one file per target");
    }
}
