//! Memory for compiling: how much it takes, and room for so much.
//!
//! Compiling holds the source and the world made of it at once. In a container without room for
//! that the kernel would kill the process half way, with nothing said. So the peak is estimated
//! before the first byte is read, from the sizes of the input files or of the catalog; a permit is
//! asked for that much, and without it there is an error that names what is lacking.

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

/// How a source is written: that decides what reading it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A protobuf file, which names everything that there is.
    Protobuf,
    /// Text, such as a list or a folder of YAML files, which names little that stands for much.
    Text,
}

/// How much there is in a catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weight {
    /// Directories.
    pub directories: u64,
    /// Directories that a mirror may have, of all mirrors.
    pub carried: u64,
    /// Bytes of the routing table.
    pub routes_bytes: u64,
}

/// The most memory that compiling takes at once, from the sizes of its input files.
///
/// There are two peaks, of which the larger one counts: the source and the world made of it, and then
/// the address tables on the way into their section. What is asked for is 1.2 to 1.75 times what
/// was measured, and an end-to-end test compiles in control groups of many sizes, none of which may
/// see it killed.
#[must_use]
pub fn peak(format: Format, source_bytes: u64, table_bytes: u64) -> Bytes {
    let (times, least) = match format {
        Format::Protobuf => (2, PEAK_OF_PROTOBUF),
        Format::Text => (8, PEAK_OF_TEXT),
    };
    let reading = sum([(source_bytes, times), (table_bytes, 2)]);
    let writing = sum([(source_bytes, 1), (table_bytes, 5)]);
    reading.max(writing).saturating_add(least)
}

/// The most that an import takes at once: reading the source, and comparing it with what is there.
#[must_use]
pub fn peak_of_import(source: Bytes, there: Weight) -> Bytes {
    source.saturating_add(sum([(there.directories, 1024), (there.routes_bytes, 1)]))
}

/// The most that publishing a catalog takes at once.
#[must_use]
pub fn peak_of_catalog(there: Weight) -> Bytes {
    let parts = [(there.carried, 8), (there.routes_bytes, 14), (there.directories, 300)];
    sum(parts).saturating_add(PEAK_OF_CATALOG)
}

fn sum(parts: impl IntoIterator<Item = (u64, u64)>) -> Bytes {
    let parts = parts.into_iter().map(|(count, times)| count.saturating_mul(times));
    Bytes::new(parts.fold(0, u64::saturating_add))
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

/// The program itself, with next to nothing to compile.
const PEAK_OF_PROTOBUF: Bytes = Bytes::new(16 << 20);

/// The same, with what a short text becomes: thousands of directories, and all mirrors have them.
const PEAK_OF_TEXT: Bytes = Bytes::new(42 << 20);

/// The same, with a connection to a database.
const PEAK_OF_CATALOG: Bytes = Bytes::new(20 << 20);

/// How often to look whether others have given memory back.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use heliostat_admission::{Bytes, Capacity};

    use super::{Format, Shortage, Weight, peak, peak_of_catalog, peak_of_import, room};

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
        let most = u64::MAX;
        assert_eq!(peak(Format::Text, most, most), Bytes::new(most));
        let there = Weight { directories: most, carried: most, routes_bytes: most };
        assert_eq!(peak_of_catalog(there), Bytes::new(most));
        assert_eq!(peak_of_import(Bytes::new(1), there), Bytes::new(most));
    }

    /// What was measured as the most private memory, in KiB, for the sizes of real inputs. What is
    /// asked for is more, and not twice as much.
    #[test]
    fn what_is_asked_for_is_above_what_was_measured() {
        let fedora = Weight { directories: 30_000, carried: 7_686_773, routes_bytes: 11_160_000 };
        let alma = Weight { directories: 3758, carried: 2_179_640, routes_bytes: 11_160_000 };
        let (cache, tables, folder) = (97_197_733, 22_420_701, 197_730);
        let cache_and_tables = peak(Format::Protobuf, cache, tables);
        let small = peak(Format::Text, folder, 0);
        for (asked, measured_kib) in [
            (cache_and_tables, 190_960),
            (peak(Format::Protobuf, cache, 0), 168_456),
            (small, 29_236),
            (peak(Format::Text, 10 * folder, 0), 39_488),
            (peak(Format::Text, folder, tables), 123_456),
            (peak_of_import(cache_and_tables, Weight::default()), 195_712),
            (peak_of_import(cache_and_tables, fedora), 191_352),
            (peak_of_import(small, fedora), 50_108),
            (peak_of_catalog(fedora), 190_648),
            (peak_of_catalog(Weight { routes_bytes: 0, ..alma }), 26_088),
            (peak_of_catalog(alma), 146_412),
        ] {
            let times = asked.get() as f64 / (measured_kib * 1024) as f64;
            assert!((1.2..1.75).contains(&times), "{asked} for {measured_kib} KiB");
        }
    }
}
