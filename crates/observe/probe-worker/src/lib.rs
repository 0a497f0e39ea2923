//! What parses strangers' bytes: pure functions, in a process that can do nothing else.
//!
//! Each parser takes a document and gives what is [`Found`] in it or why it is [`Refused`]; none
//! opens a file, asks for the time, or keeps anything. Memory is bounded by the limits of the task:
//! compressed documents are read through a window, and only entries are kept.
#![forbid(unsafe_code)]

/// Compressed or not: bytes come out one window at a time, and not too many.
mod expand;
/// What was found so far, within its limits.
mod gather;
/// Dates, as everybody writes them.
mod date;
/// XML without what makes it dangerous.
mod xml;
/// `repomd.xml`, `primary.xml` and `filelists.xml`.
mod rpm;
/// `Release`, `InRelease` and `Packages`.
mod debian;
/// Archives of small texts.
mod tar;
/// Arch Linux's `*.db` and Alpine's `APKINDEX`.
mod archives;
/// `CHECKSUM`, `SHA256SUMS` and the like.
mod checksums;
/// Pages that list a folder.
mod listing;
/// What `rsync --list-only -r` prints.
mod rsync;
/// What a mirror says of itself.
mod checkin;
/// What a publisher says that it has changed.
mod paths;

use heliostat_observe_probe_wire::{Format, Found, Limit, Refused, Task, Verdict};

use expand::Expanded;
use gather::Gather;

/// Looks at a document.
///
/// # Errors
///
/// The limit that it is beyond, and where.
pub fn probe(task: &Task, document: &[u8]) -> Result<Found, Refused> {
    let mut gather = Gather::new(task.limits);
    match task.format {
        Format::Checkin => checkin::parse(document, &mut gather)?,
        format => {
            let mut text = Expanded::new(document, task.limits.expanded_bytes_max)?;
            match format {
                Format::Repomd => rpm::repomd(text, &mut gather)?,
                Format::Primary => rpm::primary(text, &mut gather)?,
                Format::Filelists => rpm::filelists(text, &mut gather)?,
                Format::Release => debian::release(text, &mut gather)?,
                Format::Packages => debian::packages(text, &mut gather)?,
                Format::ArchDatabase => archives::arch(text, &mut gather)?,
                Format::ApkIndex => archives::alpine(text, &mut gather)?,
                Format::Checksums => checksums::parse(text, &mut gather)?,
                Format::Listing => listing::parse(&text.all()?, &task.base, &mut gather)?,
                Format::Paths => paths::parse(text, &mut gather)?,
                Format::Rsync => rsync::parse(text, &mut gather)?,
                _ => return Err(Refused::new(Limit::Task, "a format of another build", 0)),
            }
        }
    }
    Ok(gather.found)
}

/// Does a job: a task and a document in, a verdict out.
#[must_use]
pub fn answer(job: &[u8]) -> Vec<u8> {
    let verdict = match Task::decode(job) {
        Ok((task, document)) => match probe(&task, document) {
            Ok(found) => Verdict::Found(found),
            Err(refused) => Verdict::Refused(refused),
        },
        Err(malformed) => Verdict::Refused(Refused::new(Limit::Task, malformed.to_string(), 0)),
    };
    verdict.encode()
}

/// What the worker's process does, from its first line to its end.
pub fn work() -> ! {
    heliostat_workers::serve(|job, reply| reply.push(&answer(job.body())))
}

#[cfg(test)]
mod tests;
