//! Each way to end a scope, and what is said of it afterwards.

use std::mem::forget;
use std::time::Duration;

use heliostat_poison::{Cause, Error, Poison};

use crate::drive::{Clock, finish, poll, unwind, unwinds};

type Failure = Box<dyn std::error::Error>;
const FAILURE: &str = "alloc::boxed::Box<dyn core::error::Error>";

type Pair = Poison<(u32, u32), Clock>;

/// Ends a scope at second 7 and checks everything that is said: by reading, by entering, by
/// looking.
#[track_caller]
fn check(end: impl FnOnce(&mut Pair), expected: Option<Expected>) {
    let clock = Clock::default();
    clock.set(7);
    let mut poison = Poison::with_witness("pair", (0, 0), clock.clone());
    end(&mut poison);
    clock.set(8);

    assert_eq!(poison.is_poisoned(), expected.is_some());
    assert_eq!(poison.data().is_err(), expected.is_some());
    let Some(expected) = expected else {
        assert_eq!(poison.error(), None);
        assert_eq!(poison.data().unwrap(), &(1, 1));
        poison.check_and_arm().unwrap().disarm();
        return;
    };
    assert_eq!(poison.peek(), &(1, 0));
    // A leak has no time before it is noticed.
    let leaked = expected.cause == Cause::Leaked;
    assert_eq!(poison.error().unwrap().at().is_none(), leaked);
    let error = poison.check_and_arm().unwrap_err();
    let seconds = if leaked { 8 } else { 7 };
    assert_eq!(error.at(), Some(Duration::from_secs(seconds)));
    assert_eq!(error.what(), "pair");
    assert_eq!(error.cause(), expected.cause);
    assert_eq!(error.note(), expected.note);
    assert_eq!(error.location().is_none(), leaked);
    if let Some(location) = error.location() {
        assert!(location.file().ends_with("endings.rs"), "{location}");
    }
    // From here on nothing changes any more.
    clock.set(9);
    assert_eq!(poison.check_and_arm().unwrap_err(), error);
    assert_eq!(poison.error(), Some(error.clone()));
    assert_eq!(poison.data().unwrap_err(), error);
    assert_eq!(poison.into_inner().unwrap_err(), ((1, 0), error));
}

struct Expected {
    cause: Cause,
    note: Option<&'static str>,
}

fn poisoned(cause: Cause, note: Option<&'static str>) -> Option<Expected> {
    Some(Expected { cause, note })
}

#[test]
fn disarmed_is_whole() {
    let end = |poison: &mut Pair| {
        let mut pair = poison.check_and_arm().unwrap();
        pair.0 = 1;
        pair.1 = 1;
        pair.disarm();
    };
    check(end, None);
}

#[test]
fn dropped_is_abandoned() {
    check(|poison| poison.check_and_arm().unwrap().0 = 1, poisoned(Cause::Abandoned, None));
}

#[test]
fn returned_early_is_abandoned() {
    fn change(poison: &mut Pair) -> Option<()> {
        let mut pair = poison.check_and_arm().ok()?;
        pair.note("first");
        pair.note("second");
        pair.0 = 1;
        pair.1 = pair.1.checked_sub(1)?;
        pair.disarm();
        Some(())
    }
    check(|poison| assert!(change(poison).is_none()), poisoned(Cause::Abandoned, Some("second")));
}

#[test]
fn forgotten_is_leaked() {
    let end = |poison: &mut Pair| {
        let mut pair = poison.check_and_arm().unwrap();
        pair.note("lost with the guard");
        pair.0 = 1;
        forget(pair);
    };
    check(end, poisoned(Cause::Leaked, None));
}

#[test]
fn failed_says_why() {
    let end = |poison: &mut Pair| {
        let mut pair = poison.check_and_arm().unwrap();
        pair.note("overwritten by the reason");
        pair.0 = 1;
        assert!(pair.fail("no room").is_failed());
    };
    check(end, poisoned(Cause::Failed, Some("no room")));
}

#[test]
fn unwound_is_panicked() {
    let end = |poison: &mut Pair| {
        assert!(unwinds(|| {
            let mut pair = poison.check_and_arm().unwrap();
            pair.note("before the panic");
            pair.0 = 1;
            unwind();
        }));
    };
    let cause = if cfg!(feature = "std") { Cause::Panicked } else { Cause::Abandoned };
    check(end, poisoned(cause, Some("before the panic")));
}

#[test]
fn a_scope_within_unwinding_that_is_abandoned_did_not_panic() {
    struct Cleanup<'a>(&'a mut Pair);
    impl Drop for Cleanup<'_> {
        fn drop(&mut self) {
            self.0.check_and_arm().unwrap().0 = 1;
        }
    }
    let end = |poison: &mut Pair| {
        assert!(unwinds(|| {
            let _cleanup = Cleanup(poison);
            unwind();
        }));
    };
    check(end, poisoned(Cause::Abandoned, None));
}

#[test]
fn a_scope_within_unwinding_that_is_disarmed_is_whole() {
    struct Cleanup<'a>(&'a mut Pair);
    impl Drop for Cleanup<'_> {
        fn drop(&mut self) {
            let mut pair = self.0.check_and_arm().unwrap();
            *pair = (1, 1);
            pair.disarm();
        }
    }
    let end = |poison: &mut Pair| {
        assert!(unwinds(|| {
            let _cleanup = Cleanup(poison);
            unwind();
        }));
    };
    check(end, None);
}

#[test]
fn a_change_that_returns_ok_is_whole() {
    let end = |poison: &mut Pair| {
        let before = poison.change(|pair| Ok::<_, Error>(std::mem::replace(pair, (1, 1))));
        assert_eq!(before.unwrap(), (0, 0));
    };
    check(end, None);
}

#[test]
fn a_change_that_returns_err_has_failed() {
    let end = |poison: &mut Pair| {
        let failed = poison.change(|pair| {
            pair.0 = 1;
            Err::<(), _>(Failure::from("disk full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
    };
    check(end, poisoned(Cause::Failed, Some(FAILURE)));
}

#[test]
fn a_benign_error_can_be_let_through() {
    let end = |poison: &mut Pair| {
        let refused = poison.change(|pair| {
            *pair = (1, 1);
            Ok::<_, Error>(Err::<(), _>("refused"))
        });
        assert_eq!(refused.unwrap(), Err("refused"));
    };
    check(end, None);
}

#[test]
fn a_change_that_unwinds_has_panicked() {
    let end = |poison: &mut Pair| {
        assert!(unwinds(|| {
            poison.change(|pair| {
                pair.0 = 1;
                if pair.0 == 1 {
                    unwind();
                }
                Ok::<_, Error>(())
            })
        }));
    };
    check(end, poisoned(Cause::Panicked, None));
}

#[test]
fn a_run_that_returns_ok_is_whole() {
    let end = |poison: &mut Pair| {
        let changed = finish(poison.run(async |pair| {
            *pair = (1, 1);
            Ok::<_, Error>("done")
        }));
        assert_eq!(changed.unwrap(), "done");
    };
    check(end, None);
}

#[test]
fn a_run_that_returns_err_has_failed() {
    let end = |poison: &mut Pair| {
        let failed = finish(poison.run(async |pair| {
            pair.0 = 1;
            Err::<(), _>(Failure::from("disk full"))
        }));
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
    };
    check(end, poisoned(Cause::Failed, Some(FAILURE)));
}

#[test]
fn a_run_that_is_forgotten_is_leaked() {
    let end = |poison: &mut Pair| {
        let mut run = Box::pin(poison.run(async |pair| {
            pair.0 = 1;
            std::future::pending::<Result<(), Error>>().await
        }));
        assert!(poll(run.as_mut()).is_pending());
        forget(run);
    };
    check(end, poisoned(Cause::Leaked, None));
}

#[test]
fn the_location_is_where_the_scope_was_entered() {
    let mut poison = Poison::new("line", ());
    let line = line!() + 1;
    drop(poison.check_and_arm());
    assert_eq!(poison.error().unwrap().location().unwrap().line(), line);

    let mut poison = Poison::new("line", ());
    let line = line!() + 1;
    let failed = poison.change(|()| Err::<(), _>(Failure::from("")));
    assert!(failed.is_err());
    assert_eq!(poison.error().unwrap().location().unwrap().line(), line);

    let mut poison = Poison::new("line", ());
    let line = line!() + 1;
    let failing = poison.run(async |()| Err::<(), _>(Failure::from("")));
    assert!(finish(failing).is_err());
    assert_eq!(poison.error().unwrap().location().unwrap().line(), line);
}
