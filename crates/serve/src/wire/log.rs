//! A line for every answer, which never waits for a disk.
//!
//! Serving threads collect lines in buffers of their own and hand whole buffers to a writing
//! thread through a bounded queue. When the queue is full, because a disk is slow or full, lines
//! are dropped and counted; when writing fails, the lines of that buffer are counted as dropped.
//! The form of a line is the one that MirrorManager's statistics split at blanks.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use heliostat_snapshot::Code;

use crate::write::civil;

/// An open access log.
#[derive(Debug)]
pub struct AccessLog {
    sender: SyncSender<Vec<u8>>,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What became of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogCounts {
    /// Lines written to the file.
    pub lines_written: u64,
    /// Lines that were lost because the file could not take them in time.
    pub lines_dropped: u64,
}

#[derive(Debug, Default)]
struct Shared {
    reopen: AtomicBool,
    lines_written: AtomicU64,
    lines_dropped: AtomicU64,
}

impl AccessLog {
    /// Opens a log file for appending and starts its writing thread.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or the thread cannot be started.
    pub fn open(path: &Path) -> io::Result<Arc<AccessLog>> {
        let file = open(path)?;
        let (sender, receiver) = sync_channel(BUFFERS_MAX);
        let shared = Arc::new(Shared::default());
        let (path, theirs) = (path.to_owned(), Arc::clone(&shared));
        let writer = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write(&receiver, &path, file, &theirs))?;
        Ok(Arc::new(AccessLog { sender, shared, writer: Mutex::new(Some(writer)) }))
    }

    /// Asks for the file to be opened again under its name, after it was moved away.
    pub fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::Release);
        // An empty buffer wakes the writer; when the queue is full it is awake.
        let _ = self.sender.try_send(Vec::new());
    }

    /// What became of lines until now.
    pub fn counts(&self) -> LogCounts {
        LogCounts {
            lines_written: self.shared.lines_written.load(Ordering::Relaxed),
            lines_dropped: self.shared.lines_dropped.load(Ordering::Relaxed),
        }
    }

    /// Hands over a buffer of lines, or counts them as dropped; never waits.
    fn send(&self, lines: Vec<u8>) {
        if let Err(TrySendError::Full(lines) | TrySendError::Disconnected(lines)) =
            self.sender.try_send(lines)
        {
            self.shared.lines_dropped.fetch_add(count(&lines), Ordering::Relaxed);
        }
    }
}

impl AccessLog {
    /// Writes what is in the queue and ends the writing thread; later lines are dropped.
    pub fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return };
        // The mark that ends the writer must get through; the writer is emptying the queue.
        let _ = self.sender.send(END.to_vec());
        let _ = writer.join();
    }
}

/// The lines of one thread, not yet handed over.
#[derive(Debug)]
pub(crate) struct Lines {
    log: Arc<AccessLog>,
    buffer: Vec<u8>,
    /// The day of `date`, so that it is made once a day.
    day: u64,
    date: [u8; 10],
}

/// What a line says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'l> {
    pub(crate) address: IpAddr,
    pub(crate) now_unix_s: u64,
    pub(crate) country: Option<Code>,
    pub(crate) repo: &'l [u8],
    pub(crate) arch: &'l [u8],
}

impl Lines {
    /// No lines yet.
    pub(crate) fn new(log: Arc<AccessLog>) -> Lines {
        Lines { log, buffer: Vec::new(), day: u64::MAX, date: [0; 10] }
    }

    /// Adds `IP: …; DATE: …; COUNTRY: …; REPO: …; ARCH: …`.
    pub(crate) fn add(&mut self, line: &Line<'_>) {
        let day = line.now_unix_s / 86_400;
        if day != self.day {
            let (year, month, day_of_month) = civil(day);
            let date = format!("{:04}-{month:02}-{day_of_month:02}", year % 10_000);
            self.date.copy_from_slice(date.as_bytes());
            self.day = day;
        }
        let out = &mut self.buffer;
        out.extend_from_slice(b"IP: ");
        // Writing to a vector cannot fail.
        let _ = write!(out, "{}", line.address);
        out.extend_from_slice(b"; DATE: ");
        out.extend_from_slice(&self.date);
        out.extend_from_slice(b"; COUNTRY: ");
        match line.country {
            Some(country) => out.extend_from_slice(&country.to_bytes()),
            None => out.extend_from_slice(b"N/A"),
        }
        out.extend_from_slice(b"; REPO: ");
        word(out, line.repo);
        out.extend_from_slice(b"; ARCH: ");
        word(out, line.arch);
        out.push(b'\n');
        if out.len() >= BUFFER_BYTES {
            self.flush();
        }
    }

    /// Hands over what there is.
    pub(crate) fn flush(&mut self) {
        if !self.buffer.is_empty() {
            let next = Vec::with_capacity(self.buffer.len());
            self.log.send(std::mem::replace(&mut self.buffer, next));
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush();
    }
}

/// A name without blanks, because the line is split at them.
fn word(out: &mut Vec<u8>, text: &[u8]) {
    out.extend(text.iter().map(|&byte| match byte {
        0..=b' ' | 0x7f | b';' => b'_',
        other => other,
    }));
}

/// The writing thread.
fn write(receiver: &Receiver<Vec<u8>>, path: &Path, file: File, shared: &Shared) {
    let mut file = Some(file);
    let mut failing = false;
    loop {
        let lines = match receiver.recv_timeout(Duration::from_secs(1)) {
            Ok(lines) if lines == END => return,
            Ok(lines) => lines,
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if shared.reopen.swap(false, Ordering::AcqRel) || file.is_none() {
            match open(path) {
                Ok(opened) => file = Some(opened),
                // Better the old file than none.
                Err(error) => complain(&mut failing, path, &error),
            }
        }
        if lines.is_empty() {
            continue;
        }
        let written = file
            .as_mut()
            .map_or_else(|| Err(io::ErrorKind::NotFound.into()), |file| file.write_all(&lines));
        match written {
            Ok(()) => {
                failing = false;
                shared.lines_written.fetch_add(count(&lines), Ordering::Relaxed);
            }
            Err(error) => {
                shared.lines_dropped.fetch_add(count(&lines), Ordering::Relaxed);
                complain(&mut failing, path, &error);
            }
        }
    }
}

/// Says it once, until it works again.
fn complain(failing: &mut bool, path: &Path, error: &io::Error) {
    if !std::mem::replace(failing, true) {
        tracing::warn!(path = %path.display(), %error, "access log lines are being dropped");
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|&&byte| byte == b'\n').count() as u64
}

/// What a thread collects before it hands over; at the latest it does so every second.
const BUFFER_BYTES: usize = 32 * 1024;

/// Buffers that may wait to be written: 8 MiB of lines.
const BUFFERS_MAX: usize = 256;

/// The buffer after which nothing comes; no line looks like it.
const END: &[u8] = b"\0";
