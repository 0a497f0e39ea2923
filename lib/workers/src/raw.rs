//! The parent's side of the channel, for fuzzing: what it makes of whatever a worker wrote.
//!
//! Not part of what this crate promises. Each function returns how many answers were believed, so
//! that a fuzz target can tell a channel that works from one that refuses everything.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::call::Call;
use crate::hello::Hello;
use crate::job::Job;
use crate::link::{Pipes, Ring};
use crate::region::{Layout, Region};
use crate::sandbox::{Report, Transport};
use crate::tail::Tail;

/// First words, settings and last words of any bytes.
pub fn words(data: &[u8]) -> usize {
    let text = String::from_utf8_lossy(data);
    let report = Report::decode(&text, Transport::Ring);
    assert_eq!(Report::decode(&report.encode(), Transport::Ring), report);
    if let Some(hello) = Hello::decode(&text) {
        assert_eq!(Hello::decode(&hello.encode()), Some(hello));
    }
    let mut tail = Tail::default();
    tail.push(data, &mut |_| {});
    let lines = tail.lines();
    assert!(lines.iter().flat_map(|line| line.chars()).all(|c| !c.is_control()));
    report.layers.len() + lines.len()
}

fn call(id: u64, len: usize, max_reply: usize) -> Arc<Call> {
    Arc::new(Call::new(id, Job::new(vec![7; len]), max_reply, Duration::ZERO))
}

/// Bytes that come through a pipe, in pieces as long as the first byte says.
pub fn pipe(data: &[u8]) -> usize {
    let Some((&piece, rest)) = data.split_first() else { return 0 };
    let flags = PipeFlags::NONBLOCK | PipeFlags::CLOEXEC;
    let (Ok((from, to)), Ok((_sink, out))) = (pipe_with(flags), pipe_with(flags)) else { return 0 };
    let mut link = Pipes::new(Arc::new(out), Arc::new(from));
    let mut taken = 0;
    for piece in rest.chunks(usize::from(piece) * 8 + 1) {
        if rustix::io::write(&to, piece).is_err() {
            return taken;
        }
        loop {
            let call = call(taken as u64 + 1, 0, REPLY_MAX);
            match link.take(&call) {
                Ok(Some(answer)) => {
                    assert!(answer.body.len() <= call.max_reply);
                    taken += 1;
                }
                Ok(None) => break,
                Err(_) => return taken,
            }
        }
    }
    taken
}

/// A ring whose other side does what the bytes say, four of them a step.
pub fn ring(data: &[u8]) -> usize {
    let layout = Layout { slots: 4, job_max: 64, reply_max: 64 };
    let Ok((region, fd)) = Region::create(layout) else { return 0 };
    let Ok(theirs) = Region::map(&fd, layout) else { return 0 };
    let (kind, flags) = (SocketType::SEQPACKET, SocketFlags::CLOEXEC);
    let Ok((control, _other)) = socketpair(AddressFamily::UNIX, kind, flags, None) else {
        return 0;
    };
    let mut parent = Parent::new(region, control);
    for step in data.as_chunks::<4>().0 {
        let [what, slot, low, high] = *step;
        let value = u32::from(low) | u32::from(high) << 24;
        if what & 1 == 0 {
            if parent.step(what >> 1, usize::from(low)).is_err() {
                return parent.taken;
            }
        } else {
            scribble(&theirs, what >> 1, slot.into(), value);
        }
    }
    parent.taken
}

/// What a desk does with a ring, and nothing else.
struct Parent {
    link: Ring,
    flight: VecDeque<Arc<Call>>,
    put: u64,
    taken: usize,
}

impl Parent {
    fn new(region: Region, control: OwnedFd) -> Parent {
        let link = Ring::new(Arc::new(region), Arc::new(control));
        Parent { link, flight: VecDeque::new(), put: 0, taken: 0 }
    }

    fn step(&mut self, what: u8, len: usize) -> Result<(), &'static str> {
        match what % 5 {
            0 if self.flight.len() < 3 => {
                self.put += 1;
                let call = call(self.put, len, [0, 10, 64, 100][len % 4]);
                self.flight.push_back(call.clone());
                self.link.put(&call)?;
            }
            1 => self.link.skip(len % 4),
            2 => _ = self.link.arm(1 + u32::from(what) % 3),
            3 => self.link.disarm(),
            _ => {
                let Some(call) = self.flight.front() else { return self.link.check_silence() };
                if let Some(answer) = self.link.take(call)? {
                    assert!(answer.body.len() <= call.max_reply, "longer than was asked for");
                    self.taken += 1;
                    assert!(self.taken as u64 <= self.put, "more answers than jobs");
                    self.flight.pop_front();
                }
            }
        }
        Ok(())
    }
}

/// The worker's side: honest sometimes, by accident.
fn scribble(region: &Region, what: u8, index: u32, value: u32) {
    let (table, slot) = (region.table(), region.slot(index));
    match what % 10 {
        0 => table.replies.count.store(value, Ordering::Relaxed),
        1 => _ = table.replies.count.fetch_add(value & 3, Ordering::Relaxed),
        2 => table.replies.asleep.store(value, Ordering::Relaxed),
        3 => table.jobs.count.store(value, Ordering::Relaxed),
        4 => slot.reply_id.store(value.into(), Ordering::Relaxed),
        5 => slot.status.store(value, Ordering::Relaxed),
        6 => slot.reply_len.store(value, Ordering::Relaxed),
        7 => slot.job_id.store(value.into(), Ordering::Relaxed),
        8 => slot.flags.store(value, Ordering::Relaxed),
        _ => {
            // An honest answer to that job, but for its length.
            slot.reply_id.store(slot.job_id.load(Ordering::Relaxed), Ordering::Relaxed);
            slot.status.store(0, Ordering::Relaxed);
            slot.reply_len.store(value & 15, Ordering::Relaxed);
            table.replies.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Longest reply that is asked for over a pipe.
const REPLY_MAX: usize = 300;
