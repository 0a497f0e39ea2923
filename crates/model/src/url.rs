//! One base URL, and its scheme.

use std::fmt;

/// A base URL of a mirror: to it the path below the category's top is appended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Url {
    /// The number under which the source system knows it; the lowest id of a scheme wins.
    pub id: u64,
    /// The scheme of `text`.
    pub scheme: Scheme,
    /// The URL without a slash at its end.
    pub text: String,
}

impl Url {
    /// Reads a base URL: a known scheme, a host, no blanks or control characters.
    ///
    /// ```
    /// use heliostat_model::{Scheme, Url};
    /// let url = Url::parse(7, "https://mirror.example/fedora/").unwrap();
    /// assert_eq!((url.scheme, url.text.as_str()), (Scheme::Https, "https://mirror.example/fedora"));
    /// assert!(Url::parse(7, "gopher://mirror.example/").is_none());
    /// assert!(Url::parse(7, "https:///fedora").is_none());
    /// ```
    pub fn parse(id: u64, text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = Scheme::parse(scheme)?;
        if rest.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return None;
        }
        let text = text.trim_end_matches('/');
        let url = Url { id, scheme, text: text.to_owned() };
        url.authority().filter(|authority| !authority.is_empty())?;
        Some(url)
    }

    /// The name or address of the machine, without user, port or brackets.
    pub fn host_name(&self) -> Option<&str> {
        let authority = self.authority()?;
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        if let Some(inner) = host.strip_prefix('[') {
            return inner.split_once(']').map(|(address, _)| address);
        }
        Some(host.rsplit_once(':').map_or(host, |(name, _)| name))
    }

    fn authority(&self) -> Option<&str> {
        let (_, rest) = self.text.split_once("://")?;
        rest.split('/').next()
    }
}

/// The schemes that mirrors speak, in the order in which clients are served them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scheme {
    /// HTTP over TLS.
    Https = 0,
    /// Plain HTTP.
    Http = 1,
    /// FTP.
    Ftp = 2,
    /// rsync; never given to a client that did not ask for it.
    Rsync = 3,
}

impl Scheme {
    /// All schemes, best first.
    pub const ALL: [Scheme; 4] = [Scheme::Https, Scheme::Http, Scheme::Ftp, Scheme::Rsync];

    /// Reads a scheme name in either case.
    pub fn parse(text: &str) -> Option<Scheme> {
        Scheme::ALL.into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(text))
    }

    /// Its name as it stands in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Https => "https",
            Scheme::Http => "http",
            Scheme::Ftp => "ftp",
            Scheme::Rsync => "rsync",
        }
    }
}

impl fmt::Debug for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
