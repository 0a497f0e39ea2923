//! What can go wrong outside of an admission: reading limits, watching them, naming extras.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why limits could not be read or watched, or an extra not be added.
///
/// What is wrong with one bound among several is not an error: it is an entry among the
/// [`bounds`](crate::Capacity::bounds), and the others still count.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Unbounded { what: &'static str, root: PathBuf },
    Watch { what: &'static str, source: io::Error },
    Extra { what: String },
}

impl Error {
    /// Nothing at all says how much of this there is.
    pub(crate) fn unbounded(what: &'static str, root: &Path) -> Error {
        Error { kind: Kind::Unbounded { what, root: root.to_owned() } }
    }

    pub(crate) fn watch(what: &'static str, source: io::Error) -> Error {
        Error { kind: Kind::Watch { what, source } }
    }

    pub(crate) fn extra(what: String) -> Error {
        Error { kind: Kind::Extra { what } }
    }

    /// No file and no call said how much CPU, or how much memory there is.
    #[must_use]
    pub fn is_unbounded(&self) -> bool {
        matches!(self.kind, Kind::Unbounded { .. })
    }

    /// The limits could be read, but not be watched.
    #[must_use]
    pub fn is_watch(&self) -> bool {
        matches!(self.kind, Kind::Watch { .. })
    }

    /// The extra has a name that is taken, or is one too many.
    #[must_use]
    pub fn is_extra(&self) -> bool {
        matches!(self.kind, Kind::Extra { .. })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Unbounded { what, root } => {
                write!(f, "nothing under {} says how much {what} there is", root.display())
            }
            Kind::Watch { what, .. } => write!(f, "cannot {what} to watch the limits"),
            Kind::Extra { what } => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Watch { source, .. } => Some(source),
            Kind::Unbounded { .. } | Kind::Extra { .. } => None,
        }
    }
}
