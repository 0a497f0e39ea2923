//! A body as it comes in: its task in front, its room held, and not a byte more than there is room.

use std::io::{self, Write};

use heliostat_admission::Permit;
use heliostat_observe_probe_wire::{Format, Limit, Refused, Task};
use heliostat_workers::{Body, BodyWriter};

use crate::failure::Failure;

/// A document on its way to a worker.
#[derive(Debug)]
pub struct Document {
    task: Task,
    permit: Permit<'static>,
    parts: Parts,
    left: usize,
    length: u64,
}

/// Short bodies travel as they are, long ones where the worker will map them.
#[derive(Debug)]
enum Parts {
    Short(Vec<u8>),
    Long(BodyWriter),
}

impl Document {
    pub(crate) fn new(
        task: Task,
        bytes_max: usize,
        permit: Permit<'static>,
    ) -> io::Result<Document> {
        let parts = Parts::Short(task.encode());
        Ok(Document { task, permit, parts, left: bytes_max, length: 0 })
    }

    /// Appends a part of the body.
    ///
    /// # Errors
    ///
    /// When there is no room for it, or none in the whole machine.
    pub fn push(&mut self, part: &[u8]) -> Result<(), Failure> {
        let Some(left) = self.left.checked_sub(part.len()) else {
            let what = format!("the body is longer than {} bytes", self.length + self.left as u64);
            return Err(Failure::Refused(Refused::new(Limit::BodyBytes, what, self.length)));
        };
        self.left = left;
        self.length += part.len() as u64;
        self.write(part).map_err(Failure::Machine)
    }

    /// How long the body is so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    fn write(&mut self, part: &[u8]) -> io::Result<()> {
        if let Parts::Short(bytes) = &mut self.parts {
            if bytes.len() + part.len() <= SHORT_BYTES_MAX {
                bytes.extend_from_slice(part);
                return Ok(());
            }
            let mut long = BodyWriter::new()?;
            long.write_all(bytes)?;
            self.parts = Parts::Long(long);
        }
        match &mut self.parts {
            Parts::Long(long) => long.write_all(part),
            Parts::Short(_) => Ok(()),
        }
    }

    /// The body, and the room that it really takes.
    pub(crate) fn finish(mut self) -> io::Result<(Task, Permit<'static>, Body)> {
        let real = heliostat_admission::Bytes::new(self.length);
        self.permit.shrink_to(heliostat_admission::Need::of_memory(real));
        let body = match self.parts {
            Parts::Short(bytes) => bytes.into(),
            Parts::Long(long) => long.finish()?,
        };
        Ok((self.task, self.permit, body))
    }
}

/// The longest body of a format that is fetched at all: what the largest honest ones have, four
/// times over.
#[must_use]
pub fn body_bytes_max(format: Format) -> usize {
    let mib = match format {
        Format::Repomd | Format::Checksums => 4,
        Format::Release | Format::Listing | Format::Rsync | Format::Checkin => 16,
        Format::Primary | Format::Packages | Format::ArchDatabase | Format::ApkIndex => 128,
        Format::Filelists => 256,
        _ => 1,
    };
    mib << 20
}

/// What the pool copies into its ring.
const SHORT_BYTES_MAX: usize = 64 << 10;
