//! The last words of a worker: the end of its standard error, cut to what an error may carry.
//!
//! A worker that floods is not read faster than the budget; the pipe fills, the worker waits in
//! its own `write`, and its job's limit takes care of the rest.

use std::collections::VecDeque;
use std::mem;

/// The last lines, each cut.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    partial: Vec<u8>,
    cut: bool,
}

impl Tail {
    /// Takes what was read and shows each line that is whole.
    pub(crate) fn push(&mut self, bytes: &[u8], show: &mut dyn FnMut(&str)) {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(show),
                _ if self.partial.len() < LINE_BYTES => self.partial.push(*byte),
                _ => self.cut = true,
            }
        }
    }

    fn end_line(&mut self, show: &mut dyn FnMut(&str)) {
        let mut line: String = String::from_utf8_lossy(&mem::take(&mut self.partial))
            .chars()
            .filter(|c| !c.is_control())
            .collect();
        if mem::take(&mut self.cut) {
            line.push('…');
        }
        show(&line);
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The last lines, also one that was not ended.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        if !self.partial.is_empty() {
            self.end_line(&mut |_| {});
        }
        self.lines.iter().cloned().collect()
    }
}

/// Lines that are kept.
const LINES: usize = 8;
/// Longest line that is kept whole.
const LINE_BYTES: usize = 512;
/// Bytes that are read at once, and how long the reader then rests.
pub(crate) const BURST_BYTES: usize = 32 << 10;
/// See [`BURST_BYTES`].
pub(crate) const REST_MS: u64 = 20;

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES, LINES, Tail};

    #[test]
    fn the_end_is_kept_and_no_more() {
        let mut tail = Tail::default();
        let mut shown = 0;
        for line in 0..1000 {
            tail.push(format!("line {line}\n").as_bytes(), &mut |_| shown += 1);
        }
        tail.push(&vec![b'x'; 1 << 20], &mut |_| shown += 1);
        tail.push(b"\nlast \x1b[31mwords", &mut |_| shown += 1);
        let lines = tail.lines();
        assert_eq!((shown, lines.len()), (1001, LINES));
        assert_eq!(lines.last().unwrap(), "last [31mwords");
        assert!(lines[LINES - 2].len() <= LINE_BYTES + '…'.len_utf8());
        assert_eq!(lines[0], "line 994");
    }
}
