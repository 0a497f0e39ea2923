//! Where a catalog is: a file, or a PostgreSQL server.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a catalog is.
///
/// ```
/// use heliostat_catalog::Place;
/// assert!(matches!("/var/lib/heliostat/catalog.db".parse(), Ok(Place::File(_))));
/// assert!(matches!("postgres://heliostat@db.example/mirrors".parse(), Ok(Place::Server(_))));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// An SQLite file.
    File(PathBuf),
    /// The URL of a PostgreSQL database; it may hold a password.
    Server(String),
}

impl FromStr for Place {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Place, Infallible> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        Ok(if is_url { Place::Server(text.to_owned()) } else { Place::File(text.into()) })
    }
}

/// Without the password.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path) => path.display().fmt(f),
            Place::Server(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", url));
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let server = authority.rsplit_once('@').map_or(authority, |(_, server)| server);
                write!(f, "{scheme}://{server}/{path}")
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
