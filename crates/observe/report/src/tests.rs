//! What is measured of a small network, and what nodes say again and again.

use std::collections::BTreeMap;

use heliostat_catalog::category::Category;
use heliostat_catalog::directory::{Directory, FileDetail};
use heliostat_catalog::host::{Host, Mirror, MirrorUrl};
use heliostat_catalog::looks::{Look, LooksBuilder};
use heliostat_catalog::probe::{Probe, Verdict};
use heliostat_catalog::repository::Repository;
use heliostat_catalog::site::Site;
use heliostat_catalog::states::{MirrorState, StatesBuilder};
use heliostat_catalog::statistic::Dimension;
use heliostat_catalog::{Actor, Catalog, Ending, Error, Place, Txn};

use heliostat_model::Scheme;

use crate::{Merged, NodeTotals, merge, record, standings};

const NOW: u64 = 1_800_000_000;
const TODAY: u32 = (NOW / 86_400) as u32;

struct Rig {
    _folder: tempfile::TempDir,
    catalog: Catalog,
}

impl Rig {
    fn new() -> Rig {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::File(folder.path().join("catalog.db"));
        Rig { catalog: Catalog::create(&place, NOW).unwrap(), _folder: folder }
    }

    fn write<T>(&mut self, write: impl FnOnce(&mut Txn<'_>) -> Result<T, Error>) -> T {
        self.catalog.write(&actor(NOW), Ending::Commit, write).unwrap().0
    }

    fn merge(&mut self, totals: &NodeTotals) -> Merged {
        let mut merged = Merged::default();
        self.write(|txn| merge(txn, totals, &mut merged));
        merged
    }

    fn answers(&mut self, dimension: Dimension, day: u32) -> BTreeMap<String, u64> {
        let list =
            |view: &mut heliostat_catalog::View<'_>| view.statistic_list(dimension, day, day);
        let found = self.catalog.read(list).unwrap();
        found.into_iter().map(|one| (one.name, one.answers)).collect()
    }
}

fn actor(now_unix_s: u64) -> Actor {
    Actor { name: "test".to_owned(), now_unix_s }
}

fn version(at_unix_s: u64, digit: char) -> FileDetail {
    FileDetail {
        timestamp_unix_s: Some(at_unix_s as i64),
        sha256: Some(digit.to_string().repeat(64)),
        ..FileDetail::default()
    }
}

/// Mirrors of one repository in every state, and how each was looked at.
const SEEN: [(&str, MirrorState, u64, u32); 7] = [
    ("current", MirrorState::Current, NOW - 10, 0),
    ("was-current", MirrorState::Current, NOW - 150, 0),
    ("was-behind", MirrorState::Behind, NOW - 150, 1),
    ("behind", MirrorState::Behind, NOW - 10, 1),
    ("far-behind", MirrorState::Behind, NOW - 10, 7),
    ("vaguely-behind", MirrorState::Behind, NOW - 10, 0),
    ("without", MirrorState::Missing, NOW - 10, 0),
];

fn network(txn: &mut Txn<'_>) -> Result<(), Error> {
    txn.site_insert(Site::new("University"))?;
    let category = Category {
        id: 0,
        name: "Linux".into(),
        top: "pub".into(),
        product: None,
        source: String::new(),
    };
    let category = txn.category_insert(category)?;
    let files = vec![version(NOW - 100, 'a'), version(NOW - 200, 'b'), version(NOW - 300, 'c')];
    let directory = |name: &str, files: BTreeMap<String, Vec<FileDetail>>| Directory {
        id: 0,
        category_id: category.id,
        name: name.to_owned(),
        subpath: name.trim_start_matches("pub/").to_owned(),
        source: String::new(),
        files,
    };
    txn.directory_insert(directory("pub/os", BTreeMap::new()))?;
    let index = BTreeMap::from([("repomd.xml".to_owned(), files)]);
    let index = txn.directory_insert(directory("pub/os/repodata", index))?;
    txn.repository_insert(Repository {
        id: 0,
        prefix: "linux".into(),
        arch: "x86_64".into(),
        directory: Some("pub/os".into()),
        version: None,
        source: String::new(),
    })?;
    let all = SEEN.into_iter().map(Some).chain([None, None, None]);
    for (number, seen) in all.enumerate() {
        let name = seen.map_or_else(|| format!("other{number}"), |(name, ..)| name.to_owned());
        let mut host = Host::new("University", &name);
        host.active_owner = number != 7;
        let url = MirrorUrl { number: -1, url: format!("http://{name}/pub"), private: false };
        let always_current = number == 8;
        let category = "Linux".to_owned();
        host.mirrors.push(Mirror { id: 0, category, always_current, urls: vec![url] });
        let host = txn.host_insert(host)?;
        let Some((_, state, at_unix_s, behind)) = seen else { continue };
        let mut states = StatesBuilder::default();
        states.push(index.id, state);
        txn.states_set(host.mirrors[0].id, &name, &states.finish())?;
        let mut looks = LooksBuilder::default();
        let scheme = Scheme::Http;
        looks.push(index.id, Look { at_unix_s, scheme, family: None, behind });
        txn.looks_set(host.mirrors[0].id, &looks.finish())?;
    }
    Ok(())
}

#[test]
fn what_was_seen_is_compared_with_what_is_newest_now() {
    let mut rig = Rig::new();
    rig.write(network);
    assert_eq!(record(&mut rig.catalog, &actor(NOW)).unwrap(), 1);
    let all = rig.catalog.read(|view| view.propagation_newest()).unwrap();
    let [one] = all[..] else { panic!("{all:?}") };
    // Current and always current; those one behind, and one that was current a release ago; one
    // that was behind then; seven behind and missing; vaguely behind, and never looked at.
    let counts = (one.same, one.one_behind, one.two_behind, one.older, one.unknown);
    assert_eq!(counts, (2, 2, 1, 2, 2), "{one:?}");
    // Nothing new is not kept again within the hour.
    assert_eq!(record(&mut rig.catalog, &actor(NOW + 60)).unwrap(), 0);
    assert_eq!(record(&mut rig.catalog, &actor(NOW + 3_700)).unwrap(), 1);
}

#[test]
fn mirrors_are_measured_by_what_was_asked_of_them() {
    let mut rig = Rig::new();
    rig.write(network);
    let host = rig.catalog.read(|view| view.host_find("behind")).unwrap();
    let probe = |at_unix_s, verdict, duration_ms| Probe {
        id: 0,
        host_id: host.id,
        url: "http://behind/pub/canary".into(),
        family: None,
        at_unix_s,
        verdict,
        reason: String::new(),
        duration_ms,
        score: 100,
    };
    rig.write(|txn| {
        let mut probes = [
            probe(NOW - 5, Verdict::Good, 30),
            probe(NOW - 4, Verdict::Good, 10),
            probe(NOW - 3, Verdict::Good, 20),
            probe(NOW - 2, Verdict::Bad, 10_000),
            probe(NOW - 1, Verdict::Unknown, 1),
            probe(NOW - 500, Verdict::Bad, 1),
        ];
        txn.probes_insert(&mut probes)
    });
    let all = rig.catalog.read(|view| standings(view, NOW - 100)).unwrap();
    let of = |name: &str| all.iter().find(|standing| standing.host == name).unwrap();
    let behind = of("behind");
    assert_eq!((behind.available_percent, behind.answer_ms_p50), (Some(75.0), Some(20)));
    assert_eq!((behind.behind, behind.versions_behind_max, behind.probes), (1, 1, 5));
    assert_eq!(of("far-behind").versions_behind_max, 7);
    let current = of("current");
    assert_eq!((current.current, current.available_percent), (1, None));
    assert_eq!(current.seen_unix_s, Some(NOW - 10));
    assert_eq!(of("other8").seen_unix_s, None);
}

fn totals(run: &str, days: &[(u32, u64)]) -> NodeTotals {
    let days: Vec<String> = days
        .iter()
        .map(|(day, count)| {
            format!(r#""{day}": {{"status": {{"200": {count}}}, "country": {{"SE": {count}}}}}"#)
        })
        .collect();
    let days = days.join(",");
    let json = format!(
        r#"{{"version": 1, "node": "node1", "runs": [{{"run": "{run}", "days": {{{days}}}}}]}}"#
    );
    NodeTotals::parse(json.as_bytes()).unwrap()
}

#[test]
fn each_answer_counts_once_however_often_it_is_told() {
    let mut rig = Rig::new();
    assert_eq!(rig.merge(&totals("a", &[(TODAY, 5)])).answers, 5);
    assert_eq!(rig.merge(&totals("a", &[(TODAY, 5)])).answers, 0, "the same again");
    assert_eq!(rig.merge(&totals("a", &[(TODAY, 3)])).answers, 0, "an older word");
    assert_eq!(rig.merge(&totals("a", &[(TODAY - 1, 2), (TODAY, 9)])).answers, 6);
    assert_eq!(rig.merge(&totals("b", &[(TODAY, 1)])).answers, 1, "a start anew");
    let merged = rig.merge(&totals("b", &[(TODAY + 9, 1), (TODAY - 60, 1)]));
    assert_eq!((merged.answers, merged.days_refused), (0, 2));
    for dimension in [Dimension::Status, Dimension::Country] {
        assert_eq!(rig.answers(dimension, TODAY).values().sum::<u64>(), 10);
        assert_eq!(rig.answers(dimension, TODAY - 1).values().sum::<u64>(), 2);
    }
}

#[test]
fn documents_that_are_none_are_refused() {
    let refused = |text: &str| NodeTotals::parse(text.as_bytes()).unwrap_err().what;
    let run = |run: &str| format!(r#"{{"version": 1, "node": "n", "runs": [{run}]}}"#);
    for (text, why) in [
        ("", "cannot be read"),
        (r#"{"version": 2, "node": "n", "runs": []}"#, "another version"),
        (r#"{"version": 1, "node": "", "runs": []}"#, "no name"),
        (&run(r#"{"run": "../x", "days": {}}"#), "no sensible name"),
        (&run(r#"{"run": "a", "days": {"1": {"address": {"x": 1}}}}"#), "something unknown"),
        (&run(r#"{"run": "a", "days": {"1": {"status": {"\n": 1}}}}"#), "makes no sense"),
        (&run(r#"{"run": "a", "days": {"1": {"status": {"200": 1e99}}}}"#), "cannot be read"),
        (
            &run(&format!(r#"{{"run": "a", "days": {{"1": {{"tier": {{"x": {}}}}}}}}}"#, u64::MAX)),
            "count_max",
        ),
    ] {
        assert!(refused(text).contains(why), "{text}: {}", refused(text));
    }
}
