//! Sleeping until a file changes, memory gets tight, somebody rings, or time is up.
//!
//! Everything but the bell and the time is a hint that may be missing: where inotify or pressure
//! triggers are not to be had, the sleep is just longer.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::fs::inotify;

/// A bell that wakes the sleeper for good, and the place where it sleeps.
#[derive(Debug)]
pub(crate) struct Ring {
    eventfd: OwnedFd,
    /// Registered once: polling would ask every file anew at every sleep.
    epoll: OwnedFd,
}

impl Ring {
    pub(crate) fn new() -> io::Result<Ring> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let (eventfd, epoll) = (eventfd(0, flags)?, epoll::create(CreateFlags::CLOEXEC)?);
        epoll::add(&epoll, &eventfd, EventData::new_u64(BELL), EventFlags::IN)?;
        Ok(Ring { eventfd, epoll })
    }

    pub(crate) fn ring(&self) {
        // It can only fail when the counter is full, and then it has rung often enough.
        let _ = rustix::io::write(&self.eventfd, &1_u64.to_ne_bytes());
    }

    /// Wakes up for this too, until it is closed. What cannot be had is seen by the timer.
    fn hear(&self, source: impl AsFd, name: u64, flags: EventFlags) {
        let _ = epoll::add(&self.epoll, source, EventData::new_u64(name), flags);
    }
}

const BELL: u64 = 0;
const FILES: u64 = 1;
const PRESSURE: u64 = 2;

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
pub(crate) struct Waiter {
    inotify: Option<OwnedFd>,
    trigger: Option<File>,
    events: Vec<epoll::Event>,
}

impl Waiter {
    /// Sleeps on these files, and on memory pressure if the kernel lets it.
    pub(crate) fn new<'a>(
        ring: &Ring,
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
        let trigger = pressure.and_then(|file| trigger(file).ok());
        inotify.iter().for_each(|inotify| ring.hear(inotify, FILES, EventFlags::IN));
        trigger.iter().for_each(|trigger| ring.hear(trigger, PRESSURE, EventFlags::PRI));
        Waiter { inotify, trigger, events: Vec::with_capacity(3) }
    }

    /// Sleeps, and says why it woke up.
    pub(crate) fn wait(&mut self, ring: &Ring, timeout: Duration) -> Woken {
        let timeout = Timespec::try_from(timeout).ok();
        self.events.clear();
        let events = spare_capacity(&mut self.events);
        // To be interrupted is the same as time being up: the caller looks and comes back.
        if epoll::wait(&ring.epoll, events, timeout.as_ref()).is_err() {
            return Woken::Time;
        }
        let happened = |name: u64| {
            let its = self.events.iter().filter(|event| event.data.u64() == name);
            its.map(|event| event.flags).fold(EventFlags::empty(), |all, flags| all | flags)
        };
        let (rung, modified) = (!happened(BELL).is_empty(), !happened(FILES).is_empty());
        let pressure = happened(PRESSURE);
        if modified {
            self.drain();
        }
        if pressure.intersects(EventFlags::ERR | EventFlags::HUP) {
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
