//! What a mirror's manner makes of sizes and times, on pages and in heads alike.

use super::Row;
use crate::manner::{Clock, Hostility, Manner};
use crate::tree::{Content, File};

/// What a mirror's manner makes of sizes and times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lens {
    lies: bool,
    clock_unix_s: Option<i64>,
    /// What changes with every request.
    change: u64,
}

impl Lens {
    /// The lens of a manner, for the request of a number.
    pub(crate) fn of(manner: Manner, number: u64) -> Lens {
        let clock_unix_s = match manner {
            Manner::Clock(Clock::Y1970) => Some(0),
            Manner::Clock(Clock::Y2100) => Some(Y2100_UNIX_S),
            _ => None,
        };
        let changes = manner == Manner::Hostile(Hostility::Changing);
        Lens {
            lies: manner == Manner::LiesAboutSizes,
            clock_unix_s,
            change: if changes { number + 1 } else { 0 },
        }
    }

    /// Whether everything looks as it is.
    pub(crate) fn is_clear(&self) -> bool {
        *self == Lens::default()
    }

    pub(crate) fn time(&self, unix_s: i64) -> i64 {
        self.clock_unix_s.unwrap_or(unix_s + self.change as i64)
    }

    pub(crate) fn bytes(&self, bytes: u64) -> u64 {
        let bytes = bytes + self.change;
        if self.lies { bytes * 2 + 1 } else { bytes }
    }

    pub(crate) fn row<'a>(&self, row: Row<'a>) -> Row<'a> {
        Row {
            name: row.name,
            bytes: row.bytes.map(|bytes| self.bytes(bytes)),
            modified_unix_s: self.time(row.modified_unix_s),
        }
    }

    /// The file that is really sent.
    pub(crate) fn file(&self, file: &File) -> File {
        match self.change {
            0 => file.clone(),
            seed => {
                let content = Content::Pattern { length: file.length(), seed };
                File { content, modified_unix_s: file.modified_unix_s }
            }
        }
    }
}

const Y2100_UNIX_S: i64 = 4_102_444_800;
