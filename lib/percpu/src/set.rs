//! A set of CPUs: a bit set that grows, with the kernel's list format both ways.
//!
//! The words are kept without trailing zeros, so that two sets of the same CPUs are equal whatever
//! buffer they were read into.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitXor, Sub};
use std::str::FromStr;

use crate::{CpuId, Error};

/// A set of CPUs, such as an affinity mask or a cpuset.
///
/// ```
/// use heliostat_percpu::{CpuId, CpuSet};
///
/// let set: CpuSet = "0-3,8".parse()?;
/// assert_eq!(set.len(), 5);
/// assert!(set.contains(CpuId::new(8)?));
/// assert_eq!((&set - &"1-2".parse()?).to_string(), "0,3,8");
/// # Ok::<(), heliostat_percpu::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct CpuSet {
    words: Vec<u64>,
}

impl CpuSet {
    /// The set without a CPU.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: Vec::new() }
    }

    /// The set of this CPU alone.
    #[must_use]
    pub fn only(cpu: CpuId) -> Self {
        Self::from_iter([cpu])
    }

    /// Reads the kernel's list format from bytes: `0-3,8`, also `0-31:2/8` (the first 2 of every 8).
    ///
    /// Blanks and line ends around the items are ignored, as the kernel does, and the empty list is
    /// the empty set.
    ///
    /// # Errors
    ///
    /// [`Error::is_syntax`] when the bytes are no such list, [`Error::is_out_of_range`] for a number
    /// above [`CpuId::MAX`].
    pub fn from_list(bytes: &[u8]) -> Result<Self, Error> {
        let mut list = List { bytes, at: 0 };
        let mut set = Self::new();
        while list.skip_separators() {
            let item = list.item()?;
            item.cpus().for_each(|cpu| {
                set.insert(cpu);
            });
        }
        Ok(set)
    }

    /// Puts a CPU into the set; `true` when it was not there before.
    pub fn insert(&mut self, cpu: CpuId) -> bool {
        let (word, bit) = place(cpu);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        new
    }

    /// Takes a CPU out of the set; `true` when it was there.
    pub fn remove(&mut self, cpu: CpuId) -> bool {
        let there = self.contains(cpu);
        if there {
            let (word, bit) = place(cpu);
            self.words[word] &= !bit;
            self.trim();
        }
        there
    }

    /// Whether the CPU is in the set.
    #[must_use]
    pub fn contains(&self, cpu: CpuId) -> bool {
        let (word, bit) = place(cpu);
        self.words.get(word).is_some_and(|w| w & bit != 0)
    }

    /// How many CPUs the set has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Whether the set has no CPU.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The lowest CPU.
    #[must_use]
    pub fn first(&self) -> Option<CpuId> {
        self.iter().next()
    }

    /// The highest CPU.
    #[must_use]
    pub fn last(&self) -> Option<CpuId> {
        self.iter().last()
    }

    /// Whether every CPU of this set is in the other.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        (self - other).is_empty()
    }

    /// Whether the two sets have no CPU in common.
    #[must_use]
    pub fn is_disjoint(&self, other: &Self) -> bool {
        (self & other).is_empty()
    }

    /// The CPUs, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = CpuId> + '_ {
        self.words.iter().zip(0u32..).flat_map(|(word, at)| {
            // Each step takes the lowest bit away.
            let rest = |bits: &u64| Some(bits & bits.wrapping_sub(1));
            std::iter::successors(Some(*word), rest)
                .take_while(|bits| *bits != 0)
                .filter_map(move |bits| CpuId::new(at * u64::BITS + bits.trailing_zeros()).ok())
        })
    }

    /// The set as the kernel's mask words, without trailing zeros.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// The set of the kernel's mask words.
    pub(crate) fn from_words(words: &[u64]) -> Self {
        let most = CpuId::MAX as usize / u64::BITS as usize + 1;
        let mut set = Self { words: words[..words.len().min(most)].to_vec() };
        set.trim();
        set
    }

    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    /// Combines two sets word by word, the shorter one filled up with zeros.
    fn combine(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        let word = |set: &Self, at: usize| set.words.get(at).copied().unwrap_or(0);
        let length = self.words.len().max(other.words.len());
        let words: Vec<u64> = (0..length).map(|at| with(word(self, at), word(other, at))).collect();
        Self::from_words(&words)
    }
}

impl FromStr for CpuSet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::from_list(text.as_bytes())
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cpus = self.iter().map(u32::from).peekable();
        let mut comma = "";
        while let Some(first) = cpus.next() {
            let mut last = first;
            while let Some(next) = cpus.next_if_eq(&(last + 1)) {
                last = next;
            }
            write!(f, "{comma}{first}")?;
            if last > first {
                write!(f, "-{last}")?;
            }
            comma = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuSet({self})")
    }
}

impl FromIterator<CpuId> for CpuSet {
    fn from_iter<I: IntoIterator<Item = CpuId>>(cpus: I) -> Self {
        let mut set = Self::new();
        set.extend(cpus);
        set
    }
}

impl Extend<CpuId> for CpuSet {
    fn extend<I: IntoIterator<Item = CpuId>>(&mut self, cpus: I) {
        for cpu in cpus {
            self.insert(cpu);
        }
    }
}

impl BitOr for &CpuSet {
    type Output = CpuSet;

    fn bitor(self, other: Self) -> CpuSet {
        self.combine(other, |a, b| a | b)
    }
}

impl BitAnd for &CpuSet {
    type Output = CpuSet;

    fn bitand(self, other: Self) -> CpuSet {
        self.combine(other, |a, b| a & b)
    }
}

impl BitXor for &CpuSet {
    type Output = CpuSet;

    fn bitxor(self, other: Self) -> CpuSet {
        self.combine(other, |a, b| a ^ b)
    }
}

impl Sub for &CpuSet {
    type Output = CpuSet;

    fn sub(self, other: Self) -> CpuSet {
        self.combine(other, |a, b| a & !b)
    }
}

fn place(cpu: CpuId) -> (usize, u64) {
    let bits = u64::BITS as usize;
    (cpu.index() / bits, 1 << (cpu.index() % bits))
}

/// A position in a list that is being read.
struct List<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl List<'_> {
    /// Moves to the next item; `false` at the end of the list.
    fn skip_separators(&mut self) -> bool {
        while self.peek().is_some_and(|b| b == b',' || b.is_ascii_whitespace()) {
            self.at += 1;
        }
        self.at < self.bytes.len()
    }

    /// Reads `first`, `first-last` or `first-last:used/group`, up to a separator.
    fn item(&mut self) -> Result<Item, Error> {
        let first = self.number()?;
        let mut item = Item { first, last: first, used: 1, group: 1 };
        if self.take(b'-') {
            let at = self.at;
            item.last = self.number()?;
            if item.last < first {
                return Err(Error::syntax(at));
            }
            if self.take(b':') {
                let at = self.at;
                item.used = self.number()?;
                if !self.take(b'/') {
                    return Err(Error::syntax(self.at));
                }
                item.group = self.number()?;
                if item.used == 0 || item.used > item.group {
                    return Err(Error::syntax(at));
                }
            }
        }
        match self.peek() {
            Some(b) if b != b',' && !b.is_ascii_whitespace() => Err(Error::syntax(self.at)),
            _ => Ok(item),
        }
    }

    fn number(&mut self) -> Result<u32, Error> {
        let digits = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return Err(Error::syntax(self.at));
        }
        let mut number = 0u32;
        for digit in &self.bytes[self.at..self.at + digits] {
            number = number * 10 + u32::from(digit - b'0');
            // Checked at every digit, so the product above cannot overflow.
            CpuId::new(number)?;
        }
        self.at += digits;
        Ok(number)
    }

    fn take(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        self.at += usize::from(here);
        here
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

/// One item of a list: the first `used` of every `group` CPUs from `first` to `last`.
struct Item {
    first: u32,
    last: u32,
    used: u32,
    group: u32,
}

impl Item {
    fn cpus(&self) -> impl Iterator<Item = CpuId> + '_ {
        (self.first..=self.last)
            .filter(|number| (number - self.first) % self.group < self.used)
            .filter_map(|number| CpuId::new(number).ok())
    }
}

#[cfg(test)]
#[path = "tests/set.rs"]
mod tests;
