//! Leases, and waiting for a change.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{NOW, catalog, write};
use crate::site::Site;
use crate::{Catalog, Lease, Place, Taken};

fn take(catalog: &mut Catalog, holder: &str, time: Duration) -> Taken {
    catalog.lease_take("publish", holder, time, 0, |_| false).unwrap()
}

fn ours(taken: Taken) -> Lease {
    match taken {
        Taken::Ours(lease) => lease,
        Taken::Theirs { holder, .. } => panic!("{holder} has it"),
    }
}

pub(super) fn a_lease_is_one_holders_at_a_time(place: &Place) {
    let mut first = catalog(place);
    let mut second = Catalog::open(place, NOW).unwrap();
    let lease = ours(take(&mut first, "first", HOUR));
    assert_eq!(lease.fence, 1);
    let Taken::Theirs { holder, left } = take(&mut second, "second", HOUR) else {
        panic!("two have it");
    };
    assert!(holder == "first" && left <= HOUR && left > HOUR / 2, "{holder} {left:?}");
    assert!(first.lease_renew(&lease, HOUR).unwrap());
    // Other work is another lease.
    let other = second.lease_take("scan", "second", HOUR, 0, |_| false).unwrap();
    assert_eq!(ours(other).fence, 1);
    first.lease_release(&lease).unwrap();
    assert!(!first.lease_renew(&lease, HOUR).unwrap(), "what was given back is gone");
    let next = ours(take(&mut second, "second", HOUR));
    assert_eq!(next.fence, 2);
    first.lease_release(&lease).unwrap();
    assert!(second.lease_renew(&next, HOUR).unwrap(), "nobody gives back another's");
}

pub(super) fn a_lease_runs_out(place: &Place) {
    let mut catalog = catalog(place);
    let lease = ours(take(&mut catalog, "asleep", Duration::from_millis(20)));
    let next = loop {
        match take(&mut catalog, "awake", HOUR) {
            Taken::Ours(lease) => break lease,
            Taken::Theirs { left, .. } => thread::sleep(left),
        }
    };
    assert!(next.fence > lease.fence);
    assert!(!catalog.lease_renew(&lease, HOUR).unwrap());
    // Whose holder is known to be gone is not waited for.
    let gone = catalog.lease_take("publish", "heir", HOUR, 40, |holder| holder == "awake");
    assert_eq!(ours(gone.unwrap()).fence, 41, "and a fence is above what others remember");
}

pub(super) fn holders_race_and_no_fence_is_given_twice(place: &Place) {
    drop(catalog(place));
    let racer = |name: usize| {
        let place = place.clone();
        thread::spawn(move || {
            let mut catalog = Catalog::open(&place, NOW).unwrap();
            let mut fences = Vec::new();
            while fences.len() < 20 {
                if let Taken::Ours(lease) = take(&mut catalog, &name.to_string(), HOUR) {
                    fences.push(lease.fence);
                    catalog.lease_release(&lease).unwrap();
                }
            }
            fences
        })
    };
    let racers: Vec<_> = (0..3).map(racer).collect();
    let mut fences: Vec<u64> = racers.into_iter().flat_map(|racer| racer.join().unwrap()).collect();
    fences.sort_unstable();
    assert_eq!(fences, (1..=60).collect::<Vec<_>>());
}

/// An import of a minute must not make a publisher lose what it has.
pub(super) fn leases_wait_for_no_writer(place: &Place) {
    let mut first = catalog(place);
    let mut second = Catalog::open(place, NOW).unwrap();
    // An SQLite file has one writer, whatever is written.
    if matches!(place, Place::Server(_)) {
        write(&mut first, |txn| {
            txn.site_insert(Site::new("University"))?;
            let lease = ours(take(&mut second, "publisher", HOUR));
            assert!(second.lease_renew(&lease, HOUR).unwrap());
            second.lease_release(&lease)
        });
    }
    let mark = second.read(|view| view.mark()).unwrap();
    ours(take(&mut second, "publisher", HOUR));
    assert_eq!(second.read(|view| view.mark()).unwrap(), mark, "a lease changes no data");
}

pub(super) fn a_change_wakes_whoever_waits(place: &Place) {
    let mut catalog = catalog(place);
    let mut waiting = Catalog::open(place, NOW).unwrap();
    // The first wait only begins to listen.
    waiting.wait(HOUR).unwrap();
    let before = waiting.read(|view| view.mark()).unwrap();
    let (woken, hears) = mpsc::channel();
    let thread = thread::spawn(move || {
        waiting.wait(HOUR).unwrap();
        woken.send(waiting.read(|view| view.mark()).unwrap()).unwrap();
    });
    write(&mut catalog, |txn| txn.site_insert(Site::new("University")));
    let after = hears.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_ne!(before, after);
    thread.join().unwrap();
}

const HOUR: Duration = Duration::from_secs(3600);
