//! What was answered on each day, for those who add up many nodes: `/totals`, and a file per run.
//!
//! Counters begin at zero with each start, so whoever only asks from time to time loses what was
//! counted between the last question and a restart. Here a thread reads the counters often, keeps
//! them by day, and writes them into a folder, the last time when the server has ended its last
//! request. A run that was killed has lost what it counted since the last time.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heliostat_serve::wire::{AnswerKey, Totals};
use serde_json::{Value, json};

/// The books of a run; they are closed when this is dropped.
#[derive(Debug)]
pub struct Books {
    shared: Arc<Shared>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and those who ask share.
#[derive(Debug)]
pub(crate) struct Shared {
    ledger: Mutex<Ledger>,
    totals: Arc<Totals>,
    folder: Option<PathBuf>,
}

/// What was counted, by day.
#[derive(Debug, Default)]
struct Ledger {
    node: String,
    run: String,
    keys: Vec<AnswerKey>,
    /// All that was counted when it was last read.
    read: Day,
    days: BTreeMap<u64, Day>,
}

/// Counts by dimension and name.
type Day = BTreeMap<&'static str, BTreeMap<String, u64>>;

impl Books {
    /// Begins to keep books, in a folder if there is one.
    ///
    /// `run` tells this run from every other of every node.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or written to, or no thread can be started.
    pub fn start(totals: Arc<Totals>, run: String, folder: Option<PathBuf>) -> io::Result<Books> {
        if let Some(folder) = &folder {
            fs::create_dir_all(folder)?;
            old_forget(folder, now_unix_s());
        }
        let node = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let node: String = node.trim().chars().filter(|c| !c.is_control()).take(64).collect();
        let node = if node.is_empty() { "unknown".to_owned() } else { node };
        let ledger = Ledger { node, run, ..Ledger::default() };
        let shared = Arc::new(Shared { ledger: Mutex::new(ledger), totals, folder });
        shared.read_and_write()?;
        let (stop, stopped) = mpsc::channel::<()>();
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("totals".to_owned()).spawn(move || {
            while stopped.recv_timeout(pause(now_unix_s())) == Err(RecvTimeoutError::Timeout) {
                own.read_and_tell();
            }
        })?;
        Ok(Books { shared, stop: Some(stop), thread: Some(thread) })
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ended = self.thread.take().map(JoinHandle::join);
        self.shared.read_and_tell();
    }
}

impl Shared {
    /// Everything as a document: this run, and those before it that are in the folder.
    pub(crate) fn document(&self) -> String {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.read(&self.totals, now_unix_s());
        let mut runs = vec![ledger.run()];
        for before in self.folder.iter().flat_map(|folder| files(folder)) {
            // One that is being written by somebody else just now is told the next time.
            let Ok(text) = fs::read_to_string(&before) else { continue };
            let Ok(mut read) = serde_json::from_str::<Value>(&text) else { continue };
            let Some(told) = read["runs"].as_array_mut() else { continue };
            told.retain(|run| run["run"] != ledger.run);
            runs.append(told);
        }
        json!({ "version": 1, "node": ledger.node, "runs": runs }).to_string()
    }

    fn read_and_tell(&self) {
        if let Err(error) = self.read_and_write() {
            tracing::warn!(%error, "the totals were not written; they will be with the next ones");
        }
    }

    fn read_and_write(&self) -> io::Result<()> {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = ledger.read(&self.totals, now_unix_s());
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = folder.join(format!("{}.{ENDING}", ledger.run));
        if !changed && path.exists() {
            return Ok(());
        }
        let text = json!({ "version": 1, "node": ledger.node, "runs": [ledger.run()] }).to_string();
        // Aside, and renamed: who reads it reads all of it.
        let aside = folder.join(format!("{}.new", ledger.run));
        let mut file = fs::File::create(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&aside, &path)
    }
}

impl Ledger {
    /// Reads the counters; whether anything was counted since the last time.
    fn read(&mut self, totals: &Totals, now_unix_s: u64) -> bool {
        let (counts, others) = totals.answers.read(&mut self.keys);
        let read = by_name(&self.keys, &counts, others);
        if read == self.read {
            return false;
        }
        let today = self.days.entry(now_unix_s / DAY_S).or_default();
        for (dimension, names) in &read {
            for (name, &count) in names {
                let before = self.read.get(dimension).and_then(|names| names.get(name));
                let more = count.saturating_sub(before.copied().unwrap_or(0));
                if more > 0 {
                    *today.entry(*dimension).or_default().entry(name.clone()).or_default() += more;
                }
            }
        }
        self.read = read;
        let first = (now_unix_s / DAY_S).saturating_sub(DAYS_KEPT);
        self.days.retain(|&day, _| day >= first);
        true
    }

    fn run(&self) -> Value {
        json!({ "run": self.run, "days": self.days })
    }
}

/// Counts by each label alone.
fn by_name(keys: &[AnswerKey], counts: &[u64], others: u64) -> Day {
    let mut day = Day::new();
    let mut add = |dimension, name: String, count: u64| {
        if count > 0 {
            *day.entry(dimension).or_default().entry(name).or_default() += count;
        }
    };
    for (key, &count) in keys.iter().zip(counts) {
        let AnswerKey { repository, country, tier, protocol, status, countme } = key;
        let none = || "none".to_owned();
        let repository = repository.as_deref();
        add("repository", repository.map_or_else(none, |of| named(&of.prefix)), count);
        add("arch", repository.map_or_else(none, |of| named(&of.arch)), count);
        let country = country.map_or_else(|| "N/A".to_owned(), |code| code.to_string());
        add("country", country, count);
        add("tier", tier.map_or("none", |tier| tier.name()).to_owned(), count);
        let protocol = protocol.map_or_else(
            || "default".to_owned(),
            |asked| asked.iter().map(|scheme| scheme.as_str()).collect::<Vec<_>>().join(","),
        );
        add("protocol", protocol, count);
        add("status", status.to_string(), count);
        add("countme", countme.to_string(), count);
    }
    // Combinations beyond those that are counted apart.
    for dimension in DIMENSIONS {
        add(dimension, "other".to_owned(), others);
    }
    day
}

/// A name as it may stand in statistics.
fn named(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let end = name.floor_char_boundary(NAME_BYTES_MAX);
    if end == 0 { "none".to_owned() } else { name[..end].to_owned() }
}

/// The files of runs in a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let found = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        found.filter(|path| path.extension().is_some_and(|end| end == ENDING)).collect();
    found.sort();
    found
}

/// Removes the files of runs that ended long ago: they have been added up, or never will be.
fn old_forget(folder: &Path, now_unix_s: u64) {
    for path in files(folder) {
        let written = fs::metadata(&path).and_then(|found| found.modified()).ok();
        let written = written.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let written = written.map_or(now_unix_s, |time| time.as_secs());
        if now_unix_s.saturating_sub(written) > DAYS_KEPT * DAY_S {
            let _ = fs::remove_file(path);
        }
    }
}

/// Until the counters are read again: soon, and when the day ends.
fn pause(now_unix_s: u64) -> Duration {
    Duration::from_secs(INTERVAL_S.min(DAY_S - now_unix_s % DAY_S))
}

fn now_unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

const DIMENSIONS: [&str; 7] =
    ["repository", "arch", "country", "tier", "protocol", "status", "countme"];

/// How often the counters are read.
const INTERVAL_S: u64 = 10;

/// How long days are kept for those who ask rarely.
const DAYS_KEPT: u64 = 35;
const DAY_S: u64 = 86_400;
const NAME_BYTES_MAX: usize = 255;

/// What files of totals end in.
const ENDING: &str = "totals";

#[cfg(test)]
mod tests {
    use heliostat_serve::Code;
    use heliostat_serve::wire::AnswerKey;

    use super::{DAY_S, DIMENSIONS, by_name, pause};

    #[test]
    fn every_answer_counts_once_by_each_name() {
        let key = |status, country: &str| AnswerKey {
            repository: None,
            country: Code::parse(country),
            tier: None,
            protocol: None,
            status,
            countme: 0,
        };
        let keys = [key(200, "SE"), key(200, "US"), key(404, "SE")];
        let day = by_name(&keys, &[5, 3, 2], 7);
        for dimension in DIMENSIONS {
            assert_eq!(day[dimension].values().sum::<u64>(), 17, "{dimension}");
        }
        assert_eq!((day["country"]["SE"], day["status"]["200"], day["tier"]["other"]), (7, 8, 7));
    }

    #[test]
    fn a_day_ends_when_it_ends() {
        assert_eq!(pause(100).as_secs(), 10);
        assert_eq!(pause(DAY_S - 3).as_secs(), 3);
    }
}
