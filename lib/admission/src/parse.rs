//! What the kernel's files say, as plain functions from bytes.
//!
//! None of them opens anything, panics or allocates more than in proportion to its input, whatever
//! the bytes are. They are public so that they can be fuzzed and used alone.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::amount::{Bytes, MilliCpu};

/// What is wrong with a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// A line of `/proc/self/cgroup`: where the process stands in one hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The controllers of a hierarchy of version 1; none for version 2.
    pub controllers: Vec<String>,
    /// The group, as a path from the root of the hierarchy that the process sees.
    pub path: PathBuf,
}

/// `/proc/self/cgroup`. Lines that are none are left out.
///
/// ```
/// use heliostat_admission::parse;
///
/// let groups = parse::memberships(b"4:cpu,cpuacct:/a\n0::/b c\n");
/// assert_eq!(groups[0].controllers, ["cpu", "cpuacct"]);
/// assert_eq!(groups[1].path.to_str(), Some("/b c"));
/// ```
#[must_use]
pub fn memberships(bytes: &[u8]) -> Vec<Membership> {
    lines(bytes).filter_map(membership).collect()
}

fn membership(line: &[u8]) -> Option<Membership> {
    let mut parts = line.splitn(3, |byte| *byte == b':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    path.starts_with(b"/").then(|| Membership {
        controllers: words(controllers, b',').map(lossy).collect(),
        path: PathBuf::from(OsString::from_vec(path.to_vec())),
    })
}

/// A control group hierarchy among the mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// Which group of the hierarchy is seen at the mount point.
    pub root: PathBuf,
    /// Where it is mounted.
    pub point: PathBuf,
    /// The options of the hierarchy, among them the controllers; none for version 2.
    pub controllers: Vec<String>,
    /// Whether the hierarchy is of version 2.
    pub unified: bool,
}

/// The control group hierarchies in `/proc/self/mountinfo`. Where several are mounted on one point,
/// only the last can be seen. Lines that are none are left out.
///
/// ```
/// use heliostat_admission::parse;
///
/// let mounts = parse::mounts(b"30 20 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup rw\n");
/// assert!(mounts[0].unified);
/// ```
#[must_use]
pub fn mounts(bytes: &[u8]) -> Vec<Mount> {
    let mut mounts: Vec<Mount> = Vec::new();
    for mount in lines(bytes).filter_map(mount) {
        mounts.retain(|known| known.point != mount.point);
        mounts.push(mount);
    }
    mounts
}

fn mount(line: &[u8]) -> Option<Mount> {
    let mut words = words(line, b' ');
    let (root, point) = (words.nth(3)?, words.next()?);
    let mut rest = words.skip_while(|word| *word != b"-").skip(1);
    let (kind, _, options) = (rest.next()?, rest.next()?, rest.next().unwrap_or_default());
    let unified = kind == b"cgroup2";
    (unified || kind == b"cgroup").then(|| Mount {
        root: unescaped(root),
        point: unescaped(point),
        controllers: match unified {
            true => Vec::new(),
            false => self::words(options, b',').map(lossy).collect(),
        },
        unified,
    })
}

/// Undoes the octal escapes of `/proc/self/mountinfo`.
fn unescaped(word: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let [first, tail @ ..] = rest {
        let octal = |digit: &u8| (b'0'..=b'7').contains(digit);
        match tail {
            [a @ b'0'..=b'3', b, c, after @ ..] if *first == b'\\' && octal(b) && octal(c) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

/// A set of CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpus {
    words: Vec<u64>,
}

/// The largest number of a CPU that is believed.
pub const CPU_MAX: u32 = 65_535;

impl Cpus {
    /// A set of these.
    pub fn of(cpus: impl IntoIterator<Item = u32>) -> Cpus {
        let mut set = Cpus::default();
        cpus.into_iter().for_each(|cpu| set.insert(cpu));
        set
    }

    /// Adds one; a number that is not believed is left out.
    pub fn insert(&mut self, cpu: u32) {
        if cpu > CPU_MAX {
            return;
        }
        let at = (cpu / 64) as usize;
        if self.words.len() <= at {
            self.words.resize(at + 1, 0);
        }
        if let Some(word) = self.words.get_mut(at) {
            *word |= 1 << (cpu % 64);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(&self, other: &Cpus) -> Cpus {
        Cpus { words: self.words.iter().zip(&other.words).map(|(a, b)| a & b).collect() }
    }

    /// So much CPU.
    #[must_use]
    pub fn milli(&self) -> MilliCpu {
        MilliCpu::cpus(self.count().into())
    }
}

/// So many CPUs a list can name, those counted that it names again: reading one takes no longer than
/// that, whatever its length.
pub const CPUS_NAMED_MAX: u32 = 1 << 20;

/// A list of CPUs as in `cpuset.cpus.effective`: `0-3,8`. Also `0-31:2/8`, groups within a range.
///
/// ```
/// use heliostat_admission::parse;
///
/// assert_eq!(parse::cpus(b"0-3,8\n").unwrap().count(), 5);
/// assert!(parse::cpus(b"3-0").is_err());
/// ```
///
/// # Errors
///
/// For everything that is no such list, and for one that names the same CPUs over and over. The empty
/// list is one.
pub fn cpus(bytes: &[u8]) -> Result<Cpus, Malformed> {
    let mut set = Cpus::default();
    let mut named = 0_u32;
    for range in words(bytes.trim_ascii(), b',') {
        let (range, group) = split(range, b':').map_or((range, None), |(a, b)| (a, Some(b)));
        let (first, last) = split(range, b'-').unwrap_or((range, range));
        let (first, last) = (cpu(first)?, cpu(last)?);
        let (used, of) = match group {
            None => (1, 1),
            Some(group) => {
                let (used, of) = split(group, b'/').ok_or(Malformed("not a list of CPUs"))?;
                (cpu(used)?, cpu(of)?)
            }
        };
        if last < first || of == 0 || used > of {
            return Err(Malformed("not a list of CPUs"));
        }
        named = named.saturating_add(last - first);
        if named > CPUS_NAMED_MAX {
            return Err(Malformed("a list that repeats itself"));
        }
        (first..=last).filter(|cpu| (cpu - first) % of < used).for_each(|cpu| set.insert(cpu));
    }
    Ok(set)
}

fn cpu(digits: &[u8]) -> Result<u32, Malformed> {
    let cpu = number(digits)?;
    let cpu = u32::try_from(cpu).ok().filter(|cpu| *cpu <= CPU_MAX);
    cpu.ok_or(Malformed("a CPU with too large a number"))
}

/// `cpu.max`: quota and period, or `max` for none.
///
/// ```
/// use heliostat_admission::{MilliCpu, parse};
///
/// assert_eq!(parse::cpu_max(b"150000 100000\n"), Ok(Some(MilliCpu::new(1500))));
/// assert_eq!(parse::cpu_max(b"max 100000\n"), Ok(None));
/// ```
///
/// # Errors
///
/// For everything else.
pub fn cpu_max(bytes: &[u8]) -> Result<Option<MilliCpu>, Malformed> {
    let text = bytes.trim_ascii();
    let (quota, period) = split(text, b' ').ok_or(Malformed("not a quota and a period"))?;
    let period = number(period)?;
    if quota == b"max" {
        return Ok(None);
    }
    part(number(quota)?, period).map(Some)
}

/// `cpu.cfs_quota_us` and `cpu.cfs_period_us`; a negative quota is none.
///
/// # Errors
///
/// When one is no number, or the period is nothing.
pub fn cfs_quota(quota: &[u8], period: &[u8]) -> Result<Option<MilliCpu>, Malformed> {
    let quota = quota.trim_ascii();
    if let Some(negative) = quota.strip_prefix(b"-") {
        return number(negative).map(|_| None);
    }
    part(number(quota)?, number(period)?).map(Some)
}

/// So much of every period, rounded down: never more than is allowed.
fn part(quota: u64, period: u64) -> Result<MilliCpu, Malformed> {
    let milli = (u128::from(quota) * 1000).checked_div(period.into());
    let milli = milli.ok_or(Malformed("a period of nothing"))?;
    Ok(MilliCpu::new(u64::try_from(milli).unwrap_or(u64::MAX)))
}

/// A limit in bytes: a number, or `max` for none. Version 1 says none with a number that is close to
/// the largest; everything from 2^62 on is taken for it.
///
/// ```
/// use heliostat_admission::{Bytes, parse};
///
/// assert_eq!(parse::limit(b"536870912\n"), Ok(Some(Bytes::new(512 << 20))));
/// assert_eq!(parse::limit(b"9223372036854771712\n"), Ok(None));
/// ```
///
/// # Errors
///
/// For everything else.
pub fn limit(bytes: &[u8]) -> Result<Option<Bytes>, Malformed> {
    match bytes.trim_ascii() {
        b"max" => Ok(None),
        digits => number(digits).map(|limit| (limit < 1 << 62).then_some(Bytes::new(limit))),
    }
}

/// A number in decimal digits, with white space around it.
///
/// # Errors
///
/// For everything else, and what is above 2^64 - 1.
pub fn number(bytes: &[u8]) -> Result<u64, Malformed> {
    let digits = bytes.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Malformed("not a number"));
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        let sum = sum.checked_mul(10).and_then(|sum| sum.checked_add((digit - b'0').into()));
        sum.ok_or(Malformed("a number too large"))
    })
}

/// The value of a key in a file of keys and values, such as `memory.stat` or `cpu.stat`.
///
/// # Errors
///
/// When the key is not there, or its value is no number.
pub fn keyed(bytes: &[u8], key: &str) -> Result<u64, Malformed> {
    let mut values = lines(bytes).filter_map(|line| split(line, b' '));
    let value = values.find(|(name, _)| *name == key.as_bytes());
    number(value.ok_or(Malformed("the key is not there"))?.1)
}

/// The value of a key in `/proc/meminfo` or `/proc/self/status`, which count in units of 1024 bytes.
///
/// ```
/// use heliostat_admission::{Bytes, parse};
///
/// assert_eq!(parse::kib(b"MemTotal:  2048 kB\n", "MemTotal"), Ok(Bytes::new(2 << 20)));
/// ```
///
/// # Errors
///
/// When the key is not there, or its value is no number of kB that can be counted in bytes.
pub fn kib(bytes: &[u8], key: &str) -> Result<Bytes, Malformed> {
    let value = colon(bytes, key)?;
    let digits = value.trim_ascii().strip_suffix(b"kB").ok_or(Malformed("not in kB"))?;
    Bytes::kib(number(digits)?).ok_or(Malformed("a number too large"))
}

/// `Cpus_allowed_list` of `/proc/self/status`.
///
/// # Errors
///
/// When it is not there or no list of CPUs.
pub fn allowed(bytes: &[u8]) -> Result<Cpus, Malformed> {
    cpus(colon(bytes, "Cpus_allowed_list")?)
}

fn colon<'a>(bytes: &'a [u8], key: &str) -> Result<&'a [u8], Malformed> {
    let mut values = lines(bytes).filter_map(|line| split(line, b':'));
    let value = values.find(|(name, _)| *name == key.as_bytes());
    value.map(|(_, value)| value).ok_or(Malformed("the key is not there"))
}

/// The `some` line of a pressure file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stall {
    /// The share of the last ten seconds in which some task waited, in hundredths of a percent.
    pub avg10: u32,
    /// How long some task has waited since boot, in microseconds.
    pub total_us: u64,
}

/// A pressure file such as `/proc/pressure/memory`.
///
/// ```
/// use heliostat_admission::parse;
///
/// let text = b"some avg10=1.25 avg60=0.00 avg300=0.00 total=7\nfull avg10=0.00\n";
/// let stall = parse::stall(text).unwrap();
/// assert_eq!((stall.avg10, stall.total_us), (125, 7));
/// ```
///
/// # Errors
///
/// When it has no such line, or a value in it is no number.
pub fn stall(bytes: &[u8]) -> Result<Stall, Malformed> {
    let some = lines(bytes).find_map(|line| line.strip_prefix(b"some "));
    let some = some.ok_or(Malformed("the key is not there"))?;
    let value = |key: &[u8]| {
        let mut pairs = words(some, b' ').filter_map(|pair| split(pair, b'='));
        pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
    };
    let avg10 = value(b"avg10").ok_or(Malformed("the key is not there"))?;
    let (whole, rest) = split(avg10, b'.').ok_or(Malformed("not a percentage"))?;
    let (whole, rest) = (number(whole)?, number(rest)?);
    let avg10 = whole.checked_mul(100).and_then(|whole| whole.checked_add(rest));
    let avg10 = avg10.and_then(|avg10| u32::try_from(avg10).ok());
    let total = value(b"total").ok_or(Malformed("the key is not there"))?;
    Ok(Stall { avg10: avg10.ok_or(Malformed("a number too large"))?, total_us: number(total)? })
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    words(bytes, b'\n')
}

/// The parts between separators that are not empty.
fn words(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    bytes.split(move |byte| *byte == separator).filter(|word| !word.is_empty())
}

fn split(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == separator)?;
    let (before, after) = bytes.split_at(at);
    Some((before, after.get(1..)?))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
