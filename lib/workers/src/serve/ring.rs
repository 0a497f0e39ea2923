//! Jobs through shared memory: sleep on the door, or spin for a moment where that is cheaper.

use std::fmt::Display;
use std::hint::spin_loop;
use std::io::{self, IoSliceMut};
use std::mem::{ManuallyDrop, MaybeUninit};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::mm::ProtFlags;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::stdio::stdin;
use rustix::thread::{futex, sched_yield};

use super::job::To;
use super::{HELLO_MAX, Job, Reply, check_hello, enter, unfit, work_on};
use crate::door::{AWAKE, BY_EVENT, BY_FUTEX, Door};
use crate::hello::Hello;
use crate::region::{JOB_BY_FD, JOB_FILLED, Map, QUIT, REPLY_BY_FD, Region, Slot};
use crate::spins::Spins;
use crate::sys::close;
use crate::wire::{HEAD_BYTES, Status, length};

/// Does jobs until the parent says that there are no more.
pub(super) fn run<E: Display>(
    work: &mut impl FnMut(&Job<'_>, &mut Reply<'_>) -> Result<(), E>,
) -> io::Result<()> {
    // The bell is never closed: the sandbox has no call for it, and the end of the process does.
    let (region, event) = meet().map(|(region, event)| (region, ManuallyDrop::new(event)))?;
    let mut wait = Wait::default();
    let mut rang = false;
    for done in 0_u32.. {
        wait.for_job(&region, done, rang);
        let slot = region.slot(done);
        if slot.flags.load(Ordering::Relaxed) & QUIT != 0 {
            return Ok(());
        }
        let (status, len, run_ns) = one(work, &region, slot, done)?;
        slot.reply_id.store(slot.job_id.load(Ordering::Relaxed), Ordering::Relaxed);
        slot.status.store(status.number(), Ordering::Relaxed);
        slot.reply_len.store(length(len), Ordering::Relaxed);
        slot.run_ns.store(run_ns, Ordering::Relaxed);
        rang = answer(&region, &event, done.wrapping_add(1))?;
        if status == Status::Panicked {
            return Err(io::Error::other("a job panicked"));
        }
    }
    // The parent replaces a worker long before four thousand million jobs.
    Err(unfit("all indices are used up"))
}

/// Takes the ring and the bell from the parent, enters the sandbox, and says so.
fn meet() -> io::Result<(Region, OwnedFd)> {
    let mut frame = vec![0; HELLO_MAX];
    let (len, fds) = receive(&mut frame)?;
    let text = frame.get(HEAD_BYTES..len).unwrap_or_default();
    check_hello(&frame)?;
    let hello = str::from_utf8(text).ok().and_then(Hello::decode);
    let hello = hello.ok_or_else(|| unfit("the parent's settings cannot be read"))?;
    // The order gives the bell the number that the policy knows.
    let [event, memory] = <[OwnedFd; 2]>::try_from(fds).map_err(|_| unfit("no ring came along"))?;
    let region = Region::map(&memory, hello.ring.ok_or_else(|| unfit("no shape of a ring"))?)?;
    drop(memory);
    enter(&hello)?;
    Ok((region, event))
}

fn one<E: Display>(
    work: &mut impl FnMut(&Job<'_>, &mut Reply<'_>) -> Result<(), E>,
    region: &Region,
    slot: &Slot,
    index: u32,
) -> io::Result<(Status, usize, u64)> {
    let flags = slot.flags.load(Ordering::Relaxed);
    let len = slot.job_len.load(Ordering::Relaxed);
    let max = slot.max_reply.load(Ordering::Relaxed) as usize;
    let (body, room) = bodies(flags, len, max)?;
    if slot.skip.load(Ordering::Relaxed) != 0 {
        return Ok((Status::Skipped, 0, 0));
    }
    let job = Job {
        kind: slot.kind.load(Ordering::Relaxed),
        id: slot.job_id.load(Ordering::Relaxed),
        body: body.as_ref().map_or_else(|| region.job(index, len), Map::bytes),
        max_reply: max,
    };
    let to = room.as_ref().map_or(To::Slot(region, index), To::Map);
    let mut reply = Reply::new(to, max);
    let (status, run_ns) = work_on(work, &job, &mut reply);
    Ok((status, reply.len(), run_ns))
}

/// Maps what came as descriptors, and closes them.
fn bodies(flags: u32, len: u32, max: usize) -> io::Result<(Option<Map>, Option<Map>)> {
    if flags & (JOB_BY_FD | REPLY_BY_FD) == 0 {
        return Ok((None, None));
    }
    let mut id = [0; 8];
    let (_, fds) = receive(&mut id)?;
    let mut fds = fds.into_iter();
    let mut map = |flag, len, protection| {
        if flags & flag == 0 {
            return Ok(None);
        }
        let fd = fds.next().ok_or_else(|| unfit("a body is missing"))?;
        let map = match flags & flag & JOB_BY_FD != 0 && flags & JOB_FILLED != 0 {
            true => Map::filled(&fd, len, protection),
            false => Map::shared(&fd, len, protection),
        };
        close(fd);
        map.map(Some)
    };
    let body = map(JOB_BY_FD, len as usize, ProtFlags::READ)?;
    let room = map(REPLY_BY_FD, max, ProtFlags::READ | ProtFlags::WRITE)?;
    Ok((body, room))
}

/// One message from the parent, with its descriptors.
fn receive(buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = loop {
        match recvmsg(stdin(), &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    if message.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let rights = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    Ok((message.bytes, rights.flatten().collect()))
}

/// Publishes all replies up to `count`, and wakes the parent if it sleeps; whether it did.
fn answer(region: &Region, event: &OwnedFd, count: u32) -> io::Result<bool> {
    let door = &region.table().replies;
    let bell = door.publish(count);
    match bell {
        BY_EVENT => {
            rustix::io::write(event, &1_u64.to_ne_bytes())?;
        }
        BY_FUTEX => {
            futex::wake(door.word(), futex::Flags::empty(), 1)?;
        }
        _ => {}
    }
    Ok(bell != AWAKE)
}

/// Decides whether the next job is worth spinning for.
///
/// Sleeping and being woken costs tens of microseconds on either side. If jobs have been coming
/// faster than that, spinning is the cheaper way to wait, in CPU time too. Each spin is as long as
/// the last jobs let hope; those in vain make the next ones rarer ([`Spins`]).
#[derive(Debug, Default)]
struct Wait {
    gap_ns: u64,
    spins: Spins,
}

impl Wait {
    /// Returns when job number `done` is there. A parent that was rung for the last answer has to
    /// wake up first, perhaps on this very CPU.
    fn for_job(&mut self, region: &Region, done: u32, rang: bool) {
        let door = &region.table().jobs;
        if door.count() != done {
            return;
        }
        let began = Instant::now();
        let longest = u64::from(region.table().spin_ns.load(Ordering::Relaxed)).min(SPIN_MAX_NS);
        if longest > 0 && !rang && self.spins.is_worth_it() {
            let limit = Duration::from_nanos(longest.min(2 * self.gap_ns + SPIN_MIN_NS));
            let came = spin(door, done, began, limit);
            self.spins.learn(came);
            if came {
                return self.learn(began.elapsed());
            }
        }
        while door.arm(done.wrapping_add(1), BY_FUTEX) {
            // Woken, interrupted or too late: the door tells.
            let _ = futex::wait(door.word(), futex::Flags::empty(), BY_FUTEX, None);
        }
        self.learn(began.elapsed());
    }

    fn learn(&mut self, gap: Duration) {
        let gap = u64::try_from(gap.as_nanos()).unwrap_or(u64::MAX).min(4 * SPIN_MAX_NS);
        self.gap_ns = (self.gap_ns * 7 + gap) / 8;
    }
}

/// Looks at the door until something came, or the time is over, or somebody else has used this CPU
/// meanwhile: it is wanted, and then a sleeper gets it back sooner than one who has yielded it.
fn spin(door: &Door, done: u32, began: Instant, limit: Duration) -> bool {
    let mut looked = Duration::ZERO;
    loop {
        for _ in 0..CHECKS {
            if door.count() != done {
                return true;
            }
            spin_loop();
        }
        sched_yield();
        let now = began.elapsed();
        if now >= limit || now - looked > YIELD_MAX {
            return door.count() != done;
        }
        looked = now;
    }
}

/// Longest spin, whatever the parent says.
const SPIN_MAX_NS: u64 = 200_000;
/// Shortest spin that is worth beginning.
const SPIN_MIN_NS: u64 = 20_000;
/// A yield that takes longer has let somebody else run.
const YIELD_MAX: Duration = Duration::from_micros(15);
/// Looks at the door between two looks at the clock.
const CHECKS: u32 = 40;
