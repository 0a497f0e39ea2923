//! Where a long body lies that came as bytes: memory that is used again for the next one.
//!
//! Finding 16,384 fresh pages costs four times as much as filling them. A worker sees the bodies of
//! its own jobs only, as it does in the ring, so what is used again for one worker tells it nothing
//! that it has not been told. It may scribble on its body; a job that is sent again is copied again.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;

use rustix::fs::{SealFlags, fcntl_add_seals};
use rustix::mm::ProtFlags;

use crate::region::{Map, memory};

/// One body's memory.
#[derive(Debug)]
pub(super) struct Arena {
    file: File,
    /// From the second body on: the parent's own view of it.
    map: Option<Map>,
    len: usize,
}

impl Arena {
    /// Fresh memory with a body. The kernel fills pages faster than a fault for each of them.
    fn fresh(body: &[u8]) -> io::Result<Arena> {
        let mut file = File::from(memory(c"heliostat-workers-body", body.len())?);
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        file.write_all(body)?;
        Ok(Arena { file, map: None, len: body.len() })
    }

    /// The same memory with another body; false if it does not fit.
    fn refill(&mut self, body: &[u8]) -> bool {
        // What is much too large is better given back than kept.
        if body.len() > self.len || body.len() < self.len / 4 {
            return false;
        }
        if self.map.is_none() {
            self.map = Map::filled(&self.file, self.len, ProtFlags::READ | ProtFlags::WRITE).ok();
        }
        self.map.as_ref().is_some_and(|map| copy(map, body))
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// One thread alone does not use up what the memory can do.
fn copy(map: &Map, body: &[u8]) -> bool {
    let (left, right) = body.split_at(body.len() / 2);
    thread::scope(|scope| {
        let other = (body.len() >= SPLIT_MIN)
            .then(|| thread::Builder::new().spawn_scoped(scope, || map.put(left.len(), right)));
        let done = map.put(0, left);
        let other = match other {
            Some(Ok(other)) => other.join().unwrap_or(false),
            _ => map.put(left.len(), right),
        };
        done && other
    })
}

/// The memory that waits for a next body: one at most, and not for long.
#[derive(Debug, Default)]
pub(super) struct Spare(Option<Arena>);

impl Spare {
    pub(super) fn fill(&mut self, body: &[u8]) -> io::Result<Arena> {
        if let Some(mut arena) = self.0.take()
            && arena.refill(body)
        {
            return Ok(arena);
        }
        Arena::fresh(body)
    }

    pub(super) fn keep(&mut self, arena: Arena) {
        if arena.len <= KEPT_MAX {
            self.0 = Some(arena);
        }
    }

    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn give_back(&mut self) {
        self.0 = None;
    }
}

/// Copied by two threads from here on.
const SPLIT_MIN: usize = 8 << 20;
/// Longer ones are not kept.
const KEPT_MAX: usize = 64 << 20;

#[cfg(all(test, not(miri)))]
mod tests {
    use super::{KEPT_MAX, SPLIT_MIN, Spare};
    use crate::job::read_at;

    #[test]
    fn memory_is_used_again_where_it_fits() {
        let mut spare = Spare::default();
        let long = SPLIT_MIN + 1;
        for (len, again) in [(1000, false), (1000, true), (250, true), (249, false), (1000, false)]
            .into_iter()
            .chain([(long, false), (long, true), (long - 1, true)])
        {
            let body: Vec<u8> = (0..len).map(|at| (at * 31 + len) as u8).collect();
            let arena = spare.fill(&body).unwrap();
            assert_eq!(arena.map.is_some(), again, "{len}");
            let mut found = vec![0; len];
            assert_eq!(read_at(arena.fd(), 0, &mut found).unwrap(), len);
            assert!(found == body, "{len}");
            spare.keep(arena);
            assert!(spare.is_some());
        }
        spare.give_back();
        assert!(!spare.is_some());
        let arena = spare.fill(&vec![1; KEPT_MAX + 1]).unwrap();
        spare.keep(arena);
        assert!(!spare.is_some(), "more is not kept");
    }
}
