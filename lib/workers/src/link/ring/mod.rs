//! Jobs and replies through shared memory, large ones as descriptors.
//!
//! | number | whose | checked |
//! |---|---|---|
//! | `put` | ours alone | never read back from shared memory |
//! | `taken` | ours alone | as above |
//! | count of the reply door | the worker's | between `taken` and `put`, on each look |
//! | id, status, length of a reply | the worker's | loaded once; against the call that we hold |

/// Where a long body lies that came as bytes.
mod arena;

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::thread::futex;

use self::arena::{Arena, Spare};
use super::{Answer, Nonsense};
use crate::call::Call;
use crate::door::{AWAKE, BY_EVENT, BY_FUTEX};
use crate::job::{Kept, read_at};
use crate::region::{JOB_BY_FD, JOB_FILLED, QUIT, REPLY_BY_FD, Region, memory};
use crate::wire::{Status, length};

/// See the module.
#[derive(Debug)]
pub(crate) struct Ring {
    region: Arc<Region>,
    control: Arc<OwnedFd>,
    put: u32,
    taken: u32,
    /// Whether the worker slept when the last job was put.
    roused: bool,
    /// Per job in flight, what of it is too long for the ring.
    long: VecDeque<Long>,
    spare: Spare,
}

/// What travels as descriptors.
#[derive(Debug, Default)]
struct Long {
    /// A body that came as bytes.
    body: Option<Arena>,
    /// Where the reply goes.
    room: Option<OwnedFd>,
}

impl Ring {
    pub(crate) fn new(region: Arc<Region>, control: Arc<OwnedFd>) -> Ring {
        Ring {
            region,
            control,
            put: 0,
            taken: 0,
            roused: false,
            long: VecDeque::new(),
            spare: Spare::default(),
        }
    }

    pub(crate) fn put(&mut self, call: &Call) -> Result<(), Nonsense> {
        let layout = self.region.layout();
        let slot = self.region.slot(self.put);
        let len = call.job.body.len();
        let mut long = Long::default();
        let body = match &call.job.body.0 {
            Kept::Bytes(bytes) if len <= layout.job_max as usize => {
                self.region.put_job(self.put, bytes);
                None
            }
            Kept::Bytes(bytes) => {
                let arena = self.spare.fill(bytes).map_err(|_| NO_MEMORY)?;
                Some(long.body.insert(arena).fd())
            }
            Kept::File { .. } if len == 0 => None,
            Kept::File { fd, .. } => Some(fd.as_fd()),
        };
        if call.max_reply > layout.reply_max as usize {
            long.room = Some(room(call.max_reply).map_err(|_| NO_MEMORY)?);
        }
        let mut flags = 0;
        flags |= if body.is_some() { JOB_BY_FD } else { 0 };
        flags |= if body.is_some() && call.job.body.is_memory() { JOB_FILLED } else { 0 };
        flags |= if long.room.is_some() { REPLY_BY_FD } else { 0 };
        slot.job_id.store(call.id, Ordering::Relaxed);
        slot.kind.store(call.job.kind, Ordering::Relaxed);
        slot.job_len.store(length(len), Ordering::Relaxed);
        slot.max_reply.store(length(call.max_reply), Ordering::Relaxed);
        slot.flags.store(flags, Ordering::Relaxed);
        slot.skip.store(u32::from(!call.is_wanted()), Ordering::Relaxed);
        if flags & (JOB_BY_FD | REPLY_BY_FD) != 0 {
            let fds: Vec<_> =
                body.into_iter().chain(long.room.as_ref().map(OwnedFd::as_fd)).collect();
            send(&self.control, &call.id.to_le_bytes(), &fds)
                .map_err(|_| "takes no descriptors")?;
        }
        self.long.push_back(long);
        self.publish();
        Ok(())
    }

    fn publish(&mut self) {
        self.put = self.put.wrapping_add(1);
        let door = &self.region.table().jobs;
        self.roused = door.publish(self.put) != AWAKE;
        if self.roused {
            let _ = futex::wake(door.word(), futex::Flags::empty(), 1);
        }
    }

    pub(crate) fn take(&mut self, call: &Call) -> Result<Option<Answer>, Nonsense> {
        if !self.is_answered()? {
            return Ok(None);
        }
        let slot = self.region.slot(self.taken);
        if slot.reply_id.load(Ordering::Relaxed) != call.id {
            return Err("answers what was not asked");
        }
        let status = Status::of(slot.status.load(Ordering::Relaxed)).ok_or("unknown status")?;
        let len = slot.reply_len.load(Ordering::Relaxed);
        let run_ns = slot.run_ns.load(Ordering::Relaxed);
        if len as usize > call.max_reply {
            return Err("a reply longer than was asked for");
        }
        if status == Status::Skipped && call.is_wanted() {
            return Err("skips a job that is wanted");
        }
        let long = self.long.pop_front().unwrap_or_default();
        if let Some(arena) = long.body {
            self.spare.keep(arena);
        }
        let body = match long.room {
            _ if !call.is_wanted() => Vec::new(),
            None => self.region.take_reply(self.taken, len),
            Some(room) => {
                let mut body = vec![0; len as usize];
                let read =
                    read_at(&room, 0, &mut body).map_err(|_| "a reply that cannot be read")?;
                body.truncate(read);
                body
            }
        };
        self.taken = self.taken.wrapping_add(1);
        Ok(Some(Answer { status, body, run_ns }))
    }

    /// Whether there is an answer that was not taken; the count is the worker's, the rest ours.
    fn is_answered(&self) -> Result<bool, Nonsense> {
        let ahead = self.region.table().replies.count().wrapping_sub(self.taken);
        if ahead > self.put.wrapping_sub(self.taken) {
            return Err("answers more than was asked");
        }
        Ok(ahead > 0)
    }

    pub(crate) fn check_silence(&self) -> Result<(), Nonsense> {
        self.is_answered().map(drop)
    }

    pub(crate) fn arm(&self, answers: u32) -> bool {
        self.region.table().replies.arm(self.taken.wrapping_add(answers), BY_EVENT)
    }

    pub(crate) fn disarm(&self) {
        self.region.table().replies.disarm();
    }

    pub(crate) fn skip(&self, position: usize) {
        let index = self.taken.wrapping_add(u32::try_from(position).unwrap_or(u32::MAX));
        self.region.slot(index).skip.store(1, Ordering::Relaxed);
    }

    pub(crate) fn quit(&mut self) {
        self.region.slot(self.put).flags.store(QUIT, Ordering::Relaxed);
        self.publish();
    }

    /// Whether it keeps memory for a next long body.
    pub(crate) fn has_spare(&self) -> bool {
        self.spare.is_some()
    }

    /// Gives that memory back.
    pub(crate) fn give_back(&mut self) {
        self.spare.give_back();
    }

    /// Whether the worker has to wake up for the last job.
    pub(crate) fn has_roused(&self) -> bool {
        self.roused
    }

    /// Something to watch without the desk's lock.
    pub(crate) fn watch(&self) -> Watch {
        Watch { region: self.region.clone(), seen: self.taken }
    }

    /// For how long the worker may spin.
    pub(crate) fn set_spin(&self, spin: Duration) {
        let ns = u32::try_from(spin.as_nanos()).unwrap_or(u32::MAX);
        let word = &self.region.table().spin_ns;
        if word.load(Ordering::Relaxed) != ns {
            word.store(ns, Ordering::Relaxed);
        }
    }
}

/// The reply door, watched for anything beyond what was seen.
#[derive(Debug)]
pub(crate) struct Watch {
    region: Arc<Region>,
    seen: u32,
}

impl Watch {
    /// Spins until there is something, or the time is over.
    pub(crate) fn spin(&self, limit: Duration) -> bool {
        let door = &self.region.table().replies;
        let began = Instant::now();
        loop {
            for _ in 0..40 {
                if door.count() != self.seen {
                    return true;
                }
                std::hint::spin_loop();
            }
            if began.elapsed() >= limit {
                return false;
            }
        }
    }

    /// Sleeps until so many answers are there, or [`stir`](Watch::stir) is called, or a while is
    /// over.
    pub(crate) fn sleep(&self, answers: u32, limit: Duration) {
        let door = &self.region.table().replies;
        let limit = rustix::thread::Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        if door.arm(self.seen.wrapping_add(answers), BY_FUTEX) {
            let _ = futex::wait(door.word(), futex::Flags::empty(), BY_FUTEX, Some(&limit));
        }
    }

    /// Wakes whoever sleeps on the door.
    pub(crate) fn stir(&self) {
        let door = &self.region.table().replies;
        door.disarm();
        let _ = futex::wake(door.word(), futex::Flags::empty(), u32::MAX >> 1);
    }
}

#[cfg(test)]
mod tests;

const NO_MEMORY: Nonsense = "no memory for a large body";

/// Where a long reply goes: pages appear as the worker writes them, and no further.
fn room(bytes: usize) -> io::Result<OwnedFd> {
    use rustix::fs::{SealFlags, fcntl_add_seals};
    let fd = memory(c"heliostat-workers-reply", bytes)?;
    fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    Ok(fd)
}

/// Sends a message with descriptors; never waits.
pub(crate) fn send(control: impl AsFd, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !rights.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg(control, &[IoSlice::new(message)], &mut rights, flags)?;
    Ok(())
}
