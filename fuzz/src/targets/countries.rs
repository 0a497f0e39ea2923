//! The table of continents.

use heliostat_exchange::Problems;
use heliostat_exchange::mirrormanager::countries_read;

/// Every line that is not blank is a country, ignored, a repetition or a problem.
pub(super) fn target(data: &[u8]) {
    let mut problems = Problems::new();
    let countries = countries_read(data, &mut problems);
    let lines = data.split(|&b| b == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
    let told = countries.continents.len() as u64 + countries.lines_ignored + problems.total();
    assert!(told <= lines as u64);
}
