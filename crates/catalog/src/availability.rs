//! How available and how fast a mirror is, as its history of probes says.
//!
//! Not every look is kept: what changes is, and of what stays the same one an hour. So a probe speaks
//! for the time until the next one of its URL and family, and shares are shares of time.

use std::collections::HashMap;

use crate::probe::{Probe, Verdict};

/// Figures of a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Availability {
    /// The share of the known time in which its URLs were good, in percent; nothing when no time is
    /// known.
    pub good_percent: Option<f64>,
    /// The time that is known, in seconds, of all URLs and families together.
    pub known_s: u64,
    /// How long a good look takes: half of them are faster.
    pub duration_ms_median: Option<u64>,
    /// And nine in ten.
    pub duration_ms_p90: Option<u64>,
}

/// Figures from the history of a host, in any order, until `now_unix_s`.
#[must_use]
pub fn availability<'a>(
    probes: impl IntoIterator<Item = &'a Probe>,
    now_unix_s: u64,
) -> Availability {
    let mut lines: HashMap<(&str, Option<i64>), Vec<&Probe>> = HashMap::new();
    for probe in probes {
        lines.entry((&probe.url, probe.family)).or_default().push(probe);
    }
    let (mut good_s, mut known_s, mut durations) = (0, 0, Vec::new());
    for line in lines.values_mut() {
        line.sort_by_key(|probe| (probe.at_unix_s, probe.id));
        let ends = line.iter().skip(1).map(|next| next.at_unix_s).chain([now_unix_s]);
        for (probe, end_unix_s) in line.iter().zip(ends) {
            // What nobody looked at for so long is not known.
            let lasted_s = end_unix_s.saturating_sub(probe.at_unix_s).min(SPEAKS_S);
            match probe.verdict {
                Verdict::Good => {
                    (good_s, known_s) = (good_s + lasted_s, known_s + lasted_s);
                    durations.push(probe.duration_ms);
                }
                Verdict::Bad => known_s += lasted_s,
                Verdict::Unknown => {}
            }
        }
    }
    durations.sort_unstable();
    let at = |percent: usize| {
        durations.get((durations.len() * percent / 100).min(durations.len().saturating_sub(1)))
    };
    Availability {
        good_percent: (known_s > 0).then(|| good_s as f64 * 100.0 / known_s as f64),
        known_s,
        duration_ms_median: at(50).copied(),
        duration_ms_p90: at(90).copied(),
    }
}

/// How long a probe speaks for at most: twice the time between those that are kept.
const SPEAKS_S: u64 = 7_200;
