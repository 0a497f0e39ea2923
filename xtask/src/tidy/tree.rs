//! The files that are tracked, or would be: what git lists, without what it is told to ignore.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A text file of the tree.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    /// Its content.
    pub(crate) text: String,
}

/// Every text file that is tracked or is new and not ignored.
///
/// Files that are not UTF-8 (a fuzzing corpus, say) are left out.
pub(crate) fn tracked(root: &Path) -> Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for path in list(root)? {
        if let Ok(bytes) = fs::read(root.join(&path))
            && let Ok(text) = String::from_utf8(bytes)
        {
            files.push(SourceFile { path, text });
        }
    }
    Ok(files)
}

fn list(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z"])
        .args(["--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("cannot start git")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim_end());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}
