//! Who is to blame, and for how long it is remembered.
//!
//! A job that ended two workers, the second alone, is known by its content from then on. The
//! fingerprint is keyed with numbers of this process, so that nobody can make content that is
//! taken for another's; it is only computed when something of the same kind and length is being
//! refused, or worth refusing.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use crate::error::Cause;
use crate::job::{Job, Kept, read_at};

/// Content that is being refused.
#[derive(Debug)]
pub(crate) struct Blame {
    refused: HashMap<(u32, usize), Vec<Entry>>,
    entries: usize,
    keys: [RandomState; 2],
    time: Duration,
}

#[derive(Debug)]
struct Entry {
    print: [u64; 2],
    until: Instant,
    cause: Cause,
}

impl Blame {
    pub(crate) fn new(time: Duration) -> Blame {
        let keys = [RandomState::new(), RandomState::new()];
        Blame { refused: HashMap::new(), entries: 0, keys, time }
    }

    /// Whether nothing is refused, so that nobody needs to ask.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Why a job is refused, and for how much longer.
    pub(crate) fn refusal(&mut self, job: &Job, now: Instant) -> Option<(Cause, Duration)> {
        let key = (job.kind, job.body.len());
        let entries = self.refused.get_mut(&key)?;
        let before = entries.len();
        entries.retain(|entry| entry.until > now);
        self.entries -= before - entries.len();
        if entries.is_empty() {
            self.refused.remove(&key);
            return None;
        }
        let print = print(&self.keys, job)?;
        let entry = entries.iter().find(|entry| entry.print == print)?;
        Some((entry.cause.clone(), entry.until.duration_since(now)))
    }

    /// Remembers a culprit.
    pub(crate) fn remember(&mut self, job: &Job, cause: Cause, now: Instant) {
        if self.time.is_zero() {
            return;
        }
        if self.entries >= ENTRIES_MAX {
            self.forget_old(now);
        }
        let Some(print) = print(&self.keys, job).filter(|_| self.entries < ENTRIES_MAX) else {
            return;
        };
        let entry = Entry { print, until: now + self.time, cause };
        self.refused.entry((job.kind, job.body.len())).or_default().push(entry);
        self.entries += 1;
    }

    fn forget_old(&mut self, now: Instant) {
        self.refused.retain(|_, entries| {
            entries.retain(|entry| entry.until > now);
            !entries.is_empty()
        });
        self.entries = self.refused.values().map(Vec::len).sum();
    }
}

/// A keyed fingerprint of 128 bits; none if the body cannot be read.
fn print(keys: &[RandomState; 2], job: &Job) -> Option<[u64; 2]> {
    let mut hashers = keys.each_ref().map(RandomState::build_hasher);
    let mut write = |part: &[u8]| hashers.iter_mut().for_each(|hasher| hasher.write(part));
    match &job.body.0 {
        Kept::Bytes(bytes) => write(bytes),
        Kept::File { fd, len, .. } => {
            let mut buffer = vec![0; CHUNK_BYTES];
            let mut at = 0;
            while at < *len {
                let read = read_at(fd, at as u64, &mut buffer).ok().filter(|read| *read > 0)?;
                write(buffer.get(..read)?);
                at += read;
            }
        }
    }
    Some(hashers.map(|hasher| hasher.finish()))
}

/// Contents that are remembered at once.
const ENTRIES_MAX: usize = 10_000;
const CHUNK_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::{Duration, Instant};

    use super::Blame;
    use crate::error::Cause;
    use crate::job::{BodyWriter, Job};

    #[test]
    fn content_is_refused_for_a_while() {
        let mut blame = Blame::new(Duration::from_secs(10));
        let now = Instant::now();
        blame.remember(&Job::new("bad").kind(1), Cause::Signal(11), now);
        let refused = |blame: &mut Blame, job: Job, seconds| {
            blame.refusal(&job, now + Duration::from_secs(seconds)).is_some()
        };
        assert!(refused(&mut blame, Job::new("bad").kind(1), 0));
        assert!(!refused(&mut blame, Job::new("bad").kind(2), 0));
        assert!(!refused(&mut blame, Job::new("bed").kind(1), 0));
        let mut file = BodyWriter::new().unwrap();
        file.write_all(b"bad").unwrap();
        assert!(refused(&mut blame, Job::new(file.finish().unwrap()).kind(1), 0));
        assert!(refused(&mut blame, Job::new("bad").kind(1), 9));
        assert!(!refused(&mut blame, Job::new("bad").kind(1), 11));
        assert!(blame.is_empty());
    }
}
