//! The ways back, and that none of them is taken half.

use std::mem::forget;
use std::pin::pin;

use heliostat_poison::{Cause, Error, Poison};

use crate::drive::{pause, poll, unwind, unwinds};

/// A pair that the first half of a change tore.
fn torn() -> Poison<(u32, u32)> {
    let mut poison = Poison::new("pair", (1, 1));
    poison.check_and_arm().unwrap().0 = 2;
    poison
}

#[test]
fn whole_data_needs_none() {
    let mut poison = Poison::new("pair", (1, 1));
    assert!(poison.repair().is_none());
    assert!(poison.recover(|_, _| panic!("not asked for")).is_none());
    assert_eq!(poison.try_recover(|_, _| Err("not asked for")), Ok(None));
    assert_eq!(poison.into_inner().unwrap(), (1, 1));
}

#[test]
fn recovered() {
    let mut poison = torn();
    let first = poison.error().unwrap();
    let returned = poison.recover(|pair, error| {
        assert_eq!(error.cause(), Cause::Abandoned);
        pair.1 = pair.0;
    });
    assert_eq!(returned, Some(first));
    assert_eq!(poison.data().unwrap(), &(2, 2));
    poison.check_and_arm().unwrap().disarm();
}

/// Whatever becomes of a repair, the first error stays.
fn check_unfinished(repair: impl FnOnce(&mut Poison<(u32, u32)>)) {
    let mut poison = torn();
    let first = poison.error().unwrap();
    repair(&mut poison);
    assert_eq!(poison.error().unwrap(), first);
    assert_eq!(poison.check_and_arm().unwrap_err(), first);
}

#[test]
fn a_repair_that_panics_leaves_the_first_error() {
    check_unfinished(|poison| assert!(unwinds(|| poison.recover(|_, _| unwind()))));
    check_unfinished(|poison| {
        assert!(unwinds(|| poison.try_recover(|_, _| -> Result<(), ()> { unwind() })));
    });
}

#[test]
fn a_repair_that_fails_leaves_the_first_error() {
    check_unfinished(|poison| assert_eq!(poison.try_recover(|_, _| Err("no")), Err("no")));
}

#[test]
fn a_repair_that_is_dropped_or_forgotten_leaves_the_first_error() {
    check_unfinished(|poison| poison.repair().unwrap().1 = 2);
    check_unfinished(|poison| forget(poison.repair().map(Box::new)));
}

#[test]
fn a_repair_that_is_cancelled_leaves_the_first_error() {
    check_unfinished(|poison| {
        let mut repair = pin!(async {
            let mut repair = poison.repair().unwrap();
            repair.1 = 2;
            pause().await;
            repair.finish();
        });
        assert!(poll(repair.as_mut()).is_pending());
    });
}

#[test]
fn a_leak_is_repaired_as_anything_else() {
    let mut poison = Poison::new("pair", (1, 1));
    forget(poison.check_and_arm());
    let repair = poison.repair().unwrap();
    assert!(repair.error().at().is_some() || !cfg!(feature = "std"));
    assert!(repair.finish().is_leaked());
    assert!(!poison.is_poisoned());
}

#[test]
fn replaced() {
    let mut poison = torn();
    assert_eq!(poison.replace((5, 5)), (2, 1));
    assert_eq!(poison.data().unwrap(), &(5, 5));
    assert_eq!(poison.replace((6, 6)), (5, 5));
}

#[test]
fn taken_out() {
    let (pair, error) = torn().into_inner().unwrap_err();
    assert_eq!(pair, (2, 1));
    assert!(error.is_abandoned());
}

#[test]
fn poisoned_again_for_another_reason() {
    let mut poison = torn();
    poison.recover(|_, _| ());
    let failed = poison.change(|_| Err::<(), Box<dyn std::error::Error>>("no".into()));
    failed.unwrap_err();
    let error: Error = poison.data().unwrap_err();
    assert!(error.is_failed(), "{error}");
}
