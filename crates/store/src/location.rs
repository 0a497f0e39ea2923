//! Which store: a folder or a bucket.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A folder, or a part of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A folder.
    Folder(PathBuf),
    /// The objects of a bucket under a prefix.
    Bucket {
        /// The bucket.
        bucket: String,
        /// What all names begin with; may be empty.
        prefix: String,
    },
}

/// How a bucket is reached; what is not said here is said by the usual variables (`AWS_…`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The URL of the service.
    pub endpoint: Option<String>,
    /// A file with lines `AWS_ACCESS_KEY_ID=…` and the like, for what nobody should see.
    pub credentials: Option<PathBuf>,
    /// The service need not heed conditional writes: there is one publisher at a time.
    pub unconditional: bool,
}

impl FromStr for Location {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Location, Infallible> {
        let Some(rest) = text.strip_prefix("s3://") else {
            let path = text.strip_prefix("file://").unwrap_or(text);
            return Ok(Location::Folder(PathBuf::from(path)));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/').to_owned();
        Ok(Location::Bucket { bucket: bucket.to_owned(), prefix })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Folder(path) => path.display().fmt(f),
            Location::Bucket { bucket, prefix } if prefix.is_empty() => write!(f, "s3://{bucket}"),
            Location::Bucket { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}
