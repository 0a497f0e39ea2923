//! Counting: names under numbers, across snapshots, and when there are no more numbers.

use std::sync::Arc;

use heliostat_snapshot::records::RepositoryRow;
use heliostat_snapshot::{Code, Scheme, Snapshot};

use super::{AnswerKey, Clerk, Marks, RepositoryName, Tally};
use crate::ask::Schemes;
use crate::choose::Tier;
use crate::tests::small::{snapshot, world};

/// The small world with its repositories under other rows: one more comes before them.
fn snapshots() -> [Arc<Snapshot>; 2] {
    let first = world();
    let mut second = world();
    let mut repository = second.repositories[0].clone();
    repository.prefix = "aaa-before-all".into();
    second.repositories.insert(0, repository);
    [first, second].map(|world| Arc::new(snapshot(&world)))
}

fn row_of(snapshot: &Snapshot, name: &str, arch: &str) -> u32 {
    snapshot.repository_find(name.as_bytes(), arch.as_bytes(), &mut Vec::new()).unwrap()
}

fn marks(repository: Option<u32>) -> Marks {
    Marks { repository, country: None, tier: None, protocol: None, status: 200, countme: 0 }
}

fn read(tally: &Tally) -> (Vec<(AnswerKey, u64)>, u64) {
    let mut keys = Vec::new();
    let (counts, others) = tally.read(&mut keys);
    (keys.into_iter().zip(counts).collect(), others)
}

#[test]
fn a_repository_keeps_its_count_when_its_row_changes() {
    let [first, second] = snapshots();
    let repository = &first.rows::<RepositoryRow>()[0];
    let text = |text| std::str::from_utf8(first.text(text)).unwrap();
    let (name, arch) = (text(repository.prefix), text(repository.arch));
    let rows = [&first, &second].map(|snapshot| row_of(snapshot, name, arch));
    assert_ne!(rows[0], rows[1], "the test needs a row that changes");
    let (tally, mut clerk) = (Tally::new(10), Clerk::new());
    for _ in 0..3 {
        clerk.count(&tally, Some(&first), marks(Some(rows[0])));
        clerk.count(&tally, Some(&second), marks(Some(rows[1])));
    }
    clerk.count(&tally, None, marks(None));
    let (counts, others) = read(&tally);
    let seen: Vec<_> = counts.iter().map(|(key, n)| (key.repository.as_deref(), *n)).collect();
    let repository = RepositoryName { prefix: name.into(), arch: arch.into() };
    assert_eq!(seen, [(Some(&repository), 6), (None, 1)]);
    assert_eq!(others, 0);
}

#[test]
fn every_label_tells_answers_apart() {
    let (tally, mut clerk) = (Tally::new(100), Clerk::new());
    let plain = marks(None);
    let web = Schemes::NONE.with(Scheme::Https).with(Scheme::Http);
    let kinds = [
        plain,
        Marks { country: Code::parse("SE"), ..plain },
        Marks { country: Code::parse("ES"), ..plain },
        Marks { tier: Some(Tier::Location), ..plain },
        Marks { tier: Some(Tier::Global), ..plain },
        Marks { protocol: Some(Schemes::ALL), ..plain },
        Marks { protocol: Some(web), ..plain },
        Marks { countme: 1, ..plain },
        Marks { countme: 4, ..plain },
        Marks { status: 302, ..plain },
        Marks { status: 400, ..plain },
        Marks { status: 404, ..plain },
        Marks { status: 503, ..plain },
    ];
    for (times, kind) in kinds.iter().enumerate() {
        (0..=times).for_each(|_| clerk.count(&tally, None, *kind));
    }
    let (counts, _) = read(&tally);
    assert_eq!(counts.len(), kinds.len());
    for (times, (kind, (key, count))) in kinds.iter().zip(&counts).enumerate() {
        assert_eq!(*count, times as u64 + 1, "{key:?}");
        let names = (key.country, key.tier, key.protocol, key.status, key.countme);
        assert_eq!(names, (kind.country, kind.tier, kind.protocol, kind.status, kind.countme));
    }
}

#[test]
fn what_gets_no_number_is_counted_together_and_what_has_one_keeps_it() {
    let [first, second] = snapshots();
    let (tally, mut clerk) = (Tally::new(2), Clerk::new());
    let kind = |countme| Marks { countme, ..marks(None) };
    for snapshot in [&first, &second] {
        for countme in [0, 1, 2, 3, 4, 2] {
            clerk.count(&tally, Some(snapshot), kind(countme));
        }
    }
    let mut other = Clerk::new();
    other.count(&tally, Some(&second), kind(1));
    let (counts, others) = read(&tally);
    let seen: Vec<_> = counts.iter().map(|(key, n)| (key.countme, *n)).collect();
    assert_eq!((seen, others), (vec![(0, 2), (1, 3)], 8));
}

#[test]
fn threads_lose_no_answer_while_somebody_reads() {
    let tally = Tally::new(50);
    let (threads, each) = (4, if cfg!(miri) { 50 } else { 20_000 });
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let tally = &tally;
            scope.spawn(move || {
                let mut clerk = Clerk::new();
                for n in 0..each {
                    let countme = (n % 5) as u8;
                    let status = [200, 302, 400, 404, 503][(n / 5 + thread) % 5];
                    clerk.count(tally, None, Marks { countme, status, ..marks(None) });
                }
            });
        }
        let (mut keys, mut before) = (Vec::new(), 0);
        for _ in 0..100 {
            let (counts, _) = tally.read(&mut keys);
            let sum = counts.iter().sum::<u64>();
            assert!(sum >= before, "{sum} after {before}");
            before = sum;
        }
    });
    let (counts, others) = read(&tally);
    assert_eq!(counts.len(), 25);
    assert_eq!(counts.iter().map(|(_, n)| n).sum::<u64>() + others, (threads * each) as u64);
}
