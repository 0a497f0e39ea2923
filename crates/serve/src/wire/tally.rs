//! Answers, counted by what they were about.
//!
//! A combination of labels gets a small number when it is first seen. A thread remembers the
//! numbers of the combinations that it has met, under a key of small integers, so that counting is
//! one look into a table of its own and one per-CPU addition. Rows of a snapshot mean something
//! else in the next one, so repositories get small numbers of their own, by name: when the snapshot
//! changes, a thread forgets which row has which number, and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use foldhash::fast::RandomState;
use heliostat_percpu::CounterVec;
use heliostat_snapshot::records::RepositoryRow;
use heliostat_snapshot::{Code, Snapshot};

use crate::ask::Schemes;
use crate::choose::Tier;

/// What answers are counted by. No client is in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AnswerKey {
    /// The repository that was served, if any.
    pub repository: Option<Arc<RepositoryName>>,
    /// The country that the answer was made for.
    pub country: Option<Code>,
    /// The nearest tier that gave a mirror.
    pub tier: Option<Tier>,
    /// The schemes that the client asked for; none when it did not say.
    pub protocol: Option<Schemes>,
    /// The status of the answer.
    pub status: u16,
    /// `countme=`; 0 when not given.
    pub countme: u8,
}

/// What clients call a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct RepositoryName {
    /// `repo=`.
    pub prefix: String,
    /// `arch=`.
    pub arch: String,
}

/// The same within one snapshot, as small integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// Row of the repository, which has one architecture.
    pub repository: Option<u32>,
    /// The country that the answer was made for.
    pub country: Option<Code>,
    /// The nearest tier that gave a mirror.
    pub tier: Option<Tier>,
    /// The schemes that the client asked for.
    pub protocol: Option<Schemes>,
    /// The status of the answer.
    pub status: u16,
    /// `countme=`.
    pub countme: u8,
}

/// The counts.
#[derive(Debug)]
pub struct Tally {
    /// The last counter is for combinations that got no number.
    counts: CounterVec,
    known: Mutex<Known>,
    repositories: Mutex<Repositories>,
    /// The numbers of combinations, once there are no more to give: read without a lock from then
    /// on.
    full: OnceLock<Numbers>,
}

/// The numbers of combinations, each packed into a word.
type Numbers = HashMap<u64, u32, RandomState>;

/// The combinations that have a number. Only grows.
#[derive(Debug, Default)]
struct Known {
    numbers: Numbers,
    keys: Vec<u64>,
}

/// The repositories that were met, under numbers from 1 on.
#[derive(Debug, Default)]
struct Repositories {
    numbers: HashMap<Arc<RepositoryName>, u32>,
    names: Vec<Arc<RepositoryName>>,
}

impl Tally {
    /// Nothing is counted yet; so many combinations will be counted apart.
    pub fn new(keys_max: usize) -> Tally {
        Tally {
            counts: CounterVec::new(keys_max + 1),
            known: Mutex::default(),
            repositories: Mutex::default(),
            full: OnceLock::new(),
        }
    }

    /// Every combination with its count, and the count of all others together.
    ///
    /// `keys` is kept by the caller from one time to the next: the lock that threads need when they
    /// meet something new is only held while the new combinations are copied.
    pub fn read(&self, keys: &mut Vec<AnswerKey>) -> (Vec<u64>, u64) {
        let new = lock(&self.known).keys[keys.len()..].to_vec();
        let repositories = lock(&self.repositories);
        keys.extend(new.into_iter().map(|key| unpack(key, &repositories.names)));
        drop(repositories);
        let mut counts = vec![0; keys.len()];
        self.counts.sum_into(&mut counts);
        (counts, self.counts.sum(self.others()))
    }

    /// The number of a combination; of the others when there are no more.
    fn number(&self, key: u64) -> u32 {
        let others = self.others() as u32;
        let in_full = |full: &Numbers| full.get(&key).copied().unwrap_or(others);
        if let Some(full) = self.full.get() {
            return in_full(full);
        }
        let mut known = lock(&self.known);
        // While this thread waited, the last number may have been given.
        if let Some(full) = self.full.get() {
            return in_full(full);
        }
        if let Some(&number) = known.numbers.get(&key) {
            return number;
        }
        let number = known.keys.len() as u32;
        if number == others {
            let numbers = std::mem::take(&mut known.numbers);
            return in_full(self.full.get_or_init(|| numbers));
        }
        known.keys.push(key);
        known.numbers.insert(key, number);
        number
    }

    /// The number of a repository.
    fn repository(&self, snapshot: &Snapshot, row: u32) -> u32 {
        let name = repository_name(snapshot, row);
        let mut repositories = lock(&self.repositories);
        if let Some(&number) = repositories.numbers.get(&name) {
            return number;
        }
        let name = Arc::new(name);
        repositories.names.push(Arc::clone(&name));
        let number = repositories.names.len() as u32;
        repositories.numbers.insert(name, number);
        number
    }

    fn others(&self) -> usize {
        self.counts.len() - 1
    }
}

/// Collections that are grown without code of ours in between, so that they are whole also after a
/// panic elsewhere.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one thread remembers of the combinations that it has met.
#[derive(Debug, Default)]
pub struct Clerk {
    /// The snapshot whose rows are meant. A weak reference keeps the address from being used again,
    /// not the snapshot.
    of: Weak<Snapshot>,
    /// By row: the number of the repository; 0 when it was not met yet.
    repositories: Vec<u32>,
    numbers: Numbers,
}

impl Clerk {
    /// Remembers nothing.
    pub fn new() -> Clerk {
        Clerk::default()
    }

    /// Counts an answer from a snapshot, or from none.
    #[inline]
    pub fn count(&mut self, tally: &Tally, from: Option<&Arc<Snapshot>>, marks: Marks) {
        let address = from.map_or(Weak::<Snapshot>::new().as_ptr(), Arc::as_ptr);
        if !std::ptr::eq(self.of.as_ptr(), address) {
            self.repositories.clear();
            self.of = from.map(Arc::downgrade).unwrap_or_default();
        }
        let key = marks.pack(self.repository(tally, from, marks));
        let number = match self.numbers.get(&key) {
            Some(&number) => number as usize,
            None => self.meet(tally, key),
        };
        tally.counts.increment(number);
    }

    /// The number of the repository that was served; 0 when there was none.
    #[inline]
    fn repository(&mut self, tally: &Tally, from: Option<&Arc<Snapshot>>, marks: Marks) -> u32 {
        let (Some(row), Some(snapshot)) = (marks.repository, from) else { return 0 };
        match self.repositories.get(row as usize) {
            Some(&number) if number != 0 => number,
            _ => self.meet_repository(tally, snapshot, row),
        }
    }

    #[cold]
    fn meet_repository(&mut self, tally: &Tally, snapshot: &Snapshot, row: u32) -> u32 {
        self.repositories.resize(snapshot.rows::<RepositoryRow>().len(), 0);
        let number = tally.repository(snapshot, row);
        if let Some(known) = self.repositories.get_mut(row as usize) {
            *known = number;
        }
        number
    }

    #[cold]
    fn meet(&mut self, tally: &Tally, key: u64) -> usize {
        let number = tally.number(key);
        if number as usize != tally.others() {
            self.numbers.insert(key, number);
        }
        number as usize
    }
}

impl Marks {
    /// All of it in one word: 32 bits of the repository's number, 16 of country, 4 each of tier,
    /// schemes, status and countme.
    #[inline]
    fn pack(self, repository: u32) -> u64 {
        let repository = u64::from(repository);
        let country = u64::from(self.country.map_or(0, |code| u16::from_le_bytes(code.to_bytes())));
        let tier = self.tier.map_or(0, |tier| tier as u64 + 1);
        let protocol = u64::from(self.protocol.map_or(0, Schemes::bits));
        let status = STATUSES.iter().position(|&known| known == self.status).map_or(0, |at| at + 1);
        let countme = u64::from(self.countme.min(7));
        repository << 32
            | country << 16
            | tier << 12
            | protocol << 8
            | (status as u64) << 4
            | countme
    }
}

/// What the integers stand for, with the names of repositories by their numbers.
fn unpack(key: u64, names: &[Arc<RepositoryName>]) -> AnswerKey {
    let at = |number: u64| (number as usize).checked_sub(1);
    let four_bits = |shift: u32| key >> shift & 0xf;
    let protocol = Schemes::from_bits(four_bits(8) as u8);
    AnswerKey {
        repository: at(key >> 32).and_then(|at| names.get(at)).cloned(),
        country: Code::from_bytes(&((key >> 16) as u16).to_le_bytes()),
        tier: at(four_bits(12)).and_then(|at| Tier::ALL.get(at)).copied(),
        protocol: Some(protocol).filter(|&schemes| schemes != Schemes::NONE),
        status: at(four_bits(4)).and_then(|at| STATUSES.get(at)).copied().unwrap_or_default(),
        countme: four_bits(0) as u8,
    }
}

fn repository_name(snapshot: &Snapshot, row: u32) -> RepositoryName {
    let Some(row) = snapshot.row::<RepositoryRow>(row) else { return RepositoryName::default() };
    let text = |text| String::from_utf8_lossy(snapshot.text(text)).into_owned();
    RepositoryName { prefix: text(row.prefix), arch: text(row.arch) }
}

/// The statuses of answers about lists; any other counts as none of them.
const STATUSES: [u16; 5] = [200, 302, 400, 404, 503];

#[cfg(test)]
#[path = "../tests/tally.rs"]
mod tests;
