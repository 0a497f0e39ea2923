//! The witness is asked and told once for each poisoning, and never otherwise.

use std::cell::{Cell, RefCell};
use std::mem::forget;
use std::rc::Rc;
use std::time::Duration;

use heliostat_poison::{Cause, Error, Poison, Witness};

use crate::drive::{unwind, unwinds};

#[derive(Clone, Default)]
struct Tally {
    asked: Rc<Cell<u64>>,
    told: Rc<RefCell<Vec<Cause>>>,
}

impl Witness for Tally {
    fn now(&self) -> Option<Duration> {
        self.asked.set(self.asked.get() + 1);
        Some(Duration::from_secs(self.asked.get()))
    }

    fn poisoned(&self, error: &Error) {
        assert_eq!(error.at(), Some(Duration::from_secs(self.asked.get())));
        self.told.borrow_mut().push(error.cause());
    }
}

#[test]
fn a_good_end_is_not_witnessed() {
    let tally = Tally::default();
    let mut poison = Poison::with_witness("n", 0, tally.clone());
    poison.check_and_arm().unwrap().disarm();
    poison.change(|_| Ok::<_, Error>(())).unwrap();
    poison.data().unwrap();
    assert!(poison.repair().is_none());
    assert_eq!(poison.replace(1), 0);
    assert_eq!((tally.asked.get(), tally.told.borrow().len()), (0, 0));
}

#[test]
fn each_poisoning_is_witnessed_once() {
    let tally = Tally::default();
    let mut poison = Poison::with_witness("n", 0, tally.clone());
    drop(poison.check_and_arm());
    for _ in 0..3 {
        poison.check_and_arm().unwrap_err();
        poison.data().unwrap_err();
    }
    poison.recover(|_, _| ());
    forget(poison.check_and_arm());
    for _ in 0..3 {
        poison.data().unwrap_err();
        assert_eq!(tally.told.borrow().len(), 1, "reading notices nothing");
    }
    for _ in 0..3 {
        poison.check_and_arm().unwrap_err();
    }
    assert_eq!(*tally.told.borrow(), [Cause::Abandoned, Cause::Leaked]);
    assert_eq!(tally.asked.get(), 2);
}

#[test]
fn a_witness_that_panics_changes_nothing() {
    struct Panics;
    impl Witness for Panics {
        fn now(&self) -> Option<Duration> {
            None
        }
        fn poisoned(&self, _: &Error) {
            unwind();
        }
    }
    let mut poison = Poison::with_witness("n", 0, Panics);
    assert!(unwinds(|| drop(poison.check_and_arm())));
    assert!(poison.error().unwrap().is_abandoned());

    let mut poison = Poison::with_witness("n", 0, || -> Duration { unwind() });
    assert!(unwinds(|| drop(poison.check_and_arm())));
    assert!(poison.is_poisoned(), "the clock panicked before there was a report");
}
