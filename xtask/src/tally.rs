//! How many tests ran, added up over runners.
//!
//! Both runners close with one line of numbers; the tally reads either form, so that the last
//! line of a task can say the total whichever of them is installed. A runner indents what a failed
//! test printed, so an indented line of the standard runner is somebody's story, not a result.

use std::time::Duration;

/// Tests counted by outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Ran and held.
    pub(crate) passed: u64,
    /// Ran and did not hold.
    pub(crate) failed: u64,
    /// Marked as not to be run.
    pub(crate) ignored: u64,
}

impl Tally {
    /// Adds the numbers of a line, if it is a runner's closing line.
    pub(crate) fn read(&mut self, line: &str) {
        let line = without_colours(line);
        if let Some(numbers) = line.strip_prefix("test result: ") {
            self.add(numbers.split_once(". ").map_or("", |(_, rest)| rest), ';');
        } else if line.trim_start().starts_with("Summary [")
            && let Some((_, numbers)) = line.split_once(" run: ")
        {
            self.add(numbers, ',');
        }
    }

    /// The total in the form of the standard runner's closing line.
    pub(crate) fn closing_line(&self, failed: bool, took: Duration) -> String {
        let verdict = if failed { "FAILED" } else { "ok" };
        format!(
            "test result: {verdict}. {} passed; {} failed; {} ignored; 0 measured; 0 filtered out; \
             finished in {:.2}s",
            self.passed,
            self.failed,
            self.ignored,
            took.as_secs_f64()
        )
    }

    fn add(&mut self, numbers: &str, separator: char) {
        for part in numbers.split(separator) {
            let mut words = part.split_whitespace();
            let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
                continue;
            };
            match words.next() {
                Some("passed") => self.passed += number,
                Some("failed" | "timed") => self.failed += number,
                Some("ignored" | "skipped") => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// The line without escape sequences.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Tally;

    fn tally(lines: &[&str]) -> (u64, u64, u64) {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        (tally.passed, tally.failed, tally.ignored)
    }

    #[test]
    fn both_runners_are_understood() {
        let libtest = "test result: ok. 5 passed; 1 failed; 2 ignored; 0 measured; 9 filtered out";
        let nextest = "     Summary [   1.2s] 10 tests run: 7 passed (1 slow), 2 failed, 1 timed out, 4 skipped\n";
        assert_eq!(tally(&[libtest]), (5, 1, 2));
        assert_eq!(tally(&[nextest]), (7, 3, 4));
        assert_eq!(tally(&[libtest, nextest, "test a ... ok"]), (12, 4, 6));
        assert_eq!(tally(&[&format!("    {libtest}")]), (0, 0, 0));
        let coloured = "\x1b[32;1m     Summary\x1b[0m [   0.0s] \x1b[1m3\x1b[0m tests run: \x1b[1m3\x1b[0m \x1b[32;1mpassed\x1b[0m, \x1b[1m0\x1b[0m skipped";
        assert_eq!(tally(&[coloured]), (3, 0, 0));
    }

    #[test]
    fn the_closing_line_can_be_read_again() {
        let tally_before = Tally { passed: 3, failed: 0, ignored: 1 };
        let line = tally_before.closing_line(false, Duration::from_millis(1500));
        assert_eq!(tally(&[&line]), (3, 0, 1));
        assert!(line.ends_with("finished in 1.50s"), "{line}");
    }
}
