//! Sleeping until a file changes, memory gets tight, somebody rings, or time is up.
//!
//! Everything but the bell and the time is a hint that may be missing: where inotify or pressure
//! triggers are not to be had, the sleep is just longer.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify;

/// A bell that wakes the sleeper for good.
#[derive(Debug)]
pub(crate) struct Ring {
    eventfd: OwnedFd,
}

impl Ring {
    pub(crate) fn new() -> io::Result<Ring> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Ring { eventfd: eventfd(0, flags)? })
    }

    pub(crate) fn ring(&self) {
        // It can only fail when the counter is full, and then it has rung often enough.
        let _ = rustix::io::write(&self.eventfd, &1_u64.to_ne_bytes());
    }
}

/// Why the sleeper woke up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The bell has rung.
    Rung,
    /// A file was modified.
    Modified,
    /// Tasks stall for memory.
    Pressure,
    /// Time is up.
    Time,
}

/// What to sleep on.
#[derive(Debug)]
pub(crate) struct Waiter {
    inotify: Option<OwnedFd>,
    trigger: Option<File>,
}

impl Waiter {
    /// Sleeps on these files, and on memory pressure if the kernel lets it.
    pub(crate) fn new<'a>(
        files: impl Iterator<Item = &'a Path>,
        pressure: Option<&Path>,
    ) -> Waiter {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let inotify = inotify::init(flags).ok();
        if let Some(inotify) = &inotify {
            for file in files {
                let flags = inotify::WatchFlags::MODIFY;
                // One that cannot be watched is seen by the timer.
                let _ = inotify::add_watch(inotify, file, flags);
            }
        }
        Waiter { inotify, trigger: pressure.and_then(|file| trigger(file).ok()) }
    }

    /// Sleeps, and says why it woke up.
    pub(crate) fn wait(&mut self, ring: &Ring, timeout: Duration) -> Woken {
        let bell = ring.eventfd.as_fd();
        let inotify = self.inotify.as_ref().map(|fd| (fd.as_fd(), PollFlags::IN));
        let trigger = self.trigger.as_ref().map(|fd| (fd.as_fd(), PollFlags::PRI));
        // In the place of what there is not stands the bell, asked for nothing.
        let mut fds = [Some((bell, PollFlags::IN)), inotify, trigger].map(|asked| {
            let (fd, flags) = asked.unwrap_or((bell, PollFlags::empty()));
            PollFd::from_borrowed_fd(fd, flags)
        });
        // To be interrupted is the same as time being up: the caller looks and comes back.
        let timeout = Timespec::try_from(timeout).ok();
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return Woken::Time;
        }
        let [rung, modified, pressure] = fds.map(|fd| fd.revents());
        let (rung, modified) = (!rung.is_empty(), !modified.is_empty());
        if modified {
            self.drain();
        }
        if pressure.intersects(PollFlags::ERR | PollFlags::NVAL) {
            // Its group has been removed: it would call for ever.
            self.trigger = None;
        }
        match (rung, pressure.is_empty(), modified) {
            (true, ..) => Woken::Rung,
            (_, false, _) => Woken::Pressure,
            (.., true) => Woken::Modified,
            _ => Woken::Time,
        }
    }

    /// Forgets what was modified: whoever woke up looks at everything.
    fn drain(&self) {
        let mut buffer = [0; 4096];
        while let Some(inotify) = &self.inotify {
            match rustix::io::read(inotify, &mut buffer[..]) {
                Ok(length) if length > 0 => {}
                _ => return,
            }
        }
    }
}

/// Asks the kernel to call when tasks stall for memory. A window of two seconds is what it allows to
/// processes without privileges.
fn trigger(file: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).write(true).open(file)?;
    file.write_all(b"some 200000 2000000\0")?;
    Ok(file)
}
