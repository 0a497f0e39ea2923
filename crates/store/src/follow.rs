//! Bringing what the pointer names to this machine, over and over.
//!
//! A thread of its own asks for the pointer, conditionally, so that nothing is sent while nothing
//! changed. When its number has risen, the file is brought to the [`Cache`], and whoever watches the
//! copy there takes it over. A number that has not risen is never taken: a store that was reset, or a
//! stale copy of it, cannot lead back. While the store is away it is asked more and more rarely, each
//! time after a pause that others do not share.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Cache, Error, Pointer, Seen, Store, Version, random};

/// A thread that follows a store.
#[derive(Debug)]
pub struct Follower {
    status: Arc<Status>,
    bell: Sender<()>,
    thread: JoinHandle<()>,
}

/// How following goes, for those who watch.
#[derive(Debug, Default)]
pub struct Status {
    looks: AtomicU64,
    looks_failed: AtomicU64,
    brought: AtomicU64,
    refused: AtomicU64,
    generation: AtomicU64,
    generation_there: AtomicU64,
    contact_unix_s: AtomicU64,
    away: AtomicBool,
    store: OnceLock<String>,
}

impl Status {
    /// Which store is followed.
    pub fn store(&self) -> &str {
        self.store.get().map_or("", String::as_str)
    }

    /// How often the pointer was asked for, and how often it could not be had.
    pub fn looks(&self) -> (u64, u64) {
        (self.looks.load(Ordering::Relaxed), self.looks_failed.load(Ordering::Relaxed))
    }

    /// How many generations were brought here, and how often one was refused.
    pub fn brought(&self) -> (u64, u64) {
        (self.brought.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// The generation of the copy here, and the newest that the store was seen to have; zero if none.
    pub fn generations(&self) -> (u64, u64) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        (read(&self.generation), read(&self.generation_there))
    }

    /// When the store answered last, seconds since 1970; zero if never.
    pub fn contact_unix_s(&self) -> u64 {
        self.contact_unix_s.load(Ordering::Relaxed)
    }
}

impl Follower {
    /// Starts to follow.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    pub fn start(store: Store, cache: Cache, interval: Duration) -> io::Result<Follower> {
        let status = Arc::new(Status::default());
        let _ = status.store.set(store.location().to_string());
        let generation = cache.copy().map_or(0, |copy| copy.generation.get());
        status.generation.store(generation, Ordering::Relaxed);
        let (bell, heard) = mpsc::channel();
        let mut road = Road { store, cache, known: None, said: None, status: Arc::clone(&status) };
        let thread = std::thread::Builder::new().name("follow".to_owned()).spawn(move || {
            let mut failures = 0;
            loop {
                failures = if road.walk() { 0 } else { failures + 1 };
                match heard.recv_timeout(pause(interval, failures, random())) {
                    Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        })?;
        Ok(Follower { status, bell, thread })
    }

    /// How it goes.
    pub fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// Asks the store again, now.
    pub fn look_again(&self) {
        // A thread that is gone has panicked and said so.
        let _ = self.bell.send(());
    }

    /// Ends it; a download under way is left behind and does no harm.
    pub fn stop(self) {
        drop(self.bell);
        drop(self.thread);
    }
}

struct Road {
    store: Store,
    cache: Cache,
    /// The pointer whose generation is here, or was refused for good.
    known: Option<Version>,
    /// What was said last about a failure: it is said once, not at every look.
    said: Option<String>,
    status: Arc<Status>,
}

impl Road {
    /// Looks once, and says whether that went well.
    fn walk(&mut self) -> bool {
        self.status.looks.fetch_add(1, Ordering::Relaxed);
        let seen = match self.store.look(self.known.as_ref()) {
            Ok(seen) => seen,
            Err(error) => {
                self.status.looks_failed.fetch_add(1, Ordering::Relaxed);
                self.away(&error);
                return false;
            }
        };
        self.status.contact_unix_s.store(now_unix_s(), Ordering::Relaxed);
        if self.status.away.swap(false, Ordering::Relaxed) {
            tracing::info!(store = self.status.store(), "the store answers again");
            self.said = None;
        }
        match seen {
            Seen::Same => true,
            Seen::Missing => {
                self.known = None;
                self.say("nothing is published in the store yet");
                true
            }
            Seen::New(pointer, version) => self.take(&pointer, version),
        }
    }

    /// Takes what a pointer names, if its number has risen.
    fn take(&mut self, pointer: &Pointer, version: Version) -> bool {
        let Some(newest) = pointer.newest() else { return true };
        self.status.generation_there.store(newest.generation, Ordering::Relaxed);
        let here = self.cache.copy();
        if here.is_some_and(|here| newest.is(here)) {
            self.known = Some(version);
            return true;
        }
        let here = here.map_or(0, |here| here.generation.get());
        if newest.generation <= here {
            self.status.refused.fetch_add(1, Ordering::Relaxed);
            let there = newest.generation;
            self.say(&format!(
                "the store leads to generation {there}, but generation {here} is here, and nobody \
                 goes back; roll back at the publisher, or remove the copy"
            ));
            self.known = Some(version);
            return true;
        }
        if let Err(error) = self.cache.bring(&self.store, newest) {
            self.status.refused.fetch_add(1, Ordering::Relaxed);
            self.say(&chain(&error));
            return false;
        }
        let (generation, again) = (newest.generation, pointer.again);
        self.status.generation.store(generation, Ordering::Relaxed);
        self.status.brought.fetch_add(1, Ordering::Relaxed);
        let age_s = now_unix_s().saturating_sub(newest.created_unix_s);
        tracing::info!(generation, again, age_s, "brought a generation here");
        (self.known, self.said) = (Some(version), None);
        true
    }

    fn away(&mut self, error: &Error) {
        self.status.away.store(true, Ordering::Relaxed);
        let why = chain(error);
        if self.said.as_ref() == Some(&why) {
            return;
        }
        let store = self.status.store();
        match self.cache.copy() {
            Some(copy) => {
                let generation = copy.generation.get();
                let age_s = now_unix_s().saturating_sub(copy.created_unix_s.get());
                let what = "the store is away; the last good copy serves";
                tracing::warn!(store, why, generation, age_s, "{what}");
            }
            None => tracing::warn!(store, why, "the store is away, and there is no copy here"),
        }
        self.said = Some(why);
    }

    fn say(&mut self, what: &str) {
        if self.said.as_deref() != Some(what) {
            tracing::warn!(store = self.status.store(), "{what}");
            self.said = Some(what.to_owned());
        }
    }
}

/// How long to wait: the interval, doubled with each failure, and a tenth more or less of it, so
/// that nodes that failed together do not come back together; after failures up to half less.
pub(crate) fn pause(interval: Duration, failures: u32, random: u64) -> Duration {
    let longest = PAUSE_MAX.max(interval);
    let pause = interval.saturating_mul(1 << failures.min(DOUBLINGS_MAX)).min(longest);
    let spread = if failures == 0 { 0.1 } else { 0.5 };
    let part = (random >> 11) as f64 / (1u64 << 53) as f64;
    pause.mul_f64(1.0 - spread * part)
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

const PAUSE_MAX: Duration = Duration::from_secs(60);
const DOUBLINGS_MAX: u32 = 10;
