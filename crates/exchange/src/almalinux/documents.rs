//! The files of a folder, and reading them from there.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use thiserror::Error;

use super::config;
use super::yaml::{DOCUMENT_BYTES_MAX, YamlError};

/// Everything that is read: `config.yml` and the mirrors' files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents {
    /// The bytes of `config.yml`.
    pub config: Vec<u8>,
    /// The mirrors' files, in the order of their names.
    pub mirrors: Vec<Document>,
}

/// One mirror's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its name, for people: `mirrors.d/mirror.example.yml`.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a folder is no AlmaLinux configuration.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AlmaLinuxError {
    /// a file or folder cannot be read
    #[error("cannot read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// a file is larger than any such file can be
    #[error("{path} is larger than any such file can be ({DOCUMENT_BYTES_MAX} bytes)")]
    TooLarge {
        /// Which one.
        path: PathBuf,
    },
    /// there are more mirrors than anybody has
    #[error("{path} has more than {MIRRORS_MAX} files")]
    TooMany {
        /// The folder of mirrors.
        path: PathBuf,
    },
    /// the configuration cannot be read
    #[error("config.yml cannot be read")]
    Config {
        /// What is wrong in it.
        source: YamlError,
    },
    /// the configuration names a folder of mirrors that is not below its own
    #[error("config.yml names the folder of mirrors {name}, which is not below its own")]
    MirrorsDir {
        /// What it names.
        name: String,
    },
}

impl Documents {
    /// Reads `config.yml` of a folder, and the `.yml` files of the folder of mirrors that it names.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or is too large, or the configuration is none.
    pub fn load(folder: &Path) -> Result<Documents, AlmaLinuxError> {
        let config = file_load(&folder.join("config.yml"))?;
        let mirrors_dir = config::parse(&config)?.mirrors_dir;
        if !Path::new(&mirrors_dir).components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(AlmaLinuxError::MirrorsDir { name: mirrors_dir });
        }
        let path = folder.join(&mirrors_dir);
        let failed = |source| AlmaLinuxError::Read { path: path.clone(), source };
        let mut mirrors = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".yml") && !name.ends_with(".yaml") {
                continue;
            }
            if mirrors.len() == MIRRORS_MAX {
                return Err(AlmaLinuxError::TooMany { path });
            }
            let bytes = file_load(&path.join(&name))?;
            mirrors.push(Document { name: format!("{mirrors_dir}/{name}"), bytes });
        }
        mirrors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Documents { config, mirrors })
    }
}

fn file_load(path: &Path) -> Result<Vec<u8>, AlmaLinuxError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(DOCUMENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| AlmaLinuxError::Read { path: path.to_owned(), source })?;
    if bytes.len() > DOCUMENT_BYTES_MAX {
        return Err(AlmaLinuxError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// The most mirrors there may be; AlmaLinux has some five hundred.
const MIRRORS_MAX: usize = 100_000;
