//! A repository of one package, as `createrepo_c` makes it.
//!
//! It is built in a temporary folder and then lives in memory, so that mirrors can serve it, and
//! tests can spoil a copy.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The name of the package.
pub const PACKAGE: &str = "heliostat-hello";

/// The files of a repository by their path below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Path without a slash in front, and content.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Repository {
    /// Builds the package in a version, and the repository around it.
    ///
    /// # Errors
    ///
    /// When `rpmbuild` or `createrepo_c` fail.
    pub fn build(version: &str) -> Result<Repository> {
        let folder = tempfile::tempdir()?;
        let (spec, made) = (folder.path().join("hello.spec"), folder.path().join("repository"));
        fs::write(&spec, SPEC.replace("@VERSION@", version))?;
        run(Command::new("rpmbuild").args(["-bb", "--quiet"]).arg(&spec).args([
            define("_topdir", folder.path()),
            define("_rpmdir", &made),
            "--define=_rpmfilename %{NAME}-%{VERSION}.rpm".to_owned(),
        ]))?;
        run(Command::new("createrepo_c").arg("--quiet").arg(&made))?;
        let mut files = BTreeMap::new();
        read_folder(&made, "", &mut files)?;
        ensure!(files.contains_key(REPOMD), "createrepo_c left no {REPOMD}");
        Ok(Repository { files })
    }

    /// The file that names all others, and that metalinks hold the hashes of.
    pub fn repomd(&self) -> &[u8] {
        self.files.get(REPOMD).map_or(&[], Vec::as_slice)
    }

    /// The same repository with one byte of the file of metadata changed, its size kept.
    pub fn with_repomd_spoiled(mut self) -> Repository {
        self.files.entry(REPOMD.to_owned()).and_modify(|bytes| spoil(bytes));
        self
    }

    /// The same repository with one byte of its package changed, its size kept.
    pub fn with_package_spoiled(mut self) -> Repository {
        let packages = self.files.iter_mut().filter(|(path, _)| path.ends_with(".rpm"));
        packages.for_each(|(_, bytes)| spoil(bytes));
        self
    }
}

/// The SHA-256 of bytes, in hexadecimal, as coreutils compute it.
///
/// # Errors
///
/// When `sha256sum` fails.
pub fn sha256(bytes: &[u8]) -> Result<String> {
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start sha256sum")?;
    child.stdin.take().context("no pipe")?.write_all(bytes)?;
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().next().context("sha256sum said nothing")?.to_owned())
}

/// Changes the last letter of the last comment-like byte run: any byte will do.
fn spoil(bytes: &mut [u8]) {
    if let Some(byte) = bytes.iter_mut().rev().nth(SPOILED_FROM_END) {
        *byte ^= 1;
    }
}

fn define(name: &str, value: &Path) -> String {
    format!("--define={name} {}", value.display())
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}\n{said}", output.status);
    Ok(())
}

fn read_folder(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            read_folder(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
}

const REPOMD: &str = "repodata/repomd.xml";

/// Far enough from the end to lie within the payload of a package and the body of a document.
const SPOILED_FROM_END: usize = 40;

const SPEC: &str = "\
Name: heliostat-hello
Version: @VERSION@
Release: 1
Summary: One small file
License: MIT
BuildArch: noarch

%description
One small file.

%install
mkdir -p %{buildroot}/usr/share/heliostat-hello
echo @VERSION@ > %{buildroot}/usr/share/heliostat-hello/version

%files
/usr/share/heliostat-hello/version
";
