//! The three states, and the one step into poison.
//!
//! There is no fourth: `Open` means that a scope was entered and has said nothing since. While the
//! scope lives, nobody else can look (it borrows exclusively); whoever can look therefore sees a
//! leak. So every state that can be written down can happen, and each has one meaning.

use core::panic::Location;
use core::time::Duration;

use crate::{Cause, Error, Witness};

/// Whether the data is whole.
///
/// The representation keeps the tag a byte of its own, so that entering and committing store one
/// byte each and leave the place of the report alone.
#[repr(u8)]
#[derive(Clone, Copy)]
pub(crate) enum State {
    Whole,
    Open,
    Poisoned {
        cause: Cause,
        at: Option<Duration>,
        location: Option<&'static Location<'static>>,
        note: Option<&'static str>,
    },
}

impl State {
    #[inline]
    pub(crate) fn error(&self, what: &'static str) -> Option<Error> {
        match *self {
            Self::Whole => None,
            Self::Open => Some(Error::leaked(what, None)),
            Self::Poisoned { cause, at, location, note } => {
                Some(Error { what, cause, at, location, note })
            }
        }
    }

    /// The step into poison of a scope that was seen to end.
    #[cold]
    #[inline(never)]
    pub(crate) fn poison<W: Witness>(
        &mut self,
        what: &'static str,
        witness: &W,
        ending: Ending,
    ) -> Error {
        let Ending { cause, location, note } = ending;
        let at = witness.now();
        let error = Error { what, cause, at, location: Some(location), note };
        self.write(&error, witness);
        error
    }

    /// What is wrong, if anything; a leak nobody had noticed is noticed now, and gets its time.
    pub(crate) fn notice<W: Witness>(&mut self, what: &'static str, witness: &W) -> Option<Error> {
        if matches!(self, Self::Open) {
            self.write(&Error::leaked(what, witness.now()), witness);
        }
        self.error(what)
    }

    /// Keeps the report first and tells of it then, so that a witness that panics changes nothing.
    fn write<W: Witness>(&mut self, error: &Error, witness: &W) {
        let Error { cause, at, location, note, .. } = *error;
        *self = Self::Poisoned { cause, at, location, note };
        #[cfg(feature = "tracing")]
        crate::witness::trace(error);
        witness.poisoned(error);
    }
}

/// How a scope ended, as far as the scope can know.
pub(crate) struct Ending {
    pub(crate) cause: Cause,
    pub(crate) location: &'static Location<'static>,
    pub(crate) note: Option<&'static str>,
}
