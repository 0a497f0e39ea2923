//! A file with settings, of any text.

use heliostat_operate_cli::config::problems;

/// It is understood, or each thing that is wrong with it says its line.
pub(super) fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines = text.lines().count() + 1;
    for problem in problems(text) {
        let line = problem.split(':').nth(1).and_then(|line| line.parse::<usize>().ok());
        assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{problem}");
    }
}
