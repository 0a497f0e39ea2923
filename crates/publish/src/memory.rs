//! Memory for compiling: how much it takes, and room for so much.
//!
//! Compiling holds the source and the world made of it at once. In a container without room for
//! that the kernel would kill the process half way, with nothing said. So the peak is estimated
//! from the sizes of the input files before the first byte is read, a permit is asked for that much,
//! and without it there is an error that names what is lacking.

use std::fmt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use heliostat_admission::{
    Admission, Bytes, Capacity, Fraction, Headroom, Lane, Need, Permit, Reading, Rule,
};

/// What every part of this program keeps out of the permits: a tenth, for its own code and stacks,
/// buffers and the kernel.
pub const HEADROOM: Headroom = Headroom::Fraction(Fraction::percent(10));

/// Room for work, until it is dropped.
#[derive(Debug)]
#[must_use = "the room is given back when it is dropped"]
pub struct Room {
    _permit: Permit<'static>,
}

/// Why there is no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// What the work takes at its peak.
    pub needed: Bytes,
    /// What there is for it: now, or at most.
    pub there: Bytes,
    /// What is kept out of that.
    pub headroom: Bytes,
    /// Who said that there is not more.
    pub source: PathBuf,
    /// How long others were waited for; none when waiting is of no use.
    pub waited: Option<Duration>,
}

/// The most memory that compiling takes at once, from the sizes of its input files.
///
/// Each part of the sum is a little above what was measured; an end-to-end test compiles in control
/// groups of many sizes, none of which may see it killed.
#[must_use]
pub fn peak(source_bytes: u64, table_bytes: u64) -> Bytes {
    let inputs = source_bytes.saturating_mul(2).saturating_add(table_bytes.saturating_mul(2));
    Bytes::new(inputs).saturating_add(PEAK_OF_NOTHING)
}

/// Waits until there is room for so much, but not longer than told.
///
/// `detect` says what there is now; `on_wait` is called once, if there is anything to wait for.
///
/// # Errors
///
/// At once when there can never be so much, and else when the time is up.
pub fn room(
    needed: Bytes,
    patience: Duration,
    detect: impl Fn() -> Option<Capacity>,
    on_wait: impl FnOnce(&Shortage),
) -> Result<Option<Room>, Shortage> {
    let begun = Instant::now();
    let admission = Admission::builder(Need::ZERO).reserve(Fraction::NONE).build();
    let mut on_wait = Some(on_wait);
    loop {
        let Some(capacity) = detect() else { return Ok(None) };
        let waited = begun.elapsed();
        if kept(capacity.memory_limit(), needed) {
            return Err(shortage(&capacity, capacity.memory_limit(), needed, None));
        }
        admission.resize(capacity.allocatable(HEADROOM));
        if let Ok(permit) = admission.try_acquire(Lane::Interactive, Need::of_memory(needed)) {
            return Ok(Some(Room { _permit: permit.into_owned() }));
        }
        let shortage = shortage(&capacity, capacity.memory(), needed, Some(waited));
        if waited >= patience {
            return Err(shortage);
        }
        if let Some(on_wait) = on_wait.take() {
            on_wait(&shortage);
        }
        thread::sleep(LOOK_AGAIN.min(patience.saturating_sub(waited)));
    }
}

/// Whether so much cannot be had of it beside the headroom.
fn kept(limit: Bytes, needed: Bytes) -> bool {
    needed > limit.saturating_sub(HEADROOM.of(limit))
}

fn shortage(
    capacity: &Capacity,
    there: Bytes,
    needed: Bytes,
    waited: Option<Duration>,
) -> Shortage {
    let swap = |rule: Rule| matches!(rule, Rule::SwapTotal | Rule::SwapLimit);
    let mut bounds = capacity.bounds().iter().filter(|bound| !swap(bound.rule));
    let said = bounds.find(|bound| bound.reading == Reading::MemoryBytes(there));
    let source = said.map_or_else(|| PathBuf::from("nobody"), |bound| bound.source.clone());
    Shortage { needed, there, headroom: HEADROOM.of(there), source, waited }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shortage { needed, there, headroom, source, waited } = self;
        let source = source.display();
        write!(f, "{needed} of memory are needed, and ")?;
        match waited {
            None => write!(f, "the limit is {there}")?,
            Some(_) => write!(f, "{there} can be had now")?,
        }
        write!(f, " (says {source}), of which {headroom} are kept free")?;
        match waited {
            Some(waited) if waited.as_secs() > 0 => {
                write!(f, "; others held the rest for {} s", waited.as_secs())
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Shortage {}

/// The program itself, with nothing to compile.
const PEAK_OF_NOTHING: Bytes = Bytes::new(16 << 20);

/// How often to look whether others have given memory back.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use heliostat_admission::{Bytes, Capacity};

    use super::{Shortage, peak, room};

    fn mib(count: u64) -> Bytes {
        Bytes::new(count << 20)
    }

    /// A container of 500 MiB, of which others hold so much.
    fn container(root: &Path, held: Bytes) -> Option<Capacity> {
        let group = root.join("sys/fs/cgroup");
        fs::create_dir_all(&group).unwrap();
        fs::create_dir_all(root.join("proc/self")).unwrap();
        fs::create_dir_all(root.join("sys/devices/system/cpu")).unwrap();
        let put = |path: &str, text: &str| fs::write(root.join(path), text).unwrap();
        put("proc/meminfo", "MemTotal: 16777216 kB\nMemAvailable: 16777216 kB\n");
        put("proc/self/cgroup", "0::/\n");
        put("proc/self/mountinfo", "30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
        put("sys/devices/system/cpu/online", "0-7\n");
        put("sys/fs/cgroup/memory.max", &(500_u64 << 20).to_string());
        put("sys/fs/cgroup/memory.current", &held.get().to_string());
        Capacity::detect_in(root).ok()
    }

    #[test]
    fn there_is_room_or_there_never_will_be() {
        let root = tempfile::tempdir().unwrap();
        let detect = || container(root.path(), Bytes::new(0));
        let never = |_: &Shortage| panic!("nothing to wait for");
        assert!(room(mib(450), Duration::ZERO, detect, never).unwrap().is_some());
        let shortage = room(mib(451), Duration::MAX, detect, never).unwrap_err();
        assert_eq!((shortage.there, shortage.headroom), (mib(500), mib(50)));
        assert!(shortage.source.ends_with("memory.max"), "{shortage}");
        assert_eq!(shortage.waited, None);
        assert!(shortage.to_string().contains("451 MiB"), "{shortage}");
    }

    #[test]
    fn others_are_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let (looks, told) = (Cell::new(0), Cell::new(0));
        let detect = || {
            looks.set(looks.get() + 1);
            container(root.path(), if looks.get() < 3 { mib(300) } else { mib(100) })
        };
        let tell = |shortage: &Shortage| {
            assert_eq!(shortage.there, mib(200));
            assert!(shortage.source.ends_with("memory.current"), "{shortage}");
            told.set(told.get() + 1);
        };
        assert!(room(mib(300), Duration::from_secs(600), detect, tell).unwrap().is_some());
        assert_eq!((looks.get(), told.get()), (3, 1));
    }

    #[test]
    fn patience_ends() {
        let root = tempfile::tempdir().unwrap();
        let detect = || container(root.path(), mib(300));
        let shortage = room(mib(300), Duration::ZERO, detect, |_| {}).unwrap_err();
        assert!(shortage.waited.is_some() && shortage.there == mib(200), "{shortage}");
    }

    #[test]
    fn where_nothing_is_known_nothing_is_refused() {
        assert!(room(mib(1), Duration::ZERO, || None, |_| {}).unwrap().is_none());
    }

    #[test]
    fn sizes_that_cannot_be_counted_are_too_much() {
        assert_eq!(peak(u64::MAX, u64::MAX), Bytes::new(u64::MAX));
    }
}
