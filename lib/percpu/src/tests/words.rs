//! Compare-and-store, on one word and on two.

use super::*;
use crate::ByCpu;

fn add_one<I: Index>(words: &Words<I>, word: usize) {
    loop {
        let Some(slot) = words.here() else { continue };
        let old = words.load(slot, word);
        if words.compare_store(slot, (word, old), old + 1) == Outcome::Stored {
            return;
        }
    }
}

fn exact<I: Index>() {
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    let words = Words::<I>::new(3);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..rounds).for_each(|_| add_one(&words, 1)));
        }
    });
    let sum: u64 = words.slots().map(|slot| words.load(slot, 1)).sum();
    assert_eq!(sum, 4 * rounds);
    assert!(words.slots().all(|slot| words.load(slot, 0) == 0 && words.load(slot, 2) == 0));
}

#[test]
fn threads_lose_nothing() {
    exact::<ByCid>();
    exact::<ByCpu>();
}

#[test]
fn a_word_that_differs_is_left_alone() {
    let words: Words = Words::new(2);
    let attempt = |first, second, new| {
        for _ in 0..1_000_000 {
            let slot = words.here().unwrap();
            match words.compare_two_store(slot, first, second, new) {
                Outcome::Elsewhere => {}
                outcome => return (slot, outcome),
            }
        }
        panic!("a million attempts elsewhere");
    };
    assert_eq!(attempt((0, 0), (1, 1), 5).1, Outcome::Differs);
    assert_eq!(attempt((0, 1), (1, 0), 5).1, Outcome::Differs);
    let (slot, outcome) = attempt((0, 0), (1, 0), 5);
    assert_eq!(outcome, Outcome::Stored);
    assert_eq!(words.load(slot, 0), 5);
    words.store(slot, 1, 7);
    assert_eq!(words.load(slot, 1), 7);
    assert_eq!((words.len(), words.is_empty()), (2, false));
}

#[test]
fn nobody_stores_on_a_slot_he_is_not_on() {
    let words: Words<ByCpu> = Words::new(1);
    let Some(slot) = words.here() else { return };
    if slot.row() > 0 {
        let other = Slot::new(slot.row() - 1);
        // The thread may have moved there meanwhile; both answers keep the word right.
        let outcome = words.compare_store(other, (0, 0), 1);
        assert_eq!(words.load(other, 0), u64::from(outcome == Outcome::Stored));
    }
}

#[test]
#[should_panic(expected = "is not in use")]
fn a_slot_of_others_panics() {
    let words: Words = Words::new(1);
    let _unused = words.load(Slot::new(4_000_000), 0);
}
