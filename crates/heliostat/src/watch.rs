//! A watch over the snapshot's file: a new one is opened, checked and put in place, off the hot
//! path, on a thread of its own.
//!
//! The kernel tells of changes in the folder (inotify), which makes a new file serve within
//! milliseconds of its rename. A look every second finds what the kernel cannot tell of, such as
//! changes on a network file system.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use heliostat_serve::current::{Current, Look, Source};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify;

use crate::review::Review;

/// A running watch.
#[derive(Debug)]
pub(crate) struct Watch {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    /// Wakes the thread.
    bell: OwnedFd,
    again: AtomicBool,
    stop: AtomicBool,
}

impl Watch {
    /// Starts to watch.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub(crate) fn start(source: Source, current: Current) -> io::Result<Watch> {
        let shared = Arc::new(Shared {
            bell: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            again: AtomicBool::new(false),
            stop: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || watch(source, &current, &theirs))?;
        Ok(Watch { shared, thread })
    }

    /// Loads the file even if it seems the same.
    pub(crate) fn look_again(&self) {
        self.shared.again.store(true, Ordering::Release);
        self.shared.ring();
    }

    /// Ends the watch.
    pub(crate) fn stop(self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.ring();
        // A thread that panicked has said so; there is nothing left to end.
        let _ = self.thread.join();
    }
}

impl Shared {
    fn ring(&self) {
        // Fails only when the bell has been rung 2⁶⁴ times and is heard anyway.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }
}

/// The thread.
fn watch(mut source: Source, current: &Current, shared: &Shared) {
    let folder = match source.path().parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => Path::new(".").to_owned(),
    };
    let mut ear = listen(&folder);
    let mut missing = false;
    let mut review = Review::start();
    while !shared.stop.load(Ordering::Acquire) {
        let again = shared.again.swap(false, Ordering::AcqRel);
        let look = source.look_with(again, |file_bytes| review.room(file_bytes));
        if again && matches!(look, Look::NoRoom) {
            shared.again.store(true, Ordering::Release);
        }
        // Said once, not every second.
        let is_missing = matches!(look, Look::Missing);
        if !is_missing || !std::mem::replace(&mut missing, true) {
            take(look, &source, current);
        }
        missing = is_missing;
        if ear.is_none() {
            ear = listen(&folder);
        }
        wait(ear.as_ref(), &shared.bell);
    }
}

/// Does what a look at the file calls for.
pub(crate) fn take(look: Look, source: &Source, current: &Current) {
    let path = source.path().display();
    match look {
        // What there is no room for has been said by whoever was asked.
        Look::Same | Look::NoRoom => {}
        Look::Missing => {
            let stays = current.snapshot().is_some();
            tracing::warn!(%path, current_stays = stays, "there is no snapshot file; waiting for it");
        }
        Look::Bad(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            current.refuse();
            tracing::error!(%path, %error, cause, "new snapshot refused; the current one stays");
        }
        Look::New(snapshot, opened_in) => {
            let header = *snapshot.header();
            let generation = header.generation.get();
            let before = current.snapshot().map(|before| before.header().generation.get());
            if before.is_some_and(|before| before > generation) {
                tracing::warn!(%path, generation, before, "the new snapshot is of an older generation");
            }
            let replaced = Instant::now();
            current.replace(*snapshot);
            tracing::info!(
                %path,
                generation,
                file_bytes = header.file_bytes.get(),
                open_ms = opened_in.as_secs_f64() * 1000.0,
                replace_ms = replaced.elapsed().as_secs_f64() * 1000.0,
                "serving snapshot"
            );
        }
    }
}

/// An inotify descriptor for renames into a folder and files finished in it.
fn listen(folder: &Path) -> Option<OwnedFd> {
    let ear = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).ok()?;
    let events = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::CLOSE_WRITE;
    inotify::add_watch(&ear, folder, events).ok()?;
    Some(ear)
}

/// Waits for the kernel, the bell, or a second.
fn wait(ear: Option<&OwnedFd>, bell: &OwnedFd) {
    let mut sources = vec![PollFd::new(bell, PollFlags::IN)];
    sources.extend(ear.map(|ear| PollFd::new(ear, PollFlags::IN)));
    let second = Timespec { tv_sec: INTERVAL.as_secs() as i64, tv_nsec: 0 };
    // An interrupted wait is a short one.
    let _ = poll(&mut sources, Some(&second));
    let mut heard = [0; 4096];
    for descriptor in ear.into_iter().chain([bell]) {
        // What was said does not matter, only that something was.
        while rustix::io::read(descriptor, &mut heard).is_ok_and(|read| read == heard.len()) {}
    }
}

/// How often the file is looked at when nobody says anything.
const INTERVAL: Duration = Duration::from_secs(1);
