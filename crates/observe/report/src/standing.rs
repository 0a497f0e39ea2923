//! How far each mirror lags, how often and how fast it answers.

use std::collections::HashMap;

use heliostat_catalog::availability::availability;
use heliostat_catalog::probe::Probe;
use heliostat_catalog::states::MirrorState;
use heliostat_catalog::{Error, View};
use serde::Serialize;

/// What was measured of a mirror: a host's copy of a category.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The host.
    pub host: String,
    /// Its number.
    pub host_id: i64,
    /// The category.
    pub category: String,
    /// Directories that it has as they should be.
    pub current: i64,
    /// Directories of which it has an older version.
    pub behind: i64,
    /// Directories that it has not.
    pub missing: i64,
    /// By how many versions the one that lags most is behind, where that is known.
    pub versions_behind_max: u32,
    /// When anything of it was last seen, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_unix_s: Option<u64>,
    /// When its host last said itself what it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_in_unix_s: Option<u64>,
    /// Of the probes of its host that came to a verdict, those that were good, in per cent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_percent: Option<f64>,
    /// How long half of the good probes took at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_ms_p50: Option<u64>,
    /// Probes of its host that were looked at.
    pub probes: u64,
}

/// What was measured of every mirror since a time, by host and category.
///
/// # Errors
///
/// When the database cannot be read.
pub fn standings(view: &mut View<'_>, since_unix_s: u64) -> Result<Vec<Standing>, Error> {
    let (states, looks) = (view.states_list()?, view.looks_list()?);
    let checkins = view.checkin_list()?;
    let checkins: HashMap<i64, u64> =
        checkins.into_iter().map(|checkin| (checkin.host_id, checkin.at_unix_s)).collect();
    let mut all = Vec::new();
    for host in view.host_list()? {
        let probes = view.probe_list(Some(host.id), since_unix_s, PROBES_MAX)?;
        for mirror in &host.mirrors {
            let urls: Vec<&str> = mirror.urls.iter().map(|url| url.url.as_str()).collect();
            let own = |probe: &&Probe| urls.iter().any(|url| probe.url.starts_with(url));
            let probes: Vec<&Probe> = probes.iter().filter(own).collect();
            let (available_percent, answer_ms_p50) = answers(&probes);
            let counts = states.get(&mirror.id).map_or([0; 4], |states| states.counts());
            let looks = looks.get(&mirror.id);
            let known = || looks.into_iter().flat_map(|looks| looks.runs());
            let states = states.get(&mirror.id);
            let is_behind = |directory| {
                states.is_some_and(|states| states.state(directory) == MirrorState::Behind)
            };
            let lags = known().filter(|run| is_behind(run.first)).filter_map(|run| run.look);
            all.push(Standing {
                host: host.name.clone(),
                host_id: host.id,
                category: mirror.category.clone(),
                current: counts[0] + counts[3],
                behind: counts[1],
                missing: counts[2],
                versions_behind_max: lags.map(|look| look.behind).max().unwrap_or(0),
                seen_unix_s: known().filter_map(|run| run.look).map(|look| look.at_unix_s).max(),
                checked_in_unix_s: checkins.get(&host.id).copied(),
                available_percent,
                answer_ms_p50,
                probes: probes.len() as u64,
            });
        }
    }
    all.sort_by(|a, b| (&a.host, &a.category).cmp(&(&b.host, &b.category)));
    Ok(all)
}

/// For which share of the time that is known it was good, in per cent, and how long the median of the
/// good answers took.
fn answers(probes: &[&Probe]) -> (Option<f64>, Option<u64>) {
    let newest_unix_s = probes.iter().map(|probe| probe.at_unix_s).max().unwrap_or(0);
    let found = availability(probes.iter().copied(), newest_unix_s);
    let percent = found.good_percent.map(|percent| (percent * 10.0).floor() / 10.0);
    (percent, found.duration_ms_median)
}

/// A week of probes each minute.
const PROBES_MAX: u32 = 10_080;
