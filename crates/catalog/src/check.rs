//! What texts must be before they are stored.
//!
//! The schema has constraints of its own; these say why, in words.

use heliostat_model::{Code, IpNet, Url};

use crate::Error;

/// Collects the reason why something is refused, with its sort and name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Check<'a> {
    pub(crate) resource: &'static str,
    pub(crate) name: &'a str,
}

impl Check<'_> {
    /// Refuses for a reason.
    pub(crate) fn refuse<T>(&self, why: impl Into<String>) -> Result<T, Error> {
        let (resource, why) = (self.resource, why.into());
        Err(Error::Refused { resource, name: shown(self.name), why })
    }

    /// A name: something, not too much, nothing that hides.
    pub(crate) fn name(&self, what: &str, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            return self.refuse(format!("{what} is empty"));
        }
        if text.trim() != text {
            return self.refuse(format!("{what} has blanks around it"));
        }
        self.text(what, text, NAME_BYTES_MAX)
    }

    /// Words that are not a name.
    pub(crate) fn words(&self, what: &str, text: &str) -> Result<(), Error> {
        self.text(what, text, NAME_BYTES_MAX)
    }

    /// Something that may be as long as a path or URL.
    pub(crate) fn long(&self, what: &str, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            return self.refuse(format!("{what} is empty"));
        }
        self.text(what, text, PATH_BYTES_MAX)
    }

    /// Prose: may have lines.
    pub(crate) fn prose(&self, what: &str, text: &str) -> Result<(), Error> {
        let hidden = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        if text.chars().any(hidden) {
            return self.refuse(format!("{what} has control characters"));
        }
        if text.len() > NOTES_BYTES_MAX {
            return self.refuse(format!("{what} is longer than {NOTES_BYTES_MAX} bytes"));
        }
        Ok(())
    }

    /// A path below the top of everything: no slash around it, no way up.
    pub(crate) fn path(&self, what: &str, text: &str) -> Result<(), Error> {
        self.text(what, text, PATH_BYTES_MAX)?;
        if text.is_empty() {
            return Ok(());
        }
        for part in text.split('/') {
            match part {
                "" => return self.refuse(format!("{what} has a slash too many")),
                "." | ".." => return self.refuse(format!("{what} goes up or stays ({part})")),
                _ => {}
            }
        }
        Ok(())
    }

    fn text(&self, what: &str, text: &str, bytes_max: usize) -> Result<(), Error> {
        if text.len() > bytes_max {
            return self.refuse(format!("{what} is longer than {bytes_max} bytes"));
        }
        if text.chars().any(char::is_control) {
            return self.refuse(format!("{what} has control characters"));
        }
        Ok(())
    }

    /// A country or continent: two capital letters or digits.
    pub(crate) fn code(&self, what: &str, text: &str) -> Result<(), Error> {
        match Code::parse(text) {
            Some(code) if code.as_str() == text => Ok(()),
            _ => self.refuse(format!("{what} {} is not two capital letters", shown(text))),
        }
    }

    /// A prefix in its one canonical form.
    pub(crate) fn prefix(&self, text: &str) -> Result<(), Error> {
        let Ok(prefix) = text.parse::<IpNet>() else {
            return self.refuse(format!("{} is no prefix like 192.0.2.0/24", shown(text)));
        };
        let canonical = prefix.trunc().to_string();
        if canonical != text {
            return self.refuse(format!("{} must be written {canonical}", shown(text)));
        }
        Ok(())
    }

    /// A base URL of a known scheme, without a slash at its end.
    pub(crate) fn url(&self, text: &str) -> Result<(), Error> {
        self.text("the URL", text, PATH_BYTES_MAX)?;
        match Url::parse(0, text) {
            Some(url) if url.text == text => Ok(()),
            Some(url) => self.refuse(format!("{} must be written {}", shown(text), url.text)),
            None => self.refuse(format!("{} is no URL of a known scheme", shown(text))),
        }
    }
}

/// A stranger's text as it may stand in a message.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN_CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// The longest name of anything but a path.
pub const NAME_BYTES_MAX: usize = 255;

/// The longest path or URL.
pub const PATH_BYTES_MAX: usize = 4096;

/// The longest note.
pub const NOTES_BYTES_MAX: usize = 65_536;

const SHOWN_CHARS_MAX: usize = 120;
