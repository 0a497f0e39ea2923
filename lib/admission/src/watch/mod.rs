//! Following the limits while they change.
//!
//! The timer is the truth and everything else is a hint. At every tick the files that decided the
//! answer are read again through handles that stay open, which costs a few microseconds each; only when
//! one of them says something else is everything read anew. inotify makes most changes known at once,
//! but it says nothing about groups that cannot be seen, CPUs that are switched off or derived files.
//!
//! Less is believed at once. More has to be read twice.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::admission::Admission;
use crate::amount::{Bytes, Fraction};
use crate::capacity::{Capacity, Headroom};
use crate::error::Error;
use crate::primitive::lock;
use crate::sys::wait::{Ring, Waiter, Woken};

pub use brake::{Band, Brake};

use brake::Foot;
use others::Others;
use probe::Probe;

/// How hard to brake.
mod brake;
/// Whether anything has changed.
mod probe;
/// What others leave.
mod others;

/// Follows the limits from a thread of its own, until it is dropped.
///
/// ```no_run
/// use heliostat_admission::{Admission, Capacity, Headroom, Watch};
///
/// let admission = Admission::new(Capacity::detect()?.allocatable(Headroom::Fn));
/// let watch = Watch::follow(&admission, Headroom::Fn)?;
/// // From here on the admission is as large as the container is, and background work is braked
/// // when memory or CPU are under pressure.
/// # drop(watch);
/// # Ok::<(), heliostat_admission::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "it stops watching when it is dropped"]
pub struct Watch {
    ring: Arc<Ring>,
    latest: Arc<Mutex<Capacity>>,
    thread: Option<JoinHandle<()>>,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// What this process can use.
    Capacity(Capacity),
    /// How hard background work should be braked.
    Pressure(Fraction),
}

/// How to watch. [`Watching::default`] is what [`Capacity::watch`] does.
#[derive(Clone, Debug)]
pub struct Watching {
    /// The machine, or a recorded one.
    pub root: PathBuf,
    /// The time between two looks. With 1900 ms a change is known and confirmed within two seconds
    /// on a machine that is not overloaded.
    pub interval: Duration,
    /// How pressure becomes braking; none not to look at pressure.
    pub brake: Option<Brake>,
}

impl Default for Watching {
    fn default() -> Watching {
        Watching { root: "/".into(), interval: INTERVAL, brake: Some(Brake::default()) }
    }
}

impl Capacity {
    /// Calls back when what this process can use has changed, from a thread of its own, until the
    /// [`Watch`] is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::is_watch`] when there can be no thread, and what [`Capacity::detect`] says.
    pub fn watch(on_change: impl FnMut(&Change) + Send + 'static) -> Result<Watch, Error> {
        Watch::with(Watching::default(), on_change)
    }
}

impl Watch {
    /// Watches as told.
    ///
    /// # Errors
    ///
    /// Like [`Capacity::watch`].
    pub fn with(
        watching: Watching,
        on_change: impl FnMut(&Change) + Send + 'static,
    ) -> Result<Watch, Error> {
        let ring = Ring::new().map_err(|error| Error::watch("make an eventfd", error))?;
        let ring = Arc::new(ring);
        let (capacity, tree) = Capacity::read(&watching.root)?;
        let latest = Arc::new(Mutex::new(capacity.clone()));
        let lookout = Lookout {
            probe: Probe::new(&watching.root, &tree),
            others: Others::new(&tree),
            foot: watching.brake.map(|brake| Foot::new(brake, &tree)),
            told: capacity,
            grown: None,
            ticks: 0,
            latest: Arc::clone(&latest),
            on_change,
            watching,
        };
        let stop = Arc::clone(&ring);
        let thread = thread::Builder::new().name("capacity-watch".into()).stack_size(STACK);
        let thread = thread.spawn(move || lookout.run(&stop));
        let thread = thread.map_err(|error| Error::watch("start a thread", error))?;
        Ok(Watch { ring, latest, thread: Some(thread) })
    }

    /// Keeps an admission as large as what this process can use, less the headroom, and brakes its
    /// background work under pressure. Resizes it right away. The admission is kept alive.
    ///
    /// # Errors
    ///
    /// Like [`Capacity::watch`].
    pub fn follow(admission: &Admission, headroom: Headroom) -> Result<Watch, Error> {
        let followed = admission.clone();
        let watch = Capacity::watch(move |change| match change {
            Change::Capacity(capacity) => followed.resize(capacity.allocatable(headroom)),
            Change::Pressure(pressure) => followed.set_pressure(*pressure),
        })?;
        admission.resize(watch.latest().allocatable(headroom));
        Ok(watch)
    }

    /// What was found last.
    #[must_use]
    pub fn latest(&self) -> Capacity {
        lock(&self.latest).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ring.ring();
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
        {
            // A callback that has panicked has ended the thread, and was reported then.
            drop(thread.join());
        }
    }
}

/// What the thread knows.
struct Lookout<F> {
    watching: Watching,
    probe: Probe,
    others: Others,
    foot: Option<Foot>,
    /// What the callback was told last.
    told: Capacity,
    /// More than that, read once.
    grown: Option<Capacity>,
    ticks: u32,
    latest: Arc<Mutex<Capacity>>,
    on_change: F,
}

impl<F: FnMut(&Change)> Lookout<F> {
    fn run(mut self, ring: &Ring) {
        let mut waiter = self.waiter(ring);
        let mut next = Instant::now() + self.watching.interval;
        let mut fresh = true;
        loop {
            let pause = match (fresh, self.grown.is_some()) {
                // What changed before anybody slept on it woke nobody up.
                (true, _) => SETTLE,
                (false, true) => CONFIRM,
                (false, false) => self.watching.interval,
            };
            fresh = false;
            let until = next.min(Instant::now() + pause);
            let woken = waiter.wait(ring, until.saturating_duration_since(Instant::now()));
            if woken == Woken::Rung {
                return;
            }
            let tick = Instant::now() >= next;
            if tick {
                next = Instant::now() + self.watching.interval;
                self.ticks = self.ticks.wrapping_add(1);
            }
            let thorough = tick && self.ticks.is_multiple_of(THOROUGH) || woken == Woken::Pressure;
            let confirm = self.grown.is_some() && pause != SETTLE;
            let changed = self.probe.has_changed();
            let anew = thorough || confirm || changed || self.is_other_than_told();
            if anew && self.read_anew(changed).unwrap_or(false) {
                waiter = self.waiter(ring);
                fresh = true;
            }
            if tick && self.is_time_for_pressure() || woken == Woken::Pressure {
                self.look_at_pressure();
            }
        }
    }

    /// Somebody to sleep with: on the files that decide, as far as the machine has means for it.
    fn waiter(&self, ring: &Ring) -> Waiter {
        // In a recorded tree there is no kernel to call back.
        let foot = self.foot.as_ref().filter(|_| is_live(&self.watching.root));
        let trigger = foot.and_then(Foot::trigger_file);
        Waiter::new(ring, self.probe.paths(), trigger)
    }

    /// Reads everything, and says whether other files are to be watched now. Those that have not
    /// changed stay open: letting the kernel forget a pressure trigger takes milliseconds.
    fn read_anew(&mut self, changed: bool) -> io::Result<bool> {
        let read = Capacity::read(&self.watching.root);
        let (found, tree) = read.map_err(io::Error::other)?;
        let others = changed || !self.probe.is_of(&tree);
        if others {
            self.probe = Probe::new(&self.watching.root, &tree);
            self.others = Others::new(&tree);
        }
        self.others.refresh(&tree);
        match compare(&self.told, &found) {
            Compared::Same => self.grown = None,
            Compared::Less => self.tell(found),
            Compared::More => match self.grown.take() {
                Some(before) if compare(&before, &found) == Compared::Same => self.tell(found),
                _ => self.grown = Some(found),
            },
        }
        Ok(others)
    }

    /// Whether others have taken or given back enough to be worth saying.
    fn is_other_than_told(&self) -> bool {
        let (told, step) = (self.told.memory(), step(&self.told));
        let left = self.others.left(told.saturating_add(step).saturating_add(Bytes::new(1)));
        left.is_some_and(|left| {
            let has = left.min(self.told.memory_limit());
            compared(told, has, step) != Compared::Same
        })
    }

    fn tell(&mut self, found: Capacity) {
        self.grown = None;
        self.told = found.clone();
        *lock(&self.latest) = found.clone();
        (self.on_change)(&Change::Capacity(found));
    }

    /// Every second tick, and at each while the brake is pressed.
    fn is_time_for_pressure(&self) -> bool {
        let pressed = self.foot.as_ref().is_some_and(Foot::is_pressed);
        pressed || self.ticks.is_multiple_of(2)
    }

    fn look_at_pressure(&mut self) {
        let pressure = self.foot.as_mut().and_then(|foot| foot.press(Instant::now()));
        if let Some(pressure) = pressure {
            (self.on_change)(&Change::Pressure(pressure));
        }
    }
}

/// How one reading stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    Same,
    Less,
    More,
}

/// Limits count exactly. What others leave of them moves all the time, and counts in steps.
fn compare(before: &Capacity, now: &Capacity) -> Compared {
    let limits = |capacity: &Capacity| (capacity.cpu(), capacity.memory_limit());
    let (old, new) = (limits(before), limits(now));
    if new.0 < old.0 || new.1 < old.1 {
        return Compared::Less;
    }
    match compared(before.memory(), now.memory(), step(before)) {
        Compared::Same if new != old => Compared::More,
        compared => compared,
    }
}

fn compared(had: Bytes, has: Bytes, step: Bytes) -> Compared {
    if has < had.saturating_sub(step) {
        Compared::Less
    } else if has > had.saturating_add(step) {
        Compared::More
    } else {
        Compared::Same
    }
}

fn step(told: &Capacity) -> Bytes {
    Bytes::new(told.memory_limit().get() / STEPS)
}

/// The root of the machine that runs, or of a recorded one.
pub(crate) fn is_live(root: &Path) -> bool {
    root == Path::new("/")
}

const INTERVAL: Duration = Duration::from_millis(1900);
/// How long to wait before looking whether something changed while it was being read.
const SETTLE: Duration = Duration::from_millis(5);
/// How long to wait before more is read a second time.
const CONFIRM: Duration = Duration::from_millis(50);
/// After so many ticks everything is read, changed or not: a mount may have come.
const THOROUGH: u32 = 100;
/// A change of what others leave counts from this part of the limit on.
const STEPS: u64 = 16;
const STACK: usize = 256 * 1024;
