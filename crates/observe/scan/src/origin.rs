//! Where the primary copy of a category is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where the primary copy of a category is: what lies there is what lies below the category's top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A folder of this machine.
    Folder(PathBuf),
    /// `rsync://host/module/path`, without a slash at its end.
    Rsync(String),
    /// `http://host/path` or `https://…`, without a slash at its end.
    Http(String),
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a folder (begin with / or .) nor a URL of rsync, http or https")]
pub struct OriginError(String);

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Origin, OriginError> {
        let refuse = || OriginError(text.chars().take(200).collect());
        if text.chars().any(char::is_control) || text.len() > 4000 {
            return Err(refuse());
        }
        let plain = text.trim_end_matches('/');
        let host = |scheme: &str| plain.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty());
        if host("rsync://") {
            // One word, so that no part of it can become an option or another argument.
            return if plain.contains(' ') {
                Err(refuse())
            } else {
                Ok(Origin::Rsync(plain.into()))
            };
        }
        if host("http://") || host("https://") {
            return Ok(Origin::Http(plain.into()));
        }
        match text.as_bytes().first() {
            Some(b'/' | b'.') => Ok(Origin::Folder(text.into())),
            _ => Err(refuse()),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Folder(path) => path.display().fmt(f),
            Origin::Rsync(url) | Origin::Http(url) => f.write_str(url),
        }
    }
}

impl Origin {
    /// The URL of something below.
    pub(crate) fn url(base: &str, path: &str, folder: bool) -> String {
        let mut url = base.to_owned();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            url.push('/');
            escape(part, &mut url);
        }
        if folder {
            url.push('/');
        }
        url
    }
}

/// A name as a part of a URL.
fn escape(part: &str, url: &mut String) {
    for byte in part.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => url.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'+' | b',' | b'=' | b'@' => url.push(char::from(byte)),
            _ => {
                url.push('%');
                let digit = |four: u8| char::from(b"0123456789ABCDEF"[usize::from(four)]);
                url.push(digit(byte >> 4));
                url.push(digit(byte & 15));
            }
        }
    }
}
